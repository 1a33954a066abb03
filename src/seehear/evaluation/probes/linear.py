"""Linear models over pooled features; a linear probe for many classes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from copy import copy
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.evaluation.probes.interface import ClassObjective, Examples, FittedProbe, Inputs, Objective, Probe

SEGMENTS = 4


def pooled(features: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Compute mean and (population) deviation of each feature in each of four segments.

    Segment k of T steps goes from floor(k T / 4) to ceil((k + 1) T / 4): if T is not a multiple of four, neighbours
    share a step, and if it is less than four, none is empty.

    Args:
        features: (B, T, D), float32
        lengths: number of valid steps of each, int64 (B,); by default T

    Returns:
        (B, 4 * 2 * D): the four means, then the four deviations.
    """
    count, steps, width = features.shape
    lengths = torch.full((count,), steps, device=features.device) if lengths is None else lengths.to(features.device)
    inside = torch.arange(steps, device=features.device) < lengths[:, None]
    # In double precision: the deviation is a small difference of running sums.
    features = features.double() * inside[..., None]
    middle = features.sum(1, keepdim=True) / lengths[:, None, None]
    features = (features - middle) * inside[..., None]
    segment = torch.arange(SEGMENTS, device=features.device)
    first = segment * lengths[:, None] // SEGMENTS  # (B, 4)
    last = -(-(segment + 1) * lengths[:, None] // SEGMENTS)
    size = (last - first)[..., None]

    def mean(values: Tensor) -> Tensor:
        summed = torch.cat([values.new_zeros(count, 1, width), values.cumsum(1)], dim=1)  # (B, T + 1, D)
        ends = [summed.gather(1, edge[..., None].expand(-1, -1, width)) for edge in (first, last)]
        return (ends[1] - ends[0]) / size

    means = mean(features)
    # The floor keeps the gradient of the root finite where a segment is constant.
    deviations = (mean(features.square()) - means.square()).clamp_min(1e-16).sqrt()
    return torch.cat([(means + middle).flatten(1), deviations.flatten(1)], dim=1).float()


REGULARISATIONS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""C, from the strongest regularisation to the weakest."""


Scaling = Literal["each", "all"]


SCALINGS: tuple[Scaling, ...] = ("each", "all")
"""Every dimension scaled to deviation 1, or all of them by one factor. Bands with hardly any energy, such as those
above 4 kHz of a recording at 8 kHz, get the same weight as the others by the first and stay small by the second."""


TOLERANCE = 1e-4  # of the gradient; with 1e-3 weak regularisation stops at the solution of the strong one


Matrix = NDArray[np.float32]


class PooledProbe(Probe):
    """A linear model over `pooled` features.

    Its scaling and regularisation are chosen by the score on the development part.
    """

    def __init__(self, goal: Objective) -> None:
        """Set the objective, which gives the score."""
        self._goal = goal

    def keep(self, features: Tensor, rate: int) -> Tensor:
        """Return the pooled features, (B, 8 * D)."""
        return pooled(features)

    def fit(self, train: Examples, dev: Examples, seed: int) -> FittedProbe:
        """Fit every scaling and regularisation, and keep the first of the best."""
        best: FittedProbe | None = None
        for scaling in SCALINGS:
            view = Standardised(np.stack(train.inputs), scaling)
            for fitted in self._fits(view, train, dev):
                if best is None or fitted.score > best.score:
                    best = fitted
        assert best is not None
        return best

    @abstractmethod
    def _fits(self, view: Standardised, train: Examples, dev: Examples) -> Iterator[FittedProbe]:
        """Yield a fit for every regularisation, from the strongest on."""


class PooledClassifier(PooledProbe):
    """Logistic regression; C is chosen."""

    def _fits(self, view: Standardised, train: Examples, dev: Examples) -> Iterator[FittedProbe]:
        """Each fit starts from the previous one."""
        from sklearn.linear_model import LogisticRegression

        given, held = view(np.stack(train.inputs)), view(np.stack(dev.inputs))
        model = LogisticRegression(max_iter=300, tol=TOLERANCE, warm_start=True)
        for strength in REGULARISATIONS:
            model.set_params(C=strength)
            fit_quietly(model, given, train.targets)
            score = self._goal.score(model.predict(held).tolist(), dev.targets)
            yield FittedProbe(partial(_predict, view, copy(model)), score)


class PooledRegressor(PooledProbe):
    """Ridge regression of one number or several."""

    def _fits(self, view: Standardised, train: Examples, dev: Examples) -> Iterator[FittedProbe]:
        from sklearn.linear_model import Ridge

        given, held = view(np.stack(train.inputs)), view(np.stack(dev.inputs))
        for power in reversed(range(7)):
            model = Ridge(alpha=10.0**power).fit(given, train.targets)
            yield FittedProbe(partial(_predict, view, model), self._goal.score(list(model.predict(held)), dev.targets))


def _predict(view: Standardised, model: Any, inputs: Inputs) -> list[Any]:
    return list(model.predict(view(np.stack(inputs)))) if len(inputs) else []


def pooled_probe(goal: Objective) -> PooledProbe:
    """Return the quick probe that compares layers, whatever is trained on the chosen one."""
    instead = goal.pooled()
    return PooledClassifier(instead) if isinstance(instead, ClassObjective) else PooledRegressor(instead)


class Standardised:
    """Standardise vectors by the training part, and reduce them to no more dimensions than it has examples.

    A linear model with a quadratic penalty is the same in any rotation, so of vectors that are longer than the number
    of examples only the part within the examples' span is kept: nothing is lost, and a tenth of the labels takes a
    tenth of the time.
    """

    def __init__(self, train: Matrix, scaling: Scaling = "each") -> None:
        """Compute the statistics of the training part (N, D): of ``each`` dimension, or the mean deviation of
        ``all``."""
        self._mean = train.mean(axis=0)
        deviation = train.std(axis=0)
        if scaling == "all":
            deviation = np.where(deviation > 0, np.sqrt(np.square(deviation, dtype=np.float64).mean()), 0)
        self._scale = np.where(deviation > 1e-6 * (np.abs(self._mean) + 1e-6), 1 / np.maximum(deviation, 1e-12), 0)
        self._basis: Matrix | None = None
        if 2 * len(train) < train.shape[1]:
            self._basis = _span(self(train))

    def __call__(self, vectors: Matrix) -> Matrix:
        """Map (N, D) to (N, D or the number of training examples), float32."""
        standard = ((vectors - self._mean) * self._scale).astype(np.float32)
        return standard if self._basis is None else np.asarray(standard @ self._basis)


def _span(vectors: Matrix) -> Matrix:
    """Return an orthonormal basis of the rows (N, D), as columns (D, N or fewer), by the eigenvectors of their
    products."""
    values, vectors_of = np.linalg.eigh((vectors @ vectors.T).astype(np.float64))
    kept = values > 1e-6 * values[-1]
    kept[-1] = True  # if all examples are equal, nothing spans them: then one dimension, which is zero
    lengths = np.sqrt(np.maximum(values[kept], 1e-12))
    basis: Matrix = (vectors.T @ (vectors_of[:, kept] / lengths)).astype(np.float32)
    return basis


def fit_quietly(model: Any, given: Matrix, targets: Any) -> None:
    """Fit without convergence warnings: with weak regularisation, the development part judges the unfinished result."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(given, targets)


IDENTIFICATION_REGULARISATIONS = (1e-2, 1e-1, 1.0, 10.0)
"""C, from the strongest regularisation to the weakest."""


ITERATIONS = 200


DEVELOPMENT = 5  # one vector of a class in this many decides on the regularisation


ClassScorer = Callable[[Matrix], NDArray[np.float64]]
"""Vectors (N, D) -> log probabilities of all classes, (N, classes)."""


def fit_probe(vectors: Matrix, targets: NDArray[np.int64], classes: int, seed: int = 0) -> ClassScorer:
    """Fit a linear probe; a fifth of the vectors selects the regularisation, then it is fitted to all of them.

    Args:
        vectors: (N, D)
        targets: class of each; every class occurs
        classes: number of classes
        seed: of the choice of that fifth
    """
    from sklearn.linear_model import LogisticRegression

    view = Standardised(vectors)
    given = view(vectors)
    model = LogisticRegression(max_iter=ITERATIONS, tol=1e-3)
    fit_quietly(model.set_params(C=_best_strength(given, targets, seed)), given, targets)
    places = np.asarray(model.classes_)

    def probe(inputs: Matrix) -> NDArray[np.float64]:
        scores = np.full((len(inputs), classes), -np.inf)
        scores[:, places] = model.predict_log_proba(view(inputs))
        return scores

    return probe


def _best_strength(given: Matrix, targets: NDArray[np.int64], seed: int) -> float:
    """Return the first of the best; the middle one if no class has two vectors."""
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng([seed, 89])
    held = np.zeros(len(targets), dtype=bool)
    for rows in (np.flatnonzero(targets == label) for label in np.unique(targets)):
        held[rng.permutation(rows)[: len(rows) // DEVELOPMENT or int(len(rows) > 1)]] = True
    if not held.any() or len(np.unique(targets[~held])) < 2:
        return IDENTIFICATION_REGULARISATIONS[len(IDENTIFICATION_REGULARISATIONS) // 2]
    scores = []
    model = LogisticRegression(max_iter=ITERATIONS, tol=1e-3, warm_start=True)
    for strength in IDENTIFICATION_REGULARISATIONS:
        fit_quietly(model.set_params(C=strength), given[~held], targets[~held])
        scores.append(model.score(given[held], targets[held]))
    return IDENTIFICATION_REGULARISATIONS[int(np.argmax(scores))]
