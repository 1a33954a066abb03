"""`SeehearError` and kin with a stable `code`; what the operating system refuses; Git LFS pointers."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def disk_full_error(error: BaseException | None) -> OSError | None:
    """The full disk at the bottom of an error, if that is what it comes from."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            return error
        error = error.__cause__ or error.__context__
    return None


class SeehearError(Exception):
    """A problem with what the user gave, not with the program. The command line prints it and exits with 2.

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
    """A corpus on disk is missing, damaged or of another version."""

    default_code = "corpus"


class ModelError(SeehearError):
    """A model, its weights or its preset cannot be found or do not fit."""

    default_code = "model"


_SENTENCES = {
    errno.ENOSPC: "the disk is full: nothing is written to {place}; free some space or write elsewhere",
    errno.EDQUOT: "your disk quota is used up: nothing is written to {place}; free some space or write elsewhere",
    errno.EACCES: "{place} may not be read or written by you; change its permissions or name another place",
    errno.EPERM: "{place} may not be read or written by you; change its permissions or name another place",
    errno.EROFS: "{place} is on a read-only disk; name another place",
    errno.ENOENT: "{place} does not exist; check the path, and make its folder first if it is to be written",
    errno.EISDIR: "{place} is a folder; name a file",
    errno.ENOTDIR: "{place} cannot be there: a part of its path is a file; name another place",
    errno.EEXIST: "{place} is there already; name another place or remove it",
    errno.ENAMETOOLONG: "{place} has too long a name for this disk; name another place",
}


_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.*)")


def as_user_error(error: OSError) -> SeehearError | None:
    """The user's side of a refusal; None for an error that is not the user's to mend (and so keeps its traceback)."""
    sentence = _SENTENCES.get(error.errno or 0)
    if sentence is None:
        return None
    place = error.filename2 or error.filename or "the output"
    return SeehearError(sentence.format(place=place))


def check_writable(path: Path | None, flag: str = "") -> None:
    """That a file can be written there, before anything long is begun; None is no file.

    Args:
        path: of the file.
        flag: that named it, for the sentence.

    Raises:
        SeehearError: it is a folder, or in none, its name is too long, or its folder may not be written to.
    """
    if path is None:
        return
    told = f"{flag} {path}".strip()
    try:
        path.lstat()
    except OSError as refusal:  # that there is none yet is as it should be
        if refusal.errno == errno.ENAMETOOLONG:
            sentence = as_user_error(OSError(refusal.errno, refusal.strerror, told))
            raise sentence or refusal from None
    if path.is_dir():
        raise SeehearError(f"{told} is a folder; name a file in it")
    folder = path.absolute().parent
    if not folder.is_dir():
        raise SeehearError(f"{told} cannot be written: the folder {path.parent} does not exist; make it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SeehearError(f"{told} cannot be written: the folder {folder} may not be written to; name another place")


def missing_file_message(path: str | os.PathLike[str], otherwise: str) -> str:
    """The sentence for a file that was to be read and is not there.

    Args:
        path: as given; of an address on the web, a `Path` has lost a slash.
        otherwise: what to do where it is just not there.
    """
    name = os.fspath(path)
    address = _ADDRESS.fullmatch(name)
    if address:
        url = f"{address[1]}://{address[2]}"
        if address[1].lower() == "file":
            return f"{url} is an address; give the path of the file: /{address[2]}"
        return f"{url} is an address, and only files on this machine are read; download it first"
    if name == "-":
        return "- would be standard input, which cannot be read more than once; save it to a file first"
    return f"{name} does not exist; {otherwise}"


@contextmanager
def os_errors_as_user_errors(path: Path) -> Iterator[None]:
    """What the operating system refuses while ``path`` is written, whatever temporary file it names.

    Raises:
        SeehearError: the sentence, for a refusal that is the user's to mend.
    """
    try:
        yield
    except OSError as refusal:
        sentence = as_user_error(OSError(refusal.errno, refusal.strerror, str(path)))
        if sentence is None:
            raise
        raise sentence from refusal


LFS_MARK = b"version https://git-lfs.github.com/spec/"
"""How a pointer begins (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md)."""


class LfsPointerError(SeehearError, ValueError):
    """A file is a pointer; to those who parse it, it is a file of the wrong form."""


def check_not_lfs_pointer(path: Path, head: bytes | None = None) -> None:
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
            head = file.read(len(LFS_MARK))
    if head.startswith(LFS_MARK):
        raise LfsPointerError(lfs_pointer_message(path))


def lfs_pointer_message(path: object) -> str:
    """What a user is told of a pointer."""
    return f"{path} is a Git LFS pointer, not the file itself; run git lfs pull in its repository"


def read_text_checked(path: Path, encoding: str = "utf-8", errors: str = "strict") -> str:
    """As `Path.read_text`, but for pointers.

    Raises:
        PointerError: the file is one.
        OSError: it cannot be read.
        UnicodeDecodeError: it is other text.
    """
    content = path.read_bytes()
    check_not_lfs_pointer(path, content)
    return content.decode(encoding, errors).replace("\r\n", "\n").replace("\r", "\n")
