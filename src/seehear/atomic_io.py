"""Files are written whole or not at all: beside their place, then renamed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MAX_NAME_BYTES = 255
"""Bytes that the name of a file may have on the disks of today."""


DIGEST_LENGTH = 10
"""Characters of a digest that tell shortened names apart."""


ENCODING_ERRORS = "backslashreplace"
"""How text is written in which the name of a file is not UTF-8: Python has it as surrogates, which JSON escapes so."""


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Gives a temporary name in the same folder; on success its file takes the place of ``path``, else it goes.

    The bytes reach the disk before the name does, so that a power cut leaves either the old file or the new one.
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
    """A hidden name in the same folder, ``.NAME`` and the ending; where that is too long, with less of the name."""
    name = os.fsencode(path.name)
    most = MAX_NAME_BYTES - len(os.fsencode(ending)) - 1
    if len(name) > most:
        digest = hashlib.sha256(name).hexdigest()[:DIGEST_LENGTH].encode()
        name = name[: most - DIGEST_LENGTH - 1] + b"." + digest
        name = name.decode("utf-8", "ignore").encode()  # no half character: some disks refuse such names
    return path.with_name(f".{os.fsdecode(name)}{ending}")


def write_text(path: Path, text: str) -> None:
    """Writes a small text file, whole or not at all; names that are not UTF-8 are written out (``\\udce9``)."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors=ENCODING_ERRORS)


def remove_leftovers(folder: Path) -> None:
    """Takes away what killed processes were writing beside its place; for a folder that only this one writes to."""
    for path in folder.glob(".*.tmp"):
        path.unlink(missing_ok=True)
