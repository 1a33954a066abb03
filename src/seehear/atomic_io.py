"""Write files atomically: under a temporary name in the same folder, then renamed. Lock files."""

from __future__ import annotations

import csv
import fcntl
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

MAX_NAME_BYTES = 255
"""Maximum length of a file name in bytes on common file systems."""


DIGEST_LENGTH = 10
"""Digest characters that distinguish shortened names."""


ENCODING_ERRORS = "backslashreplace"
"""Error handler for text with file names that are not UTF-8: Python reads them as surrogates, as JSON escapes them."""


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary name in the same folder; on success the file replaces ``path``, otherwise it is deleted.

    The data reaches the disk before the rename, so a power cut leaves either the old file or the new one.
    """
    temporary = temporary_name(path, f".{os.getpid()}.tmp")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def temporary_name(path: Path, ending: str) -> Path:
    """Return a hidden name in the same folder, ``.NAME`` plus the ending; the name is shortened if necessary."""
    name = os.fsencode(path.name)
    max_bytes = MAX_NAME_BYTES - len(os.fsencode(ending)) - 1
    if len(name) > max_bytes:
        digest = hashlib.sha256(name).hexdigest()[:DIGEST_LENGTH].encode()
        name = name[: max_bytes - DIGEST_LENGTH - 1] + b"." + digest
        name = name.decode("utf-8", "ignore").encode()  # no partial character: some file systems reject such names
    return path.with_name(f".{os.fsdecode(name)}{ending}")


def write_text(path: Path, text: str) -> None:
    """Write a small text file atomically; names that are not UTF-8 are escaped (``\\udce9``)."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors=ENCODING_ERRORS)


def write_csv(
    path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None, line_end: str = "\n"
) -> None:
    """Write a CSV table atomically; missing cells are empty.

    Args:
        path: the file
        rows: cells by column
        columns: their order; by default all, in the order of the rows
        line_end: end of each line
    """
    columns = list(dict.fromkeys(name for row in rows for name in row)) if columns is None else columns
    with (
        atomic_write(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8", errors=ENCODING_ERRORS) as file,
    ):
        table = csv.DictWriter(file, columns, lineterminator=line_end)
        table.writeheader()
        table.writerows(rows)


def remove_leftovers(folder: Path) -> None:
    """Delete the temporary files of killed processes, in a folder that only this process writes to."""
    for path in folder.glob(".*.tmp"):
        path.unlink(missing_ok=True)


def lock_file(file: IO[Any], busy: Exception) -> None:
    """Lock an open file for this process, and for those that inherit it, until it is closed or they end in any way.

    Raises:
        Exception: ``busy``, if another process holds the lock; the file is closed then
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise busy from None
