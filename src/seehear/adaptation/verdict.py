"""What the figures of an adaptation mean, in one sentence."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from seehear.tasks.units import counted

JUDGED_BY = 15
"""K by which the verdict is given: 0.6 s, as the papers' tables end with it. Fixed before anything is measured."""

FORGOTTEN = 0.05
"""A surer loss than this on what is learned again is told in the verdict."""


@dataclass(frozen=True)
class Gain:
    """Sync accuracy for one K before and after.

    Attributes:
        frames: K, over which distances are averaged.
        before, after: share of the windows whose offset is found, 0 to 1.
        before_interval, after_interval: 95 % intervals; None where there is one unit only.
        difference: after less before.
        interval: 95 % interval of it, over the same units; None where there is one unit only.
        windows: how many.
        units: how many people (or sources) they are of.
        kind: of the units: speakers, sources or clips.
    """

    frames: int
    before: float
    before_interval: tuple[float, float] | None
    after: float
    after_interval: tuple[float, float] | None
    difference: float
    interval: tuple[float, float] | None
    windows: int
    units: int
    kind: str

    @property
    def better(self) -> bool:
        """Surely better: the whole interval is above 0."""
        return self.interval is not None and self.interval[0] > 0

    @property
    def worse(self) -> bool:
        """Surely worse."""
        return self.interval is not None and self.interval[1] < 0


def sentence(gains: Sequence[Gain], replay: Sequence[Gain], model: str, out: str, within: bool = False) -> str:
    """What the user is told in the end.

    Args:
        gains: on held-out clips of the user's videos.
        replay: on held-out clips of what was learned again.
        model: that was begun with.
        out: folder of the adapted one.
        within: the held-out clips are the last stretches of the videos that were learned from.
    """
    judged = next((gain for gain in gains if gain.frames == JUDGED_BY), None)
    use = f"--model {shlex.quote(out)}"
    where = "on held-out stretches of your videos" if within else "on your videos"
    if judged is None:
        return f"cannot tell whether it is better: no held-out clip is as long as 2.2 s; to try it, use {use}"
    change = f"{abs(judged.difference) * 100:.0f} points"
    if judged.interval is None:
        more = "better" if judged.difference > 0 else "worse"
        one = counted(judged.units, judged.kind)
        return (
            f"{change} {more} {where}, but {one} cannot show how sure that is; to try it on others, use {use}"
            if judged.difference > 0
            else f"no better {where} ({change} {more}, of {one}): keep {model}"
        )
    span = f"[{', '.join(_end(100 * end) for end in judged.interval)}]"
    if judged.better:
        lost = next((gain for gain in replay if _forgot(gain)), None)
        points = f"{-100 * lost.difference:.0f} points at K = {lost.frames}" if lost else ""
        but = f" (but worse by {points} on what it knew before)" if lost else ""
        return f"better by {change} {span} {where}{but}; use {use}"
    if judged.worse:
        return f"worse by {change} {span} {where}: keep {model}"
    sure = " for sure" if judged.difference > 0 else ""
    return f"no better{sure} {where} ({100 * judged.difference:+.0f} points {span}): keep {model}"


def _end(points: float) -> str:
    """Of an interval; with a digit more where it would look like 0."""
    return f"{points:.0f}" if abs(points) >= 1 else f"{points:.1f}"


def _forgot(gain: Gain) -> bool:
    return gain.worse and gain.difference < -FORGOTTEN
