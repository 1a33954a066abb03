"""When each frame of a stream of sound is heard, and the stretches without a hole that follow from it."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from seehear.media.timebase import BACKWARDS, GAP, Clock, Run, Unfold, place


class Heard:
    """Notes the times of one stream's frames while they are decoded.

    Attributes:
        first: the first frame; None until there is one.
    """

    def __init__(self, clock: Callable[[], Clock]) -> None:
        """Args: clock: of the file; see `Unfold`."""
        self.first: AudioFrame | None = None
        self._clock = clock
        self._stamps: list[float] = []
        self._lengths: list[float] = []

    def note(self, frame: AudioFrame) -> None:
        """Note the next frame."""
        self.first = self.first or frame
        ticks = frame.pts if frame.pts is not None else frame.dts
        self._stamps.append(np.nan if ticks is None or frame.time_base is None else ticks * float(frame.time_base))
        self._lengths.append(frame.samples / frame.sample_rate)

    def runs(self, zero: Fraction) -> list[Run]:
        """The stretches without a hole, their starts counted from `zero` (s on the file's axis)."""
        stamps, lengths = np.array(self._stamps), np.array(self._lengths)
        steps = np.diff(stamps[~np.isnan(stamps)], prepend=float(zero))
        if np.any((steps[1:] < -BACKWARDS) | (steps[1:] > GAP)) or np.any(steps[:1] > GAP):
            stamps = self._unfolded(stamps, lengths, zero)
        return place(stamps - float(zero), lengths)

    def _unfolded(
        self, stamps: NDArray[np.float64], lengths: NDArray[np.float64], zero: Fraction
    ) -> NDArray[np.float64]:
        unfold, follow = Unfold(self._clock, min(zero, Fraction(float(stamps[~np.isnan(stamps)][0])))), 0.0
        times = []
        for stamp, length in zip(stamps.tolist(), lengths.tolist(), strict=True):
            if not np.isnan(stamp):
                follow = float(unfold(Fraction(stamp), Fraction(follow)))
            times.append(np.nan if np.isnan(stamp) else follow)
            follow += length
        return np.array(times)
