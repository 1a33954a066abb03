"""How sure a curve of errors is: people are drawn with replacement, and with them both sides of every pair.

A pair of two people counts as often as the one was drawn times as often as the other, a pair of one person as often as
that one was. (Pairs of a person with a copy of the same are not made up.) Scores are binned once, so that all draws
together cost a product of matrices.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from seehear.tasks.verification.curve import Counts
from seehear.tasks.verification.trials import Rows

RESAMPLES = 1000
"""The ends of a 95 % interval move by about a thirtieth of its width from seed to seed."""

LEVELS = 400
"""Bins lie between so many quantiles of the scores of either kind of pair, and as many more in their tails."""

AT_ONCE = 100  # draws: of 100 000 pairs of people they weigh 40 MB

Numbers = NDArray[np.float64]


def draw_people(people: int, resamples: int = RESAMPLES, seed: int = 0) -> Numbers:
    """How often each person is drawn, (resamples, people)."""
    rng = np.random.default_rng([seed, 82])
    return rng.multinomial(people, np.full(people, 1 / people), size=resamples).astype(np.float64)


def resampled(scores: Numbers, targets: NDArray[np.bool_], one: Rows, other: Rows, draws: Numbers) -> Counts:
    """Counts of every draw.

    Args:
        scores: of the pairs, (N,).
        targets: bool (N,).
        one, other: person on either side of each, (N,).
        draws: (R, people), as `draw_people` gives it.

    Returns:
        Counts of (R, bins).
    """
    edges = _edges(scores, targets)
    bins = np.searchsorted(edges, scores, side="right") - 1
    kinds = (_weighted(bins[side], one[side], other[side], len(edges), draws) for side in (targets, ~targets))
    return Counts(edges, *kinds)


def _weighted(bins: Rows, one: Rows, other: Rows, count: int, draws: Numbers) -> Numbers:
    """Sums of the weights in each bin, (R, bins)."""
    people = draws.shape[1]
    pairs, which = np.unique(np.minimum(one, other) * people + np.maximum(one, other), return_inverse=True)
    first, second = np.divmod(pairs, people)
    in_bins: Any = sparse.coo_matrix((np.ones(len(bins), np.float32), (bins, which)), (count, len(pairs))).tocsr()
    apart = (first != second)[:, None]
    by_person = np.ascontiguousarray(draws.T, dtype=np.float32)
    sums = np.empty((len(draws), count))
    for start in range(0, len(draws), AT_ONCE):
        some = by_person[:, start : start + AT_ONCE]
        weights = some[first] * np.where(apart, some[second], 1)
        sums[start : start + AT_ONCE] = (in_bins @ weights).T
    return sums


def _edges(scores: Numbers, targets: NDArray[np.bool_]) -> Numbers:
    """Beginnings of the bins: dense where scores are, and in the tails that a small cost is decided in."""
    tail = np.geomspace(1e-6, 0.5, LEVELS)
    levels = np.concatenate([np.linspace(0, 1, LEVELS), tail, 1 - tail])
    wanted = np.concatenate([np.quantile(scores[side], levels, method="nearest") for side in (targets, ~targets)])
    return np.unique(np.append(wanted, scores.min()))
