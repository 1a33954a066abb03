"""The scores that `seehear verify` gives, on pairs of which it is known who speaks: what they are worth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seehear.errors import ModelError
from seehear.os_errors import require_place
from seehear.score_calibration import ScoreCalibration
from seehear.tasks.verification.course import VoiceCourse, pair_scores
from seehear.tasks.verification.scaling import scaled
from seehear.tasks.verification.trials import Trials
from seehear.tasks.verification.voices import OwnVoice, Vectors, Voice


def require_calibration_place(place: Path | None) -> None:
    """That a calibration can be written there: a file, or the folder of a model.

    Raises:
        SeehearError: no.
    """
    if place is not None and not place.is_dir():
        require_place(place)


def calibrated(course: VoiceCourse, voice: Voice, name: str, data: str, place: Path) -> ScoreCalibration:
    """Fits a model's plain scores to the pairs of the first seed, and writes what comes of it.

    Plain means as a tool has them that knows two recordings only: the similarity of mean embeddings, which nothing
    was scaled by.

    Args:
        course: sides and pairs.
        voice: of the model.
        name: of the model.
        data: what the pairs are of.
        place: JSON file, or the folder of the model.

    Raises:
        ModelError: the model has no embedding of voices.
        SeehearError: it cannot be written.
    """
    if not isinstance(voice, OwnVoice):
        raise ModelError(
            f"{name} gives no scores of its own that could be calibrated; --calibration is for match models"
        )
    trials = course.rounds[0].trials
    scores = plain_scores(voice, course.embedded(voice, name, course.tested), trials)
    said = f"{data}: {course.sides.described}"
    made = ScoreCalibration.fit(scores, trials.targets, data=said, model=name, seconds=course.plan.seconds)
    made.write(place)
    return made


def plain_scores(voice: OwnVoice, means: Vectors, trials: Trials) -> NDArray[np.float64]:
    """The model's similarity of the two of each pair, (N,), given means of embeddings (sides, dim)."""
    return pair_scores(scaled(means, "none", voice.distance), trials, voice.distance)
