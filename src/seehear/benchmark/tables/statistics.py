"""How sure a mean over seeds is, and whether one row is better than another.

Seeds tell of chance in training: Student's t over them. Draws of the test's units (people, sources) tell of which of
them happened to be tested. A difference has to stand against both. The arithmetic is `seehear.tasks.significance`'s.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seehear.benchmark.tables.table import Difference
from seehear.tasks.significance import EQUAL, student
from seehear.tasks.significance import interval as over_units

ANYWHERE = (-math.inf, math.inf)
"""Bounds of scores whose kind is not known here."""


class Drawn(NamedTuple):
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
class Series:
    """One row in one column, seed by seed.

    Attributes:
        values: seed -> score.
        drawn: seed -> the score in draws of the units; only of seeds where it is known.
    """

    values: Mapping[int, float]
    drawn: Mapping[int, Drawn] = field(default_factory=dict)


def interval(values: Sequence[float]) -> tuple[float, float] | None:
    """95 % interval of the mean of independent values, by Student's t; None with fewer than two."""
    return student(np.asarray(values, dtype=np.float64))


def difference(against: str, ours: Series, theirs: Series, higher_is_better: bool) -> Difference | None:
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
    low, high = interval(gains.tolist()) or (None, None)
    drawn = _paired_draws(ours, theirs, seeds)
    drawn_low, drawn_high = (None, None) if drawn is None else _over_units(gains, sign * drawn, ours, seeds)
    return Difference(
        against=against,
        mean=float(gains.mean()),
        low=low,
        high=high,
        drawn_low=drawn_low,
        drawn_high=drawn_high,
        p=_p_over_seeds(gains),
        seeds=len(seeds),
    )


def holm(p: Sequence[float]) -> list[float]:
    """Holm's (1979) adjusted probabilities, in the order given: each may be compared with the level of the family."""
    adjusted = [0.0] * len(p)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(p)), key=lambda place: p[place])):
        highest = max(highest, min(1.0, (len(p) - rank) * p[place]))
        adjusted[place] = highest
    return adjusted


def _p_over_seeds(gains: NDArray[np.float64]) -> float | None:
    """Two-sided paired t-test; None where the seeds cannot tell: fewer than two, or all with the same difference."""
    from scipy.stats import ttest_1samp

    if len(gains) < 2 or np.ptp(gains) < EQUAL:
        return None
    return float(ttest_1samp(gains, 0).pvalue)


def _paired_draws(ours: Series, theirs: Series, seeds: Sequence[int]) -> NDArray[np.float64] | None:
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
    gains: NDArray[np.float64], drawn: NDArray[np.float64], ours: Series, seeds: Sequence[int]
) -> tuple[float | None, float | None]:
    """Interval of the mean gain over the units of one seed's test, which are as many with every seed."""
    units = min(ours.drawn[seed].units for seed in seeds)
    low, high = over_units(float(gains.mean()), drawn, units, ANYWHERE)
    return (None, None) if math.isnan(low) else (low, high)
