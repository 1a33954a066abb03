"""Pooled features into a linear model; many classes."""

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
    """Mean and (population) deviation of each feature in each segment.

    Segment k of T steps goes from floor(k T / 4) to ceil((k + 1) T / 4): where T is no multiple of four, neighbours
    share a step, and where it is less than four, none is empty.

    Args:
        features: (B, T, D), float32.
        lengths: of each, int64 (B,); by default T. What comes after is not looked at.

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
"""Every dimension brought to deviation 1, or all of them by one number: bands that hold next to nothing, as those above
4 kHz of a recording of 8 kHz, are as loud as the others after the first and stay quiet after the second."""


TOLERANCE = 1e-4  # of the gradient; with 1e-3 weak regularisation stops where the strong one did


Matrix = NDArray[np.float32]


class PooledProbe(Probe):
    """A linear model over `pooled` features.

    How its inputs are scaled and how strongly it is held back, the score on the development part says.
    """

    def __init__(self, goal: Objective) -> None:
        """Whose score that is."""
        self._goal = goal

    def keep(self, features: Tensor, rate: int) -> Tensor:
        """The vectors, (B, 8 * D)."""
        return pooled(features)

    def fit(self, train: Examples, dev: Examples, seed: int) -> FittedProbe:
        """Fits each scaling and strength, and keeps the first of the best."""
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
        """Every strength, from the strongest on."""


class PooledClassifier(PooledProbe):
    """Logistic regression; its strength is C."""

    def _fits(self, view: Standardised, train: Examples, dev: Examples) -> Iterator[FittedProbe]:
        """Each begins where the last one ended."""
        from sklearn.linear_model import LogisticRegression

        given, held = view(np.stack(train.inputs)), view(np.stack(dev.inputs))
        model = LogisticRegression(max_iter=300, tol=TOLERANCE, warm_start=True)
        for strength in REGULARISATIONS:
            model.set_params(C=strength)
            fit_quietly(model, given, train.targets)
            score = self._goal.score(model.predict(held).tolist(), dev.targets)
            yield FittedProbe(partial(_predict, view, copy(model)), score)


class PooledRegressor(PooledProbe):
    """Ridge regression of one number, or of several."""

    def _fits(self, view: Standardised, train: Examples, dev: Examples) -> Iterator[FittedProbe]:
        from sklearn.linear_model import Ridge

        given, held = view(np.stack(train.inputs)), view(np.stack(dev.inputs))
        for power in reversed(range(7)):
            model = Ridge(alpha=10.0**power).fit(given, train.targets)
            yield FittedProbe(partial(_predict, view, model), self._goal.score(list(model.predict(held)), dev.targets))


def _predict(view: Standardised, model: Any, inputs: Inputs) -> list[Any]:
    return list(model.predict(view(np.stack(inputs)))) if len(inputs) else []


def pooled_probe(goal: Objective) -> PooledProbe:
    """The quick read-out by which layers are compared, whatever is trained on the one that is chosen."""
    instead = goal.pooled()
    return PooledClassifier(instead) if isinstance(instead, ClassObjective) else PooledRegressor(instead)


class Standardised:
    """Mean 0 and deviation 1 over the training part, and no more dimensions than it has examples.

    A linear model with a quadratic penalty is the same in any rotation, so of vectors that are longer than there are
    examples only the part within the examples' span is kept: nothing is lost, and a tenth of the labels takes a tenth
    of the time.
    """

    def __init__(self, train: Matrix, scaling: Scaling = "each") -> None:
        """Takes the measures of the training part (N, D): of ``each`` dimension, or the mean deviation of ``all``."""
        self._mean = train.mean(axis=0)
        deviation = train.std(axis=0)
        if scaling == "all":
            deviation = np.where(deviation > 0, np.sqrt(np.square(deviation, dtype=np.float64).mean()), 0)
        self._scale = np.where(deviation > 1e-6 * (np.abs(self._mean) + 1e-6), 1 / np.maximum(deviation, 1e-12), 0)
        self._basis: Matrix | None = None
        if 2 * len(train) < train.shape[1]:
            self._basis = _span(self(train))

    def __call__(self, vectors: Matrix) -> Matrix:
        """(N, D) -> (N, D or the number of training examples), float32."""
        standard = ((vectors - self._mean) * self._scale).astype(np.float32)
        return standard if self._basis is None else np.asarray(standard @ self._basis)


def _span(vectors: Matrix) -> Matrix:
    """An orthonormal basis of the rows (N, D), as columns (D, N or fewer), by the eigenvectors of their products."""
    values, vectors_of = np.linalg.eigh((vectors @ vectors.T).astype(np.float64))
    kept = values > 1e-6 * values[-1]
    kept[-1] = True  # where all examples are alike nothing spans them: then one dimension, which is zero
    lengths = np.sqrt(np.maximum(values[kept], 1e-12))
    basis: Matrix = (vectors.T @ (vectors_of[:, kept] / lengths)).astype(np.float32)
    return basis


def fit_quietly(model: Any, given: Matrix, targets: Any) -> None:
    """Weak regularisation may not be through after all iterations: the development part judges what came of it."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(given, targets)


IDENTIFICATION_REGULARISATIONS = (1e-2, 1e-1, 1.0, 10.0)
"""C, from the strongest regularisation to the weakest."""


ITERATIONS = 200


DEVELOPMENT = 5  # one vector of a class in so many decides on the strength


ClassScorer = Callable[[Matrix], NDArray[np.float64]]
"""Vectors (N, D) -> logarithms of the probabilities of all classes, (N, classes)."""


def fit_probe(vectors: Matrix, targets: NDArray[np.int64], classes: int, seed: int = 0) -> ClassScorer:
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
        return IDENTIFICATION_REGULARISATIONS[len(IDENTIFICATION_REGULARISATIONS) // 2]
    scores = []
    model = LogisticRegression(max_iter=ITERATIONS, tol=1e-3, warm_start=True)
    for strength in IDENTIFICATION_REGULARISATIONS:
        fit_quietly(model.set_params(C=strength), given[~held], targets[~held])
        scores.append(model.score(given[held], targets[held]))
    return IDENTIFICATION_REGULARISATIONS[int(np.argmax(scores))]
