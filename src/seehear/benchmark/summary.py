"""Tables and verdicts from outcomes."""

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
    higher_is_better,
)
from seehear.benchmark.verdicts import BootstrapDraws, SeedSeries, best_row, claim_verdict, row_difference, t_interval

if TYPE_CHECKING:
    from seehear.benchmark.cells import WorkList


UNKNOWN_SCORE = "score"
"""Column heading while nothing is measured, if the plan leaves the score to the evaluation."""


@dataclass(frozen=True)
class OutcomeGrid:
    """The outcomes of one task on one corpus.

    Attributes:
        key: name of the task in the plan.
        data: name of the corpus.
        spec: the task.
        outcomes: (row, fraction of the labels, seed) -> outcome.
    """

    key: str
    data: str
    spec: TaskSpec
    outcomes: Mapping[tuple[str, float, int], CellOutcome]

    @cached_property
    def sample(self) -> CellOutcome | None:
        """An outcome with scores, for what all have in common: names of scores and their direction."""
        return next((outcome for outcome in self.outcomes.values() if outcome.failed is None and outcome.scores), None)

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Columns by fraction of the labels: the scores without noise, then the main score in noise."""
        noisy = [] if self.spec.noise == "none" else [(self._main_score, snr) for snr in self.spec.snr_db]
        clean = [(score, None) for score in self.spec.scores or (self._main_score,)]
        return tuple(self._column(score, labels, snr) for labels in self.spec.labels for score, snr in [*clean, *noisy])

    def column(self, labels: float) -> Column | None:
        """Return the column of claims at a fraction of the labels, or None if the table has no such fraction."""
        return next((column for column in self.columns if column.labels == labels), None)

    def series(self, row: str, column: Column) -> SeedSeries:
        """Return the scores of a row in a column."""
        scores = {seed: value for seed, value in self._values(row, column).items() if isinstance(value, float)}
        bootstrap = {seed: self._draws(row, column, seed) for seed in scores if self._has_draws(column)}
        return SeedSeries(scores, bootstrap)

    def failed(self, row: str, column: Column) -> dict[int, str]:
        """Return seed -> reason for each missing score of a row."""
        return {seed: reason for seed, reason in self._values(row, column).items() if isinstance(reason, str)}

    @property
    def tested(self) -> tuple[int, int]:
        """Minimum and maximum number of recordings tested per seed."""
        counts = [outcome.tested for outcome in self.outcomes.values() if outcome.failed is None] or [0]
        return min(counts), max(counts)

    def reproduce(self, row: str, column: Column) -> tuple[str, ...]:
        """Return the commands that reproduce the first score of a row."""
        seeds = self.series(row, column).values
        return self.outcomes[row, column.labels, min(seeds)].reproduce if seeds else ()

    @property
    def _main_score(self) -> str:
        return next(iter(self.sample.scores)) if self.sample else (*self.spec.scores, UNKNOWN_SCORE)[0]

    def _column(self, score: str, labels: float, snr_db: float | None) -> Column:
        is_main = self.sample is not None and score == self._main_score
        higher = self.sample.higher_is_better if self.sample and is_main else higher_is_better(score)
        return Column(score, labels, snr_db, higher, self._chance(score, labels))

    def _chance(self, score: str, labels: float) -> float | None:
        """Return the chance level over the same seeds as the means, as each seed may test other recordings."""
        levels = {
            seed: outcome.chance[score]
            for (_, fraction, seed), outcome in self.outcomes.items()
            if fraction == labels and outcome.failed is None and score in outcome.chance
        }
        return fmean(levels.values()) if levels else None

    def _values(self, row: str, column: Column) -> dict[int, float | str]:
        """Return seed -> score, or the reason why there is none, ordered by seed."""
        outcomes = {
            seed: outcome
            for (name, labels, seed), outcome in self.outcomes.items()
            if (name, labels) == (row, column.labels)
        }
        return {seed: _value(outcomes[seed], column) for seed in sorted(outcomes)}

    def _has_draws(self, column: Column) -> bool:
        return column.snr_db is None and column.score == self._main_score

    def _draws(self, row: str, column: Column, seed: int) -> BootstrapDraws:
        outcome = self.outcomes[row, column.labels, seed]
        return BootstrapDraws(outcome.draws, (outcome.units, outcome.recordings, outcome.tested), outcome.unit_count)


def _value(outcome: CellOutcome, column: Column) -> float | str:
    if outcome.failed is not None:
        return outcome.failed
    snr = column.snr_db
    value = outcome.scores.get(column.score) if snr is None else outcome.by_snr.get(f"{snr:g}")
    if value is None:
        return f"the evaluation has no score {column.title}, only {', '.join(outcome.scores) or 'none'}"
    return float(value) if math.isfinite(value) else f"{column.title} is {value}"


def build_table(plan: BenchmarkPlan, grid: OutcomeGrid) -> TaskTable:
    """Build the table of one task on one corpus, with the published numbers for it."""
    spec, sample = grid.spec, grid.sample
    rows = tuple(row.name for row in spec.rows)
    entries = {}
    for index, column in enumerate(grid.columns):
        series = {row: grid.series(row, column) for row in rows}
        best = best_row(series, column.higher_is_better)
        for row in rows:
            entries[row, index] = _entry(grid, row, column, series[row], row == best)
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
    """Build all tables and check all claims, from the outcomes so far.

    Args:
        plan: the plan; the tables have the expanded rows of ``work.plan``.
        work: its cells and their positions in the tables.
        outcomes: key -> outcome of each finished cell.
    """
    expanded = work.plan
    grids = list(_grids(expanded, work, outcomes))
    return BenchmarkResult(
        tables=tuple(build_table(expanded, grid) for grid in grids),
        claims=tuple(checked for claim in expanded.claims for checked in _check_claim(claim, grids)),
        left=sum(cell.key not in outcomes for cell in work.cells),
        failed=_failed(work, outcomes),
        notes=tuple(work.notes),
    )


def _grids(plan: BenchmarkPlan, work: WorkList, outcomes: Mapping[str, CellOutcome]) -> Iterator[OutcomeGrid]:
    """Yield a grid for each table that has cells, in the order of the plan."""
    grids: dict[tuple[str, str], dict[tuple[str, float, int], CellOutcome]] = {}
    for (task, data, row, seed, labels), key in work.positions.items():
        grid = grids.setdefault((task, data), {})
        if key in outcomes:
            grid[row, labels, seed] = outcomes[key]
    for task, spec in plan.tasks.items():
        for data in spec.data:
            if (task, data) in grids:
                yield OutcomeGrid(task, data, spec, grids[task, data])


def _check_claim(claim: Claim, grids: Sequence[OutcomeGrid]) -> Iterator[CheckedClaim]:
    """Check a claim on every corpus of its task; without any, yield it once as not measured."""
    task_grids = [grid for grid in grids if grid.key == claim.task]
    if not task_grids:
        yield CheckedClaim(claim.says, claim.source, (claim.task, ""), claim.better, "", (), "not measured")
    for grid in task_grids:
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
    better = grid.series(claim.better, column)
    differences = (row_difference(row, better, grid.series(row, column), column.higher_is_better) for row in claim.than)
    return tuple(difference for difference in differences if difference is not None)


def _failed(work: WorkList, outcomes: Mapping[str, CellOutcome]) -> dict[str, str]:
    """Return label of a cell -> reason of its failure; cells with the same label are distinguished by their keys."""
    finished = [(cell, outcomes[cell.key].failed) for cell in work.cells if cell.key in outcomes]
    failed = [(cell, reason) for cell, reason in finished if reason is not None]
    counts = Counter(cell.label for cell, _ in failed)
    return {cell.label if counts[cell.label] == 1 else f"{cell.label} ({cell.key})": reason for cell, reason in failed}
