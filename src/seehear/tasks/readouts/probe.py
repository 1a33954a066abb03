"""A linear probe for many classes: multinomial logistic regression on standardised vectors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from seehear.tasks.readouts.pooled import Matrix, Standardised, fit_quietly

STRENGTHS = (1e-2, 1e-1, 1.0, 10.0)
"""C, from the strongest regularisation to the weakest."""

ITERATIONS = 200
DEVELOPMENT = 5  # one vector of a class in so many decides on the strength

Probe = Callable[[Matrix], NDArray[np.float64]]
"""Vectors (N, D) -> logarithms of the probabilities of all classes, (N, classes)."""


def fit_probe(vectors: Matrix, targets: NDArray[np.int64], classes: int, seed: int = 0) -> Probe:
    """Fits it, as strongly held back as is best on a fifth of the vectors, and then to all of them.

    Args:
        vectors: (N, D).
        targets: class of each, every class at least once.
        classes: how many there are.
        seed: of the choice of that fifth.
    """
    from sklearn.linear_model import LogisticRegression

    view = Standardised(vectors)
    given = view(vectors)
    model = LogisticRegression(max_iter=ITERATIONS, tol=1e-3)
    fit_quietly(model.set_params(C=_best_strength(given, targets, seed)), given, targets)
    places = np.asarray(model.classes_)

    def probe(heard: Matrix) -> NDArray[np.float64]:
        said = np.full((len(heard), classes), -np.inf)
        said[:, places] = model.predict_log_proba(view(heard))
        return said

    return probe


def _best_strength(given: Matrix, targets: NDArray[np.int64], seed: int) -> float:
    """The first of the best; the middle one where no class has two vectors."""
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng([seed, 89])
    held = np.zeros(len(targets), dtype=bool)
    for rows in (np.flatnonzero(targets == label) for label in np.unique(targets)):
        held[rng.permutation(rows)[: len(rows) // DEVELOPMENT or int(len(rows) > 1)]] = True
    if not held.any() or len(np.unique(targets[~held])) < 2:
        return STRENGTHS[len(STRENGTHS) // 2]
    scores = []
    model = LogisticRegression(max_iter=ITERATIONS, tol=1e-3, warm_start=True)
    for strength in STRENGTHS:
        fit_quietly(model.set_params(C=strength), given[~held], targets[~held])
        scores.append(model.score(given[held], targets[held]))
    return STRENGTHS[int(np.argmax(scores))]
