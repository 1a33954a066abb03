"""The GRID corpus: 34 speakers say 1000 six-word sentences each (Cooke et al., J. Acoust. Soc. Am. 120(5), 2006).

Layout: ``s1/bbaf2n.mpg``, the sound alone in ``audio_25k/s1/bbaf2n.wav``. The sentence is in the file name, the
times of its words in ``bbaf2n.align``: beside the video, in a folder ``align``, or in ``alignments/s1`` as on Zenodo.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path

from seehear.data.datasets import Source, Span, find_by_name, find_media, unrecognised_name
from seehear.errors import CorpusError, read_text_checked

EXAMPLE = "bbaf2n"


ALIGNMENTS = "alignments"


ENDPOINTED = "audio_25k"  # silence is cut off at both ends there: the times of the words are not those of the video


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
        CorpusError: as `find_by_name`.
    """
    aligns = find_aligns([path for path, _ in find_media(sources)])
    return find_by_name(sources, labels, partial(_source, aligns=aligns), "GRID")


def _source(path: Path, name: str, aligns: Mapping[Path, Path]) -> Source:
    sentence = parse_sentence(path.stem)
    if sentence is None:
        return unrecognised_name(path, name, "GRID", EXAMPLE)
    labels = {"text": " ".join(sentence.values()), **sentence}
    speaker = speaker_of(path)
    if speaker:
        labels["speaker"] = speaker
    source = partial(Source, path, name, labels, recording=f"{speaker}/{path.stem}" if speaker else "")
    align = aligns.get(path)
    try:
        return source({"words": read_align(align)} if align else {})
    except CorpusError as error:
        return source(remark=f"its words have no times: {error}")


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


def find_aligns(recordings: Sequence[Path]) -> dict[Path, Path]:
    """The ``.align`` files of recordings: beside them, in a folder ``align``, or in ``alignments/SPEAKER``.

    The folders in Zenodo's ``alignments.zip`` bear the names of other speakers in part (s5 holds those of s6, and so
    on), so the one is taken that names most of the recordings in a folder, and not the one with the same name.
    """
    folders: dict[Path, list[Path]] = {}
    for recording in recordings:
        if ENDPOINTED not in recording.parts:
            folders.setdefault(recording.parent, []).append(recording)
    names_in = cache(_aligns_by_folder)
    found: dict[Path, Path] = {}
    for folder, inside in folders.items():
        speakers = next((names for place in folder.parents[:3] if (names := names_in(place / ALIGNMENTS))), {})
        best = _most_named({path.stem for path in inside}, speakers, speaker_of(inside[0]) or "")
        for path in inside:
            if align := find_align(path) or speakers.get(best, {}).get(path.stem):
                found[path] = align
    return found


def find_align(path: Path) -> Path | None:
    """The ``.align`` file of a recording: beside it, or in a folder ``align`` beside its folder or within it."""
    file = path.with_suffix(".align").name
    places = (path.parent, path.parent / "align", path.parent.parent / "align")
    return next((place / file for place in places if (place / file).is_file()), None)


def _aligns_by_folder(alignments: Path) -> dict[str, dict[str, Path]]:
    """Name of each folder in ``alignments`` -> sentence -> its file; empty where there is no such folder."""
    by_folder: dict[str, dict[str, Path]] = {}
    for file in alignments.rglob("*.align"):
        by_folder.setdefault(file.parent.name, {})[file.stem] = file
    return by_folder


def _most_named(sentences: set[str], speakers: Mapping[str, Mapping[str, Path]], own: str) -> str:
    """The folder that knows most of the sentences; the speaker's own if it is as good as any."""
    return max(speakers, key=lambda name: (len(sentences & speakers[name].keys()), name == own), default="")


def read_align(path: Path) -> list[Span]:
    """Words of an ``.align`` file with their times in seconds, silences left out.

    Raises:
        CorpusError: unreadable, or a line that is not ``start end word``.
    """
    try:
        return parse_align(read_text_checked(path))
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
