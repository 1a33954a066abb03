"""Result of an adaptation, and its verdict."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from rich.console import Group
from rich.table import Table
from rich.text import Text

from seehear.data.report import format_duration
from seehear.evaluation.result import format_percent_range
from seehear.metrics.bootstrap import count_phrase
from seehear.metrics.scores import CHANCE, TOLERANCE
from seehear.results import Result

if TYPE_CHECKING:
    from rich.console import RenderableType

JUDGED_BY = 15
"""K of the verdict: 0.6 s, the last one in the papers' tables. Fixed in advance."""


FORGOTTEN = 0.05
"""The verdict mentions a significant loss on the replayed corpus that is larger than this."""


@dataclass(frozen=True)
class Gain:
    """Sync accuracy for one K before and after.

    Attributes:
        frames: K, the number of frames over which distances are averaged
        before, after: share of the windows with the right offset, 0 to 1
        before_interval, after_interval: 95 % intervals; None with a single unit
        difference: after minus before
        interval: 95 % interval of the difference, over the same units; None with a single unit
        windows: number of windows
        units: number of people, sources or clips
        kind: kind of the units: speakers, sources or clips
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
        """Whether it is significantly better: the whole interval is above 0."""
        return self.interval is not None and self.interval[0] > 0

    @property
    def worse(self) -> bool:
        """Whether it is significantly worse."""
        return self.interval is not None and self.interval[1] < 0


def verdict_sentence(gains: Sequence[Gain], replay: Sequence[Gain], model: str, out: str, within: bool = False) -> str:
    """Return the sentence that sums up whether the adapted model is better.

    Args:
        gains: on held-out clips of the user's videos
        replay: on held-out clips of the replay corpus
        model: initial model
        out: folder of the adapted model
        within: the held-out clips are the ends of the videos that were trained on
    """
    judged = next((gain for gain in gains if gain.frames == JUDGED_BY), None)
    use = f"--model {shlex.quote(out)}"
    where = "on held-out stretches of your videos" if within else "on your videos"
    if judged is None:
        return f"cannot tell whether it is better: no held-out clip is as long as 2.2 s; to try it, use {use}"
    change = f"{abs(judged.difference) * 100:.0f} points"
    if judged.interval is None:
        more = "better" if judged.difference > 0 else "worse"
        one = count_phrase(judged.units, judged.kind)
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
    """Format an end of an interval, with an additional digit if it would be rounded to 0."""
    return f"{points:.0f}" if abs(points) >= 1 else f"{points:.1f}"


def _forgot(gain: Gain) -> bool:
    return gain.worse and gain.difference < -FORGOTTEN


REFUSED = "refused"
"""Use of a source that is not usable."""


@dataclass(frozen=True)
class SourceUse:
    """Use of a source; a row of sources.csv.

    Attributes:
        file: its name
        use: ``learned`` (training), ``watched`` (early stopping), ``held out`` (measuring the gain) or ``refused``;
            several joined by `` + `` if its end was held out
        reason: why it was refused; empty if it was not
        delay_ms: measured delay, which was undone; positive if the audio is late; None without a measurement
        confidence: probability that the delay is right
        seconds: number of seconds used
    """

    file: str
    use: str
    reason: str
    delay_ms: float | None
    confidence: float
    seconds: float


@dataclass(frozen=True, repr=False)
class AdaptResult(Result):
    """Result of an adaptation.

    Attributes:
        out: folder of the adapted model
        model: initial model
        verdict: conclusion, as a sentence
        gains: sync accuracy before and after, on held-out clips of the user's videos
        replay: the same on held-out clips of the replay corpus; empty without one
        replayed: description of the replay corpus
        sources: use of each source
        learned_s, held_out_s: seconds of speech for training, and for measuring the gain
        steps: number of updates
        kept: update whose weights are kept
        minutes: training time; CPU minutes on a CPU
        calibrated: whether the confidence was calibrated again
        notes: further remarks, one sentence each
    """

    SHOWN = ("out", "verdict", "steps", "minutes")

    out: str
    model: str
    verdict: str
    gains: tuple[Gain, ...]
    replay: tuple[Gain, ...]
    replayed: str
    sources: tuple[SourceUse, ...]
    learned_s: float
    held_out_s: float
    steps: int
    kept: int
    minutes: float
    calibrated: bool
    notes: tuple[str, ...] = ()

    @property
    def better(self) -> bool:
        """Whether the model is significantly better on the user's videos."""
        return any(gain.better for gain in self.gains if gain.frames == JUDGED_BY)

    def to_dict(self) -> dict[str, Any]:
        """Convert to plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> Self:
        """Create from the values of `to_dict`, possibly read from JSON."""
        values = {name: entry[name] for name in cls.__dataclass_fields__}
        for name in ("gains", "replay"):
            values[name] = tuple(_gain(gain) for gain in entry[name])
        values["sources"] = tuple(SourceUse(**source) for source in entry["sources"])
        return cls(**values | {"notes": tuple(entry["notes"])})

    def __rich__(self) -> RenderableType:
        return Group(self.table(), *(Text(line) for line in [*self._lines(), *self.notes, "", self.verdict]))

    def table(self) -> Table:
        """Return the table of accuracies before and after."""
        title = f"Sync accuracy on held-out clips, offset within ±{TOLERANCE} frame of the truth (chance {CHANCE:.1%})"
        table = Table("measured on", "K", self.model, "adapted", "points", "over", title=title)
        for where, gains in (("your videos", self.gains), (self.replayed, self.replay)):
            for gain in gains:
                table.add_row(
                    where,
                    str(gain.frames),
                    _share(gain.before, gain.before_interval),
                    _share(gain.after, gain.after_interval),
                    _points(gain),
                    count_phrase(gain.units, gain.kind),
                )
        return table

    def _lines(self) -> list[str]:
        used = [source for source in self.sources if source.use != REFUSED]
        lines = [
            f"used     {len(used)} of {len(self.sources)} videos: {format_duration(self.learned_s)} for training, "
            f"{format_duration(self.held_out_s)} held out",
            f"trained  {self.steps} steps, {self.minutes:.1f} minutes of computing; "
            f"the weights of step {self.kept} are kept",
            f"truth    each video's own delay, measured with {self.model} over all of the video: the same for both",
        ]
        refused = Counter(source.reason for source in self.sources if source.use == REFUSED)
        if refused:
            lines.insert(1, f"refused  {sum(refused.values())}: the reasons are in {Path(self.out) / 'sources.csv'}")
        return lines


def _gain(entry: Mapping[str, Any]) -> Gain:
    ends = ("before_interval", "after_interval", "interval")
    return Gain(**{**entry, **{name: tuple(entry[name]) if entry[name] else None for name in ends}})


def _share(value: float, ends: Sequence[float] | None) -> str:
    return f"{value:.1%} ({format_percent_range(*ends)})" if ends else f"{value:.1%}"


def _points(gain: Gain) -> str:
    span = " [{:+.1f}, {:+.1f}]".format(*(100 * end for end in gain.interval)) if gain.interval else ""
    return f"{100 * gain.difference:+.1f}{span}"
