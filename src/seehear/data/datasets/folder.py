"""Your own files, with labels in labels.csv."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

from seehear.data.datasets import Dataset, Source, Span, find_media, is_sound
from seehear.errors import CorpusError, check_not_lfs_pointer

LABELS_FILE = "labels.csv"


_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}


Row = tuple[dict[str, str], dict[str, list[Span]]]


def read_labels(path: Path) -> dict[str, Row]:
    """Read a labels CSV: file as written -> labels and spans.

    Cells are separated by commas, semicolons or tabs, as in the first line.
    A cell with a JSON list of [text, start_s, end_s] becomes spans; any other non-empty cell a label, as text.

    Raises:
        CorpusError: unreadable, no column ``file``, a row with too many cells, or two rows for one file
    """
    try:
        content = path.read_bytes()
        check_not_lfs_pointer(path, content)
        text = content.decode("utf-8-sig")
    except FileNotFoundError:
        raise CorpusError(f"{path} does not exist; name a CSV file with a column 'file'") from None
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path} cannot be read as UTF-8 text ({error}); save it as a UTF-8 CSV file") from error
    delimiter = _delimiter(text)
    rows = csv.DictReader(io.StringIO(text, newline=""), restkey="", delimiter=delimiter)
    if "file" not in (rows.fieldnames or []):
        raise CorpusError(f"{path} has no column 'file'; its first line must name the columns, one of them 'file'")
    labels: dict[str, Row] = {}
    try:
        for row in rows:
            file = (row.pop("file") or "").strip()
            if "" in row:
                raise CorpusError(
                    f"{path} line {rows.line_num} has more cells than the first line; "
                    f"quote its {_DELIMITERS[delimiter]}"
                )
            if not file:
                raise CorpusError(f"{path} line {rows.line_num} names no file; fill its column 'file' or remove it")
            if file in labels:
                raise CorpusError(f"{path} has two rows for {file}; keep one of them")
            labels[file] = _cells({column: cell for column, cell in row.items() if cell})
    except csv.Error as error:
        raise CorpusError(f"{path} line {rows.line_num} is not CSV ({error}); correct it") from error
    return labels


def _delimiter(text: str) -> str:
    """Return the delimiter that gives a column ``file`` in the first line. Many spreadsheets write ``;``."""
    first = text.partition("\n")[0].rstrip("\r")
    for delimiter in _DELIMITERS:
        if "file" in next(csv.reader([first], delimiter=delimiter), []):
            return delimiter
    return ","


def _cells(row: dict[str, str]) -> Row:
    """Separate the cells of a row into labels and spans."""
    spans = {column: parsed for column, cell in row.items() if (parsed := parse_spans(cell)) is not None}
    return {column: cell for column, cell in row.items() if column not in spans}, spans


def parse_spans(cell: str) -> list[Span] | None:
    """Parse spans from JSON [[text, start_s, end_s], ...]; None if the cell is something else."""
    if not cell.lstrip().startswith("["):
        return None
    try:
        items = json.loads(cell)
        return [Span(str(text), float(start), float(end)) for text, start, end in items]
    except (ValueError, TypeError, RecursionError):
        return None


def find_folder(sources: Sequence[Path], labels: Path | None = None) -> list[Source]:
    """Return all video and sound files; labels are from the CSV, by default ``labels.csv`` in each folder.

    ``talk.mp4`` and ``talk.wav`` in one folder are one recording with the labels of the video, unless the CSV has a row
    for the sound file.

    Raises:
        CorpusError: no such files, or a row names another file
    """
    found = find_media(sources)
    tables = [labels] if labels else [f / LABELS_FILE for f in sources if f.is_dir() and (f / LABELS_FILE).is_file()]
    rows: dict[Path, Row] = {}
    for table in tables:
        rows.update(_rows_by_file(table, found))
    twins = _twins([path for path, _ in found], rows)
    of_twins = {twins[path]: row for path, row in rows.items() if path in twins}
    labelled = [rows.get(path) or of_twins.get(twins.get(path, "")) or ({}, {}) for path, _ in found]
    return [Source(*file, *row, recording=twins.get(file[0], "")) for file, row in zip(found, labelled, strict=True)]


def _rows_by_file(table: Path, found: list[tuple[Path, str]]) -> dict[Path, Row]:
    """Return the row of each file, named relative to the folder of the CSV or as in the corpus."""
    by_name = {name: path for path, name in found}
    by_path = {path.resolve(): path for path, _ in found}
    rows: dict[Path, Row] = {}
    for file, row in read_labels(table).items():
        path = by_path.get((table.parent / file).resolve()) or by_name.get(Path(file).as_posix())
        if path is None:
            raise CorpusError(f"{table} names {file}, which is not among the files; correct or remove that row")
        if path in rows:
            raise CorpusError(f"{table} has two rows for {path}; keep one of them")
        rows[path] = row
    return rows


def _twins(files: list[Path], rows: dict[Path, Row]) -> dict[Path, str]:
    """Return file -> name of the recording, for videos with their sound in a file of the same name, and that file."""
    pairs: dict[Path, list[Path]] = {}
    for path in files:
        pairs.setdefault(path.with_suffix(""), []).append(path)
    return {
        path: str(stem)
        for stem, paths in pairs.items()
        if len(paths) == 2 and sum(map(is_sound, paths)) == 1 and not any(is_sound(p) and p in rows for p in paths)
        for path in paths
    }


FOLDER = Dataset(name="folder", title="own files", find=find_folder, example="talk.mp4")
