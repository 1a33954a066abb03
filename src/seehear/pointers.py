"""Git LFS pointers: small texts that stand in a repository for large files until those are fetched."""

from __future__ import annotations

from pathlib import Path

from seehear.errors import SeehearError

MARK = b"version https://git-lfs.github.com/spec/"
"""How a pointer begins (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md)."""


class PointerError(SeehearError, ValueError):
    """A file is a pointer; to those who parse it, it is a file of the wrong form."""


def require_content(path: Path, head: bytes | None = None) -> None:
    """That a file is not a pointer.

    Args:
        path: of the file.
        head: its first bytes, where they are known; else they are read.

    Raises:
        PointerError: it is one.
        OSError: it cannot be read.
    """
    if head is None:
        with path.open("rb") as file:
            head = file.read(len(MARK))
    if head.startswith(MARK):
        raise PointerError(sentence(path))


def sentence(path: object) -> str:
    """What a user is told of a pointer."""
    return f"{path} is a Git LFS pointer, not the file itself; run git lfs pull in its repository"


def read_text(path: Path, encoding: str = "utf-8", errors: str = "strict") -> str:
    """As `Path.read_text`, but for pointers.

    Raises:
        PointerError: the file is one.
        OSError: it cannot be read.
        UnicodeDecodeError: it is other text.
    """
    content = path.read_bytes()
    require_content(path, content)
    return content.decode(encoding, errors).replace("\r\n", "\n").replace("\r", "\n")
