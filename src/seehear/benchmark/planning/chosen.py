"""The options of a pretext of a plan: those of its preset, but for what the plan sets."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from seehear.benchmark.planning.plan import PretextSpec
from seehear.benchmark.planning.typed import PlanError
from seehear.errors import ModelError

if TYPE_CHECKING:
    from seehear.training.presets import Settings


def chosen_settings(name: str, pretext: PretextSpec) -> Settings:
    """All sections of what a pretext is trained with, checked against their types.

    Args:
        name: of the pretext, for errors.
        pretext: without variants.

    Raises:
        PlanError: an option that its preset does not have, or a value that the option cannot have.
    """
    from seehear.training.presets import fitted, read_preset

    values = deepcopy(read_preset(pretext.preset))
    for option, value in pretext.set.items():
        _put(values, option, value)
    try:
        settings = fitted(values, pretext.preset)
    except ModelError as error:
        raise PlanError(f"the pretext {name!r} cannot be set so: {error}") from error
    for option in pretext.set:
        if not has_option(settings, option):
            raise PlanError(f"the pretext {name!r} sets {option}, which the preset {pretext.preset} does not have")
    return settings


def has_option(settings: Settings, option: str) -> bool:
    """Whether it is one of those settings', by the name of its flag; or is inside of one that is a mapping."""
    flags = settings.flags()
    return option in flags or any(option.startswith(f"{flag}.") for flag in flags if isinstance(flags[flag], Mapping))


def _put(values: dict[str, Any], option: str, value: Any) -> None:
    """Sets ``a.b.c`` in mappings of mappings."""
    *above, last = option.split(".")
    for key in above:
        if not isinstance(values.get(key), dict):
            values[key] = {}
        values = values[key]
    values[last] = value
