"""Losses between sound and picture; one call for all: loss(sound (G, N, D), lips (G, N, D)) -> scalar."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal

from seehear.errors import ModelError
from seehear.losses.avenet import AVENet
from seehear.losses.base import Loss
from seehear.losses.contrastive import Contrastive
from seehear.losses.multiway import Multiway
from seehear.losses.separation import Merged, Separate, Substitute

LossName = Literal["contrastive", "avenet", "multiway", "separate", "merged", "substitute"]

LOSSES: dict[str, Callable[..., Loss]] = {
    "contrastive": Contrastive,
    "avenet": AVENet,
    "multiway": Multiway,
    "separate": Separate,
    "merged": Merged,
    "substitute": Substitute,
}

__all__ = ["LOSSES", "AVENet", "Contrastive", "Loss", "LossName", "Merged", "Multiway", "Separate", "Substitute"]


def make_loss(name: str, **options: Any) -> Loss:
    """The loss of that name, with those of the options that it has (a margin means nothing to a multi-way loss)."""
    if name not in LOSSES:
        raise ModelError(f"there is no loss called {name!r}; there are {', '.join(LOSSES)}")
    known = inspect.signature(LOSSES[name]).parameters
    return LOSSES[name](**{key: value for key, value in options.items() if key in known})
