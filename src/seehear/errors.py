"""`SeehearError` and its subclasses with a stable `code`; errors of the operating system; Git LFS pointers."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def disk_full_error(error: BaseException | None) -> OSError | None:
    """Return the disk-full error that caused an error, or None."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            return error
        error = error.__cause__ or error.__context__
    return None


class SeehearError(Exception):
    """A problem with the user's input, not with the program. The command line prints it and exits with 2.

    Attributes:
        code: stable name of the problem, for programs; the sentence may be reworded.
    """

    default_code = "input"

    def __init__(self, sentence: str = "", *, code: str | None = None) -> None:
        """One sentence that names the file or option and the way out."""
        super().__init__(sentence)
        self.code = code or self.default_code


class Stopped(BaseException):
    """Long work was asked to stop by a signal, and has saved what it needs to go on.

    Like KeyboardInterrupt it is no Exception: what records the errors of one job must let it through.

    Attributes:
        signal_number: of the signal.
    """

    def __init__(self, sentence: str, signal_number: int) -> None:
        """A sentence that says what was saved and how to go on."""
        super().__init__(sentence)
        self.signal_number = signal_number


class MediaError(SeehearError):
    """A media file cannot be read or written."""

    default_code = "media"


class CorpusError(SeehearError):
    """A corpus on disk is missing, damaged or of a different version."""

    default_code = "corpus"


class ModelError(SeehearError):
    """A model, its weights or its preset is missing or incompatible."""

    default_code = "model"


_SENTENCES = {
    errno.ENOSPC: "the disk is full: nothing is written to {place}; free some space or write elsewhere",
    errno.EDQUOT: "your disk quota is exceeded: {place} was not written; free some space or write elsewhere",
    errno.EACCES: "permission denied for {place}; change its permissions or choose another location",
    errno.EPERM: "permission denied for {place}; change its permissions or choose another location",
    errno.EROFS: "{place} is on a read-only file system; choose another location",
    errno.ENOENT: "{place} does not exist; check the path, and make its folder first if it is to be written",
    errno.EISDIR: "{place} is a folder; name a file",
    errno.ENOTDIR: "{place} cannot be there: a part of its path is a file; name another place",
    errno.EEXIST: "{place} already exists; choose another name or remove it",
    errno.ENAMETOOLONG: "{place} has too long a name for this disk; name another place",
}


_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.*)")


def as_user_error(error: OSError) -> SeehearError | None:
    """Return the user error for an OS error, or None if the user cannot fix it (so that it keeps its traceback)."""
    sentence = _SENTENCES.get(error.errno or 0)
    if sentence is None:
        return None
    place = error.filename2 or error.filename or "the output"
    return SeehearError(sentence.format(place=place))


def check_writable(path: Path | None, flag: str = "") -> None:
    """Check that a file can be written, before long work starts; None is not checked.

    Args:
        path: the file
        flag: flag that named it, for the message

    Raises:
        SeehearError: it is a folder, its folder is missing or not writable, or its name is too long
    """
    if path is None:
        return
    target = f"{flag} {path}".strip()
    try:
        path.lstat()
    except OSError as refusal:  # the file need not exist
        if refusal.errno == errno.ENAMETOOLONG:
            sentence = as_user_error(OSError(refusal.errno, refusal.strerror, target))
            raise sentence or refusal from None
    if path.is_dir():
        raise SeehearError(f"{target} is a folder; name a file in it")
    folder = path.absolute().parent
    if not folder.is_dir():
        raise SeehearError(f"{target} cannot be written: the folder {path.parent} does not exist; make it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SeehearError(f"{target} cannot be written: the folder {folder} may not be written to; name another place")


def missing_file_message(path: str | os.PathLike[str], otherwise: str) -> str:
    """Return the message for an input file that does not exist.

    Args:
        path: as given by the user; in web addresses, a `Path` has lost a slash
        otherwise: what to do if the file is simply missing
    """
    name = os.fspath(path)
    address = _ADDRESS.fullmatch(name)
    if address:
        url = f"{address[1]}://{address[2]}"
        if address[1].lower() == "file":
            return f"{url} is a URL; give the file path: /{address[2]}"
        return f"{url} is an address, and only files on this machine are read; download it first"
    if name == "-":
        return "- is standard input, which can be read only once; save it to a file first"
    return f"{name} does not exist; {otherwise}"


@contextmanager
def os_errors_as_user_errors(path: Path) -> Iterator[None]:
    """Convert OS errors while writing ``path``, regardless of the temporary file they name.

    Raises:
        SeehearError: the message, for an error that the user can fix
    """
    try:
        yield
    except OSError as refusal:
        sentence = as_user_error(OSError(refusal.errno, refusal.strerror, str(path)))
        if sentence is None:
            raise
        raise sentence from refusal


LFS_MARK = b"version https://git-lfs.github.com/spec/"
"""First bytes of a pointer (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md)."""


class LfsPointerError(SeehearError, ValueError):
    """A file is a Git LFS pointer; for parsers, a file with invalid content."""


def check_not_lfs_pointer(path: Path, head: bytes | None = None) -> None:
    """Check that a file is not a Git LFS pointer.

    Args:
        path: the file
        head: its first bytes, if known; otherwise they are read

    Raises:
        LfsPointerError: it is a pointer
        OSError: it cannot be read
    """
    if head is None:
        with path.open("rb") as file:
            head = file.read(len(LFS_MARK))
    if head.startswith(LFS_MARK):
        raise LfsPointerError(lfs_pointer_message(path))


def lfs_pointer_message(path: object) -> str:
    """Return the message for a pointer."""
    return f"{path} is a Git LFS pointer, not the file itself; run git lfs pull in its repository"


def read_text_checked(path: Path, encoding: str = "utf-8", errors: str = "strict") -> str:
    """Like `Path.read_text`, but reject Git LFS pointers.

    Raises:
        LfsPointerError: the file is a pointer
        OSError: it cannot be read
        UnicodeDecodeError: it is not text in this encoding
    """
    content = path.read_bytes()
    check_not_lfs_pointer(path, content)
    return content.decode(encoding, errors).replace("\r\n", "\n").replace("\r", "\n")


def parse_json(text: str | bytes) -> Any:
    """Return the values of a JSON text that a stranger may have written.

    Raises:
        ValueError: not JSON, or nested too deeply
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
