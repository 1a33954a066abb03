"""What a score between two voices is worth: the probability that they are of one speaker, and where to draw the line.

A score is a cosine, whose meaning depends on the model and on the sound. Logistic regression on pairs of which it is
known who speaks turns it into the logarithm of a likelihood ratio, which holds for any prior (Brümmer & du Preez 2006,
"Application-independent evaluation of speaker detection"); Cllr says how much of the information in it is lost.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seehear.beside import write_text
from seehear.errors import SeehearError
from seehear.os_errors import refusals_as_sentences
from seehear.pointers import read_text

FILE = "score_calibration.json"
"""What it is called in the folder of a model, where tools look for it."""

STRENGTH = 100.0
"""C of the regression: scores that tell perfectly still get a finite slope, others are hardly held back."""

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class ScoreCalibration:
    """How scores of one model, made in one way, are read.

    Attributes:
        slope, offset: natural logarithm of the likelihood ratio = slope * score + offset.
        eer_threshold: score at which as many pairs of one speaker are refused as of two are accepted.
        eer: share of either that is, 0 to 1.
        prior: probability that two voices are of one speaker, before they are heard.
        trials: pairs that it was fitted to.
        data: what they were, in words.
        cllr: cost of the likelihood ratios in bits on those pairs: 0 is perfect, 1 knows nothing.
        model: whose scores they are, as the user named it.
        seconds: sound of a segment; embeddings of a recording are the means of those of its segments.
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
    def fit(cls, scores: ArrayLike, targets: ArrayLike, **said: Any) -> Self:
        """From pairs of which it is known.

        Args:
            scores: (N,), higher is more alike.
            targets: (N,) bool, True for one speaker.
            said: other attributes, such as ``data``.

        Raises:
            SeehearError: there are no pairs of one speaker, or none of two.
        """
        given, known = np.asarray(scores, dtype=np.float64), np.asarray(targets, dtype=bool)
        if known.all() or not known.any():
            raise SeehearError("a calibration needs pairs of one speaker and of two; give recordings of more speakers")
        slope, offset = _regression(given, known)
        threshold, eer = _equal_error(given, known)
        cost = cllr(slope * given + offset, known)
        return cls(slope, offset, threshold, eer, trials=len(given), cllr=cost, **said)

    def log_likelihood_ratio(self, score: float) -> float:
        """Natural logarithm; above 0 speaks for one speaker."""
        return self.slope * score + self.offset

    def probability(self, score: float) -> float:
        """That two voices with this score are of one speaker, 0 to 1, where `prior` of all pairs are."""
        odds = self.log_likelihood_ratio(score) + self._prior_odds
        return float(0.5 * (1 + np.tanh(odds / 2)))  # the logistic function, without overflow

    @property
    def threshold(self) -> float | None:
        """Score at which either answer is as probable as the other; None where no score is, since none says anything.

        Where the prior is one half it lies near `eer_threshold`, but is not the same: that one weighs how often either
        error happens, this one comes from a curve that was fitted to all scores.
        """
        return -(self.offset + self._prior_odds) / self.slope if self.slope else None

    @property
    def _prior_odds(self) -> float:
        """Natural logarithm."""
        return float(np.log(self.prior / (1 - self.prior)))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Self:
        """What `to_dict` gave.

        Raises:
            ValueError: it is something else.
        """
        kinds = {field.name: str if field.name in ("data", "model") else (int, float) for field in fields(cls)}
        for name in ("slope", "offset", "eer_threshold", "eer"):
            if name not in told:
                raise ValueError(f"it has no {name!r}")
        for name, value in told.items():
            if name not in kinds:
                raise ValueError(f"it has {name!r}, which this version does not know")
            if not isinstance(value, kinds[name]) and not (name == "cllr" and value is None):
                raise ValueError(f"its {name} is {value!r}")
        made = cls(**told)
        if not 0 < made.prior < 1 or not np.isfinite([made.slope, made.offset, made.eer_threshold]).all():
            raise ValueError("its prior must be between 0 and 1, and its numbers finite")
        return made

    def write(self, place: Path) -> Path:
        """Writes a JSON file, or into the folder of a model.

        Returns:
            The file.

        Raises:
            SeehearError: it cannot be written.
        """
        file = place / FILE if place.is_dir() else place
        with refusals_as_sentences(file):
            write_text(file, json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n")
        return file

    @classmethod
    def read(cls, place: Path) -> Self:
        """What `write` wrote: a file, or the folder of a model that has one.

        Raises:
            SeehearError: there is none, or it is damaged.
        """
        file = place / FILE if place.is_dir() else place
        way_out = "make one with seehear evaluate speaker --calibration"
        try:
            told = json.loads(read_text(file))
            return cls.from_dict(told if isinstance(told, dict) else {})
        except FileNotFoundError:
            raise SeehearError(f"there is no calibration {file}; {way_out}") from None
        except (OSError, ValueError) as error:
            raise SeehearError(f"{file} is no calibration of scores ({error}); {way_out}") from error


def cllr(log_ratios: ArrayLike, targets: ArrayLike) -> float:
    """Cost of log-likelihood ratios in bits, pairs of one speaker and of two weighing the same (Brümmer & du Preez).

    Args:
        log_ratios: natural logarithms, (N,).
        targets: (N,) bool, some True and some not.
    """
    ratios, known = np.asarray(log_ratios, dtype=np.float64), np.asarray(targets, dtype=bool)
    missed, alarmed = np.logaddexp(0, -ratios[known]).mean(), np.logaddexp(0, ratios[~known]).mean()
    return float((missed + alarmed) / (2 * np.log(2)))


def _regression(scores: Scores, targets: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and offset of the log-likelihood ratio: logistic regression with both classes weighing the same."""
    from sklearn.linear_model import LogisticRegression

    mean, scale = scores.mean(), max(float(scores.std()), 1e-12)
    model = LogisticRegression(C=STRENGTH, class_weight="balanced", tol=1e-8, max_iter=1000)
    model.fit(((scores - mean) / scale)[:, None], targets)
    slope = float(model.coef_[0, 0]) / scale
    return slope, float(model.intercept_[0]) - slope * float(mean)


def _equal_error(scores: Scores, targets: NDArray[np.bool_]) -> tuple[float, float]:
    """The threshold at which both errors are nearest to each other, between two scores, and their mean there."""
    order = np.argsort(scores, kind="stable")
    known, ascending = targets[order], scores[order]
    missed = np.concatenate([[0], np.cumsum(known)]) / known.sum()
    alarmed = 1 - np.concatenate([[0], np.cumsum(~known)]) / (~known).sum()
    between = np.flatnonzero(np.diff(ascending) > 0) + 1  # a threshold cannot part equal scores
    if not len(between):
        return float(ascending[0]), 0.5
    best = between[np.abs(missed - alarmed)[between].argmin()]
    return float(ascending[best - 1 : best + 1].mean()), float((missed[best] + alarmed[best]) / 2)
