"""How the delay changes along a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from seehear.apps.sync.offset import STEP_MS, AgreementCurve
from seehear.apps.sync.verdict import format_delay, format_time

MIN_SEGMENTS = 4
"""Fewer measured segments than this say nothing about change."""


MIN_CHANGE_MS = 40.0
"""A smaller change over the whole file is not reported: two speakers may differ by as much in what is measured."""


MIN_JUMP_MS = 60.0
"""A smaller step between two parts of a file is not called a jump."""


MIN_PART = 3
"""Segments at each side of a jump."""


MAX_MS = 60.0
"""Milliseconds a second: the largest change that is looked for. Film at 24 pictures a second, played at 25, has 40."""


WRONG_SPEED_MS = 5.0
"""Milliseconds a second: a smaller change smears ten seconds so little that it is found along whole files."""


MIN_SPREAD_MS = 120.0
"""A change must be larger than this over what is looked at, or it would be hidden in the width of one peak."""


WINDOW_S = 60.0
"""So much is looked at together: at the wrong speed the delay leaves the search soon."""


MIN_WINDOW_S = 8.0
"""With less, nothing is said about speed."""


MIN_GAIN = 1.25
"""By so much a changing delay must agree better than any constant one."""


@dataclass(frozen=True)
class Segment:
    """One segment of a file (about ten seconds) and the delay measured on it alone, over all its faces.

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
    if len(segments) < MIN_SEGMENTS:
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
    if abs(change) < max(MIN_CHANGE_MS, 2 * _slope_error(times, delays - line) * (times[-1] - times[0])):
        steady = float(np.median(delays))
        return Drift(0.0, *ends, steady, steady)
    return Drift(slope * 60, *ends, float(line[0]), float(line[-1]))


@dataclass(frozen=True)
class SpeedError:
    """A segment in which the delay changes so fast that the audio must have another speed than the video.

    Attributes:
        ms_per_second: the change; negative: the audio is too fast.
        first_s, last_s: start and end of the segment.
        curve: agreement against the delay in the middle of the segment.
        tried: how many changes were compared that differ by more than the width of a peak.
    """

    ms_per_second: float
    first_s: float
    last_s: float
    curve: AgreementCurve
    tried: int

    def drift(self, delay_ms: float) -> Drift:
        """As a drift, given the delay in the middle of the segment."""
        half = self.ms_per_second * (self.last_s - self.first_s) / 2
        return Drift(60 * self.ms_per_second, self.first_s, self.last_s, delay_ms - half, delay_ms + half)


def find_speed_error(parts: Sequence[tuple[float, AgreementCurve]]) -> SpeedError | None:
    """The fast steady change of the delay that lips and sound agree with best, if better than with any constant delay.

    For every change, the curves of all parts are moved to the delay in the middle and added.

    Args:
        parts: time of the middle (s) and curve of each second or so.
    """
    parts = sorted(parts, key=lambda part: part[0])
    best: SpeedError | None = None
    begin = parts[0][0] if parts else 0.0
    while parts and begin <= parts[-1][0]:
        within = [part for part in parts if begin <= part[0] < begin + WINDOW_S]
        found = _wrong_speed(within)
        if found and (best is None or found.curve.total.max() > best.curve.total.max()):
            best = found
        begin += WINDOW_S / 2
    return best


def _wrong_speed(parts: Sequence[tuple[float, AgreementCurve]]) -> SpeedError | None:
    if not parts or parts[-1][0] - parts[0][0] < MIN_WINDOW_S:
        return None
    first_s, last_s = parts[0][0], parts[-1][0]
    length, middle = last_s - first_s, (first_s + last_s) / 2
    changes = np.arange(-MAX_MS, MAX_MS, 4 * STEP_MS / length)
    changes = changes[np.abs(changes) >= max(WRONG_SPEED_MS, MIN_SPREAD_MS / length)]
    sums = [_moved_sum(parts, change, middle) for change in changes.tolist()]
    place = int(np.argmax([total.total.max() for total in sums]))
    constant = _moved_sum(parts, 0.0, middle)
    if sums[place].total.max() < MIN_GAIN * constant.total.max():
        return None
    different = max(1, round(MAX_MS * length / MIN_SPREAD_MS))
    return SpeedError(float(changes[place]), first_s, last_s, sums[place], different)


def _moved_sum(parts: Sequence[tuple[float, AgreementCurve]], change: float, middle: float) -> AgreementCurve:
    curves = [curve.moved(change * (middle - time)) for time, curve in parts]
    return AgreementCurve(np.sum([curve.total for curve in curves], axis=0), sum(curve.frames for curve in curves))


def theil_sen(times: NDArray[np.float64], values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the robust line: slope (per unit of time) and value at time 0.

    Long series are thinned to 400 points first. `scipy.stats.theilslopes` gives the same, but takes 2 s to import.
    """
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
    if len(delays) < 2 * MIN_PART:
        return []
    whole = _misfit(delays, np.full(len(delays), np.median(delays)))
    candidates = range(MIN_PART, len(delays) - MIN_PART + 1)
    sides = [(np.median(delays[:cut]), np.median(delays[cut:])) for cut in candidates]
    left = [_misfit(delays[:cut], np.full(cut, low)) for cut, (low, _) in zip(candidates, sides, strict=True)]
    right = [
        _misfit(delays[cut:], np.full(len(delays) - cut, high))
        for cut, (_, high) in zip(candidates, sides, strict=True)
    ]
    misfit = np.add(left, right)
    best = int(misfit.argmin())
    cut, (before, after) = candidates[best], sides[best]
    if misfit[best] > 0.5 * whole or abs(after - before) < MIN_JUMP_MS:
        return []
    return [*_cuts(delays[:cut], offset), offset + cut, *_cuts(delays[cut:], offset + cut)]


def describe_drift(drift: Drift) -> str:
    """Return the drift as a clause: ``none``, ``+12.0 ms a minute ...`` or ``changes at 3:20 ...``."""
    if drift.jumps:
        return "; ".join(
            f"changes at {format_time(at)} from {format_delay(before)} to {format_delay(after)}"
            for at, before, after in drift.jumps
        )
    if drift.ms_per_minute == 0:
        return "none: the delay is the same from start to end"
    speed = ""
    if abs(drift.ms_per_minute) >= 60 * WRONG_SPEED_MS:
        percent = 100 * (1 / (1 + drift.ms_per_minute / 60_000) - 1)
        speed = f"; the audio plays {abs(percent):.1f} % too {'fast' if percent > 0 else 'slow'}"
    return (
        f"{drift.ms_per_minute:+.1f} ms a minute: "
        f"{format_delay(drift.at_start_ms)} at {format_time(drift.first_s)}, "
        f"{format_delay(drift.at_end_ms)} at {format_time(drift.last_s)}, the end of what was measured{speed}"
    )
