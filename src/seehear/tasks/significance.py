"""How sure a score is, and whether one is better than another: over test speakers, where there are enough of them.

Every score here is a function of sums: accuracy of counts, word error rate of errors and words, a concordance of sums
of squares. So a test is an array of such sums by seed and by unit, where units (speakers, or recordings) are what is
drawn independently, and every resampling is a product of matrices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
"""Of the bootstrap: the ends of a 95 % interval move by less than 0.1 points from seed to seed."""

SWAPS = 5000
"""Of the permutation test, where there are more than `EXACT` units; p is then known to 0.003 at 0.05."""

EXACT = 12  # units: all 4096 swaps are tried

FEWEST_SPEAKERS = 5  # of the test part, for speakers to be the units

DRAWS = "draws"

Sums = NDArray[np.float64]
"""(seeds, units, K): what each unit adds to each of the K sums that the score is a function of."""

Statistic = Callable[[Sums], NDArray[np.float64]]
"""Sums (..., K) -> scores (...)."""


@dataclass(frozen=True)
class Figure:
    """A score, and how sure it is.

    Attributes:
        value: mean over the seeds.
        std: sample standard deviation over the seeds; 0 with one seed.
        low, high: 95 % interval, by a bootstrap over test speakers or recordings, of the score over all seeds.
        per_seed: the score with each seed.
        draws: the score over all seeds in each draw of the bootstrap, (R,). The same units are drawn the same way
            whoever is measured, so that two figures of the same units can be compared draw by draw. Not told.
    """

    value: float
    std: float
    low: float
    high: float
    per_seed: tuple[float, ...]
    draws: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0), compare=False, repr=False)


@dataclass(frozen=True)
class Comparison:
    """The model against another encoder on the same test recordings.

    Attributes:
        against: the other's name.
        difference: score of the model less that of the other.
        low, high: 95 % interval of the difference, by a bootstrap over the same units for both.
        p: two-sided permutation test: how often the difference would be as large if the two were interchangeable in
            every unit.
        p_seeds: two-sided paired t-test over the seeds, as in arXiv 2005.01400; None with one seed or where the
            difference is the same with every seed. It tells of training noise, not of new speakers.
    """

    against: str
    difference: float
    low: float
    high: float
    p: float
    p_seeds: float | None


def figure(sums: Sums, statistic: Statistic, seed: int = 0) -> Figure:
    """A score with its interval; see `Figure`."""
    per_seed = statistic(sums.sum(axis=1))
    draws = statistic(_resampled(sums.sum(axis=0), seed))
    std = float(per_seed.std(ddof=1)) if len(per_seed) > 1 else 0.0
    return Figure(float(per_seed.mean()), std, *_interval(draws), tuple(per_seed.tolist()), draws)


def compare(name: str, model: Sums, other: Sums, statistic: Statistic, seed: int = 0) -> Comparison:
    """The model against another; their sums are of the same seeds and units.

    Raises:
        ValueError: they are not.
    """
    if model.shape != other.shape:
        raise ValueError(f"sums of {model.shape} cannot be paired with sums of {other.shape}")
    ours, theirs = statistic(model.sum(axis=1)), statistic(other.sum(axis=1))
    ours_by_unit, theirs_by_unit = model.sum(axis=0), other.sum(axis=0)
    drawn = statistic(_resampled(ours_by_unit, seed)) - statistic(_resampled(theirs_by_unit, seed))  # the same draws
    low, high = _interval(drawn)
    p = _permuted(ours_by_unit, theirs_by_unit, statistic, seed)
    return Comparison(name, float((ours - theirs).mean()), low, high, p, _over_seeds(ours, theirs))


def as_plain(told: Any) -> dict[str, Any]:
    """A dataclass with figures in it as plain values, for JSON: all but the draws, which nobody wants to read."""
    return asdict(told, dict_factory=lambda pairs: {name: value for name, value in pairs if name != DRAWS})


def unit_sums(sums: Sums, units: NDArray[np.int64], count: int) -> Sums:
    """Adds up what entries (N, K) give to their units (N,): (count, K)."""
    total = np.zeros((count, sums.shape[1]))
    np.add.at(total, units, sums)
    return total


def _resampled(by_unit: Sums, seed: int) -> Sums:
    """Sums of `RESAMPLES` draws of as many units as there are, with replacement: (units, K) -> (RESAMPLES, K)."""
    there = by_unit[by_unit.any(axis=1)]  # units that were never tested are not drawn
    if not len(there):
        return np.zeros((RESAMPLES, by_unit.shape[1]))
    return _draws(len(there), seed) @ there


def _draws(units: int, seed: int) -> NDArray[np.float64]:
    """How often each unit is drawn, (RESAMPLES, units)."""
    rng = np.random.default_rng([seed, 80])
    return rng.multinomial(units, np.full(units, 1 / units), size=RESAMPLES).astype(np.float64)


def _interval(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def _permuted(model: Sums, other: Sums, statistic: Statistic, seed: int) -> float:
    """Share of the swaps of model and other, unit by unit, whose difference is as large as the one found."""
    there = model.any(axis=1) | other.any(axis=1)
    model, other = model[there], other[there]
    units = len(model)
    if units <= EXACT:
        swaps = (np.arange(2**units)[:, None] >> np.arange(units)) & 1
    else:
        swaps = np.random.default_rng([seed, 81]).integers(0, 2, size=(SWAPS, units))
    moved = swaps.astype(np.float64) @ (other - model)
    differences = np.abs(statistic(model.sum(0) + moved) - statistic(other.sum(0) - moved))
    found = abs(float(statistic(model.sum(0)) - statistic(other.sum(0))))
    as_large = int((differences >= found - 1e-12).sum())
    return as_large / len(swaps) if units <= EXACT else (as_large + 1) / (SWAPS + 1)


def _over_seeds(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> float | None:
    from scipy.stats import ttest_rel

    if len(ours) < 2 or np.ptp(ours - theirs) < 1e-12:
        return None
    return float(ttest_rel(ours, theirs).pvalue)
