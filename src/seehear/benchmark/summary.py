"""From outcomes to tables and verdicts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import TYPE_CHECKING

from seehear.benchmark.cells import CellOutcome
from seehear.benchmark.plan import BenchmarkPlan, Claim, TaskSpec
from seehear.benchmark.table import (
    BenchmarkResult,
    CheckedClaim,
    Column,
    RowDifference,
    TableEntry,
    TaskTable,
)
from seehear.benchmark.verdicts import BootstrapDraws, SeedSeries, best_row, claim_verdict, row_difference, t_interval
from seehear.evaluation import TASKS, find_score

if TYPE_CHECKING:
    from seehear.benchmark.cells import WorkList


@dataclass(frozen=True)
class OutcomeGrid:
    """The outcomes of one task on one corpus.

    Attributes:
        key: name of the task in the plan.
        data: name of the corpus.
        spec: the task.
        outcomes: (row, share of the labels, seed) -> what came of it.
    """

    key: str
    data: str
    spec: TaskSpec
    outcomes: Mapping[tuple[str, float, int], CellOutcome]

    @cached_property
    def sample(self) -> CellOutcome | None:
        """One that was done, for what is the same of all: names of scores, and which way is better."""
        return next((one for one in self.outcomes.values() if one.failed is None and one.scores), None)

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """By share of the labels; in each the scores without noise, then the evaluation's first score in noise."""
        noisy = [] if self.spec.noise == "none" else [(self._first, snr) for snr in self.spec.snr_db]
        clean = [(score, None) for score in self.spec.scores or (self._first,)]
        return tuple(self._column(score, labels, snr) for labels in self.spec.labels for score, snr in [*clean, *noisy])

    def column(self, labels: float) -> Column | None:
        """That which claims are about, at a share of the labels; None where the table has no such share."""
        return next((one for one in self.columns if one.labels == labels), None)

    def series(self, row: str, column: Column) -> SeedSeries:
        """The row's scores in a column."""
        done = {seed: value for seed, value in self._values(row, column).items() if isinstance(value, float)}
        return SeedSeries(done, {seed: self._drawn(row, column, seed) for seed in done if self._has_draws(column)})

    def failed(self, row: str, column: Column) -> dict[int, str]:
        """Seed -> why the row has no score there."""
        return {seed: reason for seed, reason in self._values(row, column).items() if isinstance(reason, str)}

    @property
    def tested(self) -> tuple[int, int]:
        """How many recordings a seed tests: the fewest and the most."""
        counts = [one.tested for one in self.outcomes.values() if one.failed is None] or [0]
        return min(counts), max(counts)

    def reproduce(self, row: str, column: Column) -> tuple[str, ...]:
        """Commands that give the first of its scores again."""
        seeds = self.series(row, column).values
        return self.outcomes[row, column.labels, min(seeds)].reproduce if seeds else ()

    @property
    def _first(self) -> str:
        """The evaluation's first score."""
        if self.sample:
            return next(iter(self.sample.scores))
        return (*self.spec.scores, TASKS[self.spec.task].scores[0].name)[0]

    def _column(self, score: str, labels: float, snr_db: float | None) -> Column:
        first = self.sample is not None and score == self._first
        higher = self.sample.higher_is_better if self.sample and first else find_score(score).higher_is_better
        return Column(score, labels, snr_db, higher, self._chance(score, labels))

    def _chance(self, score: str, labels: float) -> float | None:
        """What guessing gets, over the same seeds as the means: every seed may test other recordings."""
        told = {
            seed: one.chance[score]
            for (_, share, seed), one in self.outcomes.items()
            if share == labels and one.failed is None and score in one.chance
        }
        return fmean(told.values()) if told else None

    def _values(self, row: str, column: Column) -> dict[int, float | str]:
        """Seed -> score, or why there is none; in the order of the seeds."""
        mine = {
            seed: one for (name, labels, seed), one in self.outcomes.items() if (name, labels) == (row, column.labels)
        }
        return {seed: _value(mine[seed], column) for seed in sorted(mine)}

    def _has_draws(self, column: Column) -> bool:
        return column.snr_db is None and column.score == self._first

    def _drawn(self, row: str, column: Column, seed: int) -> BootstrapDraws:
        one = self.outcomes[row, column.labels, seed]
        return BootstrapDraws(one.draws, (one.units, one.recordings, one.tested), one.unit_count)


def _value(outcome: CellOutcome, column: Column) -> float | str:
    if outcome.failed is not None:
        return outcome.failed
    snr = column.snr_db
    value = outcome.scores.get(column.score) if snr is None else outcome.by_snr.get(f"{snr:g}")
    if value is None:
        return f"the evaluation told no {column.title}, but {', '.join(outcome.scores) or 'nothing'}"
    return float(value) if math.isfinite(value) else f"{column.title} came out as {value}, which is no number"


def build_table(plan: BenchmarkPlan, grid: OutcomeGrid) -> TaskTable:
    """The table of one task on one corpus, with the paper's beside it."""
    spec, sample = grid.spec, grid.sample
    rows = tuple(row.name for row in spec.rows)
    entries = {}
    for place, column in enumerate(grid.columns):
        series = {row: grid.series(row, column) for row in rows}
        best = best_row(series, column.higher_is_better)
        for row in rows:
            entries[row, place] = _entry(grid, row, column, series[row], row == best)
    return TaskTable(
        key=grid.key,
        title=spec.title,
        task=spec.task,
        data=grid.data,
        columns=grid.columns,
        rows=rows,
        entries=entries,
        seeds=plan.seeds,
        units=sample.units if sample else "",
        tested=grid.tested,
        paper=tuple(paper for paper in plan.paper if paper.task == grid.key),
    )


def _entry(grid: OutcomeGrid, row: str, column: Column, series: SeedSeries, best: bool) -> TableEntry:
    values = list(series.values.values())
    low, high = t_interval(values) or (None, None)
    return TableEntry(
        values=series.values,
        mean=sum(values) / len(values) if values else None,
        low=low,
        high=high,
        best=best,
        failed=grid.failed(row, column),
        reproduce=grid.reproduce(row, column),
    )


def summarise(plan: BenchmarkPlan, work: WorkList, outcomes: Mapping[str, CellOutcome]) -> BenchmarkResult:
    """Everything that the outcomes say so far.

    Args:
        plan: what was asked; the tables are of its rows in full, as ``work.plan`` has them.
        work: its cells, and which of them fills which place of which table.
        outcomes: key of a cell -> what came of it; those that were not done are not there.
    """
    full = work.plan
    grids = list(_grids(full, work, outcomes))
    return BenchmarkResult(
        tables=tuple(build_table(full, grid) for grid in grids),
        claims=tuple(checked for claim in full.claims for checked in _checked(claim, grids)),
        left=sum(cell.key not in outcomes for cell in work.cells),
        failed=_failed(work, outcomes),
        notes=tuple(work.notes),
    )


def _grids(plan: BenchmarkPlan, work: WorkList, outcomes: Mapping[str, CellOutcome]) -> Iterator[OutcomeGrid]:
    """One for each table that there is work for, in the order of the plan."""
    found: dict[tuple[str, str], dict[tuple[str, float, int], CellOutcome]] = {}
    for (task, data, row, seed, labels), key in work.places.items():
        grid = found.setdefault((task, data), {})
        if key in outcomes:
            grid[row, labels, seed] = outcomes[key]
    for task, spec in plan.tasks.items():
        for data in spec.data:
            if (task, data) in found:
                yield OutcomeGrid(task, data, spec, found[task, data])


def _checked(claim: Claim, grids: Sequence[OutcomeGrid]) -> Iterator[CheckedClaim]:
    """A claim on every corpus that its task was measured on; once, as not measured, where there is none."""
    mine = [grid for grid in grids if grid.key == claim.task]
    if not mine:
        yield CheckedClaim(claim.says, claim.source, (claim.task, ""), claim.better, "", (), "not measured")
    for grid in mine:
        column = grid.column(claim.labels)
        differences = _differences(claim, grid, column) if column else ()
        yield CheckedClaim(
            says=claim.says,
            source=claim.source,
            table=(grid.key, grid.data),
            better=claim.better,
            score=column.score if column else "",
            differences=differences,
            verdict=claim_verdict(differences, len(claim.than)),
        )


def _differences(claim: Claim, grid: OutcomeGrid, column: Column) -> tuple[RowDifference, ...]:
    ours = grid.series(claim.better, column)
    found = (row_difference(row, ours, grid.series(row, column), column.higher_is_better) for row in claim.than)
    return tuple(one for one in found if one is not None)


def _failed(work: WorkList, outcomes: Mapping[str, CellOutcome]) -> dict[str, str]:
    """Cell in words -> reason; cells that are called the same are told apart by their keys."""
    lost = [(cell, outcomes[cell.key].failed) for cell in work.cells if cell.key in outcomes]
    failed = [(cell, reason) for cell, reason in lost if reason is not None]
    called = Counter(cell.label for cell, _ in failed)
    return {cell.label if called[cell.label] == 1 else f"{cell.label} ({cell.key})": reason for cell, reason in failed}
