"""Registry of losses."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal

from seehear.errors import ModelError
from seehear.losses.audiovisual import AVENet, Contrastive, Merged, Multiway, Separate, Substitute
from seehear.losses.base import Loss

LossName = Literal["contrastive", "avenet", "multiway", "separate", "merged", "substitute"]


LOSSES: dict[str, Callable[..., Loss]] = {
    "contrastive": Contrastive,
    "avenet": AVENet,
    "multiway": Multiway,
    "separate": Separate,
    "merged": Merged,
    "substitute": Substitute,
}


def make_loss(name: str, **options: Any) -> Loss:
    """Build a loss by name, with those options that it accepts (a margin does not apply to a multi-way loss)."""
    if name not in LOSSES:
        raise ModelError(f"there is no loss called {name!r}; there are {', '.join(LOSSES)}")
    known = inspect.signature(LOSSES[name]).parameters
    return LOSSES[name](**{key: value for key, value in options.items() if key in known})
