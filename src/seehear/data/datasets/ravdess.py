"""RAVDESS: 24 actors speak and sing two statements in eight emotions (Livingstone & Russo, PLoS ONE 13(5), 2018).

Layout: ``Actor_12/03-01-06-01-02-01-12.wav``, or mp4. The numbers are modality (01 picture and sound, 02 picture only,
03 sound only), channel, emotion, intensity, statement, repetition and actor; odd actors are male.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from seehear.data.datasets import Source, find_by_name, spoken_words, unrecognised_name

EXAMPLE = "03-01-06-01-02-01-12"


PICTURE_ONLY = "02"


ACTORS = 24


CHANNELS = {"01": "speech", "02": "song"}


EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fear",
    "07": "disgust",
    "08": "surprise",
}


INTENSITIES = {"01": "normal", "02": "strong"}


STATEMENTS = {"01": "Kids are talking by the door", "02": "Dogs are sitting by the door"}


_NAME = re.compile(r"(0[123])-(0[12])-(0[1-8])-(0[12])-(0[12])-(0[12])-(\d\d)")


def find_ravdess(sources: Sequence[Path], labels: Path | None = None) -> list[Source]:
    """Every RAVDESS recording in files and folders; those without sound are kept with a problem, for the report.

    Raises:
        CorpusError: as `find_by_name`.
    """
    return find_by_name(sources, labels, _source, "RAVDESS")


def parse_name(stem: str) -> dict[str, str] | None:
    """The labels that a file name such as ``03-01-06-01-02-01-12`` stands for; None where it is not RAVDESS's."""
    match = _NAME.fullmatch(stem)
    if not match or not 1 <= int(match[7]) <= ACTORS:
        return None
    return {
        "speaker": f"actor{match[7]}",
        "text": spoken_words(STATEMENTS[match[5]]),
        "emotion": EMOTIONS[match[3]],
        "intensity": INTENSITIES[match[4]],
        "channel": CHANNELS[match[2]],
        "repetition": str(int(match[6])),
        "sex": "male" if int(match[7]) % 2 else "female",
    }


def _source(path: Path, name: str) -> Source:
    labels = parse_name(path.stem)
    if labels is None:
        return unrecognised_name(path, name, "RAVDESS", EXAMPLE)
    if path.stem.startswith(PICTURE_ONLY):
        return Source(path, name, labels, problem="it is the picture-only copy (02-...) of a recording; use 01 or 03")
    return Source(path, name, labels, recording=path.stem[3:])
