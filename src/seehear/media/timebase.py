"""Timestamps to the clock of clips: which picture stands for which 25th of a second. Pure functions, no files.

The clock of a source: 0 s is the presentation time of its first picture (of its first sound if it has no pictures).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from typing import TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from seehear.clip import FPS

Item = TypeVar("Item")

REACH = Fraction(5)
"""Seconds: a tick further than this from every picture gets none. So a hole of hours in the timestamps, or one still
picture said to last for ever, does not become millions of copies; the ticks (and the sound) keep their times."""

BACKWARDS = Fraction(1)
"""Seconds: timestamps that fall back by more than this are a new start, by less they are disorder."""

JITTER = 0.005
"""Seconds: timestamps of sound may be off by this much without meaning it."""


class Unfold:
    """Takes the timestamps of one stream, which may start anew, to one time axis.

    Recordings that were joined end to end fall back in time where the next one begins. From there on a shift is
    added, which has to be the same for pictures and sound: so it comes from outside (`restarts`), or, where the other
    stream has no such place, from what makes this stream go on without a hole.
    """

    def __init__(self, shifts: Callable[[], Sequence[Fraction]] = tuple) -> None:
        """Args: shifts: gives the shift (s) after each restart; called only if there is one."""
        self._shifts = shifts
        self._restarts = 0
        self._shift = Fraction(0)
        self._last: Fraction | None = None

    def __call__(self, stamp: Fraction, follow: Fraction) -> Fraction:
        """The time (s) of a timestamp (s); `follow` is the time at which it comes if nothing is missing."""
        if self._last is not None and stamp < self._last - BACKWARDS:
            shifts = self._shifts()
            self._shift = shifts[self._restarts] if self._restarts < len(shifts) else follow - stamp
            self._restarts += 1
        self._last = stamp
        return stamp + self._shift


def restarts(stamps: Iterable[Fraction], step: Fraction) -> list[Fraction]:
    """The shift (s) after each place where timestamps (s, in decoding order) start anew; see `Unfold`."""
    shifts: list[Fraction] = []
    last: Fraction | None = None
    for stamp in stamps:
        if last is not None and stamp < last - BACKWARDS:
            shifts.append((shifts[-1] if shifts else 0) + last + step - stamp)
        last = stamp
    return shifts


def in_order(
    stamps: Iterable[tuple[Fraction | None, Item]], step: Fraction, unfold: Unfold | None = None
) -> Iterator[tuple[Fraction, Item]]:
    """Rising times for items whose timestamps may be missing, doubled or out of order.

    A missing timestamp is the one before plus `step`; an item that does not come after the one before is left out.

    Args:
        stamps: presentation time (s) or None, and the item, in order of presentation.
        step: usual distance of two items (s), more than 0.
        unfold: of this stream.
    """
    unfold = unfold or Unfold()
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
    """Give every tick of a constant-rate clock the item that is nearest in time (of two as near, the earlier).

    Ticks begin with 0 and end before the last item's end; those further than `reach` from every item are left out.

    Args:
        shown: start (s; rising, the first at 0), length (s; only the last one's counts) and the item.
        rate: ticks a second.
        reach: seconds.

    Yields:
        number of the tick (its time is number / rate), item.
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
class Run:
    """Sound that plays without a hole.

    Attributes:
        first, stop: s, counted along the decoded sound as if nothing was missing.
        start: where `first` is on the file's time axis (s).
    """

    first: float
    stop: float
    start: float


def place(stamps: NDArray[np.float64], lengths: NDArray[np.float64], tolerance: float = JITTER) -> list[Run]:
    """Where decoded sound belongs in time.

    Each frame has a timestamp, which containers round (to 1 ms in Matroska and Flash) or let wander, and a length,
    which is exact. So frames follow each other without a seam, until the timestamps move away for good, by more than
    `tolerance`: then something is missing (or too much) there. A run lies where the median of its timestamps says.

    Args:
        stamps: (K,) s, NaN where unknown.
        lengths: (K,) s.
        tolerance: s.

    Returns:
        Runs, in order of the decoded sound.
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
        runs.append(Run(float(begins[first]), float(ends[stop - 1]), float(begins[first]) + shift))
    return runs


def _filled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Every NaN replaced by the value before it (the first ones by the first known, or 0)."""
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        return np.zeros_like(values)
    last = np.maximum.accumulate(np.where(np.isnan(values), known[0], np.arange(len(values))))
    return np.asarray(values[last], np.float64)


def _running_median(values: NDArray[np.float64], window: int = 15) -> NDArray[np.float64]:
    half = min(window, len(values) - 1) // 2
    padded = np.pad(values, half, mode="reflect")
    return np.asarray(np.median(sliding_window_view(padded, 2 * half + 1), axis=1), np.float64)
