"""How the folders of a data set are laid out, and what their names and side files tell about each recording."""

from collections.abc import Callable, Sequence
from pathlib import Path

from seehear.corpus.formats.folder import find_folder
from seehear.corpus.formats.grid import find_grid
from seehear.corpus.formats.source import Source
from seehear.errors import CorpusError

Format = Callable[[Sequence[Path], Path | None], list[Source]]
"""Takes files and folders and perhaps a labels CSV; gives the sources, sorted, their names unique."""

FORMATS: dict[str, Format] = {
    "folder": find_folder,
    "grid": find_grid,
}
"""A new data set is one file beside these and one line here."""


def find_sources(sources: Sequence[Path], format: str, labels: Path | None = None) -> list[Source]:
    """Finds what is to be prepared.

    Args:
        sources: files and folders.
        format: a name in `FORMATS`.
        labels: CSV with a column ``file``; without it a ``labels.csv`` in each folder is used where there is one.

    Raises:
        CorpusError: unknown format, nothing there, nothing found, or labels that do not fit the files.
    """
    if format not in FORMATS:
        raise CorpusError(f"there is no format '{format}'; the formats are {', '.join(sorted(FORMATS))}")
    return FORMATS[format](sources, labels)
