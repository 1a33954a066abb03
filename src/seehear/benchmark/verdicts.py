"""Differences between rows, the best row, what became of a claim.

Seeds tell of chance in training: Student's t over them. Draws of the test's units (people, sources) tell of which of
them happened to be tested. A difference has to stand against both. The arithmetic is `seehear.metrics.bootstrap`'s.

Nothing is said that only chance in training, or only the choice of people who were tested, would take back.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seehear.benchmark.table import RowDifference, Verdict
from seehear.metrics.bootstrap import EQUAL, holm, student
from seehear.metrics.bootstrap import interval as over_units

ANYWHERE = (-math.inf, math.inf)
"""Bounds of scores whose kind is not known here."""


class BootstrapDraws(NamedTuple):
    """A score in each draw of the test's units.

    Attributes:
        scores: (draws,).
        test: what was drawn from; draws from the same test are the same draws.
        units: how many units were drawn from; 0 where that is not known, and then no interval is made of the draws.
    """

    scores: Sequence[float]
    test: Hashable
    units: int


@dataclass(frozen=True)
class SeedSeries:
    """One row in one column, seed by seed.

    Attributes:
        values: seed -> score.
        drawn: seed -> the score in draws of the units; only of seeds where it is known.
    """

    values: Mapping[int, float]
    drawn: Mapping[int, BootstrapDraws] = field(default_factory=dict)


def t_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """95 % interval of the mean of independent values, by Student's t; None with fewer than two."""
    return student(np.asarray(values, dtype=np.float64))


def row_difference(against: str, ours: SeedSeries, theirs: SeedSeries, higher_is_better: bool) -> RowDifference | None:
    """Ours against theirs over the seeds that both have, signed so that more is better; None where there are none.

    Args:
        against: name of the other row.
        ours, theirs: their scores.
        higher_is_better: of the score.
    """
    seeds = sorted(ours.values.keys() & theirs.values.keys())
    if not seeds:
        return None
    sign = 1 if higher_is_better else -1
    gains = sign * np.array([ours.values[seed] - theirs.values[seed] for seed in seeds])
    low, high = t_interval(gains.tolist()) or (None, None)
    drawn = _paired_draws(ours, theirs, seeds)
    drawn_low, drawn_high = (None, None) if drawn is None else _over_units(gains, sign * drawn, ours, seeds)
    return RowDifference(
        against=against,
        mean=float(gains.mean()),
        low=low,
        high=high,
        drawn_low=drawn_low,
        drawn_high=drawn_high,
        p=_p_over_seeds(gains),
        seeds=len(seeds),
    )


def _p_over_seeds(gains: NDArray[np.float64]) -> float | None:
    """Two-sided paired t-test; None where the seeds cannot tell: fewer than two, or all with the same difference."""
    from scipy.stats import ttest_1samp

    if len(gains) < 2 or np.ptp(gains) < EQUAL:
        return None
    return float(ttest_1samp(gains, 0).pvalue)


def _paired_draws(ours: SeedSeries, theirs: SeedSeries, seeds: Sequence[int]) -> NDArray[np.float64] | None:
    """(draws,) differences, mean over the seeds; None unless both were tested on the same units with every seed."""
    pairs = [(ours.drawn.get(seed), theirs.drawn.get(seed)) for seed in seeds]
    lengths = {len(one.scores) for pair in pairs for one in pair if one is not None}
    if len(lengths) != 1 or lengths == {0}:
        return None
    gains = []
    for one, other in pairs:
        if one is None or other is None or one.test != other.test:
            return None
        gains.append(np.asarray(one.scores, float) - np.asarray(other.scores, float))
    return np.asarray(np.mean(gains, axis=0))


def _over_units(
    gains: NDArray[np.float64], drawn: NDArray[np.float64], ours: SeedSeries, seeds: Sequence[int]
) -> tuple[float | None, float | None]:
    """Interval of the mean gain over the units of one seed's test, which are as many with every seed."""
    units = min(ours.drawn[seed].units for seed in seeds)
    low, high = over_units(float(gains.mean()), drawn, units, ANYWHERE)
    return (None, None) if math.isnan(low) else (low, high)


ALPHA = 0.05


MIN_SEEDS = 3  # that two rows must share to be compared for a mark


def best_row(column: Mapping[str, SeedSeries], higher_is_better: bool) -> str | None:
    """The row that is better than each of the others, if that is supported.

    Supported means: every other row that has a value shares at least `MIN_SEEDS` seeds with it, the paired t-test
    over them is significant after Holm's correction for the number of rows, and where draws of the test's units can be
    paired, the interval of the difference over them lies above 0. Where every seed gives the same difference there is
    nothing for a t-test to test, and the draws alone decide.

    Args:
        column: row -> its scores; rows without any are no rivals.
        higher_is_better: of the score.
    """
    rivals = {row: series for row, series in column.items() if series.values}
    if len(rivals) < 2:
        return None
    sign = 1 if higher_is_better else -1
    first = max(rivals, key=lambda row: sign * _mean(rivals[row]))
    found = [
        row_difference(row, rivals[first], series, higher_is_better) for row, series in rivals.items() if row != first
    ]
    told = [one for one in found if one is not None and one.seeds >= MIN_SEEDS]
    return first if len(told) == len(found) and _all_supported(told) else None


def claim_verdict(differences: Sequence[RowDifference], asked: int) -> Verdict:
    """What became of a claim.

    Reproduced: better than every one of them, with both intervals above 0 (that over draws where there is one).
    Contradicted: worse than one of them, with both below 0. Not measured: for one of them there are fewer than two
    seeds, so nothing can be said either way. Not reproduced: anything else. An interval over seeds that all give the
    same difference has no width and proves nothing; then there have to be draws.

    Args:
        differences: from those of the other rows that were measured.
        asked: how many other rows the claim names.
    """
    if any(_below(one) for one in differences):
        return "contradicted"
    if len(differences) < asked or any(one.low is None for one in differences):
        return "not measured"
    return "reproduced" if all(_above(one) for one in differences) else "not reproduced"


def _mean(series: SeedSeries) -> float:
    return sum(series.values.values()) / len(series.values)


def _all_supported(differences: Sequence[RowDifference]) -> bool:
    tested = [one.p for one in differences if one.p is not None]
    significant = all(p < ALPHA for p in holm(tested))
    return significant and all(_stands(one) for one in differences)


def _stands(one: RowDifference) -> bool:
    """Better, in the draws too."""
    return one.mean > 0 and _varied(one) and (one.drawn_low is None or one.drawn_low > 0)


def _varied(one: RowDifference) -> bool:
    """Whether chance had a part in it somewhere: in the seeds, or else in the draws."""
    return one.p is not None or one.drawn_low is not None


def _above(one: RowDifference) -> bool:
    return one.low is not None and one.low > 0 and _stands(one)


def _below(one: RowDifference) -> bool:
    low_enough = one.high is not None and one.high < 0 and (one.drawn_high is None or one.drawn_high < 0)
    return low_enough and _varied(one)
