"""Tables: columns, entries, verdict names; units, digits and words that all formats share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from seehear.benchmark.plan import PaperTable
from seehear.evaluation import find_score
from seehear.results import Result

if TYPE_CHECKING:
    from rich.console import RenderableType

Verdict = Literal["reproduced", "not reproduced", "contradicted", "not measured"]


@dataclass(frozen=True)
class Column:
    """What a column is of.

    Attributes:
        score: name of the score.
        labels: share of the training labels.
        snr_db: ratio of sound to noise; None without noise.
        higher_is_better: of the score.
        chance: what guessing gets; None where that says nothing.
    """

    score: str
    labels: float
    snr_db: float | None
    higher_is_better: bool
    chance: float | None

    @property
    def title(self) -> str:
        """For people: ``accuracy, 10 % of the labels``, ``accuracy at 5 dB``."""
        told = self.score
        if self.labels != 1:
            told += f", {100 * self.labels:g} % of the labels"
        return told if self.snr_db is None else f"{told} at {self.snr_db:g} dB"


@dataclass(frozen=True)
class TableEntry:
    """A number of a table, or why there is none.

    Attributes:
        values: seed -> score; only those that were measured.
        mean: over the seeds; None where none was measured.
        low, high: 95 % interval of the mean over the seeds (Student's t); None with fewer than two seeds.
        best: whether a paired test supports that it is the best of its column.
        failed: seed -> reason.
        reproduce: the commands that give the first of its values again.
    """

    values: Mapping[int, float]
    mean: float | None
    low: float | None
    high: float | None
    best: bool
    failed: Mapping[int, str]
    reproduce: tuple[str, ...]


@dataclass(frozen=True)
class TaskTable:
    """One task on one corpus.

    Attributes:
        key: name of the task in the plan.
        title: of the table.
        task: which evaluation.
        data: name of the corpus.
        columns: from left to right.
        rows: names, from top to bottom.
        entries: (row, place of the column) -> number.
        seeds: how many the plan asks for.
        units: what the test's intervals draw.
        tested: how many recordings, clips or sides a seed tests: the fewest and the most.
        paper: figures of papers to stand beside.
    """

    key: str
    title: str
    task: str
    data: str
    columns: tuple[Column, ...]
    rows: tuple[str, ...]
    entries: Mapping[tuple[str, int], TableEntry]
    seeds: int
    units: str
    tested: tuple[int, int]
    paper: tuple[PaperTable, ...]


@dataclass(frozen=True)
class RowDifference:
    """A row against another, seed by seed, signed so that more is better.

    Attributes:
        against: the other row.
        mean: of the differences over the seeds that both have.
        low, high: 95 % interval over the seeds (Student's t); None with fewer than two.
        drawn_low, drawn_high: 95 % interval over draws of the test's units, of the mean over the seeds; None where the
            draws cannot be paired.
        p: two-sided paired t-test over the seeds; None with fewer than two, or where all differences are the same.
        seeds: how many both have.
    """

    against: str
    mean: float
    low: float | None
    high: float | None
    drawn_low: float | None
    drawn_high: float | None
    p: float | None
    seeds: int


@dataclass(frozen=True)
class CheckedClaim:
    """A claim and what was found.

    Attributes:
        says, source: of the claim.
        table: key of the task, and the corpus.
        better: the row.
        score: that it was checked in.
        differences: from each of the other rows.
        verdict: reproduced (better than every one, with both intervals above 0), contradicted (worse than one of them,
            with both intervals below 0), not reproduced (anything else), not measured.
    """

    says: str
    source: str
    table: tuple[str, str]
    better: str
    score: str
    differences: tuple[RowDifference, ...]
    verdict: Verdict


@dataclass(frozen=True, repr=False)
class BenchmarkResult(Result):
    """Everything that a benchmark found.

    Attributes:
        tables: in the order of the plan.
        claims: likewise.
        left: cells that were not done, for want of time.
        failed: cell in words -> reason.
        out: folder of everything; report.html in it is the page to open.
        notes: sentences about what the figures are of: corpora that were not given, a checksum that has moved.
    """

    tables: tuple[TaskTable, ...]
    claims: tuple[CheckedClaim, ...]
    left: int
    failed: Mapping[str, str]
    notes: tuple[str, ...]
    out: Path | None = None

    SHOWN = ("out", "left")

    @property
    def report(self) -> Path | None:
        """The page to open."""
        return self.out / "report.html" if self.out else None

    def to_dict(self) -> dict[str, Any]:
        """Plain values: of every table a row for each figure, as in its CSV; the claims in words."""
        from seehear.benchmark.formats import claim_dict, table_dicts

        return {
            "out": None if self.out is None else str(self.out),
            "tables": [
                {"title": table.title, "data": table.data, "figures": table_dicts(table)} for table in self.tables
            ],
            "claims": [claim_dict(claim) for claim in self.claims],
            "left": self.left,
            "failed": dict(self.failed),
            "notes": list(self.notes),
        }

    def __rich__(self) -> RenderableType:
        from seehear.benchmark.formats import BenchmarkText

        return BenchmarkText(self)


MISSING = "–"


def format_score(score: str, value: float) -> str:
    """A value without its unit: ``62.3`` of an accuracy of 0.623, ``0.531`` of an F1."""
    return find_score(score).format(value)


def format_difference(score: str, value: float) -> str:
    """A difference with its sign."""
    return find_score(score).format(value, "+")


def column_heading(column: Column) -> str:
    """What stands above a column: the score, its unit, its condition and which way is up.

    ``accuracy (%) ↑``, ``EER (%), 10 % of the labels ↓``, ``F1 at 5 dB ↑``.
    """
    unit = " (%)" if find_score(column.score).percent else ""
    condition = column.title.removeprefix(column.score)
    return f"{column.score}{unit}{condition} {'↑' if column.higher_is_better else '↓'}"


HOW_TO_READ = (
    "Each number is the mean over the seeds ± half of its 95 % interval (Student's t), then the interval itself; it "
    "has no width where seeds have no part in the number, as with features that nobody trained on a fixed split. One "
    "is marked as the best of its column only where that is supported: against every other row, by a paired t-test "
    "over at least three seeds (p < .05 after Holm's correction) and, for a task's first score on the same recordings "
    "without noise, by a 95 % interval of the difference over draws of the tested units that lies above 0. A claim is "
    "reproduced if both intervals of every difference (where draws cannot be paired, that over seeds) lie above 0, and "
    "contradicted if both of one lie below. Where a seed tests a fifth of the people, five seeds in a row test "
    "everybody once, and a claim about rows that are equally good is called reproduced in 1 of 100 benchmarks. More "
    "seeds test the same people again, and intervals over them are too narrow: of ten, one of 95 % holds the truth in "
    "84 of 100, and such a claim is called reproduced in 6."
)


GUESSING = "guessing"


def mean_text(column: Column, entry: TableEntry) -> str:
    """``62.3 ± 1.4``; without the second where there is no interval; ``failed`` or a dash where there is no number."""
    if entry.mean is None:
        return "failed" if entry.failed else MISSING
    mean = format_score(column.score, entry.mean)
    if entry.low is None or entry.high is None:
        return mean
    return f"{mean} ± {format_score(column.score, (entry.high - entry.low) / 2)}"


def interval_text(column: Column, entry: TableEntry) -> str:
    """``[60.9, 63.7]``; empty where there is none."""
    if entry.low is None or entry.high is None:
        return ""
    return f"[{format_score(column.score, entry.low)}, {format_score(column.score, entry.high)}]"


def few_seeds(entry: TableEntry, asked: int) -> str:
    """``n 3`` where the number is of fewer seeds than were asked for, else nothing."""
    return f"n {len(entry.values)}" if entry.values and len(entry.values) < asked else ""


def chance_row(columns: Sequence[Column]) -> list[str]:
    """What guessing gets in each column; empty where that says nothing in any of them."""
    if all(column.chance is None for column in columns):
        return []
    return [MISSING if column.chance is None else format_score(column.score, column.chance) for column in columns]


def footnote(table: TaskTable) -> str:
    """What has to be known to believe the table."""
    seeds = f"Means of {table.seeds} seeds unless told otherwise" if table.seeds > 1 else "One seed"
    fewest, most = table.tested
    several = f"{most}" if fewest == most else f"{fewest} to {most}"
    tested = f"; each tests {several} recordings or clips" if most else ""
    units = f"; draws are of {table.units}" if table.units else ""
    return f"{seeds}{tested}{units}."


def difference_text(score: str, one: RowDifference) -> str:
    """``+5.1 [+1.2, +9.0], over draws [+0.8, +9.3], p = 0.003, n 5``; points where the score is in percent."""
    parts = [format_difference(score, one.mean)]
    if one.low is not None and one.high is not None:
        parts[0] += f" [{format_difference(score, one.low)}, {format_difference(score, one.high)}]"
    if one.drawn_low is not None and one.drawn_high is not None:
        parts.append(
            f"over draws [{format_difference(score, one.drawn_low)}, {format_difference(score, one.drawn_high)}]"
        )
    if one.p is not None:
        parts.append(f"p {probability(one.p)}")
    return ", ".join([*parts, f"n {one.seeds}"])


def probability(p: float) -> str:
    """``= 0.012``, or ``< 0.001``."""
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def checked_in(claim: CheckedClaim) -> str:
    """``emotion on people, accuracy (points)``."""
    unit = " (points)" if claim.score and find_score(claim.score).percent else ""
    place = " on ".join(part for part in claim.table if part)
    return f"{place}, {claim.score}{unit}" if claim.score else place


def paper_value(paper: PaperTable, place: int, row: str) -> str:
    """What a paper prints, with as many digits as the other figures of its column have."""
    value = paper.rows[row][place]
    column = (values[place] for values in paper.rows.values())
    digits = max((_digits(one) for one in column if one is not None), default=0)
    return MISSING if value is None else f"{value:.{digits}f}"


def paper_heading(paper: PaperTable) -> str:
    """What stands over a paper's figures, so that nobody takes them for ours."""
    return f"The paper's own figures, not measured here: {paper.title} ({paper.source})"


def unfinished_note(summary: BenchmarkResult) -> str:
    """What was not done for want of time; empty where all was."""
    if not summary.left:
        return ""
    cells = "1 cell was" if summary.left == 1 else f"{summary.left} cells were"
    return f"{cells} not done yet; give the command again to go on."


def _digits(value: float) -> int:
    """After the point."""
    return len(f"{value:.10f}".rstrip("0").partition(".")[2])
