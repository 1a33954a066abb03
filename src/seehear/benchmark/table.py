"""The tables of a benchmark, and the number formats and texts shared by all output formats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from seehear.benchmark.plan import PaperTable
from seehear.evaluation.result import PLAIN
from seehear.results import Result

if TYPE_CHECKING:
    from rich.console import RenderableType

Verdict = Literal["reproduced", "not reproduced", "contradicted", "not measured"]


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        score: name of the score.
        labels: fraction of the training labels.
        snr_db: signal-to-noise ratio in dB; None without noise.
        higher_is_better: whether a higher score is better.
        chance: chance level; None if it is not meaningful.
    """

    score: str
    labels: float
    snr_db: float | None
    higher_is_better: bool
    chance: float | None

    @property
    def title(self) -> str:
        """Readable title: ``accuracy, 10 % of the labels``, ``accuracy at 5 dB``."""
        title = self.score
        if self.labels != 1:
            title += f", {100 * self.labels:g} % of the labels"
        return title if self.snr_db is None else f"{title} at {self.snr_db:g} dB"


@dataclass(frozen=True)
class TableEntry:
    """An entry of a table, or the reasons why it is missing.

    Attributes:
        values: seed -> score, for the measured seeds.
        mean: mean over the seeds; None if none is measured.
        low, high: 95 % interval of the mean over the seeds (Student's t); None with fewer than two seeds.
        best: whether paired tests support that it is the best of its column.
        failed: seed -> reason of a failure.
        reproduce: commands that reproduce the first of its values.
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
        title: title of the table.
        task: name of the evaluation.
        data: name of the corpus.
        columns: columns from left to right.
        rows: names of the rows, from top to bottom.
        entries: (row, index of the column) -> entry.
        seeds: number of seeds in the plan.
        units: kind of the resampled test units.
        tested: minimum and maximum number of recordings, clips or sides tested per seed.
        paper: published numbers to show with the table.
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
    """Difference of a row to another, paired by seed; positive means better.

    Attributes:
        against: name of the other row.
        mean: mean difference over the common seeds.
        low, high: 95 % interval over the seeds (Student's t); None with fewer than two.
        bootstrap_low, bootstrap_high: 95 % bootstrap interval of the mean difference over the test units; None if the
            samples of the two rows cannot be paired.
        p: p-value of a two-sided paired t-test over the seeds; None with fewer than two, or if all differences are
            equal.
        seeds: number of common seeds.
    """

    against: str
    mean: float
    low: float | None
    high: float | None
    bootstrap_low: float | None
    bootstrap_high: float | None
    p: float | None
    seeds: int


@dataclass(frozen=True)
class CheckedClaim:
    """A claim and the result of its check.

    Attributes:
        says, source: the claim in words, and its source.
        table: key of the task, and name of the corpus.
        better: name of the better row.
        score: score in which it was checked.
        differences: differences to the other rows.
        verdict: reproduced (better than every other row, with both intervals above 0), contradicted (worse than one of
            them, with both intervals below 0), not reproduced (anything else), or not measured.
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
    """The result of a benchmark.

    Attributes:
        tables: tables in the order of the plan.
        claims: checked claims in the order of the plan.
        left: number of cells not run for lack of time.
        failed: label of a cell -> reason of its failure.
        out: folder of the benchmark; open report.html in it.
        notes: sentences about the data, such as corpora that were not given or a changed checksum.
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
        """Plain values: of every table a row for each figure, as in its CSV; the claims as text."""
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


LOWER_IS_BETTER = ("EER", "minDCF", "WER", "CER", "L1", "error")
"""First words of the names of scores for which lower is better."""


MISSING = "–"


def higher_is_better(score: str) -> bool:
    """Whether a higher score is better, by its name; for a task's main score, the evaluation itself states it."""
    return not score.startswith(LOWER_IS_BETTER)


def in_percent(score: str) -> bool:
    """Whether the score is customarily given in percent."""
    return score not in PLAIN and not score.startswith("L1")


def format_score(score: str, value: float) -> str:
    """Format a value without its unit: ``62.3`` for an accuracy of 0.623, ``0.531`` for an F1."""
    if in_percent(score):
        return f"{100 * value:.1f}"
    return f"{value:.4f}" if score.startswith("L1") else f"{value:.3f}"


def format_difference(score: str, value: float) -> str:
    """Format a difference with its sign."""
    return format_score(score, value) if value < 0 else f"+{format_score(score, value)}"


def column_heading(column: Column) -> str:
    """Return the heading of a column: score, unit, condition and direction.

    Examples: ``accuracy (%) ↑``, ``EER (%), 10 % of the labels ↓``, ``F1 at 5 dB ↑``.
    """
    unit = " (%)" if in_percent(column.score) else ""
    condition = column.title.removeprefix(column.score)
    return f"{column.score}{unit}{condition} {'↑' if column.higher_is_better else '↓'}"


HOW_TO_READ = (
    "Each number is the mean over the seeds ± half of its 95 % interval (Student's t), followed by the interval. It "
    "has no width if the number does not depend on the seed, as for untrained features on a fixed split. A number "
    "is marked as the best of its column only if two tests support this against every other row: a paired t-test "
    "over at least three seeds (p < .05 after Holm's correction) and, for a task's main score on the same recordings "
    "without noise, a 95 % bootstrap interval of the difference over the tested units that lies above 0. A claim is "
    "reproduced if both intervals of every difference lie above 0, and contradicted if both intervals of one lie "
    "below; if bootstrap samples cannot be paired, the interval over seeds alone decides. If each seed tests a fifth "
    "of the people, five consecutive seeds test everybody once, and a claim about equally good rows is reported as "
    "reproduced in 1 of 100 benchmarks. Further seeds test the same people again, so intervals over them are too "
    "narrow: with ten seeds, a 95 % interval contains the truth in 84 of 100 cases, and such a claim is reported as "
    "reproduced in 6 of 100."
)


CHANCE_ROW = "chance"


def mean_text(column: Column, entry: TableEntry) -> str:
    """Format a mean as ``62.3 ± 1.4``, without an interval as ``62.3``, and a missing one as ``failed`` or a dash."""
    if entry.mean is None:
        return "failed" if entry.failed else MISSING
    mean = format_score(column.score, entry.mean)
    if entry.low is None or entry.high is None:
        return mean
    return f"{mean} ± {format_score(column.score, (entry.high - entry.low) / 2)}"


def interval_text(column: Column, entry: TableEntry) -> str:
    """Format an interval as ``[60.9, 63.7]``; empty if there is none."""
    if entry.low is None or entry.high is None:
        return ""
    return f"[{format_score(column.score, entry.low)}, {format_score(column.score, entry.high)}]"


def few_seeds(entry: TableEntry, requested: int) -> str:
    """Return ``n 3`` if the entry has fewer seeds than requested, otherwise an empty string."""
    return f"n {len(entry.values)}" if entry.values and len(entry.values) < requested else ""


def chance_row(columns: Sequence[Column]) -> list[str]:
    """Return the chance level of each column; empty if no column has one."""
    if all(column.chance is None for column in columns):
        return []
    return [MISSING if column.chance is None else format_score(column.score, column.chance) for column in columns]


def footnote(table: TaskTable) -> str:
    """Return the number of seeds, recordings and units of a table."""
    seeds = f"Means over {table.seeds} seeds unless noted otherwise" if table.seeds > 1 else "One seed"
    fewest, most = table.tested
    counts = f"{most}" if fewest == most else f"{fewest} to {most}"
    tested = f"; each tests {counts} recordings or clips" if most else ""
    units = f"; bootstrap over {table.units}" if table.units else ""
    return f"{seeds}{tested}{units}."


def difference_text(score: str, difference: RowDifference) -> str:
    """Format a difference: ``+5.1 [+1.2, +9.0], bootstrap [+0.8, +9.3], p = 0.003, n 5``; in points if in percent."""
    parts = [format_difference(score, difference.mean)]
    if difference.low is not None and difference.high is not None:
        parts[0] += f" [{format_difference(score, difference.low)}, {format_difference(score, difference.high)}]"
    low, high = difference.bootstrap_low, difference.bootstrap_high
    if low is not None and high is not None:
        parts.append(f"bootstrap [{format_difference(score, low)}, {format_difference(score, high)}]")
    if difference.p is not None:
        parts.append(f"p {format_p(difference.p)}")
    return ", ".join([*parts, f"n {difference.seeds}"])


def format_p(p: float) -> str:
    """Format a p-value as ``= 0.012`` or ``< 0.001``."""
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def checked_in(claim: CheckedClaim) -> str:
    """Return where a claim was checked: ``emotion on people, accuracy (points)``."""
    unit = " (points)" if claim.score and in_percent(claim.score) else ""
    table = " on ".join(part for part in claim.table if part)
    return f"{table}, {claim.score}{unit}" if claim.score else table


def paper_value(paper: PaperTable, column: int, row: str) -> str:
    """Format a published number with the digits of its column.

    Args:
        paper: the published table.
        column: index of the column.
        row: name of the row.
    """
    value = paper.rows[row][column]
    values = (numbers[column] for numbers in paper.rows.values())
    digits = max((_digits(number) for number in values if number is not None), default=0)
    return MISSING if value is None else f"{value:.{digits}f}"


def paper_heading(paper: PaperTable) -> str:
    """Return the heading of published numbers, which marks them as not measured here."""
    return f"Published numbers, not measured here: {paper.title} ({paper.source})"


def unfinished_note(summary: BenchmarkResult) -> str:
    """Return a note on cells not run for lack of time; empty if all were run."""
    if not summary.left:
        return ""
    cells = "1 cell is" if summary.left == 1 else f"{summary.left} cells are"
    return f"{cells} not run yet; repeat the command to continue."


def _digits(value: float) -> int:
    """Return the number of decimal places."""
    return len(f"{value:.10f}".rstrip("0").partition(".")[2])
