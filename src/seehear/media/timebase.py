"""Map timestamps to the clip clock (pure functions), and find when each audio frame plays.

The clock of a source: 0 s is the presentation time of its first video frame (of its first audio if there is no video).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor
from typing import TypeVar

import numpy as np
from av.audio.frame import AudioFrame
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from seehear.clip import FPS

Item = TypeVar("Item")


REACH = Fraction(5)
"""Seconds: a tick further than this from every frame gets none. So an hours-long gap in the timestamps, or one still
frame with an endless duration, does not become millions of copies; the ticks (and the audio) keep their times."""


BACKWARDS = Fraction(1)
"""Seconds: timestamps that go back by more than this are a restart, by less they are out of order."""


GAP = Fraction(10)
"""Seconds: if no stream has data for longer than this, the clock has jumped, and the gap is closed."""


JITTER = 0.005
"""Seconds: tolerance of audio timestamps."""


@dataclass(frozen=True, slots=True)
class ClockJump:
    """A jump forward of the timestamps of all streams together: nothing was recorded in between.

    Attributes:
        epoch: number of restarts before it
        at: a time inside the gap, on the raw time axis of that epoch (s)
        closed: shift of later timestamps (s, earlier) that closes the gap
    """

    epoch: int
    at: Fraction
    closed: Fraction


@dataclass(frozen=True, slots=True)
class Clock:
    """Maps the raw timestamps of a file, whose clock may jump, to one time axis common to all streams.

    Attributes:
        shifts: added after each restart (s); see `ClockUnwrapper`
        leaps: closed gaps, in order
        zero: timestamps of epoch 0 keep their raw values from here on (s); earlier ones are moved instead
        end: end of the last packet, on the common time axis (s)
    """

    shifts: tuple[Fraction, ...] = ()
    leaps: tuple[ClockJump, ...] = ()
    zero: Fraction = Fraction(0)
    end: Fraction = Fraction(0)

    def time(self, stamp: Fraction, epoch: int) -> Fraction | None:
        """Return the time (s) of a raw timestamp (s) after this many restarts; None if fewer are known."""
        if epoch > len(self.shifts):
            return None
        time = stamp + (self.shifts[epoch - 1] if epoch else 0)
        for leap in self.leaps:
            if (leap.epoch, leap.at) <= (epoch, stamp):
                time -= leap.closed
            if (leap.epoch, leap.at) <= (0, self.zero):
                time += leap.closed
        return time

    @property
    def jumps(self) -> int:
        """Number of clock jumps."""
        return len(self.shifts) + len(self.leaps)

    @property
    def closed_s(self) -> float:
        """Total length of the closed gaps (s)."""
        return float(sum(leap.closed for leap in self.leaps))


class ClockUnwrapper:
    """Maps the timestamps of one stream, whose clock may jump, to the common time axis.

    If recordings were joined end to end, the timestamps go back or jump ahead where the next one begins. The correction
    must be the same for video and audio, so it comes from outside (`Clock`). If the other streams have no such jump, a
    restart continues this stream without a gap, and a jump ahead is kept.
    """

    def __init__(self, clock: Callable[[], Clock] = Clock, begin: Fraction | None = None) -> None:
        """Set up without reading the clock.

        Args:
            clock: returns the clock of the file; called only if a timestamp jumps, as it reads the whole file
            begin: start of the file (s): a stream that begins more than `GAP` later may have missed a jump
        """
        self._ask = clock
        self._clock: Clock | None = None
        self._epoch = 0
        self._shift = Fraction(0)  # of a restart unknown to the clock
        self._last = begin

    def __call__(self, stamp: Fraction, follow: Fraction) -> Fraction:
        """Return the time (s) of a timestamp (s); `follow` is its time if nothing is missing."""
        last, self._last = self._last, stamp
        restarts = last is not None and stamp < last - BACKWARDS
        if self._clock is None and last is not None and (restarts or stamp > last + GAP):
            self._clock = self._ask()
        if self._clock is None:
            return stamp
        self._epoch += restarts
        time = self._clock.time(stamp, self._epoch)
        if time is not None:
            return time
        if restarts:
            self._shift = follow - stamp
        return stamp + self._shift


@dataclass(slots=True)
class _Covered:
    """A span of raw time that one stream covers without a gap of more than `GAP` (s)."""

    first: Fraction
    last: Fraction
    end: Fraction


class Coverage:
    """Collects the time spans of one stream, timestamp by timestamp in decoding order, to detect clock jumps."""

    def __init__(self, step: Fraction) -> None:
        """Args: step: usual distance between timestamps (s)."""
        self.step = step
        self.epochs: list[list[_Covered]] = []
        self.shifts: list[Fraction] = []
        self._last: Fraction | None = None

    def add(self, stamp: Fraction, length: Fraction = Fraction(0)) -> None:
        """Add the next timestamp (s) and the duration of its packet (s; 0 if unknown)."""
        end = stamp + (length if 0 < length <= GAP else self.step)
        last, self._last = self._last, stamp
        if last is None or stamp < last - BACKWARDS:
            if last is not None:
                self.shifts.append(last + self.step - stamp)
            self.epochs.append([_Covered(stamp, stamp, end)])
            return
        run = self.epochs[-1][-1]
        if stamp > run.end + GAP:
            self.epochs[-1].append(_Covered(stamp, stamp, end))
        else:
            run.last, run.end = max(run.last, stamp), max(run.end, end)


def clock_of(main: Coverage, others: Sequence[Coverage]) -> Clock:
    """Return the clock of a file.

    Restarts are those of the main stream, which continues there without a gap. A jump ahead is a gap of more than `GAP`
    that no stream covers: a still image over hours of audio, or silence under a video, is none.

    Args:
        main: coverage of the video, or of the audio if there is none
        others: coverage of all other streams that have a duration
    """
    leaps = [leap for epoch in range(len(main.epochs)) for leap in _leaps(main, others, epoch)]
    shifts, total = [], Fraction(0)
    for shift in main.shifts:
        total += shift
        shifts.append(total)
    clock = Clock(tuple(shifts), tuple(leaps), main.epochs[0][0].first if main.epochs else Fraction(0))
    ends = (
        clock.time(run.end, epoch)
        for stream in (main, *others)
        for epoch, runs in enumerate(stream.epochs)
        for run in runs
    )
    return replace(clock, end=max((end for end in ends if end is not None), default=Fraction(0)))


def _leaps(main: Coverage, others: Sequence[Coverage], epoch: int) -> Iterator[ClockJump]:
    """Yield the gaps of one epoch that no stream covers."""
    streams = [stream.epochs[epoch] for stream in (main, *others) if epoch < len(stream.epochs)]
    runs = sorted((run for stream in streams for run in stream), key=lambda run: run.first)
    end = runs[0].end
    for run in runs[1:]:
        if run.first > end + GAP:
            at = (end + run.first) / 2
            yield ClockJump(epoch, at, _closed(main, epoch, at, run.first - end))
        end = max(end, run.end)


def _closed(main: Coverage, epoch: int, at: Fraction, gap: Fraction) -> Fraction:
    """Return how far to close a gap: the main stream continues one step later, unless another stream would overlap."""
    before = [run.last for run in main.epochs[epoch] if run.last < at]
    after = [run.first for run in main.epochs[epoch] if run.first > at]
    if before and after:
        own = after[0] - before[-1] - main.step
        if abs(own - gap) <= BACKWARDS:
            return own
    return gap


def rising_times(
    stamps: Iterable[tuple[Fraction | None, Item]], step: Fraction, unfold: ClockUnwrapper | None = None
) -> Iterator[tuple[Fraction, Item]]:
    """Yield items with increasing times; their timestamps may be missing, repeated or out of order.

    A missing timestamp is the previous one plus `step`; an item that does not come after the previous one is dropped.

    Args:
        stamps: presentation time (s) or None, and the item, in presentation order
        step: usual distance between items (s), more than 0
        unfold: clock unwrapper of this stream
    """
    unfold = unfold or ClockUnwrapper()
    last: Fraction | None = None
    for stamp, item in stamps:
        follow = Fraction(0) if last is None else last + step
        time = follow if stamp is None else unfold(stamp, follow)
        if last is None or time > last:
            last = time
            yield time, item


def to_ticks(
    shown: Iterable[tuple[Fraction, Fraction, Item]], rate: int = FPS, reach: Fraction = REACH
) -> Iterator[tuple[int, Item]]:
    """Give every tick of a constant-rate clock the item nearest in time (the earlier of two equally near ones).

    Ticks begin with 0 and end before the last item's end; those further than `reach` from every item are omitted.

    Args:
        shown: start (s; increasing, the first at 0), duration (s; only that of the last item counts) and the item
        rate: ticks per second
        reach: seconds

    Yields:
        number of the tick (its time is number / rate), item
    """
    tick = 0
    previous: tuple[Fraction, Fraction, Item] | None = None
    for current in shown:
        if previous is not None:
            middle = (previous[0] + current[0]) / 2
            yield from _ticks(tick, floor(min(middle, previous[0] + reach) * rate) + 1, previous[2])
            tick = max(tick, floor(middle * rate) + 1, ceil((current[0] - reach) * rate))
        previous = current
    if previous is not None:
        start, length, item = previous
        yield from _ticks(tick, ceil((start + min(length, reach)) * rate), item)


def _ticks(first: int, stop: int, item: Item) -> Iterator[tuple[int, Item]]:
    for tick in range(first, stop):
        yield tick, item


@dataclass(frozen=True, slots=True)
class SoundRun:
    """Audio that plays without a gap.

    Attributes:
        first, stop: position in the decoded audio (s), as if nothing was missing
        start: position of `first` on the file's time axis (s)
    """

    first: float
    stop: float
    start: float


def place_sound(stamps: NDArray[np.float64], lengths: NDArray[np.float64], tolerance: float = JITTER) -> list[SoundRun]:
    """Place decoded audio in time.

    Each frame has a timestamp, which may be rounded (to 1 ms in Matroska and Flash) or drift, and an exact duration. So
    frames follow each other seamlessly until the timestamps deviate permanently by more than `tolerance`: then audio is
    missing (or surplus) there. The median of its timestamps determines where a run starts.

    Args:
        stamps: (K,) s, NaN if unknown
        lengths: (K,) s
        tolerance: s

    Returns:
        Runs, in order of the decoded audio.
    """
    if not len(stamps):
        return []
    ends = np.cumsum(lengths)
    begins = ends - lengths
    ahead = _filled(stamps - begins)
    smooth = _running_median(ahead)
    cuts, level, frames = [0], 0.0, 0
    for frame, value in enumerate(smooth.tolist()):
        if frames and abs(value - level) > tolerance:
            cuts.append(frame)
            frames = 0
        frames += 1
        level = value if frames == 1 else level + (value - level) / frames  # mean of the run so far
    runs = []
    for first, stop in zip(cuts, [*cuts[1:], len(smooth)], strict=True):
        shift = float(np.median(ahead[first:stop]))
        runs.append(SoundRun(float(begins[first]), float(ends[stop - 1]), float(begins[first]) + shift))
    return runs


def _filled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Replace every NaN by the previous value (leading ones by the first known value, or 0)."""
    known_indices = np.flatnonzero(~np.isnan(values))
    if not len(known_indices):
        return np.zeros_like(values)
    last = np.maximum.accumulate(np.where(np.isnan(values), known_indices[0], np.arange(len(values))))
    return np.asarray(values[last], np.float64)


def _running_median(values: NDArray[np.float64], window: int = 15) -> NDArray[np.float64]:
    half = min(window, len(values) - 1) // 2
    padded = np.pad(values, half, mode="reflect")
    return np.asarray(np.median(sliding_window_view(padded, 2 * half + 1), axis=1), np.float64)


class FrameTimes:
    """Records the times of one stream's frames while they are decoded.

    Attributes:
        first: the first frame; None until there is one
    """

    def __init__(self, clock: Callable[[], Clock]) -> None:
        """Args: clock: returns the clock of the file; see `ClockUnwrapper`."""
        self.first: AudioFrame | None = None
        self._clock = clock
        self._stamps: list[float] = []
        self._lengths: list[float] = []

    def add(self, frame: AudioFrame) -> None:
        """Record the next frame."""
        self.first = self.first or frame
        ticks = frame.pts if frame.pts is not None else frame.dts
        self._stamps.append(np.nan if ticks is None or frame.time_base is None else ticks * float(frame.time_base))
        self._lengths.append(frame.samples / frame.sample_rate)

    def continuous_runs(self, zero: Fraction) -> list[SoundRun]:
        """Return the runs without a gap, with starts relative to `zero` (s on the file's axis)."""
        stamps, lengths = np.array(self._stamps), np.array(self._lengths)
        steps = np.diff(stamps[~np.isnan(stamps)], prepend=float(zero))
        if np.any((steps[1:] < -BACKWARDS) | (steps[1:] > GAP)) or np.any(steps[:1] > GAP):
            stamps = self._unfolded(stamps, lengths, zero)
        return place_sound(stamps - float(zero), lengths)

    def _unfolded(
        self, stamps: NDArray[np.float64], lengths: NDArray[np.float64], zero: Fraction
    ) -> NDArray[np.float64]:
        unfold, follow = ClockUnwrapper(self._clock, min(zero, Fraction(float(stamps[~np.isnan(stamps)][0])))), 0.0
        times = []
        for stamp, length in zip(stamps.tolist(), lengths.tolist(), strict=True):
            if not np.isnan(stamp):
                follow = float(unfold(Fraction(stamp), Fraction(follow)))
            times.append(np.nan if np.isnan(stamp) else follow)
            follow += length
        return np.array(times)
