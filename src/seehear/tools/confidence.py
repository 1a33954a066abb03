"""What a peak is worth: the probability that the delay it gives is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seehear.errors import ModelError
from seehear.tools.offset import Peak

RIGHT_WITHIN_MS = 40.0
"""A delay is right when it is within one video frame of the true one."""

MEANING = f"probability from 0 to 1 that the true delay is within {RIGHT_WITHIN_MS:.0f} ms of the stated one"


@dataclass(frozen=True)
class Calibration:
    """Logistic regression from a peak's statistics to the probability that its delay is right.

    ``p = 1 / (1 + exp(-(bias + margin * log(1 + M) + evidence * log(1 + E))))``, M and E being the peak's margin and
    evidence (see `seehear.tools.offset.Peak`).

    Attributes:
        bias, margin, evidence: the fitted coefficients.
        examples: how many measurements they were fitted to; 0 for `UNCALIBRATED` and outside of what was fitted.
        search_s: delays up to this were looked at in these, both ways.
    """

    bias: float
    margin: float
    evidence: float
    examples: int = 0
    search_s: float = 1.0

    def __call__(self, peak: Peak) -> float:
        """The probability that ``peak.delay_ms`` is within `RIGHT_WITHIN_MS` of the true delay."""
        logit = self.bias + np.dot([self.margin, self.evidence], statistics(peak))
        return float(1 / (1 + np.exp(-np.clip(logit, -30, 30))))

    @property
    def fitted(self) -> bool:
        """Whether the confidence is a probability that was fitted, rather than a rough guess."""
        return self.examples > 0

    def searching(self, search_s: float) -> Calibration:
        """The calibration for a search up to ``search_s``; a rough one where that is farther than it was fitted for.

        With n times as many wrong delays, each as likely to look right as before, the odds of the best one being right
        are n times less (Bayes' rule, all delays being as likely). As the margin already knows of the new rivals, this
        is rather too doubtful than too sure. A shorter search leaves the calibration as it is.
        """
        if search_s <= self.search_s:
            return self
        return replace(self, bias=self.bias - float(np.log(search_s / self.search_s)), examples=0, search_s=search_s)

    def among(self, sounds: int) -> Calibration:
        """The calibration for the best of so many sounds of a file: each of them is a chance to look right by luck."""
        return replace(self, bias=self.bias - float(np.log(max(1, sounds))))

    def to_config(self) -> dict[str, float]:
        """The entry ``sync_calibration`` of a run's config.json."""
        return asdict(self)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Calibration:
        """Read a run's calibration; `UNCALIBRATED` where it has none.

        Raises:
            ModelError: the entry is there but is not a calibration.
        """
        entry = config.get("sync_calibration")
        if entry is None:
            return UNCALIBRATED
        try:
            return cls(**entry)
        except TypeError as error:
            raise ModelError(f"the model's sync_calibration is not one that this version reads: {error}") from error


UNCALIBRATED = Calibration(bias=-5.0, margin=1.5, evidence=0.7)
"""For a model without a calibration of its own: hard to please, so that what it calls confident is."""


def statistics(peak: Peak) -> NDArray[np.float64]:
    """What the regression sees of a peak (2,)."""
    return np.log1p(np.maximum([peak.margin, peak.evidence], 0.0))


def fit_calibration(peaks: Sequence[Peak], right: Sequence[bool], *, ridge: float = 1e-2) -> Calibration:
    """Fit the regression to measurements whose truth is known, by Newton's method.

    Args:
        peaks: what was measured, right and wrong ones.
        right: whether each peak's delay was within `RIGHT_WITHIN_MS` of the truth.
        ridge: small penalty on the coefficients, so that perfectly separable examples still have an answer.

    Raises:
        ValueError: all the examples are right, or all are wrong: nothing to tell apart.
    """
    truth = np.asarray(right, float)
    if truth.min() == truth.max():
        raise ValueError("a calibration needs both right and wrong measurements")
    inputs = np.column_stack([np.ones(len(peaks)), np.array([statistics(peak) for peak in peaks])])
    weights = _logistic(inputs, truth, ridge)
    # The statistics go together, so that few examples may make one of them count against a peak: more of it never does.
    while (weights[1:] < 0).any():
        inputs[:, 1:][:, weights[1:] <= 0] = 0
        weights = _logistic(inputs, truth, ridge)
    bias, margin, evidence = (round(float(weight), 4) for weight in weights)
    return Calibration(bias, margin, evidence, examples=len(peaks))


def _logistic(inputs: NDArray[np.float64], truth: NDArray[np.float64], ridge: float) -> NDArray[np.float64]:
    """Coefficients (n,) of a logistic regression of ``truth`` (m,) on ``inputs`` (m, n); the first is not penalised."""
    penalty = ridge * np.diag([0.0, *np.ones(inputs.shape[1] - 1)])
    weights = np.zeros(inputs.shape[1])
    for _ in range(50):
        probability = 1 / (1 + np.exp(-np.clip(inputs @ weights, -30, 30)))
        slope = inputs.T @ (probability - truth) + penalty @ weights
        curvature = (inputs.T * (probability * (1 - probability))) @ inputs + penalty + 1e-9 * np.eye(len(weights))
        step = np.linalg.solve(curvature, slope)
        weights = weights - step
        if np.abs(step).max() < 1e-8:
            break
    return weights
