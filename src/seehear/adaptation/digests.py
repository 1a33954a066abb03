"""Digests of files: a model remembers by them what it has learned from, and does not carry file names around."""

from __future__ import annotations

import hashlib
from pathlib import Path

HEAD = 1 << 20
"""Bytes of the file's beginning that are looked at, beside its size."""

LENGTH = 16


def digest(path: Path) -> str:
    """Of a file's size and first megabyte; of nothing where it cannot be read."""
    found = hashlib.sha256()
    try:
        with path.open("rb") as file:
            found.update(file.read(HEAD))
        found.update(str(path.stat().st_size).encode())
    except OSError:
        return ""
    return found.hexdigest()[:LENGTH]
