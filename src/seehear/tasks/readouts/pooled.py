"""The quick read-out: pooled features, standardised, into a linear classifier. Seconds on one core."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from seehear.tasks.readouts.goals import Goal
from seehear.tasks.readouts.interface import Examples, Predict, ReadOut
from seehear.tasks.readouts.pooling import pooled

STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""C, from the strongest regularisation to the weakest."""

TOLERANCE = 1e-4  # of the gradient; with 1e-3 weak regularisation stops where the strong one did

Matrix = NDArray[np.float32]


class PooledReadOut(ReadOut):
    """A linear model over `pooled` features; how strongly it is held back the score on the development part says."""

    def __init__(self, goal: Goal) -> None:
        """Whose score that is."""
        self._goal = goal

    def keep(self, features: Tensor, rate: int) -> Tensor:
        """The vectors, (B, 8 * D)."""
        return pooled(features)


class PooledClassifier(PooledReadOut):
    """Logistic regression; what is chosen is C."""

    def fit(self, train: Examples, dev: Examples, seed: int) -> Predict:
        """Fits each C, from the strongest on, beginning where the last one ended, and keeps the best."""
        from sklearn.linear_model import LogisticRegression

        view = Standardised(np.stack(train.inputs))
        given, held = view(np.stack(train.inputs)), view(np.stack(dev.inputs))
        model = LogisticRegression(max_iter=300, tol=TOLERANCE, warm_start=True)
        best: tuple[float, Any, Any] = (-1.0, None, None)
        for strength in STRENGTHS:
            model.set_params(C=strength)
            fit_quietly(model, given, train.targets)
            score = self._goal.score(model.predict(held).tolist(), dev.targets)
            if score > best[0]:
                best = (score, model.coef_.copy(), model.intercept_.copy())
        _, model.coef_, model.intercept_ = best
        return lambda inputs: model.predict(view(np.stack(inputs))).tolist() if len(inputs) else []


class PooledRegressor(PooledReadOut):
    """Ridge regression of one number; what is chosen is its strength."""

    def fit(self, train: Examples, dev: Examples, seed: int) -> Predict:
        """Fits every strength and keeps the best."""
        from sklearn.linear_model import Ridge

        view = Standardised(np.stack(train.inputs))
        given, held = view(np.stack(train.inputs)), view(np.stack(dev.inputs))
        models = [Ridge(alpha=10.0**power).fit(given, train.targets) for power in range(7)]
        best = max(models, key=lambda model: self._goal.score(model.predict(held), dev.targets))
        return lambda inputs: list(best.predict(view(np.stack(inputs)))) if len(inputs) else []


class Standardised:
    """Every dimension with mean 0 and deviation 1 over the training part, and no more dimensions than it has examples.

    A linear model with a quadratic penalty is the same in any rotation, so of vectors that are longer than there are
    examples only the part within the examples' span is kept: nothing is lost, and a tenth of the labels takes a tenth
    of the time.
    """

    def __init__(self, train: Matrix) -> None:
        """Takes the measures of the training part (N, D)."""
        self._mean = train.mean(axis=0)
        deviation = train.std(axis=0)
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
