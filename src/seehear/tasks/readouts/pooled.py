"""The quick read-out: pooled features, standardised, into a linear classifier. Seconds on one core."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from copy import copy
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from seehear.tasks.readouts.goals import Classes, Goal
from seehear.tasks.readouts.interface import Examples, Fitted, Inputs, ReadOut
from seehear.tasks.readouts.pooling import pooled

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""C, from the strongest regularisation to the weakest."""

Scaling = Literal["each", "all"]
SCALINGS: tuple[Scaling, ...] = ("each", "all")
"""Every dimension brought to deviation 1, or all of them by one number: bands that hold next to nothing, as those above
4 kHz of a recording of 8 kHz, are as loud as the others after the first and stay quiet after the second."""

TOLERANCE = 1e-4  # of the gradient; with 1e-3 weak regularisation stops where the strong one did

Matrix = NDArray[np.float32]


class PooledReadOut(ReadOut):
    """A linear model over `pooled` features.

    How its inputs are scaled and how strongly it is held back, the score on the development part says.
    """

    def __init__(self, goal: Goal) -> None:
        """Whose score that is."""
        self._goal = goal

    def keep(self, features: Tensor, rate: int) -> Tensor:
        """The vectors, (B, 8 * D)."""
        return pooled(features)

    def fit(self, train: Examples, dev: Examples, seed: int) -> Fitted:
        """Fits each scaling and strength, and keeps the first of the best."""
        best: Fitted | None = None
        for scaling in SCALINGS:
            view = Standardised(np.stack(train.inputs), scaling)
            for fitted in self._fits(view, train, dev):
                if best is None or fitted.score > best.score:
                    best = fitted
        assert best is not None
        return best

    @abstractmethod
    def _fits(self, view: Standardised, train: Examples, dev: Examples) -> Iterator[Fitted]:
        """Every strength, from the strongest on."""


class PooledClassifier(PooledReadOut):
    """Logistic regression; its strength is C."""

    def _fits(self, view: Standardised, train: Examples, dev: Examples) -> Iterator[Fitted]:
        """Each begins where the last one ended."""
        from sklearn.linear_model import LogisticRegression

        given, held = view(np.stack(train.inputs)), view(np.stack(dev.inputs))
        model = LogisticRegression(max_iter=300, tol=TOLERANCE, warm_start=True)
        for strength in STRENGTHS:
            model.set_params(C=strength)
            fit_quietly(model, given, train.targets)
            score = self._goal.score(model.predict(held).tolist(), dev.targets)
            yield Fitted(partial(_said, view, copy(model)), score)


class PooledRegressor(PooledReadOut):
    """Ridge regression of one number, or of several."""

    def _fits(self, view: Standardised, train: Examples, dev: Examples) -> Iterator[Fitted]:
        from sklearn.linear_model import Ridge

        given, held = view(np.stack(train.inputs)), view(np.stack(dev.inputs))
        for power in reversed(range(7)):
            model = Ridge(alpha=10.0**power).fit(given, train.targets)
            yield Fitted(partial(_said, view, model), self._goal.score(list(model.predict(held)), dev.targets))


def _said(view: Standardised, model: Any, inputs: Inputs) -> list[Any]:
    return list(model.predict(view(np.stack(inputs)))) if len(inputs) else []


def pooled_probe(goal: Goal) -> PooledReadOut:
    """The quick read-out by which layers are compared, whatever is trained on the one that is chosen."""
    instead = goal.pooled()
    return PooledClassifier(instead) if isinstance(instead, Classes) else PooledRegressor(instead)


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
