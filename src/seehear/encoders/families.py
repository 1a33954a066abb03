"""Encoders by name, each with the dataclass that shapes it: what registries of encoders do alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

from seehear.encoders import shape
from seehear.errors import ModelError


class Family(NamedTuple):
    """An encoder with the dataclass that shapes it."""

    encoder: type
    options: type


def make_encoder(families: Mapping[str, Family], kind: str, name: str, options: Mapping[str, Any] | None) -> Any:
    """An encoder with random weights.

    Args:
        families: all of the kind, by name.
        kind: what they are, for the sentence: "encoder of speech".
        name: of one of them.
        options: those that differ from its defaults.

    Raises:
        ModelError: no such encoder, no such option, or a value that no encoder can be built from.
    """
    family = find_family(families, kind, name)
    try:
        return family.encoder(shape(family.options, options or {}))
    except (TypeError, ValueError) as error:
        raise ModelError(f"no {kind} {name!r} can be built from these options: {error}") from error


def all_options(families: Mapping[str, Family], kind: str, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every option of an encoder, defaults too, so that a model on disk outlives a change of the defaults.

    Raises:
        ModelError: no such encoder, or no such option.
    """
    return asdict(shape(find_family(families, kind, name).options, given))


def find_family(families: Mapping[str, Family], kind: str, name: str) -> Family:
    """The family of that name.

    Raises:
        ModelError: there is none.
    """
    if name not in families:
        raise ModelError(f"there is no {kind} called {name!r}; there are {', '.join(families)}")
    return families[name]
