"""Models: one file a model, each declared by its class; `MODELS` finds them by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seehear.errors import ModelError
from seehear.registry import Registry

if TYPE_CHECKING:
    from seehear.models.interface import PretextModel

MODELS: Registry[type[PretextModel]] = Registry(
    "model",
    ModelError,
    {
        "sync": "seehear.models.sync:SyncModel",
        "animate": "seehear.models.animate:AnimateModel",
        "apc": "seehear.models.audio_only:APCModel",
        "cpc": "seehear.models.audio_only:CPCModel",
        "match": "seehear.models.match:MatchModel",
        "joint": "seehear.models.joint:JointModel",
        "disentangle": "seehear.models.disentangle:DisentangleModel",
    },
)
"""Model classes by the value of ``pretext`` in config.json."""

DEFAULT_MODEL = "sync"
"""The model of options that do not name one."""


def build_model(options: Any) -> PretextModel:
    """Build an untrained model; its weights are drawn from torch's global generator.

    Args:
        options: an instance of the `Options` of one of the `MODELS`

    Raises:
        ModelError: unknown model, or no network can be built from the options
    """
    make: Any = MODELS[options.pretext]
    try:
        model: PretextModel = make(options)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ModelError(f"no network can be built from the model's options: {' '.join(str(error).split())}") from error
    return model
