"""Features that nobody has learned: what learned ones are compared with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from seehear.audio.logmel import LogMel
from seehear.audio.mfcc import MFCC
from seehear.clip import SAMPLE_RATE
from seehear.encoders.speech import SpeechEncoder
from seehear.shipped import EGEMAPS, HANDCRAFTED

Removed = Literal["nothing", "level", "means"]


__all__ = ["EGEMAPS", "FULL", "HANDCRAFTED", "RECIPES", "SUFFIXES", "Handcrafted", "Recipe", "make_handcrafted"]


@dataclass(frozen=True)
class Recipe:
    """How a spectrum becomes features.

    Attributes:
        bands: mel bands.
        cepstra: MFCC that are made of them, with deltas and their deltas behind; 0 keeps the log-mel.
        highest_hz: upper edge of the bands.
        removed: from each recording. ``level``: the mean of the log-mel over bands and time, or of c0 over time, so
            that gain says nothing. ``means``: the mean of every band or cepstrum over time, so that neither gain nor a
            microphone's colour says anything (cepstral mean normalisation).
    """

    bands: int
    cepstra: int = 0
    highest_hz: float = SAMPLE_RATE / 2
    removed: Removed = "nothing"


FULL = {"logmel": Recipe(80), "mfcc": Recipe(40, 13)}
"""80 mel bands; 13 MFCC with deltas and their deltas. Both as in arXiv 2005.01400, section 5."""

NARROW = {"logmel-4k": Recipe(62, highest_hz=4000), "mfcc-4k": Recipe(31, 13, 4000)}
"""What a recording of 8 kHz has, in bands as wide as those of `FULL`: above 4 kHz it holds nothing but rounding."""

SUFFIXES: dict[str, Removed] = {"-nolevel": "level", "-cmn": "means"}
"""Behind a name: what is removed."""

RECIPES = {
    **FULL,
    **NARROW,
    **{
        name + suffix: replace(r, removed=what)
        for name, r in (FULL | NARROW).items()
        for suffix, what in SUFFIXES.items()
    },
}
"""All but eGeMAPS, by name."""


class Handcrafted(SpeechEncoder):
    """MFCC or a log-mel, 100 features a second, without parameters. One layer, of its own name."""

    rate = 100

    def __init__(self, name: str, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.transform: MFCC | LogMel
        if recipe.cepstra:
            self.transform = MFCC(recipe.cepstra, recipe.bands, deltas=True, fmax=recipe.highest_hz)
        else:
            self.transform = LogMel(recipe.bands, fmax=recipe.highest_hz)
        self.layers = {name: 3 * recipe.cepstra or recipe.bands}

    def states(self, audio: Tensor) -> dict[str, Tensor]:
        """See `SpeechEncoder.states`."""
        return {self.last: self._removed(self.transform(audio))}

    def _removed(self, features: Tensor) -> Tensor:
        """Deltas do not change: they are slopes."""
        if self.recipe.removed == "nothing":
            return features
        means = features.mean(1, keepdim=True)
        if self.recipe.cepstra:
            counts = 1 if self.recipe.removed == "level" else self.recipe.cepstra
            return features - means * (torch.arange(means.shape[2], device=means.device) < counts)
        return features - (means.mean(2, keepdim=True) if self.recipe.removed == "level" else means)


def make_handcrafted(name: str) -> SpeechEncoder:
    """One of `HANDCRAFTED`.

    Raises:
        KeyError: there is none of that name.
        ModelError: openSMILE, which makes it, is not installed.
    """
    if name == EGEMAPS:
        from seehear.encoders.egemaps import EGeMAPS

        return EGeMAPS()
    return Handcrafted(name, RECIPES[name])
