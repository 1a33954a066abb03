"""LRS2, sentences in British broadcasts (Afouras et al. 2018, arXiv 1809.02108); and LRS3, which is laid out like it.

Layout: ``main/5535415699068794046/00001.mp4`` and ``pretrain/...`` (in LRS3 ``trainval`` and ``test``): subset,
broadcast, number. The words are in ``00001.txt`` next to the video, in ``pretrain`` with their times; the
parts of ``main`` are listed in ``train.txt``, ``val.txt`` and ``test.txt`` one folder above.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import inf
from pathlib import Path

from seehear.data.datasets import Dataset, Source, Span, find_by_name, spoken_words
from seehear.errors import read_text_checked

_EXAMPLE = "main/5535415699068794046/00001"


_SUBSETS = {"main": None, "pretrain": "train", "trainval": "train", "test": "test"}
"""Folder -> part; ``main`` has lists."""


_LISTS = {"train": "train.txt", "dev": "val.txt", "test": "test.txt"}


_HEADER = "WORD START END"


_NUMBER = re.compile(r"\d{5}", re.ASCII)


_NOISES = re.compile(r"\{[^}]*\}")  # {LG}: laughter


@dataclass(frozen=True)
class Sentence:
    """Content of the text file of a video.

    Attributes:
        text: transcript
        words: with their times, if the file has them
    """

    text: str
    words: tuple[Span, ...] = ()


def find_lrs2(sources: Sequence[Path], labels: Path | None = None) -> list[Source]:
    """Return the videos of LRS2 or LRS3 in files and folders.

    Raises:
        CorpusError: see `find_by_name`
    """
    lists = cache(read_lists)  # read once per call

    def read(path: Path, name: str) -> Source | None:
        broadcast, subset = path.absolute().parent, path.absolute().parent.parent
        if subset.name not in _SUBSETS or not _NUMBER.fullmatch(path.stem):
            return None
        file_labels = {"video": broadcast.name, "subset": subset.name}
        if part := _SUBSETS[subset.name] or lists(subset.parent).get(f"{broadcast.name}/{path.stem}"):
            file_labels["part"] = part
        recording = f"{subset.name}/{broadcast.name}/{path.stem}"
        try:
            sentence = parse_sentence(read_text_checked(path.with_suffix(".txt")))
        except (OSError, ValueError) as error:
            remark = f"its words are not known: {path.with_suffix('.txt')} cannot be used ({error})"
            return Source(path, name, file_labels, remark=remark, recording=recording)
        spans = {"words": list(sentence.words)} if sentence.words else {}
        return Source(path, name, file_labels | {"text": sentence.text}, spans, recording=recording)

    return find_by_name(sources, labels, read, LRS2.title, _EXAMPLE)


def parse_sentence(text: str) -> Sentence:
    """Parse the line ``Text: ...`` and, after a line ``WORD START END ...``, the words with their times in seconds.

    Raises:
        ValueError: no text, a word without times, or one that ends before it begins
    """
    lines = text.splitlines()
    line = next((one for one in lines if one.startswith("Text:")), None)
    if line is None or not (text := spoken_words(_NOISES.sub(" ", line.removeprefix("Text:")))):
        raise ValueError("it has no line 'Text: ...' with words")
    header = next((number for number, one in enumerate(lines) if one.startswith(_HEADER)), len(lines))
    return Sentence(text, tuple(_word(one) for one in lines[header + 1 :] if one.strip()))


def read_lists(folder: Path) -> dict[str, str]:
    """Return ``broadcast/number`` -> part, from those lists that are in a folder."""
    parts: dict[str, str] = {}
    for part, name in _LISTS.items():
        try:
            lines = read_text_checked(folder / name, errors="replace").splitlines()
        except OSError:
            continue
        parts |= {line.split()[0]: part for line in lines if line.strip()}  # some lines have a remark after the name
    return parts


def _word(line: str) -> Span:
    cells = line.split()
    try:
        span = Span(cells[0].lower(), float(cells[1]), float(cells[2]))
    except (ValueError, IndexError):
        raise ValueError(f"{line.strip()!r} is not 'word start end'") from None
    if not 0 <= span.start_s <= span.end_s < inf:
        raise ValueError(f"{line.strip()!r} ends before it begins, or never")
    return span


LRS2 = Dataset(
    name="lrs2",
    title="LRS2",
    find=find_lrs2,
    example=f"{_EXAMPLE}.mp4",
    labels=("video", "subset", "part", "text"),
    ask_at="https://www.robots.ox.ac.uk/~vgg/data/lip_reading/lrs2.html",
    cite="Afouras, Chung, Senior, Vinyals & Zisserman, Deep Audio-Visual Speech Recognition, IEEE Trans. PAMI, 2018",
)
