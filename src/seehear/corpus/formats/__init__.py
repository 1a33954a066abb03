"""How the folders of a data set are laid out, and what their names and side files tell about each recording."""

from collections.abc import Callable, Sequence
from pathlib import Path

from seehear.corpus.formats.cremad import find_cremad
from seehear.corpus.formats.emodb import find_emodb
from seehear.corpus.formats.folder import find_folder
from seehear.corpus.formats.fsdd import find_fsdd
from seehear.corpus.formats.grid import find_grid
from seehear.corpus.formats.iemocap import find_iemocap
from seehear.corpus.formats.librispeech import find_librispeech
from seehear.corpus.formats.lrs2 import find_lrs2
from seehear.corpus.formats.lrw import find_lrw
from seehear.corpus.formats.medium import Medium, one_of_each
from seehear.corpus.formats.ravdess import find_ravdess
from seehear.corpus.formats.source import Source
from seehear.corpus.formats.speechcommands import find_speechcommands
from seehear.corpus.formats.tcdtimit import find_tcdtimit
from seehear.corpus.formats.voxceleb import find_voxceleb
from seehear.errors import CorpusError

Format = Callable[[Sequence[Path], Path | None], list[Source]]
"""Takes files and folders and perhaps a labels CSV; gives the sources, sorted, their names unique."""

FORMATS: dict[str, Format] = {
    "cremad": find_cremad,
    "emodb": find_emodb,
    "folder": find_folder,
    "fsdd": find_fsdd,
    "grid": find_grid,
    "iemocap": find_iemocap,
    "librispeech": find_librispeech,
    "lrs2": find_lrs2,
    "lrw": find_lrw,
    "ravdess": find_ravdess,
    "speechcommands": find_speechcommands,
    "tcdtimit": find_tcdtimit,
    "voxceleb": find_voxceleb,
}
"""A new data set is one file beside these and one line here."""


def find_sources(
    sources: Sequence[Path], format: str, labels: Path | None = None, prefer: Medium = "picture"
) -> list[Source]:
    """Finds the recordings of a data set; those with a ``problem`` are not to be used, only reported.

    Args:
        sources: files and folders.
        format: a name in `FORMATS`.
        labels: CSV with a column ``file``; without it a ``labels.csv`` in each folder is used where there is one.
        prefer: which file is given where a data set has a recording as video and as sound: "picture" for preparing,
            "sound" for reading sound only.

    Raises:
        CorpusError: unknown format, nothing there, nothing found, or labels that do not fit the files.
    """
    if format not in FORMATS:
        raise CorpusError(f"there is no format '{format}'; the formats are {', '.join(sorted(FORMATS))}")
    return one_of_each(FORMATS[format]([Path(source) for source in sources], labels), prefer)
