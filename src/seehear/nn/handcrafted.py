"""Log-mel, MFCC and eGeMAPS as encoders.

Eyben et al. 2016, "The Geneva Minimalistic Acoustic Parameter Set (GeMAPS) for Voice Research and Affective Computing",
IEEE Transactions on Affective Computing 7(2). The package opensmile is under audEERING's research licence, which allows
no commercial product: it is imported here and nowhere else, and nothing needs it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.audio.spectrum import MFCC, LogMel
from seehear.clip import SAMPLE_RATE
from seehear.config import BANDWIDTHS, NORMALISATIONS, SPECTRA
from seehear.errors import ModelError
from seehear.nn.interface import SpeechEncoder

EGEMAPS = "egemaps"


HANDCRAFTED = (
    *(name + band + removed for name in SPECTRA for band in BANDWIDTHS for removed in NORMALISATIONS),
    EGEMAPS,
)
"""Encoders of speech that nobody has learned: see `seehear.nn.handcrafted`."""


Removed = Literal["nothing", "level", "means"]


@dataclass(frozen=True)
class FeatureRecipe:
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


FULL = {"logmel": FeatureRecipe(80), "mfcc": FeatureRecipe(40, 13)}
"""80 mel bands; 13 MFCC with deltas and their deltas. Both as in arXiv 2005.01400, section 5."""


NARROW = {"logmel-4k": FeatureRecipe(62, highest_hz=4000), "mfcc-4k": FeatureRecipe(31, 13, 4000)}
"""What a recording of 8 kHz has, in bands as wide as those of `FULL`: above 4 kHz it holds nothing but rounding."""


SUFFIXES: dict[str, Removed] = {"-nolevel": "level", "-cmn": "means"}
"""Behind a name: what is removed."""


FEATURE_RECIPES = {
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

    def __init__(self, name: str, recipe: FeatureRecipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.transform: MFCC | LogMel
        if recipe.cepstra:
            self.transform = MFCC(recipe.cepstra, recipe.bands, deltas=True, fmax=recipe.highest_hz)
        else:
            self.transform = LogMel(recipe.bands, fmax=recipe.highest_hz)
        self.layers = {name: 3 * recipe.cepstra or recipe.bands}

    def layer_outputs(self, audio: Tensor) -> dict[str, Tensor]:
        """See `SpeechEncoder.layer_outputs`."""
        return {self.last_layer: self._removed(self.transform(audio))}

    def _removed(self, features: Tensor) -> Tensor:
        """Deltas do not change: they are slopes."""
        if self.recipe.removed == "nothing":
            return features
        means = features.mean(1, keepdim=True)
        if self.recipe.cepstra:
            counts = 1 if self.recipe.removed == "level" else self.recipe.cepstra
            return features - means * (torch.arange(means.shape[2], device=means.device) < counts)
        return features - (means.mean(2, keepdim=True) if self.recipe.removed == "level" else means)


def build_handcrafted(name: str) -> SpeechEncoder:
    """One of `HANDCRAFTED`.

    Raises:
        KeyError: there is none of that name.
        ModelError: openSMILE, which makes it, is not installed.
    """
    if name == EGEMAPS:
        return EGeMAPS()
    return Handcrafted(name, FEATURE_RECIPES[name])


PACKAGE = "opensmile"


DESCRIPTORS, FUNCTIONALS = 25, 88


HOP = SAMPLE_RATE // 100


SHORTEST = 2 * HOP + SAMPLE_RATE * 60 // 1000
"""Samples: windows of 60 ms must fit in, a few times. Shorter sound is continued by silence."""


def installed() -> bool:
    """Whether openSMILE is there."""
    return find_spec(PACKAGE) is not None


class EGeMAPS(SpeechEncoder):
    """Version 02 of the set, 100 features a second, without parameters.

    Layers: ``lld``, the 25 low-level descriptors, continued at both ends, where their windows of 60 ms do not fit in,
    by what they are there; and ``functionals``, the 88 numbers that the set makes of a whole recording, the same at
    every step.
    """

    rate = 100

    def __init__(self) -> None:
        """Makes both extractors.

        Raises:
            ModelError: openSMILE is not installed.
        """
        super().__init__()
        if not installed():
            raise ModelError(
                "egemaps needs the package opensmile, which is not installed (audEERING's research licence: no "
                "commercial products); pip install 'seehear[egemaps]', or leave egemaps out"
            )
        import opensmile

        parameters = opensmile.FeatureSet.eGeMAPSv02
        self._descriptors = opensmile.Smile(parameters, opensmile.FeatureLevel.LowLevelDescriptors)
        self._functionals = opensmile.Smile(parameters, opensmile.FeatureLevel.Functionals)
        self.layers = {"lld": DESCRIPTORS, "functionals": FUNCTIONALS}

    @property
    def default_layer(self) -> str:
        """What changes with time, which is what tools want."""
        return "lld"

    def layer_outputs(self, audio: Tensor) -> dict[str, Tensor]:
        """See `SpeechEncoder.layer_outputs`."""
        steps = audio.shape[1] // HOP
        heard = [np.pad(one, (0, max(0, SHORTEST - len(one)))) for one in audio.float().cpu().numpy()]
        whole = torch.from_numpy(np.stack([_numbers(self._functionals, one)[0] for one in heard])).to(audio.device)
        moments = torch.from_numpy(np.stack([_timed(_numbers(self._descriptors, one), steps) for one in heard]))
        return {"lld": moments.to(audio.device), "functionals": whole[:, None].expand(-1, steps, -1)}


def _numbers(extractor: Any, sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """What openSMILE makes of a recording, (steps, width); 0 where it knows no number."""
    numbers = np.asarray(extractor.process_signal(sound, SAMPLE_RATE).to_numpy(), dtype=np.float32)
    return np.nan_to_num(numbers, nan=0.0, posinf=0.0, neginf=0.0)


def _timed(numbers: NDArray[np.float32], steps: int) -> NDArray[np.float32]:
    """As many steps as wanted: what is missing is added half before and half behind."""
    missing = max(0, steps - len(numbers))
    return np.pad(numbers, ((missing // 2, missing - missing // 2), (0, 0)), mode="edge")[:steps]
