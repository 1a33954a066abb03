"""The outcomes that fill one table, and where in an outcome each column's number is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

from seehear.benchmark.outcome import Outcome
from seehear.benchmark.planning.plan import TaskSpec
from seehear.benchmark.tables.scores import higher_is_better
from seehear.benchmark.tables.statistics import Drawn, Series
from seehear.benchmark.tables.table import Column

UNKNOWN_SCORE = "score"
"""Heading where the plan leaves the score to the evaluation and nothing was measured yet."""


@dataclass(frozen=True)
class Grid:
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
    outcomes: Mapping[tuple[str, float, int], Outcome]

    @cached_property
    def sample(self) -> Outcome | None:
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

    def series(self, row: str, column: Column) -> Series:
        """The row's scores in a column."""
        done = {seed: value for seed, value in self._told(row, column).items() if isinstance(value, float)}
        return Series(done, {seed: self._drawn(row, column, seed) for seed in done if self._has_draws(column)})

    def failed(self, row: str, column: Column) -> dict[int, str]:
        """Seed -> why the row has no score there."""
        return {seed: reason for seed, reason in self._told(row, column).items() if isinstance(reason, str)}

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
        return next(iter(self.sample.scores)) if self.sample else (*self.spec.scores, UNKNOWN_SCORE)[0]

    def _column(self, score: str, labels: float, snr_db: float | None) -> Column:
        first = self.sample is not None and score == self._first
        higher = self.sample.higher_is_better if self.sample and first else higher_is_better(score)
        return Column(score, labels, snr_db, higher, self._chance(score, labels))

    def _chance(self, score: str, labels: float) -> float | None:
        """What guessing gets, over the same seeds as the means: every seed may test other recordings."""
        told = {
            seed: one.chance[score]
            for (_, share, seed), one in self.outcomes.items()
            if share == labels and one.failed is None and score in one.chance
        }
        return fmean(told.values()) if told else None

    def _told(self, row: str, column: Column) -> dict[int, float | str]:
        """Seed -> score, or why there is none; in the order of the seeds."""
        mine = {
            seed: one for (name, labels, seed), one in self.outcomes.items() if (name, labels) == (row, column.labels)
        }
        return {seed: _value(mine[seed], column) for seed in sorted(mine)}

    def _has_draws(self, column: Column) -> bool:
        return column.snr_db is None and column.score == self._first

    def _drawn(self, row: str, column: Column, seed: int) -> Drawn:
        one = self.outcomes[row, column.labels, seed]
        return Drawn(one.draws, (one.units, one.recordings, one.tested), one.unit_count)


def _value(outcome: Outcome, column: Column) -> float | str:
    if outcome.failed is not None:
        return outcome.failed
    snr = column.snr_db
    value = outcome.scores.get(column.score) if snr is None else outcome.by_snr.get(f"{snr:g}")
    if value is None:
        return f"the evaluation told no {column.title}, but {', '.join(outcome.scores) or 'nothing'}"
    return float(value) if math.isfinite(value) else f"{column.title} came out as {value}, which is no number"
