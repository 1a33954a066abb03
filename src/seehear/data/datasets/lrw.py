"""LRW, Lip Reading in the Wild: 500 words, a thousand times each, in British broadcasts (Chung & Zisserman, ACCV 2016).

Layout: ``ABOUT/train/ABOUT_00001.mp4``: word, part (train, val or test), number. Every film has 29 pictures with the
word in the middle; how long it lasts is in ``ABOUT_00001.txt`` beside it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from seehear.clip import FPS
from seehear.data.datasets import Source, Span, find_by_name, unrecognised_name
from seehear.errors import read_text_checked

EXAMPLE = "ABOUT/train/ABOUT_00001"


PARTS = {"train": "train", "val": "dev", "test": "test"}


SECONDS = 29 / FPS  # of every film


_NAME = re.compile(r"([A-Z]+)_(\d{5})", re.ASCII)


_DURATION = re.compile(r"^Duration:\s*(\d+(?:\.\d+)?)\s*seconds?\s*$", re.MULTILINE | re.ASCII)


def find_lrw(sources: Sequence[Path], labels: Path | None = None) -> list[Source]:
    """Every film of LRW in files and folders, with its word, where in it the word is said, and its part.

    Raises:
        CorpusError: as `find_by_name`.
    """

    def read(path: Path, name: str) -> Source:
        match = _NAME.fullmatch(path.stem)
        if match is None:
            return unrecognised_name(path, name, "LRW", EXAMPLE)
        found = {"word": match[1].lower(), "take": match[2]}
        if part := PARTS.get(path.absolute().parent.name):
            found["part"] = part
        recording = f"{found.get('part', '')}/{path.stem}"
        try:
            span = parse_duration(read_text_checked(path.with_suffix(".txt")), found["word"])
        except FileNotFoundError:
            return Source(path, name, found, recording=recording)
        except (OSError, ValueError) as error:
            remark = f"when its word is said is not known: {path.with_suffix('.txt')} cannot be used ({error})"
            return Source(path, name, found, remark=remark, recording=recording)
        return Source(path, name, found, {"words": [span]}, recording=recording)

    return find_by_name(sources, labels, read, "LRW")


def parse_duration(text: str, word: str) -> Span:
    """Where the word is said: in the middle of the film, as long as the line ``Duration: 0.37 seconds`` says.

    Raises:
        ValueError: no such line, or one that says more than the film is long.
    """
    match = _DURATION.search(text)
    if match is None:
        raise ValueError("it has no line 'Duration: ... seconds'")
    seconds = float(match[1])
    if not 0 < seconds <= SECONDS:
        raise ValueError(f"a word of {seconds:g} s does not fit a film of {SECONDS:g} s")
    return Span(word, round((SECONDS - seconds) / 2, 4), round((SECONDS + seconds) / 2, 4))
