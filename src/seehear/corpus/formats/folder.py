"""A plain folder of videos and sound files, with what a labels CSV says about them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seehear.corpus.formats.labels_csv import LABELS_FILE, Row, read_labels
from seehear.corpus.formats.media_files import find_media, is_sound
from seehear.corpus.formats.source import Source
from seehear.errors import CorpusError


def find_folder(sources: Sequence[Path], labels: Path | None = None) -> list[Source]:
    """Every video and sound file; labels from the CSV given, else from ``labels.csv`` in each folder.

    ``talk.mp4`` and ``talk.wav`` in one folder are one recording, of which the row of the video tells, unless a row of
    the CSV names the sound.

    Raises:
        CorpusError: no such files, or a row that names a file which is not among them.
    """
    found = find_media(sources)
    tables = [labels] if labels else [f / LABELS_FILE for f in sources if f.is_dir() and (f / LABELS_FILE).is_file()]
    rows: dict[Path, Row] = {}
    for table in tables:
        rows.update(_rows_by_file(table, found))
    twins = _twins([path for path, _ in found], rows)
    of_twins = {twins[path]: row for path, row in rows.items() if path in twins}
    told = [rows.get(path) or of_twins.get(twins.get(path, "")) or ({}, {}) for path, _ in found]
    return [Source(*place, *row, recording=twins.get(place[0], "")) for place, row in zip(found, told, strict=True)]


def _rows_by_file(table: Path, found: list[tuple[Path, str]]) -> dict[Path, Row]:
    """The rows of a CSV under the files they name: relative to the CSV's folder, or as named in the corpus."""
    by_name = {name: path for path, name in found}
    by_place = {path.resolve(): path for path, _ in found}
    rows: dict[Path, Row] = {}
    for file, row in read_labels(table).items():
        path = by_place.get((table.parent / file).resolve()) or by_name.get(Path(file).as_posix())
        if path is None:
            raise CorpusError(f"{table} names {file}, which is not among the files; correct or remove that row")
        if path in rows:
            raise CorpusError(f"{table} has two rows for {path}; keep one of them")
        rows[path] = row
    return rows


def _twins(files: list[Path], rows: dict[Path, Row]) -> dict[Path, str]:
    """Videos that have their own sound beside them, and that sound: file -> name of the recording."""
    pairs: dict[Path, list[Path]] = {}
    for path in files:
        pairs.setdefault(path.with_suffix(""), []).append(path)
    return {
        path: str(stem)
        for stem, paths in pairs.items()
        if len(paths) == 2 and sum(map(is_sound, paths)) == 1 and not any(is_sound(p) and p in rows for p in paths)
        for path in paths
    }
