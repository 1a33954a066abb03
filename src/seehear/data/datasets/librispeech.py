"""LibriSpeech: a thousand hours of books read aloud (Panayotov, Chen, Povey & Khudanpur, ICASSP 2015).

Layout: ``train-clean-100/19/198/19-198-0000.flac``: subset, speaker, chapter, utterance; or such files in any folder.
The words are in ``19-198.trans.txt`` beside them, the speakers' sex in ``SPEAKERS.TXT`` in a folder above. Sound only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from seehear.data.datasets import SEXES, Source, find_by_name, spoken_words, unrecognised_name
from seehear.errors import CorpusError, read_text_checked

EXAMPLE = "19-198-0000"


SPEAKERS = "SPEAKERS.TXT"


HEIGHT = 4  # folders from an utterance to the one that holds SPEAKERS.TXT


_NAME = re.compile(r"(\d+)-(\d+)-(\d+)", re.ASCII)


_SUBSET = re.compile(r"(train|dev|test)-(?:clean|other)(?:-\d+)?", re.ASCII)


def find_librispeech(sources: Sequence[Path], labels: Path | None = None) -> list[Source]:
    """Every LibriSpeech utterance in files and folders, with its speaker, chapter and, where found, words and sex.

    Raises:
        CorpusError: as `find_by_name`, or a ``SPEAKERS.TXT`` that is not one.
    """
    sexes, words = cache(_sexes_in), cache(_words_in)  # one reading for this call

    def read(path: Path, name: str) -> Source:
        found = parse_name(path.stem)
        if found is None:
            return unrecognised_name(path, name, "LibriSpeech", EXAMPLE)
        above = path.absolute().parents[:HEIGHT]
        if subset := next((match for folder in above if (match := _SUBSET.fullmatch(folder.name))), None):
            found |= {"subset": subset[0], "part": subset[1]}
        for folder in above:
            if sex := sexes(folder).get(found["speaker"]):
                found["sex"] = sex
        if text := words(path.with_name(f"{found['speaker']}-{found['chapter']}.trans.txt")).get(path.stem):
            found["text"] = text
        return Source(path, name, found)

    return find_by_name(sources, labels, read, "LibriSpeech")


def parse_name(stem: str) -> dict[str, str] | None:
    """Speaker, chapter and utterance of a name such as ``19-198-0000``; None where it is not LibriSpeech's."""
    match = _NAME.fullmatch(stem)
    return {"speaker": match[1], "chapter": match[2], "utterance": match[3]} if match else None


def parse_words(text: str) -> dict[str, str]:
    """What is said in each utterance of a ``.trans.txt``, from lines ``19-198-0000 NORTHANGER ABBEY``."""
    lines = (line.split(maxsplit=1) for line in text.splitlines())
    return {line[0]: words for line in lines if len(line) == 2 and (words := spoken_words(line[1]))}


def parse_speakers(text: str) -> dict[str, str]:
    """Sex of each speaker, from lines ``19 | F | train-clean-100 | 25.19 | Kara Shallenberg``; ``;`` is a comment.

    Raises:
        ValueError: a line of another shape.
    """
    sexes = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith(";"):
            continue
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) < 3 or cells[1].lower() not in SEXES:
            raise ValueError(f"line {number} is not 'speaker | sex | subset ...'")
        sexes[cells[0]] = SEXES[cells[1].lower()]
    return sexes


def _sexes_in(folder: Path) -> dict[str, str]:
    """Of the speakers in a folder's ``SPEAKERS.TXT``; empty where there is none.

    Raises:
        CorpusError: it cannot be read.
    """
    table = folder / SPEAKERS
    try:
        return parse_speakers(read_text_checked(table))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise CorpusError(
            f"{table} is not LibriSpeech's table of speakers ({error}); unpack it again, or remove it"
        ) from error


def _words_in(transcript: Path) -> dict[str, str]:
    """Of a chapter; empty where its transcript is not there."""
    try:
        return parse_words(read_text_checked(transcript, errors="replace"))
    except OSError:
        return {}
