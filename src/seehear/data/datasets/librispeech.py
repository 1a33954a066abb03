"""LibriSpeech: a thousand hours of books read aloud (Panayotov, Chen, Povey & Khudanpur, ICASSP 2015).

Layout: ``train-clean-100/19/198/19-198-0000.flac``: subset, speaker, chapter, utterance; or such files in any folder.
The words are in ``19-198.trans.txt`` next to them, the sex of the speakers in ``SPEAKERS.TXT`` in a folder above.
Sound only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from seehear.data.datasets import SEXES, Dataset, Source, find_by_name, spoken_words
from seehear.errors import CorpusError, read_text_checked

_EXAMPLE = "19-198-0000"


_SPEAKERS = "SPEAKERS.TXT"


_LEVELS = 4  # from an utterance up to the folder with SPEAKERS.TXT


_NAME = re.compile(r"(\d+)-(\d+)-(\d+)", re.ASCII)


_SUBSET = re.compile(r"(train|dev|test)-(?:clean|other)(?:-\d+)?", re.ASCII)


def find_librispeech(sources: Sequence[Path], labels: Path | None = None) -> list[Source]:
    """Return the utterances of LibriSpeech in files and folders.

    Raises:
        CorpusError: see `find_by_name`; or ``SPEAKERS.TXT`` cannot be read
    """
    sexes, words = cache(_read_sexes), cache(_read_words)  # read once per call

    def read(path: Path, name: str) -> Source | None:
        file_labels = parse_name(path.stem)
        if file_labels is None:
            return None
        above = path.absolute().parents[:_LEVELS]
        if subset := next((match for folder in above if (match := _SUBSET.fullmatch(folder.name))), None):
            file_labels |= {"subset": subset[0], "part": subset[1]}
        for folder in above:
            if sex := sexes(folder).get(file_labels["speaker"]):
                file_labels["sex"] = sex
        if text := words(path.with_name(f"{file_labels['speaker']}-{file_labels['chapter']}.trans.txt")).get(path.stem):
            file_labels["text"] = text
        return Source(path, name, file_labels)

    return find_by_name(sources, labels, read, LIBRISPEECH.title, _EXAMPLE)


def parse_name(stem: str) -> dict[str, str] | None:
    """Return speaker, chapter and utterance in a name such as ``19-198-0000``; None if it is not one of LibriSpeech."""
    match = _NAME.fullmatch(stem)
    return {"speaker": match[1], "chapter": match[2], "utterance": match[3]} if match else None


def parse_words(text: str) -> dict[str, str]:
    """Return the transcript of each utterance, from lines ``19-198-0000 NORTHANGER ABBEY`` of a ``.trans.txt``."""
    lines = (line.split(maxsplit=1) for line in text.splitlines())
    return {line[0]: words for line in lines if len(line) == 2 and (words := spoken_words(line[1]))}


def parse_speakers(text: str) -> dict[str, str]:
    """Return the sex of each speaker, from lines ``19 | F | train-clean-100 | ...``; ``;`` begins a comment.

    Raises:
        ValueError: a line has another form
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


def _read_sexes(folder: Path) -> dict[str, str]:
    """Read ``SPEAKERS.TXT`` of a folder; empty if there is none.

    Raises:
        CorpusError: it cannot be read
    """
    table = folder / _SPEAKERS
    try:
        return parse_speakers(read_text_checked(table))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise CorpusError(
            f"{table} is not LibriSpeech's table of speakers ({error}); unpack it again, or remove it"
        ) from error


def _read_words(transcript: Path) -> dict[str, str]:
    """Read the transcript of a chapter; empty if there is none."""
    try:
        return parse_words(read_text_checked(transcript, errors="replace"))
    except OSError:
        return {}


LIBRISPEECH = Dataset(
    name="librispeech",
    title="LibriSpeech",
    find=find_librispeech,
    example=f"train-clean-100/19/198/{_EXAMPLE}.flac",
    labels=("speaker", "chapter", "utterance", "subset", "part", "sex", "text"),
    holds="sound",
    ask_at="https://www.openslr.org/12",
    cite="Panayotov, Chen, Povey & Khudanpur, LibriSpeech: an ASR corpus, ICASSP 2015",
)
