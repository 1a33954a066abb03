"""A plain folder of videos, with what a labels CSV says about them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seehear.corpus.formats.labels_csv import LABELS_FILE, Row, read_labels
from seehear.corpus.formats.media_files import find_media
from seehear.corpus.formats.source import Source
from seehear.errors import CorpusError


def find_folder(sources: Sequence[Path], labels: Path | None = None) -> list[Source]:
    """Every video in files and folders; labels from the CSV given, else from ``labels.csv`` in each folder.

    Raises:
        CorpusError: no videos, or a row that names a file which is not among them.
    """
    found = find_media(sources)
    tables = [labels] if labels else [f / LABELS_FILE for f in sources if f.is_dir() and (f / LABELS_FILE).is_file()]
    rows: dict[Path, Row] = {}
    for table in tables:
        rows.update(_rows_by_file(table, found))
    return [Source(path, name, *rows.get(path, ({}, {}))) for path, name in found]


def _rows_by_file(table: Path, found: list[tuple[Path, str]]) -> dict[Path, Row]:
    """The rows of a CSV under the files they name: relative to the CSV's folder, or as named in the corpus."""
    by_name = {name: path for path, name in found}
    by_place = {path.resolve(): path for path, _ in found}
    rows: dict[Path, Row] = {}
    for file, row in read_labels(table).items():
        path = by_place.get((table.parent / file).resolve()) or by_name.get(Path(file).as_posix())
        if path is None:
            raise CorpusError(f"{table} names {file}, which is not among the videos; correct or remove that row")
        if path in rows:
            raise CorpusError(f"{table} has two rows for {path}; keep one of them")
        rows[path] = row
    return rows
