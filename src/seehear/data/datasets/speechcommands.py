"""Speech Commands: single words from thousands of speakers (Warden, arXiv 1804.03209; version 0.02 has 35 words).

Layout: ``seven/00176480_nohash_0.wav``: the folder is the word, the name is the speaker and the take. Sound only. The
official parts are in ``testing_list.txt`` and ``validation_list.txt``; all other files are for training.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from seehear.data.datasets import Dataset, Source, find_by_name
from seehear.data.hosts import CC_BY_4, Download, FixedFiles, Terms
from seehear.data.transfer import Checksum, RemoteFile
from seehear.errors import CorpusError, read_text_checked

_EXAMPLE = "seven/00176480_nohash_0"


_LISTS = {"test": "testing_list.txt", "dev": "validation_list.txt"}


_NOISE = "_background_noise_"


_NAME = re.compile(r"([0-9a-f]{8})_nohash_([0-9]+)")


_WORD = re.compile(r"[a-z]+")


def find_speechcommands(sources: Sequence[Path], labels: Path | None = None) -> list[Source]:
    """Return the words of Speech Commands in files and folders; background noise has a problem.

    Raises:
        CorpusError: see `find_by_name`; or a list of parts cannot be read
    """
    lists = cache(read_lists)  # read once per call

    def read(path: Path, name: str) -> Source | None:
        if path.parent.name == _NOISE:
            return Source(path, name, problem="it is background noise without a word")
        file_labels = parse_name(path.parent.name, path.stem)
        if file_labels is None:
            return None
        parts = lists(path.parent.parent)
        if parts is not None:
            file_labels["part"] = parts.get(f"{path.parent.name}/{path.name}", "train")
        return Source(path, name, file_labels)

    return find_by_name(sources, labels, read, SPEECHCOMMANDS.title, _EXAMPLE)


def parse_name(folder: str, stem: str) -> dict[str, str] | None:
    """Return the labels in ``seven/00176480_nohash_0``; None if it is not one of Speech Commands."""
    match = _NAME.fullmatch(stem)
    if not match or not _WORD.fullmatch(folder):
        return None
    return {"word": folder, "text": folder, "speaker": match[1], "take": match[2]}


def read_lists(folder: Path) -> dict[str, str] | None:
    """Return ``word/file`` -> ``test`` or ``dev`` from the lists in a folder; None if it does not have both.

    Raises:
        CorpusError: a list cannot be read
    """
    parts: dict[str, str] = {}
    for part, name in _LISTS.items():
        try:
            lines = read_text_checked(folder / name).split()
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise CorpusError(f"{folder / name} cannot be read ({error}); unpack the data set again") from error
        parts.update(dict.fromkeys(lines, part))
    return parts


SPEECHCOMMANDS = Dataset(
    name="speechcommands",
    title="Speech Commands",
    find=find_speechcommands,
    example=f"{_EXAMPLE}.wav",
    labels=("word", "text", "speaker", "take", "part"),
    holds="sound",
    cite="Warden, Speech Commands: a dataset for limited-vocabulary speech recognition, arXiv 1804.03209, 2018",
    download=Download(
        Terms(CC_BY_4, "use, share and adapt it, and name its makers", "https://arxiv.org/abs/1804.03209"),
        FixedFiles(
            [
                RemoteFile(
                    "speech_commands_v0.02.tar.gz",
                    "https://storage.googleapis.com/download.tensorflow.org/data/speech_commands_v0.02.tar.gz",
                    2_428_923_189,  # size and digest as published by TensorFlow Datasets and torchaudio
                    Checksum("sha256", "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58"),
                )
            ]
        ),
        unpacked=1.6,
    ),
)
