"""What comes with the package, by name. Nothing heavy is loaded to say it: a command line may ask."""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable

PRESETS = ("presets",)
PLANS = ("benchmark", "plans")
RECIPES = ("recipes",)
WEIGHTS = ("weights",)

ENDING = ".yaml"

SPECTRA = ("logmel", "mfcc")
WITHIN = ("", "-4k")
REMOVED = ("", "-nolevel", "-cmn")
EGEMAPS = "egemaps"
HANDCRAFTED = (*(name + band + removed for name in SPECTRA for band in WITHIN for removed in REMOVED), EGEMAPS)
"""Encoders of speech that nobody has learned: see `seehear.encoders.handcrafted`."""


def room(place: tuple[str, ...]) -> Traversable:
    """The folder of one kind of things: `PRESETS`, `PLANS`, `RECIPES` or `WEIGHTS`."""
    return resources.files("seehear").joinpath(*place)


def yaml_names(place: tuple[str, ...]) -> list[str]:
    """Of its YAML files, without their ending."""
    names = [entry.name for entry in room(place).iterdir()]
    return sorted(name.removesuffix(ENDING) for name in names if name.endswith(ENDING))


def model_names() -> list[str]:
    """Of the models whose weights are there; none in a checkout that has no weights yet."""
    folder = room(WEIGHTS)
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir()) if folder.is_dir() else []
