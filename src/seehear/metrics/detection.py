"""EER, minDCF, AUC, DET, Cllr; 1-of-N matching.

Counts come in bins of ascending score, as fine as one likes: one bin a different score is exact. A threshold lies below
the first bin, between two, or above the last; what is in a bin above it is accepted.

Nobody is drawn to stand there: where L of m rivals score less than the right one, N - 1 of them are all among those L
with the probability L / m * (L - 1) / (m - 1) * ...
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers = NDArray[np.float64]


DCF_PRIORS = (0.01, 0.05)
"""Shares of target pairs for which the detection cost is told: those of VoxCeleb's benchmarks."""


DET_POINTS = 200


@dataclass(frozen=True)
class ErrorCounts:
    """How many pairs there are in each bin.

    Attributes:
        edges: scores at which bins begin, ascending, (bins,).
        targets: pairs of one person, (..., bins); several sets of them may stand in front.
        others: pairs of two, (..., bins).
    """

    edges: Numbers
    targets: Numbers
    others: Numbers

    @classmethod
    def of(cls, scores: ArrayLike, targets: ArrayLike) -> Self:
        """Exact counts of scores (N,), targets (N,) bool: a bin for each different score."""
        given, known = np.asarray(scores, dtype=np.float64), np.asarray(targets, dtype=bool)
        edges, bins = np.unique(given, return_inverse=True)
        counts = [np.bincount(bins[side], minlength=len(edges)).astype(np.float64) for side in (known, ~known)]
        return cls(edges, counts[0], counts[1])

    @property
    def miss_rates(self) -> Numbers:
        """Share of the target pairs below each of the thresholds, (..., bins + 1), rising from 0 to 1."""
        return _below(self.targets)

    @property
    def false_alarm_rates(self) -> Numbers:
        """Share of the other pairs above each of the thresholds, (..., bins + 1), falling from 1 to 0."""
        return 1 - _below(self.others)

    @property
    def eer(self) -> Numbers:
        """Equal error rate, (...): where the two errors are the same on the line between two thresholds."""
        before, after, share = self._crossing()
        misses = self.miss_rates
        low, high = (np.take_along_axis(misses, place[..., None], -1)[..., 0] for place in (before, after))
        equal: Numbers = low + share * (high - low)
        return equal

    @property
    def eer_threshold(self) -> Numbers:
        """Score at which they are, (...)."""
        before, after, share = self._crossing()
        edges = np.append(self.edges, self.edges[-1])  # above the last bin there is no other score
        threshold: Numbers = edges[before] + share * (edges[after] - edges[before])
        return threshold

    @property
    def auc(self) -> Numbers:
        """How often a target pair scores above another, equal scores counting half, (...)."""
        below = np.cumsum(self.others, -1) - self.others / 2
        pairs = self.targets.sum(-1) * self.others.sum(-1)
        return _ratio((self.targets * below).sum(-1), pairs)

    def min_dcf(self, prior: float) -> Numbers:
        """Least detection cost over all thresholds, (...), as NIST has it, both errors costing 1.

        Args:
            prior: share of target pairs. The cost is told as a share of that of the better of saying always yes and
                always no, so that 1 is worth nothing.
        """
        cost = prior * self.miss_rates + (1 - prior) * self.false_alarm_rates
        least: Numbers = cost.min(-1) / min(prior, 1 - prior)
        return least

    def det(self, points: int = DET_POINTS) -> list[tuple[float, float, float]]:
        """The curve of detection errors, thinned out: (threshold, false alarms, misses), thresholds ascending.

        Points are spread evenly over normal deviates of both errors, as they are drawn.
        """
        from scipy.special import ndtri

        misses, alarms = self.miss_rates[1:-1], self.false_alarm_rates[1:-1]
        inside = np.flatnonzero((misses > 0) & (misses < 1) & (alarms > 0) & (alarms < 1))
        if not len(inside):  # they are told apart without an error: then the corner is the curve
            inside = np.arange(len(misses))[(misses + alarms).argmin() :][:1]
        travelled = ndtri(np.clip(misses[inside], 1e-9, 1 - 1e-9)) - ndtri(np.clip(alarms[inside], 1e-9, 1 - 1e-9))
        wanted = np.linspace(travelled[0], travelled[-1], points) if len(inside) else travelled
        chosen = inside[np.unique(np.searchsorted(travelled, wanted).clip(0, len(inside) - 1))]
        return [(float(self.edges[i + 1]), float(alarms[i]), float(misses[i])) for i in chosen.tolist()]

    def _crossing(self) -> tuple[NDArray[np.int64], NDArray[np.int64], Numbers]:
        """The thresholds before and after the errors cross, and how far between them they do."""
        apart = self.miss_rates - self.false_alarm_rates  # rises from -1 to 1
        after = np.maximum((apart >= 0).argmax(-1), 1)
        before = after - 1
        low, high = (np.take_along_axis(apart, place[..., None], -1)[..., 0] for place in (before, after))
        return before, after, _ratio(-low, high - low)


def _below(counts: Numbers) -> Numbers:
    """Share of the counts below each threshold, (..., bins) -> (..., bins + 1)."""
    total = counts.sum(-1, keepdims=True)
    nothing = np.zeros((*counts.shape[:-1], 1))
    return _ratio(np.concatenate([nothing, np.cumsum(counts, -1)], -1), total)


def _ratio(part: Numbers, whole: Numbers) -> Numbers:
    """Not a number where there is nothing."""
    shared: Numbers = np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=np.asarray(whole) > 0)
    return shared


def matching_accuracy(below: Numbers, rivals: Numbers, most: int) -> Iterator[tuple[int, Numbers]]:
    """How probable it is that the right one is chosen among N, for N = 2 up to the most.

    Args:
        below: rivals that score less, (...); not whole where rivals are weighted.
        rivals: all of them, (...).
        most: the last N, the right one included.

    Yields:
        N and the probability, (...), not a number where there are too few rivals.
    """
    right = np.ones_like(below)
    for taken in range(most - 1):
        left = rivals - taken
        share = np.divide(np.maximum(below - taken, 0), left, out=np.full_like(right, np.nan), where=left >= 1 - 1e-9)
        right = right * share
        yield taken + 2, right
