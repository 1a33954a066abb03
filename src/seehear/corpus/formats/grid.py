"""The GRID corpus: the sentence is in the file name, word times in an .align file (Cooke et al., 2006)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from seehear.corpus.formats.media_files import find_media
from seehear.corpus.formats.source import Source, Span
from seehear.errors import CorpusError

ALIGN_UNITS_PER_SECOND = 25_000  # a video frame is 1000 units
SILENCES = frozenset({"sil", "sp"})
FIELDS = ("command", "colour", "preposition", "letter", "digit", "adverb")

_DIGITS = "zero one two three four five six seven eight nine"
_WORDS: tuple[dict[str, str], ...] = (
    {"b": "bin", "l": "lay", "p": "place", "s": "set"},
    {"b": "blue", "g": "green", "r": "red", "w": "white"},
    {"a": "at", "b": "by", "i": "in", "w": "with"},
    {letter: letter for letter in "abcdefghijklmnopqrstuvxyz"},  # all but w, whose name is too long
    dict(zip("z123456789", _DIGITS.split(), strict=True)),
    {"a": "again", "n": "now", "p": "please", "s": "soon"},
)
_SPEAKER = re.compile(r"(?:grid[_-])?(s\d{1,2})(?:[._-].*)?", re.IGNORECASE)


def find_grid(sources: Sequence[Path], labels: Path | None = None) -> list[Source]:
    """Every GRID recording in files and folders, with its sentence, speaker and, where found, word times.

    Other files are kept with a problem, for the report; a recording whose ``.align`` file is broken, with a remark and
    without word times.

    Raises:
        CorpusError: no video, none named as GRID names its files, or a labels CSV given.
    """
    if labels:
        raise CorpusError(f"{labels} is not used: the labels of GRID are in its file names; use the format 'folder'")
    found = [_source(path, name) for path, name in find_media(sources)]
    if all(source.problem for source in found):
        raise CorpusError(f"{found[0].path} is not named like a GRID recording (bbaf2n); use the format 'folder'")
    return found


def _source(path: Path, name: str) -> Source:
    sentence = parse_sentence(path.stem)
    if sentence is None:
        return Source(path, name, problem="its name is not that of a GRID recording, such as bbaf2n")
    labels = {"text": " ".join(sentence.values()), **sentence}
    if speaker := speaker_of(path):
        labels["speaker"] = speaker
    align = find_align(path)
    try:
        return Source(path, name, labels, {"words": read_align(align)} if align else {})
    except CorpusError as error:
        return Source(path, name, labels, remark=f"its words have no times: {error}")


def parse_sentence(stem: str) -> dict[str, str] | None:
    """The six words that a file name such as ``bbaf2n`` stands for, by `FIELDS`; None where it is not GRID's."""
    if len(stem) != len(FIELDS):
        return None
    words = [table.get(letter) for table, letter in zip(_WORDS, stem.lower(), strict=True)]
    return {field: word for field, word in zip(FIELDS, words, strict=True) if word} if all(words) else None


def speaker_of(path: Path) -> str | None:
    """The speaker, such as ``s1``, from the nearest folder above that is called so (``s1``, ``grid_s1``)."""
    for folder in path.absolute().parents:
        if match := _SPEAKER.fullmatch(folder.name):
            return match[1].lower()
    return None


def find_align(path: Path) -> Path | None:
    """The ``.align`` file of a recording: beside it, or in a folder ``align`` beside its folder or within it."""
    file = path.with_suffix(".align").name
    places = (path.parent, path.parent / "align", path.parent.parent / "align")
    return next((place / file for place in places if (place / file).is_file()), None)


def read_align(path: Path) -> list[Span]:
    """Words of an ``.align`` file with their times in seconds, silences left out.

    Raises:
        CorpusError: unreadable, or a line that is not ``start end word``.
    """
    try:
        return parse_align(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CorpusError(f"{path} is not a GRID .align file ({error}); restore or remove it") from error


def parse_align(text: str) -> list[Span]:
    """Parses lines ``start end word``, times in 1/25000 s.

    Raises:
        ValueError: a line of another shape, or one that ends before it begins.
    """
    words = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        parts = line.split()
        if len(parts) != 3 or not (parts[0].isdecimal() and parts[1].isdecimal()):
            raise ValueError(f"line {number} is not 'start end word'")
        start, end = int(parts[0]), int(parts[1])
        if end < start:
            raise ValueError(f"line {number} ends before it begins")
        if parts[2] not in SILENCES:
            words.append(Span(parts[2], start / ALIGN_UNITS_PER_SECOND, end / ALIGN_UNITS_PER_SECOND))
    return words
