"""Calibration of scores and delays as probabilities, by logistic regression.

A score is a cosine, whose meaning depends on the model and the audio. Logistic regression on pairs with known speakers
turns it into a log-likelihood ratio, which holds for any prior (Brümmer & du Preez 2006, "Application-independent
evaluation of speaker detection"); Cllr measures how much of its information is lost.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seehear.atomic_io import write_text
from seehear.errors import ModelError, SeehearError, os_errors_as_user_errors, parse_json, read_text_checked

CALIBRATION_FILE = "score_calibration.json"
"""Name of the file in the folder of a model, where tools look for it."""


REGULARISATION = 100.0
"""C of the regression: perfectly separable scores still get a finite slope, others are hardly affected."""


Scores = NDArray[np.float64]


@dataclass(frozen=True)
class ScoreCalibration:
    """Interpretation of the scores of one model.

    Attributes:
        slope, offset: natural log-likelihood ratio = slope * score + offset
        eer_threshold: score at which false rejections and false acceptances are equally frequent
        eer: their rate at that score, 0 to 1
        prior: prior probability that two voices are of the same speaker
        trials: number of pairs that it was fitted to
        data: description of those pairs
        cllr: cost of the likelihood ratios in bits on those pairs: 0 is perfect, 1 is uninformative
        model: name of the model, as given by the user
        seconds: length of a segment; the embedding of a recording is the mean over its segments
    """

    slope: float
    offset: float
    eer_threshold: float
    eer: float
    prior: float = 0.5
    trials: int = 0
    data: str = ""
    cllr: float | None = None
    model: str = ""
    seconds: float = 2.0

    @classmethod
    def fit(cls, scores: ArrayLike, targets: ArrayLike, **attributes: Any) -> Self:
        """Fit to pairs with known speakers.

        Args:
            scores: (N,), higher is more similar
            targets: (N,) bool, True for the same speaker
            attributes: other attributes, such as ``data``

        Raises:
            SeehearError: there are no pairs of the same speaker, or none of different speakers.
        """
        values, same = np.asarray(scores, dtype=np.float64), np.asarray(targets, dtype=bool)
        if same.all() or not same.any():
            raise SeehearError(
                "a calibration needs pairs of the same speaker and of different speakers; "
                "give recordings of more speakers"
            )
        slope, offset = _fit_logistic(values, same)
        threshold, eer = _equal_error_rate(values, same)
        cost = cllr(slope * values + offset, same)
        return cls(slope, offset, threshold, eer, trials=len(values), cllr=cost, **attributes)

    def log_likelihood_ratio(self, score: float) -> float:
        """Natural log-likelihood ratio; positive values favour the same speaker."""
        return self.slope * score + self.offset

    def probability(self, score: float) -> float:
        """Probability that two voices with this score are of the same speaker, 0 to 1, given the `prior`."""
        odds = self.log_likelihood_ratio(score) + self._prior_odds
        return float(0.5 * (1 + np.tanh(odds / 2)))  # the logistic function, without overflow

    @property
    def threshold(self) -> float | None:
        """Score at which both answers are equally probable; None if scores are uninformative.

        With a prior of one half it is near `eer_threshold`, but not equal: that one depends on error counts, this one
        on a curve fitted to all scores.
        """
        return -(self.offset + self._prior_odds) / self.slope if self.slope else None

    @property
    def _prior_odds(self) -> float:
        """Natural logarithm of the prior odds."""
        return float(np.log(self.prior / (1 - self.prior)))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read the result of `to_dict`.

        Raises:
            ValueError: it is not valid.
        """
        kinds = {field.name: str if field.name in ("data", "model") else (int, float) for field in fields(cls)}
        for name in ("slope", "offset", "eer_threshold", "eer"):
            if name not in values:
                raise ValueError(f"it has no {name!r}")
        for name, value in values.items():
            if name not in kinds:
                raise ValueError(f"it has {name!r}, which this version does not have")
            if not isinstance(value, kinds[name]) and not (name == "cllr" and value is None):
                raise ValueError(f"its {name} is {value!r}")
        calibration = cls(**values)
        if (
            not 0 < calibration.prior < 1
            or not np.isfinite([calibration.slope, calibration.offset, calibration.eer_threshold]).all()
        ):
            raise ValueError("its prior must be between 0 and 1, and its numbers finite")
        return calibration

    def write(self, path: Path) -> Path:
        """Write a JSON file, or into the folder of a model.

        Returns:
            The file.

        Raises:
            SeehearError: it cannot be written.
        """
        file = path / CALIBRATION_FILE if path.is_dir() else path
        with os_errors_as_user_errors(file):
            write_text(file, json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n")
        return file

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file written by `write`, or from the folder of a model.

        Raises:
            SeehearError: it is missing or damaged.
        """
        file = path / CALIBRATION_FILE if path.is_dir() else path
        way_out = "make one with seehear evaluate speaker --write-calibration"
        try:
            values = parse_json(read_text_checked(file))
            return cls.from_dict(values if isinstance(values, dict) else {})
        except FileNotFoundError:
            raise SeehearError(f"there is no calibration {file}; {way_out}", code="no-calibration") from None
        except (OSError, ValueError) as error:
            raise SeehearError(
                f"{file} is not a score calibration ({error}); {way_out}", code="invalid-calibration"
            ) from error


def cllr(log_ratios: ArrayLike, targets: ArrayLike) -> float:
    """Cost of log-likelihood ratios in bits, with equal weights for both classes (Brümmer & du Preez).

    Args:
        log_ratios: natural log-likelihood ratios, (N,)
        targets: (N,) bool, both values must occur
    """
    ratios, same = np.asarray(log_ratios, dtype=np.float64), np.asarray(targets, dtype=bool)
    target_cost, other_cost = np.logaddexp(0, -ratios[same]).mean(), np.logaddexp(0, ratios[~same]).mean()
    return float((target_cost + other_cost) / (2 * np.log(2)))


def _fit_logistic(scores: Scores, targets: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and offset of the log-likelihood ratio, by logistic regression with equal weights for both classes."""
    from sklearn.linear_model import LogisticRegression

    mean, scale = scores.mean(), max(float(scores.std()), 1e-12)
    model = LogisticRegression(C=REGULARISATION, class_weight="balanced", tol=1e-8, max_iter=1000)
    model.fit(((scores - mean) / scale)[:, None], targets)
    slope = float(model.coef_[0, 0]) / scale
    return slope, float(model.intercept_[0]) - slope * float(mean)


def _equal_error_rate(scores: Scores, targets: NDArray[np.bool_]) -> tuple[float, float]:
    """Threshold, between two scores, at which both error rates are closest, and their mean there."""
    order = np.argsort(scores, kind="stable")
    same, ascending = targets[order], scores[order]
    misses = np.concatenate([[0], np.cumsum(same)]) / same.sum()
    alarms = 1 - np.concatenate([[0], np.cumsum(~same)]) / (~same).sum()
    between = np.flatnonzero(np.diff(ascending) > 0) + 1  # a threshold cannot separate equal scores
    if not len(between):
        return float(ascending[0]), 0.5
    best = between[np.abs(misses - alarms)[between].argmin()]
    return float(ascending[best - 1 : best + 1].mean()), float((misses[best] + alarms[best]) / 2)


RIGHT_WITHIN_MS = 40.0
"""A delay is correct if it is within one video frame of the true one."""


CONFIDENCE_MEANING = f"probability from 0 to 1 that the true delay is within {RIGHT_WITHIN_MS:.0f} ms of the stated one"


class PeakStatistics(Protocol):
    """How clearly the best delay stands out."""

    @property
    def margin(self) -> float:
        """Distance to the second best delay, in units of the spread of the rest of the curve."""

    @property
    def evidence(self) -> float:
        """Distance to the second best delay in all frames together, as a log-probability ratio."""


@dataclass(frozen=True)
class DelayCalibration:
    """Logistic regression from a peak's statistics to the probability that its delay is correct.

    ``p = 1 / (1 + exp(-(bias + margin * log(1 + M) + evidence * log(1 + E))))``, where M and E are the peak's margin
    and evidence (see `PeakStatistics`).

    Attributes:
        bias, margin, evidence: the fitted coefficients
        examples: number of measurements they were fitted to; 0 for `UNCALIBRATED` and when extrapolated
        search_s: maximum absolute delay in seconds that was searched in these measurements
    """

    bias: float
    margin: float
    evidence: float
    examples: int = 0
    search_s: float = 1.0

    def __call__(self, peak: PeakStatistics) -> float:
        """Probability that the peak is within `RIGHT_WITHIN_MS` of the true delay."""
        logit = self.bias + np.dot([self.margin, self.evidence], peak_statistics(peak))
        return float(1 / (1 + np.exp(-np.clip(logit, -30, 30))))

    @property
    def fitted(self) -> bool:
        """Whether the confidence is a fitted probability, not a rough guess."""
        return self.examples > 0

    def for_search_range(self, search_s: float) -> DelayCalibration:
        """The calibration for a search up to ``search_s``; approximate if that exceeds the fitted range.

        With n times as many wrong delays, each equally likely to look correct, the odds that the best one is correct
        decrease n-fold (Bayes' rule with a uniform prior). As the margin already accounts for the new candidates, the
        result is conservative. A shorter search leaves the calibration unchanged.
        """
        if search_s <= self.search_s:
            return self
        return replace(self, bias=self.bias - float(np.log(search_s / self.search_s)), examples=0, search_s=search_s)

    def for_best_of(self, tracks: int) -> DelayCalibration:
        """The calibration for the best of several audio tracks of a file, any of which may look correct by chance."""
        return replace(self, bias=self.bias - float(np.log(max(1, tracks))))

    def to_config(self) -> dict[str, float]:
        """The entry ``sync_calibration`` of a run's config.json."""
        return asdict(self)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> DelayCalibration:
        """Read a run's calibration; `UNCALIBRATED` if it has none.

        Raises:
            ModelError: the entry exists but is not a calibration.
        """
        entry = config.get("sync_calibration")
        if entry is None:
            return UNCALIBRATED
        try:
            return cls(**entry)
        except TypeError as error:
            raise ModelError(f"the model's sync_calibration cannot be read by this version: {error}") from error


UNCALIBRATED = DelayCalibration(bias=-5.0, margin=1.5, evidence=0.7)
"""For models without their own calibration: conservative, so that high confidence can be trusted."""


def peak_statistics(peak: PeakStatistics) -> NDArray[np.float64]:
    """Inputs of the regression, (2,)."""
    return np.log1p(np.maximum([peak.margin, peak.evidence], 0.0))


def fit_delay_calibration(
    peaks: Sequence[PeakStatistics], correct: Sequence[bool], *, ridge: float = 1e-2
) -> DelayCalibration:
    """Fit the regression to measurements with known truth.

    Args:
        peaks: the measurements, correct and wrong ones
        correct: whether each peak's delay was within `RIGHT_WITHIN_MS` of the truth
        ridge: small penalty on the coefficients, so that separable examples have a solution

    Raises:
        ValueError: all examples are correct, or all are wrong.
    """
    truth = np.asarray(correct, bool)
    if truth.all() or not truth.any():
        raise ValueError("a calibration needs both correct and wrong measurements")
    from sklearn.linear_model import LogisticRegression

    inputs = np.array([peak_statistics(peak) for peak in peaks])
    model = LogisticRegression(C=1 / ridge, solver="newton-cholesky", tol=1e-10).fit(inputs, truth)
    # The statistics correlate, so with few examples one coefficient may turn negative; clear peaks must never lose.
    while (model.coef_ < 0).any():
        inputs[:, model.coef_[0] <= 0] = 0
        model.fit(inputs, truth)
    bias, margin, evidence = (round(float(weight), 4) for weight in (*model.intercept_, *model.coef_[0]))
    return DelayCalibration(bias, margin, evidence, examples=len(peaks))
