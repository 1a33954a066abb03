"""LRW, Lip Reading in the Wild: 500 words, a thousand times each, in British broadcasts (Chung & Zisserman, ACCV 2016).

Layout: ``ABOUT/train/ABOUT_00001.mp4``: word, part (train, val or test), number. Every video has 29 frames with the
word in the middle; the duration of the word is in ``ABOUT_00001.txt`` next to the video.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from seehear.clip import FPS
from seehear.data.datasets import Dataset, Source, Span, find_by_name
from seehear.errors import read_text_checked

_EXAMPLE = "ABOUT/train/ABOUT_00001"


_PARTS = {"train": "train", "val": "dev", "test": "test"}


SECONDS = 29 / FPS  # of every video


_NAME = re.compile(r"([A-Z]+)_(\d{5})", re.ASCII)


_DURATION = re.compile(r"^Duration:\s*(\d+(?:\.\d+)?)\s*seconds?\s*$", re.MULTILINE | re.ASCII)


def find_lrw(sources: Sequence[Path], labels: Path | None = None) -> list[Source]:
    """Return the videos of LRW in files and folders.

    Raises:
        CorpusError: see `find_by_name`
    """

    def read(path: Path, name: str) -> Source | None:
        match = _NAME.fullmatch(path.stem)
        if match is None:
            return None
        file_labels = {"word": match[1].lower(), "take": match[2]}
        if part := _PARTS.get(path.absolute().parent.name):
            file_labels["part"] = part
        recording = f"{file_labels.get('part', '')}/{path.stem}"
        try:
            span = parse_duration(read_text_checked(path.with_suffix(".txt")), file_labels["word"])
        except FileNotFoundError:
            return Source(path, name, file_labels, recording=recording)
        except (OSError, ValueError) as error:
            remark = f"when its word is said is not known: {path.with_suffix('.txt')} cannot be used ({error})"
            return Source(path, name, file_labels, remark=remark, recording=recording)
        return Source(path, name, file_labels, {"words": [span]}, recording=recording)

    return find_by_name(sources, labels, read, LRW.title, _EXAMPLE)


def parse_duration(text: str, word: str) -> Span:
    """Return the span of the word: in the middle of the video, of the length in the line ``Duration: 0.37 seconds``.

    Raises:
        ValueError: no such line, or the word is longer than the video
    """
    match = _DURATION.search(text)
    if match is None:
        raise ValueError("it has no line 'Duration: ... seconds'")
    seconds = float(match[1])
    if not 0 < seconds <= SECONDS:
        raise ValueError(f"a word of {seconds:g} s does not fit into a video of {SECONDS:g} s")
    return Span(word, round((SECONDS - seconds) / 2, 4), round((SECONDS + seconds) / 2, 4))


LRW = Dataset(
    name="lrw",
    title="LRW",
    find=find_lrw,
    example=f"{_EXAMPLE}.mp4",
    labels=("word", "take", "part"),
    ask_at="https://www.robots.ox.ac.uk/~vgg/data/lip_reading/lrw1.html",
    cite="Chung & Zisserman, Lip Reading in the Wild, ACCV 2016",
)
