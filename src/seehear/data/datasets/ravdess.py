"""RAVDESS: 24 actors speak and sing two statements in eight emotions (Livingstone & Russo, PLoS ONE 13(5), 2018).

Layout: ``Actor_12/03-01-06-01-02-01-12.wav``, or mp4. The numbers are modality (01 video with sound, 02 video only,
03 sound only), channel, emotion, intensity, statement, repetition and actor; odd actors are male.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from seehear.data.datasets import Dataset, Source, find_by_name, spoken_words
from seehear.data.hosts import Download, Terms, ZenodoRecord

_EXAMPLE = "03-01-06-01-02-01-12"


_VIDEO_ONLY = "02"


_ACTORS = 24


_CHANNELS = {"01": "speech", "02": "song"}


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


_INTENSITIES = {"01": "normal", "02": "strong"}


_STATEMENTS = {"01": "Kids are talking by the door", "02": "Dogs are sitting by the door"}


_NAME = re.compile(r"(0[123])-(0[12])-(0[1-8])-(0[12])-(0[12])-(0[12])-(\d\d)")


def find_ravdess(sources: Sequence[Path], labels: Path | None = None) -> list[Source]:
    """Return the recordings of RAVDESS in files and folders; those without sound have a problem.

    Raises:
        CorpusError: see `find_by_name`
    """
    return find_by_name(sources, labels, _source, RAVDESS.title, _EXAMPLE)


def parse_name(stem: str) -> dict[str, str] | None:
    """Return the labels in a file name such as ``03-01-06-01-02-01-12``; None if it is not one of RAVDESS."""
    match = _NAME.fullmatch(stem)
    if not match or not 1 <= int(match[7]) <= _ACTORS:
        return None
    return {
        "speaker": f"actor{match[7]}",
        "text": spoken_words(_STATEMENTS[match[5]]),
        "emotion": EMOTIONS[match[3]],
        "intensity": _INTENSITIES[match[4]],
        "channel": _CHANNELS[match[2]],
        "repetition": str(int(match[6])),
        "sex": "male" if int(match[7]) % 2 else "female",
    }


def _source(path: Path, name: str) -> Source | None:
    labels = parse_name(path.stem)
    if labels is None:
        return None
    if path.stem.startswith(_VIDEO_ONLY):
        return Source(path, name, labels, problem="it is the video-only copy (02-...) of a recording; use 01 or 03")
    return Source(path, name, labels, recording=path.stem[3:])


def _expand_part(part: str) -> str:
    """Expand an actor's number to the videos of the actor's speech."""
    return f"video_speech_actor_{int(part):02d}" if part.isdecimal() else part


RAVDESS = Dataset(
    name="ravdess",
    title="RAVDESS",
    find=find_ravdess,
    example=f"Actor_12/{_EXAMPLE}.wav",
    labels=("speaker", "text", "emotion", "intensity", "channel", "repetition", "sex"),
    cite="Livingstone & Russo, PLoS ONE 13(5): e0196391, 2018",
    download=Download(
        Terms(
            "Creative Commons Attribution-NonCommercial-ShareAlike 4.0 (CC BY-NC-SA 4.0)",
            "use, share and adapt it for no commercial purpose, name its makers, and share what is made from it on the "
            "same terms",
            "https://zenodo.org/records/1188976",
        ),
        ZenodoRecord(1188976, default_parts=["Video_Speech_Actor_*"], expand=_expand_part),
    ),
)
