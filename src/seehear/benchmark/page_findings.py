"""The claims section of the report, and access to the cells behind each number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from seehear.benchmark.cells import CellOutcome, TablePosition, WorkList
from seehear.benchmark.execution import BenchmarkFolder
from seehear.benchmark.plan import BenchmarkPlan, Cell
from seehear.benchmark.table import (
    MISSING,
    BenchmarkResult,
    CheckedClaim,
    RowDifference,
    TaskTable,
    Verdict,
    checked_in,
    format_difference,
    format_p,
    in_percent,
)
from seehear.report.html import Block, BlockGrid, Finding, Section, Table, TableCell, Text, Tone
from seehear.report.plots import IntervalPlot, IntervalRow


def largest_label_share(table: TaskTable) -> float:
    """Return the largest fraction of the training labels in the table."""
    return max(column.labels for column in table.columns)


def main_column(table: TaskTable) -> int:
    """Return the index of the main column: the main score, without noise, with the most labels."""
    main = (table.columns[0].score, largest_label_share(table), None)
    indices = [index for index, c in enumerate(table.columns) if (c.score, c.labels, c.snr_db) == main]
    return indices[0] if indices else 0


@dataclass(frozen=True)
class PageData:
    """The state of a benchmark.

    Attributes:
        folder: folder of the benchmark.
        plan: the plan.
        summary: its tables and claims.
        work: its cells and their positions in the tables.
        outcomes: cell key -> outcome.
    """

    folder: BenchmarkFolder
    plan: BenchmarkPlan
    summary: BenchmarkResult
    work: WorkList
    outcomes: Mapping[str, CellOutcome]

    @cached_property
    def cells(self) -> dict[str, Cell]:
        """The cells by key."""
        return self.work.by_key()

    def measured(self, table: TaskTable, row: str) -> list[tuple[Cell, CellOutcome]]:
        """Return the successful cells of a row with the most labels, and their outcomes, by seed."""
        labels = largest_label_share(table)
        keys = [key for position, key in self._successful(table, row) if position.labels == labels]
        return [(self.cells[key], self.outcomes[key]) for key in keys]

    def commands(self, table: TaskTable, row: str) -> list[str]:
        """Return the commands that reproduce a row, for all seeds and fractions of the labels, in order."""
        successful = self._successful(table, row)
        return list(dict.fromkeys(command for _, key in successful for command in self.outcomes[key].reproduce))

    def model(self, cell: Cell) -> str:
        """Return the encoder that a cell measures: folder of a run, or name of another encoder."""
        of = str(cell.spec["of"])
        return str(self.folder.path_of(self.cells[of])) if of in self.cells else of

    def data(self, cell: Cell) -> Path:
        """Return the prepared corpus on which a cell is measured."""
        return self.folder.path_of(self.cells[cell.spec["data"]])

    def rows_to_show(self, table: TaskTable) -> list[str]:
        """Return the rows to show in detail: the two best ones and the worst."""
        index = main_column(table)
        means = {row: mean for row in table.rows if (mean := table.entries[row, index].mean) is not None}
        ranked = sorted(means, key=lambda row: means[row], reverse=table.columns[index].higher_is_better)
        return ranked if len(ranked) <= 3 else [*ranked[:2], ranked[-1]]

    def _successful(self, table: TaskTable, row: str) -> list[tuple[TablePosition, str]]:
        """Return positions and keys of the successful cells of a row, by seed."""
        cells = [
            (position, key)
            for position, key in self.work.positions.items()
            if (position.task, position.data, position.row) == (table.key, table.data, row)
        ]
        successful = [
            (position, key) for position, key in cells if key in self.outcomes and self.outcomes[key].failed is None
        ]
        return sorted(successful, key=lambda pair: (pair[0].seed, pair[0].labels))


VERDICT_TONES: dict[Verdict, Tone] = {
    "reproduced": "good",
    "contradicted": "bad",
    "not reproduced": "open",
    "not measured": "open",
}


READING = (
    "Differences are paired by seed; positive means better. They have 95 % intervals over seeds (thick bars; n seeds, "
    "p by a paired t-test) and bootstrap intervals over the tested units (thin bars). Reproduced: better than every "
    "other row, with both intervals above 0. Contradicted: worse than one of them, with both below 0. Not reproduced: "
    "anything in between, which does not prove the contrary. Not measured: one of them has fewer than two seeds."
)


TITLE = "Claims and verdicts"


IN_POINTS = " (points)"


def claims_section(claims: Sequence[CheckedClaim]) -> list[Section]:
    """Return the section of claims and verdicts, if there are any."""
    if not claims:
        return []
    counts = Counter(claim.verdict for claim in claims)
    verdicts = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICT_TONES if counts[verdict])
    return [
        Section(
            TITLE,
            [
                Text(f"{_claims(len(claims))}: {verdicts}."),
                BlockGrid([_finding(claim) for claim in claims], min_width_rem=25),
                Text(READING),
            ],
        )
    ]


def _claims(count: int) -> str:
    return "1 claim" if count == 1 else f"{count} claims"


def _finding(claim: CheckedClaim) -> Finding:
    below = f"{claim.source}. Checked here: {claim.better} in {checked_in(claim)}."
    return Finding(claim.verdict, VERDICT_TONES[claim.verdict], claim.says, below, _differences(claim))


def _differences(claim: CheckedClaim) -> list[Block]:
    if not claim.differences:
        return []
    unit = IN_POINTS if in_percent(claim.score) else ""
    rows = [_row(claim.score, one) for one in claim.differences]
    intervals = [
        IntervalRow(one.against, one.mean, one.low, one.high, one.bootstrap_low, one.bootstrap_high)
        for one in claim.differences
    ]
    bars = IntervalPlot(intervals, f"To the right of the line, {claim.better} is better.")
    return [Table(("better than", f"by{unit}", "over seeds", "over units"), rows), bars]


def _row(score: str, one: RowDifference) -> list[str | TableCell]:
    p = "" if one.p is None else f", p {format_p(one.p)}"
    return [
        TableCell(one.against, f"n {one.seeds}{p}"),
        format_difference(score, one.mean),
        _interval(score, one.low, one.high),
        _interval(score, one.bootstrap_low, one.bootstrap_high),
    ]


def _interval(score: str, low: float | None, high: float | None) -> str:
    return (
        MISSING
        if low is None or high is None
        else f"[{format_difference(score, low)}, {format_difference(score, high)}]"
    )
