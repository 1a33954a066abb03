"""Log-mel, MFCC and eGeMAPS as encoders.

Eyben et al. 2016, "The Geneva Minimalistic Acoustic Parameter Set (GeMAPS) for Voice Research and Affective Computing",
IEEE Transactions on Affective Computing 7(2). The package opensmile is under audEERING's research licence, which allows
no commercial product. It is imported only here and is optional.
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
from seehear.errors import ModelError
from seehear.nn.interface import SpeechEncoder

EGEMAPS = "egemaps"


Removed = Literal["nothing", "level", "means"]


@dataclass(frozen=True)
class FeatureRecipe:
    """How a spectrum becomes features.

    Attributes:
        bands: number of mel bands.
        cepstra: number of MFCCs, followed by deltas and delta-deltas; 0 keeps the log-mel.
        highest_hz: upper edge of the bands.
        removed: what is subtracted from each recording. ``level``: the mean of the log-mel over bands and time, or of
            c0 over time, which removes gain. ``means``: the mean of every band or cepstrum over time, which removes
            gain and the microphone's response (cepstral mean normalisation).
    """

    bands: int
    cepstra: int = 0
    highest_hz: float = SAMPLE_RATE / 2
    removed: Removed = "nothing"


FULL = {"logmel": FeatureRecipe(80), "mfcc": FeatureRecipe(40, 13)}
"""80 mel bands; 13 MFCCs with deltas and delta-deltas. Both as in arXiv 2005.01400, section 5."""


NARROW = {"logmel-4k": FeatureRecipe(62, highest_hz=4000), "mfcc-4k": FeatureRecipe(31, 13, 4000)}
"""For 8 kHz recordings, with bands as wide as in `FULL`: above 4 kHz they contain only rounding noise."""


REMOVED: dict[str, Removed] = {"": "nothing", "-nolevel": "level", "-cmn": "means"}
"""What is removed by suffix of the name."""


FEATURE_RECIPES = {
    name + suffix: replace(recipe, removed=removed)
    for full, narrow in zip(FULL, NARROW, strict=True)
    for name, recipe in ((full, FULL[full]), (narrow, NARROW[narrow]))
    for suffix, removed in REMOVED.items()
}
"""All but eGeMAPS, by name."""


HANDCRAFTED = (*FEATURE_RECIPES, EGEMAPS)
"""Names of the speech encoders that are not learned."""


class Handcrafted(SpeechEncoder):
    """MFCC or log-mel at 100 features per second, without parameters. Its one layer has the encoder's name."""

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
        return {self.last_layer: self._subtract(self.transform(audio))}

    def _subtract(self, features: Tensor) -> Tensor:
        """Subtract the means of the recording; deltas need no correction, as they are slopes."""
        if self.recipe.removed == "nothing":
            return features
        means = features.mean(1, keepdim=True)
        if self.recipe.cepstra:
            counts = 1 if self.recipe.removed == "level" else self.recipe.cepstra
            return features - means * (torch.arange(means.shape[2], device=means.device) < counts)
        return features - (means.mean(2, keepdim=True) if self.recipe.removed == "level" else means)


def build_handcrafted(name: str) -> SpeechEncoder:
    """Build one of `HANDCRAFTED`.

    Raises:
        KeyError: unknown name.
        ModelError: it needs openSMILE, which is not installed.
    """
    if name == EGEMAPS:
        return EGeMAPS()
    return Handcrafted(name, FEATURE_RECIPES[name])


_PACKAGE = "opensmile"


DESCRIPTORS, FUNCTIONALS = 25, 88


HOP = SAMPLE_RATE // 100


SHORTEST = 2 * HOP + SAMPLE_RATE * 60 // 1000
"""Minimum length in samples: a few windows of 60 ms must fit. Shorter audio is padded with silence."""


def installed() -> bool:
    """Whether openSMILE is installed."""
    return find_spec(_PACKAGE) is not None


class EGeMAPS(SpeechEncoder):
    """eGeMAPS v02 at 100 features per second, without parameters.

    Layers: ``lld``, the 25 low-level descriptors, with the edge values repeated where their windows of 60 ms do not
    fit; and ``functionals``, the 88 statistics of the whole recording, the same at every step.
    """

    rate = 100

    def __init__(self) -> None:
        """Create both extractors.

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
        """The layer that varies over time."""
        return "lld"

    def layer_outputs(self, audio: Tensor) -> dict[str, Tensor]:
        """See `SpeechEncoder.layer_outputs`."""
        steps = audio.shape[1] // HOP
        padded = [np.pad(one, (0, max(0, SHORTEST - len(one)))) for one in audio.float().cpu().numpy()]
        functionals = torch.from_numpy(np.stack([_extract(self._functionals, one)[0] for one in padded])).to(
            audio.device
        )
        descriptors = torch.from_numpy(
            np.stack([_fit_length(_extract(self._descriptors, one), steps) for one in padded])
        )
        return {"lld": descriptors.to(audio.device), "functionals": functionals[:, None].expand(-1, steps, -1)}


def _extract(extractor: Any, sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """Features of a recording, (steps, width); 0 where openSMILE returns no finite number."""
    numbers = np.asarray(extractor.process_signal(sound, SAMPLE_RATE).to_numpy(), dtype=np.float32)
    return np.nan_to_num(numbers, nan=0.0, posinf=0.0, neginf=0.0)


def _fit_length(numbers: NDArray[np.float32], steps: int) -> NDArray[np.float32]:
    """Trim or pad to the given number of steps; padding is split evenly between both ends."""
    missing = max(0, steps - len(numbers))
    return np.pad(numbers, ((missing // 2, missing - missing // 2), (0, 0)), mode="edge")[:steps]
