"""The labels CSV: a column `file`, and any others, one row a file."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from seehear.corpus.formats.source import Span
from seehear.errors import CorpusError
from seehear.pointers import require_content

LABELS_FILE = "labels.csv"

COMMAS = {",": "commas", ";": "semicolons", "\t": "tabs"}

Row = tuple[dict[str, str], dict[str, list[Span]]]


def read_labels(path: Path) -> dict[str, Row]:
    """Reads a labels CSV: file as written -> labels and spans.

    Cells are parted by commas, semicolons or tabs, by whichever the first line is.
    A cell that is a JSON list of [text, start_s, end_s] becomes spans; any other non-empty cell a label, as text.

    Raises:
        CorpusError: unreadable, no column ``file``, a row with too many cells, or two rows for one file.
    """
    try:
        content = path.read_bytes()
        require_content(path, content)
        text = content.decode("utf-8-sig")
    except FileNotFoundError:
        raise CorpusError(f"{path} does not exist; name a CSV file with a column 'file'") from None
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path} cannot be read as UTF-8 text ({error}); save it as a UTF-8 CSV file") from error
    comma = _delimiter(text)
    rows = csv.DictReader(io.StringIO(text, newline=""), restkey="", delimiter=comma)
    if "file" not in (rows.fieldnames or []):
        raise CorpusError(f"{path} has no column 'file'; its first line must name the columns, one of them 'file'")
    labels: dict[str, Row] = {}
    try:
        for row in rows:
            file = (row.pop("file") or "").strip()
            if "" in row:
                raise CorpusError(
                    f"{path} line {rows.line_num} has more cells than the first line; quote its {COMMAS[comma]}"
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
    """What parts the cells: what gives a column ``file`` in the first line. Many spreadsheets write ``;``."""
    first = text.partition("\n")[0].rstrip("\r")
    for comma in COMMAS:
        if "file" in next(csv.reader([first], delimiter=comma), []):
            return comma
    return ","


def _cells(row: dict[str, str]) -> Row:
    """One row's cells, told apart into labels and spans."""
    spans = {column: found for column, cell in row.items() if (found := parse_spans(cell)) is not None}
    return {column: cell for column, cell in row.items() if column not in spans}, spans


def parse_spans(cell: str) -> list[Span] | None:
    """Spans written as JSON [[text, start_s, end_s], ...]; None where the cell is anything else."""
    if not cell.lstrip().startswith("["):
        return None
    try:
        items = json.loads(cell)
        return [Span(str(text), float(start), float(end)) for text, start, end in items]
    except (ValueError, TypeError, RecursionError):
        return None
