"""When each frame of a stream of sound is heard, and the stretches without a hole that follow from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
from av.audio.frame import AudioFrame

from seehear.media.frames import stamp
from seehear.media.timebase import Run, Unfold, place


class Heard:
    """Notes the times of one stream's frames while they are decoded.

    Attributes:
        first: the first frame; None until there is one.
    """

    def __init__(self, shifts: Callable[[], Sequence[Fraction]]) -> None:
        """Args: shifts: see `Unfold`."""
        self.first: AudioFrame | None = None
        self._unfold = Unfold(shifts)
        self._follow = Fraction(0)
        self._stamps: list[float] = []
        self._lengths: list[float] = []

    def note(self, frame: AudioFrame) -> None:
        """Note the next frame."""
        self.first = self.first or frame
        time = stamp(frame)
        if time is not None:
            self._follow = self._unfold(time, self._follow)
        length = Fraction(frame.samples, frame.sample_rate)
        self._stamps.append(np.nan if time is None else float(self._follow))
        self._lengths.append(float(length))
        self._follow += length

    def runs(self, zero: Fraction) -> list[Run]:
        """The stretches without a hole, their starts counted from `zero` (s on the file's axis)."""
        return place(np.array(self._stamps) - float(zero), np.array(self._lengths))
