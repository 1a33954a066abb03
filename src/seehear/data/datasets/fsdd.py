"""FSDD, the Free Spoken Digit Dataset: six speakers say ten digits fifty times each (Jackson et al., version 1.0.10).

Layout: ``recordings/7_jackson_32.wav``: digit, speaker, take. Sound only. Takes 0 to 4 are the official test part.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from seehear.data.datasets import Source, find_by_name, unrecognised_name

EXAMPLE = "7_jackson_32"


TEST_TAKES = 5


DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


_NAME = re.compile(r"([0-9])_([a-z]+)_([0-9]+)")


def find_fsdd(sources: Sequence[Path], labels: Path | None = None) -> list[Source]:
    """Every FSDD recording in files and folders, with its digit as a word, its speaker and its part.

    Raises:
        CorpusError: as `find_by_name`.
    """
    return find_by_name(sources, labels, _source, "FSDD")


def parse_name(stem: str) -> dict[str, str] | None:
    """The labels that a file name such as ``7_jackson_32`` stands for; None where it is not FSDD's."""
    match = _NAME.fullmatch(stem)
    if not match:
        return None
    word = DIGITS[int(match[1])]
    part = "test" if int(match[3]) < TEST_TAKES else "train"
    return {"word": word, "text": word, "speaker": match[2], "take": str(int(match[3])), "part": part}


def _source(path: Path, name: str) -> Source:
    labels = parse_name(path.stem)
    return Source(path, name, labels) if labels else unrecognised_name(path, name, "FSDD", EXAMPLE)
