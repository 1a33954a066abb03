"""Detection and matching metrics from score counts: EER, minDCF, AUC, DET; 1-of-N matching.

Counts are in bins of ascending score, of any width: one bin per distinct score is exact. A threshold lies below the
first bin, between two bins, or above the last; pairs in bins above it are accepted.

1-of-N matching is computed without sampling: if L of m negatives score below the positive, N - 1 random negatives are
all among those L with the probability L / m * (L - 1) / (m - 1) * ...
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers = NDArray[np.float64]


DCF_PRIORS = (0.01, 0.05)
"""Priors of target pairs for the detection cost, as in VoxCeleb's benchmarks."""


DET_POINTS = 200


@dataclass(frozen=True)
class ErrorCounts:
    """Number of pairs in each bin.

    Attributes:
        edges: lower edges of the bins, ascending, (bins,).
        targets: pairs of the same person, (..., bins), with any leading axes.
        others: pairs of different people, (..., bins).
    """

    edges: Numbers
    targets: Numbers
    others: Numbers

    @classmethod
    def from_scores(cls, scores: ArrayLike, targets: ArrayLike) -> Self:
        """Exact counts of scores (N,), targets (N,) bool: one bin per distinct score."""
        values, same = np.asarray(scores, dtype=np.float64), np.asarray(targets, dtype=bool)
        edges, bins = np.unique(values, return_inverse=True)
        counts = [np.bincount(bins[side], minlength=len(edges)).astype(np.float64) for side in (same, ~same)]
        return cls(edges, counts[0], counts[1])

    @property
    def miss_rates(self) -> Numbers:
        """Miss rate at each threshold, (..., bins + 1), rising from 0 to 1."""
        return _below(self.targets)

    @property
    def false_alarm_rates(self) -> Numbers:
        """False alarm rate at each threshold, (..., bins + 1), falling from 1 to 0."""
        return 1 - _below(self.others)

    @property
    def eer(self) -> Numbers:
        """Equal error rate, (...), interpolated linearly between two thresholds."""
        before, after, fraction = self._crossing()
        misses = self.miss_rates
        low, high = (np.take_along_axis(misses, index[..., None], -1)[..., 0] for index in (before, after))
        equal: Numbers = low + fraction * (high - low)
        return equal

    @property
    def eer_threshold(self) -> Numbers:
        """Score at the equal error rate, (...)."""
        before, after, fraction = self._crossing()
        edges = np.append(self.edges, self.edges[-1])  # above the last bin there is no other score
        threshold: Numbers = edges[before] + fraction * (edges[after] - edges[before])
        return threshold

    @property
    def auc(self) -> Numbers:
        """Area under the ROC curve, (...): how often a target pair scores above another; ties count half."""
        below = np.cumsum(self.others, -1) - self.others / 2
        pairs = self.targets.sum(-1) * self.others.sum(-1)
        return _ratio((self.targets * below).sum(-1), pairs)

    def min_dcf(self, prior: float) -> Numbers:
        """Minimum detection cost over all thresholds, (...), as defined by NIST, with both costs 1.

        Args:
            prior: prior of target pairs. The cost is normalised by that of always accepting or always rejecting,
                whichever is lower, so that 1 is useless.
        """
        cost = prior * self.miss_rates + (1 - prior) * self.false_alarm_rates
        minimum: Numbers = cost.min(-1) / min(prior, 1 - prior)
        return minimum

    def det(self, points: int = DET_POINTS) -> list[tuple[float, float, float]]:
        """Points of the DET curve: (threshold, false alarms, misses), thresholds ascending.

        They are spread evenly over the normal deviates of both errors, the axes of a DET plot.
        """
        from scipy.special import ndtri

        misses, alarms = self.miss_rates[1:-1], self.false_alarm_rates[1:-1]
        between = np.flatnonzero((misses > 0) & (misses < 1) & (alarms > 0) & (alarms < 1))
        if not len(between):  # perfect separation: the curve is one point, the corner
            between = np.arange(len(misses))[(misses + alarms).argmin() :][:1]
        path = ndtri(np.clip(misses[between], 1e-9, 1 - 1e-9)) - ndtri(np.clip(alarms[between], 1e-9, 1 - 1e-9))
        positions = np.linspace(path[0], path[-1], points) if len(between) else path
        chosen = between[np.unique(np.searchsorted(path, positions).clip(0, len(between) - 1))]
        return [(float(self.edges[i + 1]), float(alarms[i]), float(misses[i])) for i in chosen.tolist()]

    def _crossing(self) -> tuple[NDArray[np.int64], NDArray[np.int64], Numbers]:
        """Thresholds before and after the error rates cross, and the relative position of the crossing between them."""
        difference = self.miss_rates - self.false_alarm_rates  # rises from -1 to 1
        after = np.maximum((difference >= 0).argmax(-1), 1)
        before = after - 1
        low, high = (np.take_along_axis(difference, index[..., None], -1)[..., 0] for index in (before, after))
        return before, after, _ratio(-low, high - low)


def _below(counts: Numbers) -> Numbers:
    """Fraction of the counts below each threshold, (..., bins) -> (..., bins + 1)."""
    total = counts.sum(-1, keepdims=True)
    zero = np.zeros((*counts.shape[:-1], 1))
    return _ratio(np.concatenate([zero, np.cumsum(counts, -1)], -1), total)


def _ratio(part: Numbers, whole: Numbers) -> Numbers:
    """NaN where the denominator is 0."""
    ratio: Numbers = np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=np.asarray(whole) > 0)
    return ratio


def matching_accuracy(below: Numbers, negatives: Numbers, max_choices: int) -> Iterator[tuple[int, Numbers]]:
    """Probability that the positive has the highest score among N, for N = 2 to ``max_choices``.

    Args:
        below: negatives that score below the positive, (...); fractional if negatives are weighted.
        negatives: all negatives, (...).
        max_choices: maximum N, including the positive.

    Yields:
        N and the probability, (...), NaN if there are too few negatives.
    """
    probability = np.ones_like(below)
    for taken in range(max_choices - 1):
        remaining = negatives - taken
        share = np.divide(
            np.maximum(below - taken, 0), remaining, out=np.full_like(probability, np.nan), where=remaining >= 1 - 1e-9
        )
        probability = probability * share
        yield taken + 2, probability
