"""What the operating system refuses, said as a sentence: a full disk, a folder that may not be written to."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seehear.errors import SeehearError

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


def as_sentence(error: OSError) -> SeehearError | None:
    """The user's side of a refusal; None for an error that is not the user's to mend (and so keeps its traceback)."""
    sentence = _SENTENCES.get(error.errno or 0)
    if sentence is None:
        return None
    place = error.filename2 or error.filename or "the output"
    return SeehearError(sentence.format(place=place))


def require_place(path: Path | None, flag: str = "") -> None:
    """That a file can be written there, before anything long is begun; None is no file.

    Args:
        path: of the file.
        flag: that named it, for the sentence.

    Raises:
        SeehearError: it is a folder, or in none.
    """
    if path is None:
        return
    told = f"{flag} {path}".strip()
    if path.is_dir():
        raise SeehearError(f"{told} is a folder; name a file in it")
    if not path.absolute().parent.is_dir():
        raise SeehearError(f"{told} cannot be written: the folder {path.parent} does not exist; make it first")


@contextmanager
def refusals_as_sentences(path: Path) -> Iterator[None]:
    """What the operating system refuses while ``path`` is written, whatever temporary file it names.

    Raises:
        SeehearError: the sentence, for a refusal that is the user's to mend.
    """
    try:
        yield
    except OSError as refusal:
        sentence = as_sentence(OSError(refusal.errno, refusal.strerror, str(path)))
        if sentence is None:
            raise
        raise sentence from refusal
