"""Differences between rows, the best row of a column, and the verdict on a claim.

Two sources of variation are considered: training, by Student's t over the seeds, and the choice of test units (people,
sources), by a bootstrap over them. A difference counts only if it is significant in both. The statistics are those of
`seehear.metrics.bootstrap`.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seehear.benchmark.table import RowDifference, Verdict
from seehear.metrics.bootstrap import EPSILON, holm, student_interval
from seehear.metrics.bootstrap import interval as bootstrap_interval

UNBOUNDED = (-math.inf, math.inf)
"""Bounds of scores of unknown range."""


class BootstrapDraws(NamedTuple):
    """A score in each bootstrap sample of the test units.

    Attributes:
        scores: shape (samples,).
        test: identifies the test; samples of the same test contain the same units.
        units: number of units; 0 if unknown, in which case no interval is computed.
    """

    scores: Sequence[float]
    test: Hashable
    units: int


@dataclass(frozen=True)
class SeedSeries:
    """The scores of one row in one column, by seed.

    Attributes:
        values: seed -> score.
        bootstrap: seed -> the score in bootstrap samples, where known.
    """

    values: Mapping[int, float]
    bootstrap: Mapping[int, BootstrapDraws] = field(default_factory=dict)


def t_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Return the 95 % interval of the mean of independent values, by Student's t; None with fewer than two."""
    return student_interval(np.asarray(values, dtype=np.float64))


def row_difference(against: str, row: SeedSeries, other: SeedSeries, higher_is_better: bool) -> RowDifference | None:
    """Compare two rows over their common seeds; None without any. Positive differences mean that the first is better.

    Args:
        against: name of the other row.
        row, other: scores of the two rows.
        higher_is_better: whether a higher score is better.
    """
    seeds = sorted(row.values.keys() & other.values.keys())
    if not seeds:
        return None
    sign = 1 if higher_is_better else -1
    gains = sign * np.array([row.values[seed] - other.values[seed] for seed in seeds])
    low, high = t_interval(gains.tolist()) or (None, None)
    samples = _paired_samples(row, other, seeds)
    bootstrap_low, bootstrap_high = (
        (None, None) if samples is None else _unit_interval(gains, sign * samples, row, seeds)
    )
    return RowDifference(
        against=against,
        mean=float(gains.mean()),
        low=low,
        high=high,
        bootstrap_low=bootstrap_low,
        bootstrap_high=bootstrap_high,
        p=_paired_t_test(gains),
        seeds=len(seeds),
    )


def _paired_t_test(gains: NDArray[np.float64]) -> float | None:
    """Return the two-sided p-value; None with fewer than two seeds, or if all differences are equal."""
    from scipy.stats import ttest_1samp

    if len(gains) < 2 or np.ptp(gains) < EPSILON:
        return None
    return float(ttest_1samp(gains, 0).pvalue)


def _paired_samples(row: SeedSeries, other: SeedSeries, seeds: Sequence[int]) -> NDArray[np.float64] | None:
    """Return the mean difference over the seeds in each bootstrap sample, (samples,); None if they cannot be paired."""
    pairs = [(row.bootstrap.get(seed), other.bootstrap.get(seed)) for seed in seeds]
    lengths = {len(draws.scores) for pair in pairs for draws in pair if draws is not None}
    if len(lengths) != 1 or lengths == {0}:
        return None
    gains = []
    for first, second in pairs:
        if first is None or second is None or first.test != second.test:
            return None
        gains.append(np.asarray(first.scores, float) - np.asarray(second.scores, float))
    return np.asarray(np.mean(gains, axis=0))


def _unit_interval(
    gains: NDArray[np.float64], samples: NDArray[np.float64], row: SeedSeries, seeds: Sequence[int]
) -> tuple[float | None, float | None]:
    """Return the bootstrap interval of the mean gain over the test units, whose number is the same for every seed."""
    units = min(row.bootstrap[seed].units for seed in seeds)
    low, high = bootstrap_interval(float(gains.mean()), samples, units, UNBOUNDED)
    return (None, None) if math.isnan(low) else (low, high)


ALPHA = 0.05


MIN_SEEDS = 3  # common seeds of two rows that are compared for the mark of the best


def best_row(column: Mapping[str, SeedSeries], higher_is_better: bool) -> str | None:
    """Return the row that is significantly better than all others, or None.

    Every other row with values must share at least `MIN_SEEDS` seeds with it. The paired t-test over them must be
    significant after Holm's correction for the number of rows. If bootstrap samples can be paired, their interval of
    the difference must lie above 0. If all seeds give the same difference, there is no t-test, and the bootstrap alone
    decides.

    Args:
        column: row -> its scores; rows without any are ignored.
        higher_is_better: whether a higher score is better.
    """
    measured = {row: series for row, series in column.items() if series.values}
    if len(measured) < 2:
        return None
    sign = 1 if higher_is_better else -1
    best = max(measured, key=lambda row: sign * _mean(measured[row]))
    differences = [
        row_difference(row, measured[best], series, higher_is_better) for row, series in measured.items() if row != best
    ]
    sufficient = [one for one in differences if one is not None and one.seeds >= MIN_SEEDS]
    return best if len(sufficient) == len(differences) and _all_significant(sufficient) else None


def claim_verdict(differences: Sequence[RowDifference], others: int) -> Verdict:
    """Return the verdict on a claim.

    Reproduced: better than every other row, with both intervals above 0 (the bootstrap interval if there is one).
    Contradicted: worse than one of them, with both below 0. Not measured: fewer than two seeds for one of them. Not
    reproduced: anything else. If all seeds give the same difference, the interval over seeds has no width and proves
    nothing; then the bootstrap interval is required.

    Args:
        differences: differences to the measured other rows.
        others: number of other rows in the claim.
    """
    if any(_is_worse(one) for one in differences):
        return "contradicted"
    if len(differences) < others or any(one.low is None for one in differences):
        return "not measured"
    return "reproduced" if all(_is_better(one) for one in differences) else "not reproduced"


def _mean(series: SeedSeries) -> float:
    return sum(series.values.values()) / len(series.values)


def _all_significant(differences: Sequence[RowDifference]) -> bool:
    p_values = [one.p for one in differences if one.p is not None]
    significant = all(p < ALPHA for p in holm(p_values))
    return significant and all(_is_better_in_bootstrap(one) for one in differences)


def _is_better_in_bootstrap(one: RowDifference) -> bool:
    return one.mean > 0 and _has_variation(one) and (one.bootstrap_low is None or one.bootstrap_low > 0)


def _has_variation(one: RowDifference) -> bool:
    """Whether the difference varies with the seeds, or has a bootstrap interval."""
    return one.p is not None or one.bootstrap_low is not None


def _is_better(one: RowDifference) -> bool:
    return one.low is not None and one.low > 0 and _is_better_in_bootstrap(one)


def _is_worse(one: RowDifference) -> bool:
    below = one.high is not None and one.high < 0 and (one.bootstrap_high is None or one.bootstrap_high < 0)
    return below and _has_variation(one)
