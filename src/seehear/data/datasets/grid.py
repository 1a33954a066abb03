"""The GRID corpus: 34 speakers say 1000 six-word sentences each (Cooke et al., J. Acoust. Soc. Am. 120(5), 2006).

Layout: ``s1/bbaf2n.mpg``, only the sound in ``audio_25k/s1/bbaf2n.wav``. The sentence is in the file name, the times of
its words in ``bbaf2n.align``: next to the video, in a folder ``align``, or in ``alignments/s1`` as on Zenodo.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path

from seehear.data.datasets import Dataset, Source, Span, find_by_name, find_media
from seehear.data.hosts import CC_BY_4, Download, Terms, ZenodoRecord
from seehear.errors import CorpusError, read_text_checked

_EXAMPLE = "bbaf2n"


_ALIGNMENTS = "alignments"


_TRIMMED = "audio_25k"  # without silence at both ends: the times of the words do not apply


_UNITS_PER_SECOND = 25_000  # a video frame is 1000 units


_SILENCES = frozenset({"sil", "sp"})


FIELDS = ("command", "colour", "preposition", "letter", "digit", "adverb")


_DIGITS = "zero one two three four five six seven eight nine"


_WORDS: tuple[dict[str, str], ...] = (
    {"b": "bin", "l": "lay", "p": "place", "s": "set"},
    {"b": "blue", "g": "green", "r": "red", "w": "white"},
    {"a": "at", "b": "by", "i": "in", "w": "with"},
    {letter: letter for letter in "abcdefghijklmnopqrstuvxyz"},  # no w: its name is too long
    dict(zip("z123456789", _DIGITS.split(), strict=True)),
    {"a": "again", "n": "now", "p": "please", "s": "soon"},
)


_SPEAKER = re.compile(r"(?:grid[_-])?(s\d{1,2})(?:[._-].*)?", re.IGNORECASE)


def find_grid(sources: Sequence[Path], labels: Path | None = None) -> list[Source]:
    """Return the recordings of GRID in files and folders; one with a broken ``.align`` file has a remark.

    Raises:
        CorpusError: see `find_by_name`
    """
    aligns = find_aligns([path for path, _ in find_media(sources)])
    return find_by_name(sources, labels, partial(_source, aligns=aligns), GRID.title, _EXAMPLE)


def _source(path: Path, name: str, aligns: Mapping[Path, Path]) -> Source | None:
    sentence = parse_sentence(path.stem)
    if sentence is None:
        return None
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
    """Return the six words in a file name such as ``bbaf2n`` by `FIELDS`; None if it is not one of GRID."""
    if len(stem) != len(FIELDS):
        return None
    words = [table.get(letter) for table, letter in zip(_WORDS, stem.lower(), strict=True)]
    return {field: word for field, word in zip(FIELDS, words, strict=True) if word} if all(words) else None


def speaker_of(path: Path) -> str | None:
    """Return the speaker, such as ``s1``, from the nearest folder above with such a name (``s1``, ``grid_s1``)."""
    for folder in path.absolute().parents:
        if match := _SPEAKER.fullmatch(folder.name):
            return match[1].lower()
    return None


def find_aligns(recordings: Sequence[Path]) -> dict[Path, Path]:
    """Return the ``.align`` file of each recording: next to it, in a folder ``align``, or in ``alignments/SPEAKER``.

    Some folders in Zenodo's ``alignments.zip`` have the name of another speaker (s5 has the files of s6, and so on), so
    the folder that has most of the recordings is used, rather than the one with the same name.
    """
    folders: dict[Path, list[Path]] = {}
    for recording in recordings:
        if _TRIMMED not in recording.parts:
            folders.setdefault(recording.parent, []).append(recording)
    by_folder = cache(_aligns_by_folder)
    aligns: dict[Path, Path] = {}
    for folder, inside in folders.items():
        speakers = next((names for place in folder.parents[:3] if (names := by_folder(place / _ALIGNMENTS))), {})
        best = _best_match({path.stem for path in inside}, speakers, speaker_of(inside[0]) or "")
        for path in inside:
            if align := find_align(path) or speakers.get(best, {}).get(path.stem):
                aligns[path] = align
    return aligns


def find_align(path: Path) -> Path | None:
    """Return the ``.align`` file next to a recording, or in a folder ``align`` next to or in its folder."""
    file = path.with_suffix(".align").name
    places = (path.parent, path.parent / "align", path.parent.parent / "align")
    return next((place / file for place in places if (place / file).is_file()), None)


def _aligns_by_folder(alignments: Path) -> dict[str, dict[str, Path]]:
    """Return name of each folder in ``alignments`` -> sentence -> file; empty if there is no ``alignments``."""
    by_folder: dict[str, dict[str, Path]] = {}
    for file in alignments.rglob("*.align"):
        by_folder.setdefault(file.parent.name, {})[file.stem] = file
    return by_folder


def _best_match(sentences: set[str], speakers: Mapping[str, Mapping[str, Path]], own: str) -> str:
    """Return the folder with most of the sentences; the one of the speaker if several have as many."""
    return max(speakers, key=lambda name: (len(sentences & speakers[name].keys()), name == own), default="")


def read_align(path: Path) -> list[Span]:
    """Return the words of an ``.align`` file with their times in seconds, without silences.

    Raises:
        CorpusError: unreadable, or a line is not ``start end word``
    """
    try:
        return parse_align(read_text_checked(path))
    except (OSError, ValueError) as error:
        raise CorpusError(f"{path} is not a GRID .align file ({error}); restore or remove it") from error


def parse_align(text: str) -> list[Span]:
    """Parse lines ``start end word`` with times in 1/25000 s.

    Raises:
        ValueError: a line has another form, or ends before it begins
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
        if parts[2] not in _SILENCES:
            words.append(Span(parts[2], start / _UNITS_PER_SECOND, end / _UNITS_PER_SECOND))
    return words


GRID = Dataset(
    name="grid",
    title="GRID",
    find=find_grid,
    example=f"s1/{_EXAMPLE}.mpg",
    labels=("text", *FIELDS, "speaker"),
    cite="Cooke, Barker, Cunningham & Shao, J. Acoust. Soc. Am. 120(5), 2006",
    download=Download(
        Terms(CC_BY_4, "use, share and adapt it, and name its makers", "https://zenodo.org/records/3625687"),
        ZenodoRecord(3625687, default_parts=["s[0-9]*"], extra_files=["alignments"]),
    ),
)
