"""How the delay changes along a file: a steady drift, jumps at edits, or neither."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

LEAST_SEGMENTS = 4
"""Fewer measured segments than this say nothing about change."""

LEAST_CHANGE_MS = 40.0
"""A smaller change over the whole file is not reported: two speakers may differ by as much in what is measured."""

LEAST_JUMP_MS = 60.0
"""A smaller step between two parts of a file is not called a jump."""

LEAST_PART = 3
"""Segments at each side of a jump."""


@dataclass(frozen=True)
class Segment:
    """One stretch of a file (about ten seconds) and the delay measured on it alone, over all its faces.

    Attributes:
        start_s, end_s: on the file's clock.
        delay_ms: positive: sound is late.
        confidence: that this delay is right.
    """

    start_s: float
    end_s: float
    delay_ms: float
    confidence: float

    @property
    def middle_s(self) -> float:
        """The time that the segment's delay stands for."""
        return (self.start_s + self.end_s) / 2


@dataclass(frozen=True)
class Drift:
    """How the delay changes.

    Attributes:
        ms_per_minute: slope of the robust line; 0 where there is no drift to report.
        first_s, last_s: times of the first and the last measured segment.
        at_start_ms, at_end_ms: the delay there, by the line or by the parts.
        jumps: (time in seconds, delay before, delay after) for each sudden change.
    """

    ms_per_minute: float
    first_s: float
    last_s: float
    at_start_ms: float
    at_end_ms: float
    jumps: tuple[tuple[float, float, float], ...] = ()

    @property
    def changes(self) -> bool:
        """Whether the delay is other than constant."""
        return bool(self.jumps) or self.ms_per_minute != 0

    def delay_at(self, time_s: float) -> float:
        """The delay that the line or the parts give for a time of the file; as at the ends before and after them."""
        if self.jumps:
            levels = [self.at_start_ms, *(after for at, _, after in self.jumps if time_s >= at)]
            return levels[-1]
        ends = [self.first_s, self.last_s]
        return float(np.interp(time_s, ends, [self.at_start_ms, self.at_end_ms]))


def find_drift(segments: Sequence[Segment]) -> Drift | None:
    """Line or parts, whichever explains the segments better; None where there are too few to say.

    The line is Theil and Sen's (median of the pairwise slopes), so that up to 29 % of wrong segments do not move it.
    Jumps are found by splitting where the absolute deviations from the parts' medians shrink most, again and again.
    """
    segments = sorted(segments, key=lambda segment: segment.middle_s)
    if len(segments) < LEAST_SEGMENTS:
        return None
    times = np.array([segment.middle_s for segment in segments])
    delays = np.array([segment.delay_ms for segment in segments])
    ends = float(times[0]), float(times[-1])
    slope, level = theil_sen(times, delays)
    line = level + slope * times
    cuts = _cuts(delays)
    parts = [part for part in np.split(delays, cuts) if len(part)]
    if cuts and _misfit(delays, np.concatenate([np.full(len(p), np.median(p)) for p in parts])) < 0.7 * _misfit(
        delays, line
    ):
        levels = [float(np.median(part)) for part in parts]
        jumps = tuple(
            (float(times[cut - 1] + times[cut]) / 2, before, after)
            for cut, (before, after) in zip(cuts, pairwise(levels), strict=True)
        )
        return Drift(0.0, *ends, levels[0], levels[-1], jumps)
    change = slope * (times[-1] - times[0])
    if abs(change) < max(LEAST_CHANGE_MS, 2 * _slope_error(times, delays - line) * (times[-1] - times[0])):
        steady = float(np.median(delays))
        return Drift(0.0, *ends, steady, steady)
    return Drift(slope * 60, *ends, float(line[0]), float(line[-1]))


def theil_sen(times: NDArray[np.float64], values: NDArray[np.float64]) -> tuple[float, float]:
    """Robust line: slope (per unit of time) and value at time 0. Long series are thinned to 400 points first."""
    step = max(1, len(times) // 400)
    times, values = times[::step], values[::step]
    first, second = np.triu_indices(len(times), 1)
    apart = times[second] - times[first]
    far_enough = apart > 0
    if not far_enough.any():
        return 0.0, float(np.median(values))
    slope = float(np.median((values[second] - values[first])[far_enough] / apart[far_enough]))
    return slope, float(np.median(values - slope * times))


def _slope_error(times: NDArray[np.float64], residual: NDArray[np.float64]) -> float:
    """Standard error of a line's slope, from the robust spread of its residuals."""
    spread = 1.4826 * float(np.median(np.abs(residual)))
    return spread / max(float(np.sqrt(((times - times.mean()) ** 2).sum())), 1e-9)


def _misfit(delays: NDArray[np.float64], model: NDArray[np.float64]) -> float:
    return float(np.minimum(np.abs(delays - model), 200.0).sum())  # capped: a wrong segment is only wrong once


def _cuts(delays: NDArray[np.float64], offset: int = 0) -> list[int]:
    """Indices where the level jumps, by binary segmentation on absolute deviations from the median."""
    if len(delays) < 2 * LEAST_PART:
        return []
    whole = _misfit(delays, np.full(len(delays), np.median(delays)))
    candidates = range(LEAST_PART, len(delays) - LEAST_PART + 1)
    sides = [(np.median(delays[:cut]), np.median(delays[cut:])) for cut in candidates]
    left = [_misfit(delays[:cut], np.full(cut, low)) for cut, (low, _) in zip(candidates, sides, strict=True)]
    right = [
        _misfit(delays[cut:], np.full(len(delays) - cut, high))
        for cut, (_, high) in zip(candidates, sides, strict=True)
    ]
    misfit = np.add(left, right)
    best = int(misfit.argmin())
    cut, (before, after) = candidates[best], sides[best]
    if misfit[best] > 0.5 * whole or abs(after - before) < LEAST_JUMP_MS:
        return []
    return [*_cuts(delays[:cut], offset), offset + cut, *_cuts(delays[cut:], offset + cut)]
