"""Speech Commands: single words from thousands of speakers (Warden, arXiv 1804.03209; version 0.02 has 35 words).

Layout: ``seven/00176480_nohash_0.wav``: the folder is the word, the name is the speaker and the take. Sound only. The
official parts are in ``testing_list.txt`` and ``validation_list.txt``; what is in neither is for training.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from seehear.data.datasets import Source, find_by_name, unrecognised_name
from seehear.errors import CorpusError, read_text_checked

EXAMPLE = "seven/00176480_nohash_0"


LISTS = {"test": "testing_list.txt", "dev": "validation_list.txt"}


NOISE = "_background_noise_"


_NAME = re.compile(r"([0-9a-f]{8})_nohash_([0-9]+)")


_WORD = re.compile(r"[a-z]+")


def find_speechcommands(sources: Sequence[Path], labels: Path | None = None) -> list[Source]:
    """Every word of Speech Commands in files and folders; the background noise is kept with a problem, for the report.

    Raises:
        CorpusError: as `find_by_name`, or a list of parts that cannot be read.
    """
    lists = cache(read_lists)  # one reading for this call: a list may have been repaired by the next

    def read(path: Path, name: str) -> Source:
        if path.parent.name == NOISE:
            return Source(path, name, problem="it is background noise without a word")
        found = parse_name(path.parent.name, path.stem)
        if found is None:
            return unrecognised_name(path, name, "Speech Commands", EXAMPLE)
        parts = lists(path.parent.parent)
        if parts is not None:
            found["part"] = parts.get(f"{path.parent.name}/{path.name}", "train")
        return Source(path, name, found)

    return find_by_name(sources, labels, read, "Speech Commands")


def parse_name(folder: str, stem: str) -> dict[str, str] | None:
    """The labels that ``seven/00176480_nohash_0`` stands for; None where it is not of Speech Commands."""
    match = _NAME.fullmatch(stem)
    if not match or not _WORD.fullmatch(folder):
        return None
    return {"word": folder, "text": folder, "speaker": match[1], "take": match[2]}


def read_lists(folder: Path) -> dict[str, str] | None:
    """``word/file`` to ``test`` or ``dev``, by the lists in a folder; None where it does not have both.

    Raises:
        CorpusError: a list cannot be read.
    """
    parts: dict[str, str] = {}
    for part, name in LISTS.items():
        try:
            lines = read_text_checked(folder / name).split()
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise CorpusError(f"{folder / name} cannot be read ({error}); unpack the data set again") from error
        parts.update(dict.fromkeys(lines, part))
    return parts
