"""EmoDB, the Berlin database of emotional speech: ten actors say ten German sentences (Burkhardt et al., 2005).

Layout: ``wav/03a01Fa.wav``: speaker, sentence, emotion (a letter of its German name) and version. Sound only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from seehear.data.datasets import Dataset, Source, find_by_name, spoken_words

_EXAMPLE = "03a01Fa"


SENTENCES = {
    "a01": "Der Lappen liegt auf dem Eisschrank.",
    "a02": "Das will sie am Mittwoch abgeben.",
    "a04": "Heute abend könnte ich es ihm sagen.",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück.",
    "a07": "In sieben Stunden wird es soweit sein.",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen?",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
}


EMOTIONS = {  # Wut, Langeweile, Ekel, Angst, Freude, Trauer
    "W": "angry",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happy",
    "T": "sad",
    "N": "neutral",
}


SPEAKERS = {
    "03": ("male", 31),
    "08": ("female", 34),
    "09": ("female", 21),
    "10": ("male", 32),
    "11": ("male", 26),
    "12": ("male", 30),
    "13": ("female", 32),
    "14": ("female", 35),
    "15": ("male", 25),
    "16": ("female", 31),
}


_NAME = re.compile(r"(\d\d)([ab]\d\d)([WLEAFTN])([a-z])")


def find_emodb(sources: Sequence[Path], labels: Path | None = None) -> list[Source]:
    """Return the recordings of EmoDB in files and folders.

    Raises:
        CorpusError: see `find_by_name`
    """
    return find_by_name(sources, labels, _source, EMODB.title, _EXAMPLE)


def parse_name(stem: str) -> dict[str, str] | None:
    """Return the labels in a file name such as ``03a01Fa``; None if it is not one of EmoDB."""
    match = _NAME.fullmatch(stem)
    if not match or match[1] not in SPEAKERS or match[2] not in SENTENCES:
        return None
    sex, age = SPEAKERS[match[1]]
    return {
        "speaker": match[1],
        "text": spoken_words(SENTENCES[match[2]]),
        "emotion": EMOTIONS[match[3]],
        "version": match[4],
        "sex": sex,
        "age": str(age),
        "language": "de",
    }


def _source(path: Path, name: str) -> Source | None:
    labels = parse_name(path.stem)
    return Source(path, name, labels) if labels else None


EMODB = Dataset(
    name="emodb",
    title="EmoDB",
    find=find_emodb,
    example=f"wav/{_EXAMPLE}.wav",
    labels=("speaker", "text", "emotion", "version", "sex", "age", "language"),
    holds="sound",
    ask_at="http://emodb.bilderbar.info",
    cite="Burkhardt, Paeschke, Rolfes, Sendlmeier & Weiss, A database of German emotional speech, Interspeech 2005",
)
