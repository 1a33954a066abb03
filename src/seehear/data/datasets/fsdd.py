"""FSDD, the Free Spoken Digit Dataset: six speakers say ten digits fifty times each (Jackson et al., version 1.0.10).

Layout: ``recordings/7_jackson_32.wav``: digit, speaker, take. Sound only. Takes 0 to 4 are the official test part.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from seehear.data.datasets import Dataset, Source, find_by_name
from seehear.data.hosts import Download, FixedFiles, Terms
from seehear.data.transfer import FolderChecksum, RemoteFile

_EXAMPLE = "7_jackson_32"


_TEST_TAKES = 5


DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


_NAME = re.compile(r"([0-9])_([a-z]+)_([0-9]+)")


def find_fsdd(sources: Sequence[Path], labels: Path | None = None) -> list[Source]:
    """Return the recordings of FSDD in files and folders.

    Raises:
        CorpusError: see `find_by_name`
    """
    return find_by_name(sources, labels, _source, FSDD.title, _EXAMPLE)


def parse_name(stem: str) -> dict[str, str] | None:
    """Return the labels in a file name such as ``7_jackson_32``; None if it is not one of FSDD."""
    match = _NAME.fullmatch(stem)
    if not match:
        return None
    word = DIGITS[int(match[1])]
    part = "test" if int(match[3]) < _TEST_TAKES else "train"
    return {"word": word, "text": word, "speaker": match[2], "take": str(int(match[3])), "part": part}


def _source(path: Path, name: str) -> Source | None:
    labels = parse_name(path.stem)
    return Source(path, name, labels) if labels else None


FSDD = Dataset(
    name="fsdd",
    title="FSDD",
    find=find_fsdd,
    example=f"recordings/{_EXAMPLE}.wav",
    labels=("word", "text", "speaker", "take", "part"),
    holds="sound",
    cite="Jackson et al., Free Spoken Digit Dataset, version 1.0.10",
    download=Download(
        Terms(
            "Creative Commons Attribution-ShareAlike 4.0 (CC BY-SA 4.0)",
            "use, share and adapt it, name its makers, and share what is made from it on the same terms",
            "https://github.com/Jakobovski/free-spoken-digit-dataset",
        ),
        FixedFiles(
            [
                RemoteFile(
                    "free-spoken-digit-dataset-1.0.10.zip",
                    "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags/v1.0.10.zip",
                    listing=FolderChecksum(".wav", "1801eae019c063377d98f831d3f93574f259475df7332bb0e3d1b080fb5e6959"),
                )  # GitHub may repack the archive at any time, so the digest is that of the recordings
            ],
            about_bytes=16_000_000,
        ),
        unpacked=2.0,
    ),
)
