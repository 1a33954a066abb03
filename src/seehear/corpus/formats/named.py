"""Data sets whose file names are their labels: what all of them have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from seehear.corpus.formats.media_files import find_media
from seehear.corpus.formats.source import Source
from seehear.errors import CorpusError


def find_named(
    sources: Sequence[Path],
    labels: Path | None,
    read: Callable[[Path, str], Source],
    data_set: str,
) -> list[Source]:
    """Every file that is named as a data set names its own; others are kept with a problem, for the report.

    Args:
        sources: files and folders.
        labels: a labels CSV, which such a data set has no use for.
        read: path and name in the corpus to source; with a problem where the name is not of the data set.
        data_set: its name, for sentences.

    Raises:
        CorpusError: no video or sound, none named as the data set names its files, or a labels CSV given.
    """
    if labels:
        raise CorpusError(
            f"{labels} is not used: the labels of {data_set} are in its files; use the format 'folder' for your own"
        )
    found = [read(path, name) for path, name in find_media(sources)]
    if all(source.problem for source in found):
        raise CorpusError(
            f"{found[0].path} is not a recording of {data_set}, nor is any other file there: {found[0].problem}; "
            "use the format 'folder', or another"
        )
    return found


def misnamed(path: Path, name: str, data_set: str, example: str) -> Source:
    """The source for a file whose name is not one of the data set."""
    return Source(path, name, problem=f"its name is not that of a recording of {data_set}, such as {example}")
