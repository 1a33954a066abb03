"""eGeMAPS: the acoustic parameters that are usual for voice and emotion, by openSMILE (extra ``egemaps``).

Eyben et al. 2016, "The Geneva Minimalistic Acoustic Parameter Set (GeMAPS) for Voice Research and Affective Computing",
IEEE Transactions on Affective Computing 7(2). The package opensmile is under audEERING's research licence, which allows
no commercial product: it is imported here and nowhere else, and nothing needs it.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.clip import SAMPLE_RATE
from seehear.encoders.speech import SpeechEncoder
from seehear.errors import ModelError

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
    def read(self) -> str:
        """What changes with time, which is what tools want."""
        return "lld"

    def states(self, audio: Tensor) -> dict[str, Tensor]:
        """See `SpeechEncoder.states`."""
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
