"""Bootstrap intervals, paired tests and Holm's correction; resampling units.

Clips of one person, and parts of one video, are similar. An interval over clips describes only that person or video,
and is far too narrow for others. So everything that a task counts is summed by unit before its uncertainty is computed.

Every score here is a function of sums: accuracy of counts, word error rate of errors and words, a concordance of sums
of squares. So a test is an array of such sums by seed and unit, where units (people, else source files) are resampled
independently, and every resampling is a matrix product. Scores that are not a function of sums over units, such as an
equal error rate of pairs, bring their own bootstrap samples; the rest is the same.

With fewer than `MIN_PERCENTILE_UNITS` units the percentiles of a bootstrap are too narrow: with six speakers a "95 %"
interval covers the truth in 83 to 86 of 100 tests, and two equal encoders differ "significantly" in 14 to 16. Then
Student's t is used with the bootstrap's standard error; with more units, percentiles widened for their number
(Hesterberg 2015, "What teachers should know about the bootstrap", section 4.5). The coverage is simulated in
tests/metrics/test_coverage.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray


def holm(p: Sequence[float]) -> list[float]:
    """Holm's (1979) adjusted p-values, in the given order; compare each with the level of the family."""
    adjusted = [0.0] * len(p)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(p)), key=lambda index: p[index])):
        highest = max(highest, min(1.0, (len(p) - rank) * p[index]))
        adjusted[index] = highest
    return adjusted


Kind = Literal["speakers", "sources", "clips"]


SPEAKER = "speaker"
"""Label with the person's name."""


MIN_SPEAKERS = 2
"""Minimum number of test speakers to use them as units; one person has no variance, so sources are used instead."""


SINGULAR: dict[str, str] = {"speakers": "speaker", "sources": "source file", "clips": "clip", "people": "person"}


PLURAL: dict[str, str] = {"sources": "source files"}


@dataclass(frozen=True)
class Units:
    """Assignment of entries to units.

    Attributes:
        kind: what a unit is.
        names: names of the units, sorted.
        of: index of the unit of each entry, (entries,).
    """

    kind: Kind
    names: tuple[str, ...]
    of: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.names)

    def __str__(self) -> str:
        return count_phrase(len(self), self.kind)

    def at(self, entries: Sequence[int]) -> Units:
        """The units of some of the entries."""
        return Units(self.kind, self.names, self.of[np.asarray(entries, dtype=np.int64)])


def units_of(speakers: Sequence[str | None], sources: Sequence[str]) -> Units:
    """Use speakers as units if all entries have one and there are at least two; else sources.

    Args:
        speakers: speaker of each entry; None (or empty) if unknown.
        sources: source file of each entry.
    """
    known = [str(speaker) for speaker in speakers if speaker]
    if len(known) == len(sources) and len(set(known)) >= MIN_SPEAKERS:
        return _numbered("speakers", known)
    return _numbered("sources", [str(source) for source in sources])


def units_of_metas(metas: Sequence[Mapping[str, Any]]) -> Units:
    """Units of clips, by their metadata (`Clip.meta`)."""
    labels = [meta.get("labels") or {} for meta in metas]
    return units_of([of_clip.get(SPEAKER) for of_clip in labels], [str(meta["source"]) for meta in metas])


def singletons(entries: int) -> Units:
    """Make every entry a unit, for entries without metadata."""
    return Units("clips", tuple(str(entry) for entry in range(entries)), np.arange(entries))


def count_phrase(count: int, kind: str) -> str:
    """Format a count: ``6 speakers``, ``1 source file``."""
    return f"{count} {SINGULAR.get(kind, kind) if count == 1 else PLURAL.get(kind, kind)}"


def _numbered(kind: Kind, groups: Sequence[str]) -> Units:
    names, of = np.unique(np.array(groups, dtype=object).astype(str), return_inverse=True)
    return Units(kind, tuple(names.tolist()), of.astype(np.int64))


BOOTSTRAP_DRAWS = 2000
"""Bootstrap samples: the ends of a 95 % interval vary by less than 0.1 points between seeds."""


PERMUTATIONS = 5000
"""Samples of the permutation test with more than `MAX_EXACT_UNITS` units; p is then known to 0.003 at 0.05."""


MAX_EXACT_UNITS = 12  # units up to which all (4096) swaps are computed


MIN_PERCENTILE_UNITS = 30
"""Number of units below which Student's t replaces percentiles and swaps."""


CONFIDENCE_LEVEL = 0.95
"""Confidence level of every interval."""


EPSILON = 1e-12
"""Differences below this are rounding errors."""


DRAWS_FIELD = "draws"


Bounds = tuple[float, float]
"""Minimum and maximum of a score; intervals are clipped to them."""


UNIT_BOUNDS: Bounds = (0.0, 1.0)


Sums = NDArray[np.float64]
"""(seeds, units, K): contribution of each unit to each of the K sums that the score is a function of."""


Numbers = NDArray[np.float64]


Statistic = Callable[[Sums], Numbers]
"""Sums (..., K) -> scores (...)."""


@dataclass(frozen=True)
class Estimate:
    """A score with its uncertainty.

    Attributes:
        value: mean over the seeds.
        std: sample standard deviation over the seeds; 0 with one seed.
        low, high: 95 % interval, over the tested units, of the mean score over all seeds, see `interval`; NaN with only
            one unit.
        per_seed: score with each seed.
        units: number of units.
        draws: mean score over all seeds in each bootstrap sample, (R,). The same units are resampled in the same way
            for every model, so that two estimates with the same units can be compared sample by sample. Not written to
            files.
    """

    value: float
    std: float
    low: float
    high: float
    per_seed: tuple[float, ...]
    units: int = 0
    draws: Numbers = field(default_factory=lambda: np.zeros(0), compare=False, repr=False)


@dataclass(frozen=True)
class Comparison:
    """The model compared with another encoder on the same test recordings.

    Attributes:
        against: name of the other encoder.
        difference: score of the model minus that of the other.
        low, high: 95 % interval of the difference, over the same units for both; see `interval`.
        p: two-sided, paired by unit. With fewer than `MIN_PERCENTILE_UNITS` units Student's t, consistent with the
            interval; with more, a permutation test: how often the difference would be as large if the two were
            interchangeable in every unit. 1 with only one unit.
        p_seeds: two-sided paired t-test over the seeds, as in arXiv 2005.01400; None with one seed or if the difference
            is the same with every seed. It measures training noise, not generalisation to new speakers.
        units: number of units.
    """

    against: str
    difference: float
    low: float
    high: float
    p: float
    p_seeds: float | None
    units: int = 0


def estimate(sums: Sums, statistic: Statistic, seed: int = 0, bounds: Bounds = UNIT_BOUNDS) -> Estimate:
    """Compute a score with its interval; see `Estimate`.

    Args:
        sums: sums by seed and unit.
        statistic: score as a function of the sums.
        seed: seed of the bootstrap.
        bounds: bounds of the score.
    """
    per_seed = statistic(sums.sum(axis=1))
    tested = tested_units(sums.sum(axis=0))
    draws = statistic(_resampled(tested, seed))
    value = float(per_seed.mean())
    std = float(per_seed.std(ddof=1)) if len(per_seed) > 1 else 0.0
    return Estimate(
        value, std, *interval(value, draws, len(tested), bounds), tuple(per_seed.tolist()), len(tested), draws
    )


def paired_comparison(
    name: str, model: Sums, other: Sums, statistic: Statistic, seed: int = 0, bounds: Bounds = UNIT_BOUNDS
) -> Comparison:
    """Compare the model with another encoder; both sums have the same seeds and units.

    Args:
        name: name of the other encoder.
        model, other: sums by seed and unit.
        statistic: score as a function of the sums.
        seed: seed of bootstrap and permutations.
        bounds: bounds of the score.

    Raises:
        ValueError: the sums do not have the same seeds and units.
    """
    if model.shape != other.shape:
        raise ValueError(f"sums of {model.shape} cannot be paired with sums of {other.shape}")
    model_scores, other_scores = statistic(model.sum(axis=1)), statistic(other.sum(axis=1))
    both = tested_units(np.concatenate([model.sum(axis=0), other.sum(axis=0)], axis=1))
    model_by_unit, other_by_unit = np.split(both, 2, axis=1)
    samples = statistic(_resampled(model_by_unit, seed)) - statistic(_resampled(other_by_unit, seed))  # same samples
    value, units = float((model_scores - other_scores).mean()), len(both)
    low, high = interval(value, samples, units, difference_bounds(bounds))
    spread = units > 1 and float(np.ptp(samples)) > EPSILON
    if units < MIN_PERCENTILE_UNITS and (spread or units < 2):
        p = p_value(value, samples, units)
    else:
        p = _permuted(model_by_unit, other_by_unit, statistic, seed)
    return Comparison(name, value, low, high, p, _over_seeds(model_scores, other_scores), units)


def interval(value: float, draws: Numbers, units: int, bounds: Bounds = UNIT_BOUNDS) -> Bounds:
    """95 % interval of a score from bootstrap samples over units.

    Args:
        value: the score.
        draws: score in each bootstrap sample, (R,); NaN and infinities are ignored.
        units: number of units.
        bounds: bounds of the score.

    Returns:
        Its ends; NaN with only one unit, as nothing is known about the variance. If all units have the best (or worst)
        possible score, nothing varies; then the exact interval of Clopper and Pearson (1934) for as many successes (or
        failures) as units.
    """
    finite = draws[np.isfinite(draws)]
    if units < 2 or not len(finite):
        return math.nan, math.nan
    lower, upper = bounds
    if bounds == UNIT_BOUNDS and float(np.ptp(finite)) <= EPSILON and min(abs(value), abs(1 - value)) <= EPSILON:
        from scipy.stats import binomtest

        exact = binomtest(units if value > 0.5 else 0, units).proportion_ci(CONFIDENCE_LEVEL)
        return float(exact.low), float(exact.high)
    if units < MIN_PERCENTILE_UNITS:
        half = _quantile(units) * _standard_error(finite, units)
        low, high = value - half, value + half
    else:
        from scipy.stats import norm

        tail = 100 * norm.cdf(-_quantile(units) * math.sqrt(units / (units - 1)))
        low, high = np.percentile(finite, [tail, 100 - tail])
    return float(max(lower, low)), float(min(upper, high))


def p_value(difference: float, draws: Numbers, units: int) -> float:
    """Two-sided p-value of a difference from its bootstrap samples; below 0.05 if and only if `interval` excludes 0.

    Args:
        difference: observed difference.
        draws: difference in each bootstrap sample, both sides resampled in the same way, (R,).
        units: number of units.
    """
    from scipy.stats import norm, t

    finite = draws[np.isfinite(draws)]
    if units < 2 or not len(finite):
        return 1.0
    if units < MIN_PERCENTILE_UNITS:
        error = _standard_error(finite, units)
        if error <= EPSILON:
            return 1.0 if abs(difference) <= EPSILON else 0.0
        return float(2 * t.sf(abs(difference) / error, units - 1))
    beyond = min((finite <= 0).sum(), (finite >= 0).sum())
    share = min(0.5, (int(beyond) + 1) / (len(finite) + 1))
    return float(2 * t.sf(-norm.ppf(share) * math.sqrt((units - 1) / units), units - 1))


def student_interval(values: Numbers) -> tuple[float, float] | None:
    """95 % interval of the mean of independent values (N,), by Student's t; None with fewer than two."""
    count = len(values)
    if count < 2:
        return None
    half = _quantile(count) * float(np.std(values, ddof=1)) / math.sqrt(count)
    mean = float(np.mean(values))
    return mean - half, mean + half


def difference_bounds(bounds: Bounds) -> Bounds:
    """Bounds of the difference of two scores with these bounds."""
    return bounds[0] - bounds[1], bounds[1] - bounds[0]


def to_plain_dict(result: Any) -> dict[str, Any]:
    """Convert a dataclass with estimates to plain values for JSON, without the bootstrap samples.

    NaN becomes None, as JSON has no NaN.
    """
    return asdict(
        result,
        dict_factory=lambda pairs: {name: _finite_or_none(value) for name, value in pairs if name != DRAWS_FIELD},
    )


def unit_sums(sums: Sums, units: NDArray[np.int64], count: int) -> Sums:
    """Sum the contributions of entries (N, K) by unit (N,): (count, K)."""
    total = np.zeros((count, sums.shape[1]))
    np.add.at(total, units, sums)
    return total


def tested_units(by_unit: Sums) -> Sums:
    """The units that were tested at all, (units, K); the others are not resampled, and do not count."""
    return by_unit[by_unit.any(axis=1)]


def _finite_or_none(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _quantile(units: int) -> float:
    """Quantile of Student's t for the ends of an interval."""
    from scipy.stats import t

    return float(t.ppf((1 + CONFIDENCE_LEVEL) / 2, units - 1))


def _standard_error(draws: Numbers, units: int) -> float:
    """Standard deviation of the samples, corrected for the bootstrap's bias: for a mean it equals s / sqrt(units)."""
    return float(draws.std() * math.sqrt(units / (units - 1)))


def _resampled(tested: Sums, seed: int) -> Sums:
    """Sums of `BOOTSTRAP_DRAWS` samples with replacement: (units, K) -> (BOOTSTRAP_DRAWS, K)."""
    if not len(tested):
        return np.zeros((BOOTSTRAP_DRAWS, tested.shape[1]))
    return _draws(len(tested), seed) @ tested


@lru_cache(maxsize=8)
def _draws(units: int, seed: int) -> Numbers:
    """How often each unit is drawn, (BOOTSTRAP_DRAWS, units)."""
    rng = np.random.default_rng([seed, 80])
    return rng.multinomial(units, np.full(units, 1 / units), size=BOOTSTRAP_DRAWS).astype(np.float64)


def _permuted(model: Sums, other: Sums, statistic: Statistic, seed: int) -> float:
    """Fraction of the unit-wise swaps of model and other whose difference is at least as large as the observed one."""
    units = len(model)
    if units <= MAX_EXACT_UNITS:
        swaps = (np.arange(2**units)[:, None] >> np.arange(units)) & 1
    else:
        swaps = np.random.default_rng([seed, 81]).integers(0, 2, size=(PERMUTATIONS, units))
    moved = swaps.astype(np.float64) @ (other - model)
    differences = np.abs(statistic(model.sum(0) + moved) - statistic(other.sum(0) - moved))
    observed = abs(float(statistic(model.sum(0)) - statistic(other.sum(0))))
    as_large = int((differences >= observed - EPSILON).sum())
    return as_large / len(swaps) if units <= MAX_EXACT_UNITS else (as_large + 1) / (PERMUTATIONS + 1)


def _over_seeds(model: Numbers, other: Numbers) -> float | None:
    from scipy.stats import ttest_rel

    if len(model) < 2 or np.ptp(model - other) < EPSILON:
        return None
    return float(ttest_rel(model, other).pvalue)
