"""Intervals, paired tests, Holm; the units that are drawn.

Clips of one person, and pieces of one film, are alike: an interval over them tells of that person or film, and is far
too narrow for others. So everything that a task counts is added up by unit before anything is said of how sure it is.

Every score here is a function of sums: accuracy of counts, word error rate of errors and words, a concordance of sums
of squares. So a test is an array of such sums by seed and by unit, where units (people, else source
files) are what is drawn independently, and every resampling is a product of matrices. Scores that are no
function of sums over units, such as an equal error rate of pairs, bring draws of their own; from there on all is alike.

With fewer than `FEW` units the percentiles of a bootstrap are too narrow: of six speakers a "95 %" interval holds the
truth in 83 to 86 of 100 tests, and two equal encoders differ "surely" in 14 to 16. Then it is Student's t with the
bootstrap's standard error; with more units, percentiles widened for their number (Hesterberg 2015, "What teachers
should know about the bootstrap", section 4.5). What that is worth is simulated in tests/metrics/test_coverage.py.
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
    """Holm's (1979) adjusted probabilities, in the order given: each may be compared with the level of the family."""
    adjusted = [0.0] * len(p)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(p)), key=lambda place: p[place])):
        highest = max(highest, min(1.0, (len(p) - rank) * p[place]))
        adjusted[place] = highest
    return adjusted


Kind = Literal["speakers", "sources", "clips"]


SPEAKER = "speaker"
"""The label that names the person."""


MIN_SPEAKERS = 2
"""Of the test part, for speakers to be the units: one person has no spread, and the sources are all there is."""


SINGULAR: dict[str, str] = {"speakers": "speaker", "sources": "source file", "clips": "clip", "people": "person"}


PLURAL: dict[str, str] = {"sources": "source files"}


@dataclass(frozen=True)
class Units:
    """Which entry belongs to which unit.

    Attributes:
        kind: what a unit is.
        names: of the units, sorted.
        of: number of the unit of each entry, (entries,).
    """

    kind: Kind
    names: tuple[str, ...]
    of: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.names)

    def __str__(self) -> str:
        return count_phrase(len(self), self.kind)

    def at(self, entries: Sequence[int]) -> Units:
        """Of some of the entries alone."""
        return Units(self.kind, self.names, self.of[np.asarray(entries, dtype=np.int64)])


def units_of(speakers: Sequence[str | None], sources: Sequence[str]) -> Units:
    """The speakers, if all entries have one and there are two or more; else the sources.

    Args:
        speakers: of each entry; None (or nothing) where that is not known.
        sources: the file that each entry is a piece of.
    """
    known = [str(speaker) for speaker in speakers if speaker]
    if len(known) == len(sources) and len(set(known)) >= MIN_SPEAKERS:
        return _numbered("speakers", known)
    return _numbered("sources", [str(source) for source in sources])


def units_of_metas(metas: Sequence[Mapping[str, Any]]) -> Units:
    """Of clips, by what each knows of itself (`Clip.meta`)."""
    labels = [meta.get("labels") or {} for meta in metas]
    return units_of([of_clip.get(SPEAKER) for of_clip in labels], [str(meta["source"]) for meta in metas])


def singletons(entries: int) -> Units:
    """Every entry is a unit: for entries of which nothing is known."""
    return Units("clips", tuple(str(entry) for entry in range(entries)), np.arange(entries))


def count_phrase(count: int, kind: str) -> str:
    """``6 speakers``, ``1 source file``."""
    return f"{count} {SINGULAR.get(kind, kind) if count == 1 else PLURAL.get(kind, kind)}"


def _numbered(kind: Kind, groups: Sequence[str]) -> Units:
    names, of = np.unique(np.array(groups, dtype=object).astype(str), return_inverse=True)
    return Units(kind, tuple(names.tolist()), of.astype(np.int64))


BOOTSTRAP_DRAWS = 2000
"""Of the bootstrap: the ends of a 95 % interval move by less than 0.1 points from seed to seed."""


PERMUTATIONS = 5000
"""Of the permutation test, where there are more than `EXACT` units; p is then known to 0.003 at 0.05."""


EXACT = 12  # units: all 4096 swaps are tried


FEW = 30
"""Units: with fewer, Student's t instead of percentiles and swaps."""


LEVEL = 0.95
"""Of every interval."""


EQUAL = 1e-12
"""Scores that are nearer to each other than this differ by rounding alone."""


DRAWS = "draws"


Bounds = tuple[float, float]
"""Least and greatest value that a score can have; no interval goes beyond them."""


SHARE: Bounds = (0.0, 1.0)


Sums = NDArray[np.float64]
"""(seeds, units, K): what each unit adds to each of the K sums that the score is a function of."""


Numbers = NDArray[np.float64]


Statistic = Callable[[Sums], Numbers]
"""Sums (..., K) -> scores (...)."""


@dataclass(frozen=True)
class Estimate:
    """A score, and how sure it is.

    Attributes:
        value: mean over the seeds.
        std: sample standard deviation over the seeds; 0 with one seed.
        low, high: 95 % interval over the tested units of the score over all seeds, see `interval`; not a number where
            there is one unit only.
        per_seed: the score with each seed.
        units: how many there were.
        draws: the score over all seeds in each draw of the bootstrap, (R,). The same units are drawn the same way
            whoever is measured, so that two figures of the same units can be compared draw by draw. Not told.
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
    """The model against another encoder on the same test recordings.

    Attributes:
        against: the other's name.
        difference: score of the model less that of the other.
        low, high: 95 % interval of the difference, over the same units for both; see `interval`.
        p: two-sided, paired by unit. With fewer than `FEW` units Student's t, which agrees with the interval; with
            more a permutation test: how often the difference would be as large if the two were interchangeable in
            every unit. 1 where there is one unit only.
        p_seeds: two-sided paired t-test over the seeds, as in arXiv 2005.01400; None with one seed or where the
            difference is the same with every seed. It tells of training noise, not of new speakers.
        units: how many there were.
    """

    against: str
    difference: float
    low: float
    high: float
    p: float
    p_seeds: float | None
    units: int = 0


def estimate(sums: Sums, statistic: Statistic, seed: int = 0, bounds: Bounds = SHARE) -> Estimate:
    """A score with its interval; see `Estimate`.

    Args:
        sums: by seed and by unit.
        statistic: what is made of them.
        seed: of the bootstrap.
        bounds: of the score.
    """
    per_seed = statistic(sums.sum(axis=1))
    there = tested_units(sums.sum(axis=0))
    draws = statistic(_resampled(there, seed))
    value = float(per_seed.mean())
    std = float(per_seed.std(ddof=1)) if len(per_seed) > 1 else 0.0
    return Estimate(
        value, std, *interval(value, draws, len(there), bounds), tuple(per_seed.tolist()), len(there), draws
    )


def paired_comparison(
    name: str, model: Sums, other: Sums, statistic: Statistic, seed: int = 0, bounds: Bounds = SHARE
) -> Comparison:
    """The model against another; their sums are of the same seeds and units.

    Args:
        name: of the other.
        model, other: by seed and by unit.
        statistic: what is made of them.
        seed: of bootstrap and swaps.
        bounds: of the score.

    Raises:
        ValueError: the sums are not of the same seeds and units.
    """
    if model.shape != other.shape:
        raise ValueError(f"sums of {model.shape} cannot be paired with sums of {other.shape}")
    ours, theirs = statistic(model.sum(axis=1)), statistic(other.sum(axis=1))
    both = tested_units(np.concatenate([model.sum(axis=0), other.sum(axis=0)], axis=1))
    ours_by_unit, theirs_by_unit = np.split(both, 2, axis=1)
    drawn = statistic(_resampled(ours_by_unit, seed)) - statistic(_resampled(theirs_by_unit, seed))  # the same draws
    value, units = float((ours - theirs).mean()), len(both)
    low, high = interval(value, drawn, units, difference_bounds(bounds))
    spread = units > 1 and float(np.ptp(drawn)) > EQUAL
    if units < FEW and (spread or units < 2):
        p = p_value(value, drawn, units)
    else:
        p = _permuted(ours_by_unit, theirs_by_unit, statistic, seed)
    return Comparison(name, value, low, high, p, _over_seeds(ours, theirs), units)


def interval(value: float, draws: Numbers, units: int, bounds: Bounds = SHARE) -> Bounds:
    """95 % interval of a score of which there are draws of units with replacement.

    Args:
        value: the score.
        draws: the score in each draw of as many units as there are, (R,); what is not a number is left out.
        units: how many there are.
        bounds: of the score.

    Returns:
        Its ends; twice not a number where there is one unit only, of which nobody can say how others would be. Where
        all units have the best (or worst) that there is, nothing varies: then the exact interval of Clopper and
        Pearson (1934) for so many successes out of as many units.
    """
    known = draws[np.isfinite(draws)]
    if units < 2 or not len(known):
        return math.nan, math.nan
    least, greatest = bounds
    if bounds == SHARE and float(np.ptp(known)) <= EQUAL and min(abs(value), abs(1 - value)) <= EQUAL:
        from scipy.stats import binomtest

        exact = binomtest(units if value > 0.5 else 0, units).proportion_ci(LEVEL)
        return float(exact.low), float(exact.high)
    if units < FEW:
        half = _quantile(units) * _standard_error(known, units)
        low, high = value - half, value + half
    else:
        from scipy.stats import norm

        tail = 100 * norm.cdf(-_quantile(units) * math.sqrt(units / (units - 1)))
        low, high = np.percentile(known, [tail, 100 - tail])
    return float(max(least, low)), float(min(greatest, high))


def p_value(difference: float, draws: Numbers, units: int) -> float:
    """Two-sided p of a difference of which there are draws; it is below 0.05 where `interval` leaves 0 out.

    Args:
        difference: that was found.
        draws: the difference in each draw of the units, both sides drawn the same way, (R,).
        units: how many there are.
    """
    from scipy.stats import norm, t

    known = draws[np.isfinite(draws)]
    if units < 2 or not len(known):
        return 1.0
    if units < FEW:
        error = _standard_error(known, units)
        if error <= EQUAL:
            return 1.0 if abs(difference) <= EQUAL else 0.0
        return float(2 * t.sf(abs(difference) / error, units - 1))
    beyond = min((known <= 0).sum(), (known >= 0).sum())
    share = min(0.5, (int(beyond) + 1) / (len(known) + 1))
    return float(2 * t.sf(-norm.ppf(share) * math.sqrt((units - 1) / units), units - 1))


def student(values: Numbers) -> tuple[float, float] | None:
    """95 % interval of the mean of independent values (N,), by Student's t; None with fewer than two."""
    count = len(values)
    if count < 2:
        return None
    half = _quantile(count) * float(np.std(values, ddof=1)) / math.sqrt(count)
    mean = float(np.mean(values))
    return mean - half, mean + half


def difference_bounds(bounds: Bounds) -> Bounds:
    """Of the difference of two scores with these bounds."""
    return bounds[0] - bounds[1], bounds[1] - bounds[0]


def to_plain_dict(told: Any) -> dict[str, Any]:
    """A dataclass with figures in it as plain values, for JSON: all but the draws, which nobody wants to read.

    What is not a number becomes None: JSON knows no other word for it.
    """
    return asdict(
        told, dict_factory=lambda pairs: {name: _finite_or_none(value) for name, value in pairs if name != DRAWS}
    )


def unit_sums(sums: Sums, units: NDArray[np.int64], count: int) -> Sums:
    """Adds up what entries (N, K) give to their units (N,): (count, K)."""
    total = np.zeros((count, sums.shape[1]))
    np.add.at(total, units, sums)
    return total


def tested_units(by_unit: Sums) -> Sums:
    """The units that were tested at all, (units, K): the others are not drawn, and do not count."""
    return by_unit[by_unit.any(axis=1)]


def _finite_or_none(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _quantile(units: int) -> float:
    """Of Student's t, for the ends of an interval."""
    from scipy.stats import t

    return float(t.ppf((1 + LEVEL) / 2, units - 1))


def _standard_error(draws: Numbers, units: int) -> float:
    """Deviation over the draws, without the bootstrap's bias: of a mean it is that of a sample, s / sqrt(units)."""
    return float(draws.std() * math.sqrt(units / (units - 1)))


def _resampled(there: Sums, seed: int) -> Sums:
    """Sums of `BOOTSTRAP_DRAWS` draws of as many units as there are, with replacement: (units, K) -> (RESAMPLES, K)."""
    if not len(there):
        return np.zeros((BOOTSTRAP_DRAWS, there.shape[1]))
    return _draws(len(there), seed) @ there


@lru_cache(maxsize=8)
def _draws(units: int, seed: int) -> Numbers:
    """How often each unit is drawn, (RESAMPLES, units)."""
    rng = np.random.default_rng([seed, 80])
    return rng.multinomial(units, np.full(units, 1 / units), size=BOOTSTRAP_DRAWS).astype(np.float64)


def _permuted(model: Sums, other: Sums, statistic: Statistic, seed: int) -> float:
    """Share of the swaps of model and other, unit by unit, whose difference is as large as the one found."""
    units = len(model)
    if units <= EXACT:
        swaps = (np.arange(2**units)[:, None] >> np.arange(units)) & 1
    else:
        swaps = np.random.default_rng([seed, 81]).integers(0, 2, size=(PERMUTATIONS, units))
    moved = swaps.astype(np.float64) @ (other - model)
    differences = np.abs(statistic(model.sum(0) + moved) - statistic(other.sum(0) - moved))
    found = abs(float(statistic(model.sum(0)) - statistic(other.sum(0))))
    as_large = int((differences >= found - EQUAL).sum())
    return as_large / len(swaps) if units <= EXACT else (as_large + 1) / (PERMUTATIONS + 1)


def _over_seeds(ours: Numbers, theirs: Numbers) -> float | None:
    from scipy.stats import ttest_rel

    if len(ours) < 2 or np.ptp(ours - theirs) < EQUAL:
        return None
    return float(ttest_rel(ours, theirs).pvalue)
