"""Losses between audio and lips, or voices and faces: their registry, and how models build theirs from options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from seehear.errors import ModelError
from seehear.registry import OneOf, Registry

if TYPE_CHECKING:
    from seehear.losses.base import Loss

LOSSES: Registry[type[Loss]] = Registry(
    "loss",
    ModelError,
    {
        "contrastive": "seehear.losses.audiovisual:Contrastive",
        "avenet": "seehear.losses.audiovisual:AVENet",
        "multiway": "seehear.losses.audiovisual:Multiway",
        "separate": "seehear.losses.audiovisual:Separate",
        "merged": "seehear.losses.audiovisual:Merged",
        "substitute": "seehear.losses.audiovisual:Substitute",
    },
)

LossName = Annotated[str, OneOf("loss")]
AngularLoss = Annotated[str, OneOf("loss", angular=True)]

COMMON_OPTIONS = ("similarity", "symmetric", "exclude", "margin", "weight", "shared")
"""Parameters of losses for which models have options; all others of a loss are in the option ``loss_options``."""


def make_loss(name: str, own: Mapping[str, Any] | None = None, **common: Any) -> Loss:
    """Build a loss by name.

    Args:
        name: in `LOSSES`
        own: options that only this loss has
        common: options of several losses; those that this one does not accept are left out (a margin does not apply to
            a multi-way loss)

    Raises:
        ModelError: unknown loss
    """
    declared = LOSSES[name]
    accepted = declared.option_names()
    return declared(**{option: value for option, value in common.items() if option in accepted}, **(own or {}))


def build_loss(options: Any) -> Loss:
    """Build the loss that the options of a model describe: ``loss``, ``loss_options`` and any `COMMON_OPTIONS`."""
    return make_loss(options.loss, options.loss_options, **_common_options(options))


def check_loss(options: Any, section: str, second_embeddings: bool) -> None:
    """Check the loss in the options of a model; for their ``__post_init__``.

    Args:
        options: as for `build_loss`
        section: their name on the command line
        second_embeddings: whether the model gives the loss second embeddings, see `Loss.forward`

    Raises:
        ValueError: the loss lacks one of its ``loss_options``, or rejects the options
    """
    declared, common = LOSSES[options.loss], _common_options(options)
    own = [name for name in declared.option_names() if name not in COMMON_OPTIONS]
    for name in options.loss_options:
        if name in common:
            raise ValueError(f"{section}.loss_options cannot have {name!r}; use {section}.{name}")
        if name not in own:
            known = f"it has {', '.join(own)}" if own else "it has none of its own"
            raise ValueError(f"{section}.loss_options: the loss {declared.name} has no option {name!r}; {known}")
    declared.check(common, section, second_embeddings)


def _common_options(options: Any) -> dict[str, Any]:
    return {name: getattr(options, name) for name in COMMON_OPTIONS if hasattr(options, name)}
