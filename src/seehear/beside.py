"""Nothing half-written is ever taken for whole: files are written beside their place and then renamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """Gives a temporary name in the same folder; on success its file takes the place of ``path``, else it goes.

    The bytes reach the disk before the name does, so that a power cut leaves either the old file or the new one.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes a small text file, whole or not at all."""
    with written_beside(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def remove_leftovers(folder: Path) -> None:
    """Takes away what killed processes were writing beside its place; for a folder that only this one writes to."""
    for path in folder.glob(".*.tmp"):
        path.unlink(missing_ok=True)
