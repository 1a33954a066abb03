"""LRS2, sentences in British broadcasts (Afouras et al. 2018, arXiv 1809.02108); and LRS3, which is laid out like it.

Layout: ``main/5535415699068794046/00001.mp4`` and ``pretrain/...`` (in LRS3 ``trainval`` and ``test``): subset,
broadcast, number. The words are in ``00001.txt`` beside the film, for ``pretrain`` with their times; which of ``main``
belongs to which part is in ``train.txt``, ``val.txt`` and ``test.txt`` above.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import inf
from pathlib import Path

from seehear.data.datasets import Source, Span, find_by_name, spoken_words, unrecognised_name
from seehear.errors import read_text_checked

EXAMPLE = "main/5535415699068794046/00001"


SUBSETS = {"main": None, "pretrain": "train", "trainval": "train", "test": "test"}
"""Folder -> part; of ``main`` the lists tell."""


LISTS = {"train": "train.txt", "dev": "val.txt", "test": "test.txt"}


TIMES = "WORD START END"


_NUMBER = re.compile(r"\d{5}", re.ASCII)


_NOISES = re.compile(r"\{[^}]*\}")  # {LG}: laughter


@dataclass(frozen=True)
class Sentence:
    """What a film's text file says.

    Attributes:
        text: the words as they are spoken.
        words: with their times, where the file has them.
    """

    text: str
    words: tuple[Span, ...] = ()


def find_lrs2(sources: Sequence[Path], labels: Path | None = None) -> list[Source]:
    """Every film of LRS2 or LRS3 in files and folders, with its sentence, its part and, where known, words with times.

    Raises:
        CorpusError: as `find_by_name`.
    """
    lists = cache(read_lists)  # one reading for this call

    def read(path: Path, name: str) -> Source:
        broadcast, subset = path.absolute().parent, path.absolute().parent.parent
        if subset.name not in SUBSETS or not _NUMBER.fullmatch(path.stem):
            return unrecognised_name(path, name, "LRS2", EXAMPLE)
        found = {"video": broadcast.name, "subset": subset.name}
        if part := SUBSETS[subset.name] or lists(subset.parent).get(f"{broadcast.name}/{path.stem}"):
            found["part"] = part
        recording = f"{subset.name}/{broadcast.name}/{path.stem}"
        try:
            sentence = parse_sentence(read_text_checked(path.with_suffix(".txt")))
        except (OSError, ValueError) as error:
            remark = f"its words are not known: {path.with_suffix('.txt')} cannot be used ({error})"
            return Source(path, name, found, remark=remark, recording=recording)
        spans = {"words": list(sentence.words)} if sentence.words else {}
        return Source(path, name, found | {"text": sentence.text}, spans, recording=recording)

    return find_by_name(sources, labels, read, "LRS2")


def parse_sentence(text: str) -> Sentence:
    """The line ``Text: ...``, and after a line ``WORD START END ...`` the words with their times in seconds.

    Raises:
        ValueError: no text, or a word without times or one that ends before it begins.
    """
    lines = text.splitlines()
    said = next((line for line in lines if line.startswith("Text:")), None)
    if said is None or not (plain := spoken_words(_NOISES.sub(" ", said.removeprefix("Text:")))):
        raise ValueError("it has no line 'Text: ...' with words")
    header = next((number for number, line in enumerate(lines) if line.startswith(TIMES)), len(lines))
    return Sentence(plain, tuple(_word(line) for line in lines[header + 1 :] if line.strip()))


def read_lists(folder: Path) -> dict[str, str]:
    """``broadcast/number`` to part, by the lists in a folder, as far as they are there."""
    parts: dict[str, str] = {}
    for part, name in LISTS.items():
        try:
            lines = read_text_checked(folder / name, errors="replace").splitlines()
        except OSError:
            continue
        parts |= {line.split()[0]: part for line in lines if line.strip()}  # behind some names is a remark
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
