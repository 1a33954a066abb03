"""Features that nobody has learned: what learned ones are compared with."""

from __future__ import annotations

from torch import Tensor

from seehear.audio.logmel import LogMel
from seehear.audio.mfcc import MFCC
from seehear.encoders.speech import SpeechEncoder


class Handcrafted(SpeechEncoder):
    """MFCC or a log-mel, 100 features a second, without parameters. One layer, of its own name."""

    rate = 100

    def __init__(self, name: str, transform: MFCC | LogMel, width: int) -> None:
        super().__init__()
        self.transform = transform
        self.layers = {name: width}

    def states(self, audio: Tensor) -> dict[str, Tensor]:
        """See `SpeechEncoder.states`."""
        return {self.last: self.transform(audio)}


HANDCRAFTED = {"mfcc": 39, "logmel": 80}
"""Width by name: 13 MFCC with deltas and their deltas; 80 mel bands. Both as in arXiv 2005.01400, section 5."""


def make_handcrafted(name: str) -> Handcrafted:
    """One of `HANDCRAFTED`.

    Raises:
        KeyError: there is none of that name.
    """
    width = HANDCRAFTED[name]
    transform = MFCC(width // 3, deltas=True) if name == "mfcc" else LogMel(width)
    return Handcrafted(name, transform, width)
