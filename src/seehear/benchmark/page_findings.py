"""Claims, and where what belongs to a number is found."""

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
    probability,
)
from seehear.evaluation import find_score
from seehear.report.html import Block, BlockGrid, Finding, Section, Table, TableCell, Text, Tone
from seehear.report.plots import IntervalBar, IntervalRow


def largest_label_share(table: TaskTable) -> float:
    """The largest share of the training labels that it has columns for."""
    return max(column.labels for column in table.columns)


def main_column(table: TaskTable) -> int:
    """Place of the column that the task is about: the first score, without noise, with the most labels."""
    asked = (table.columns[0].score, largest_label_share(table), None)
    places = [place for place, c in enumerate(table.columns) if (c.score, c.labels, c.snr_db) == asked]
    return places[0] if places else 0


@dataclass(frozen=True)
class PageData:
    """A benchmark as far as it was done.

    Attributes:
        folder: of its results.
        plan: what was asked.
        summary: the tables.
        work: the cells, and their places in the tables.
        outcomes: key of a cell -> what came of it.
    """

    folder: BenchmarkFolder
    plan: BenchmarkPlan
    summary: BenchmarkResult
    work: WorkList
    outcomes: Mapping[str, CellOutcome]

    @cached_property
    def cells(self) -> dict[str, Cell]:
        """By their keys."""
        return self.work.by_key()

    def measured(self, table: TaskTable, row: str) -> list[tuple[Cell, CellOutcome]]:
        """The cells behind a row, with as many labels as there are, seed by seed; only those that were done."""
        most = largest_label_share(table)
        done = [key for place, key in self._done(table, row) if place.labels == most]
        return [(self.cells[key], self.outcomes[key]) for key in done]

    def commands(self, table: TaskTable, row: str) -> list[str]:
        """All that gives the numbers of a row again, in order: for every seed and every share of the labels."""
        return list(dict.fromkeys(one for _, key in self._done(table, row) for one in self.outcomes[key].reproduce))

    def model(self, measuring: Cell) -> str:
        """The encoder that a cell has measured: folder of a run, or the name of one from elsewhere."""
        of = str(measuring.spec["of"])
        return str(self.folder.path_of(self.cells[of])) if of in self.cells else of

    def data(self, measuring: Cell) -> Path:
        """The prepared corpus that it was measured on."""
        return self.folder.path_of(self.cells[measuring.spec["data"]])

    def rows_to_show(self, table: TaskTable) -> list[str]:
        """Rows to look at more closely: the two best ones, and the one at the other end."""
        place = main_column(table)
        means = {row: mean for row in table.rows if (mean := table.entries[row, place].mean) is not None}
        ranked = sorted(means, key=lambda row: means[row], reverse=table.columns[place].higher_is_better)
        return ranked if len(ranked) <= 3 else [*ranked[:2], ranked[-1]]

    def _done(self, table: TaskTable, row: str) -> list[tuple[TablePosition, str]]:
        """Places of a row and keys of their cells, of those that did not fail, by seed."""
        mine = [
            (place, key)
            for place, key in self.work.places.items()
            if (place.task, place.data, place.row) == (table.key, table.data, row)
        ]
        there = [(place, key) for place, key in mine if key in self.outcomes and self.outcomes[key].failed is None]
        return sorted(there, key=lambda one: (one[0].seed, one[0].labels))


VERDICT_TONES: dict[Verdict, Tone] = {
    "reproduced": "good",
    "contradicted": "bad",
    "not reproduced": "open",
    "not measured": "open",
}


READING = (
    "Differences are paired seed by seed and signed so that more is better, with 95 % intervals over seeds (thick "
    "bars; n of them, p by a paired t-test) and over draws of the tested units (thin bars). Reproduced: better than "
    "every one of them, with both intervals above 0. Contradicted: worse than one of them, with both below 0. Not "
    "reproduced: anything between, which is no proof of the contrary. Not measured: one of them has fewer than two "
    "seeds here."
)


TITLE = "What is claimed, and what was found"


IN_POINTS = " (points)"


def claims_section(claims: Sequence[CheckedClaim]) -> list[Section]:
    """All claims with their verdicts; no section where nothing is claimed."""
    if not claims:
        return []
    counted = Counter(claim.verdict for claim in claims)
    told = ", ".join(f"{counted[verdict]} {verdict}" for verdict in VERDICT_TONES if counted[verdict])
    return [
        Section(
            TITLE,
            [
                Text(f"Of {_claims(len(claims))}: {told}."),
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
    unit = IN_POINTS if find_score(claim.score).percent else ""
    rows = [_row(claim.score, one) for one in claim.differences]
    spans = [
        IntervalRow(one.against, one.mean, one.low, one.high, one.drawn_low, one.drawn_high)
        for one in claim.differences
    ]
    bars = IntervalBar(spans, f"Right of the line {claim.better} is better.")
    return [Table(("better than", f"by{unit}", "seeds", "draws"), rows), bars]


def _row(score: str, one: RowDifference) -> list[str | TableCell]:
    p = "" if one.p is None else f", p {probability(one.p)}"
    return [
        TableCell(one.against, f"n {one.seeds}{p}"),
        format_difference(score, one.mean),
        _interval(score, one.low, one.high),
        _interval(score, one.drawn_low, one.drawn_high),
    ]


def _interval(score: str, low: float | None, high: float | None) -> str:
    return (
        MISSING
        if low is None or high is None
        else f"[{format_difference(score, low)}, {format_difference(score, high)}]"
    )
