"""One file from a server to the disk: goes on where it broke off, and is there whole or not at all.

What has come lies in ``NAME.part``; ``NAME.part.tag`` keeps the server's mark of the version (ETag or date) that it is
a part of, so that no two versions are ever pieced together (RFC 9110, sections 13.1.5 and 14).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import partial
from http.client import HTTPResponse
from pathlib import Path

from seehear.beside import write_text
from seehear.downloads.errors import DownloadError
from seehear.downloads.patience import PassingError, Patience, Say, persistently
from seehear.downloads.remote import RemoteFile
from seehear.downloads.web import UnsatisfiableRangeError, asked

READ_BYTES = 1 << 18
PART = ".part"
SPOILED_TRIES = 2

Gained = Callable[[int], None]

_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


def transfer(remote: RemoteFile, target: Path, patience: Patience, say: Say, gained: Gained) -> None:
    """Brings a file; what an earlier call has left of it is used.

    Args:
        remote: the file.
        target: where it is to be; its folder exists.
        patience: how often to try.
        say: is told what goes wrong and is tried again.
        gained: is told how many bytes have come; a negative number where some had to be thrown away.

    Raises:
        GoneError: the server does not have it.
        DownloadError: it cannot be had, or what comes is not what was published; nothing is left at ``target``.
        OSError: the disk is full; what has come is kept.
    """
    part = _Part(target)
    for tries_left in reversed(range(SPOILED_TRIES)):
        persistently(partial(_pull, remote, part, patience, gained), remote.name, patience, say, lambda: part.size)
        wrong = _what_is_wrong(remote, part)
        if not wrong:
            part.finish(target)
            return
        gained(-part.size)
        part.drop()
        if not tries_left:
            raise DownloadError(f"{remote.url} is not what was published: {wrong}; nothing of it was kept, try later")
        say(f"{remote.name}: {wrong}; bringing it once more from the beginning")


class _Part:
    """What has come of a file so far."""

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(target.name + PART)
        self._tag = target.with_name(target.name + PART + ".tag")

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def tag(self) -> str:
        """The mark of the version that it is a part of; empty where the server gave none."""
        return self._tag.read_text(encoding="utf-8") if self._tag.exists() else ""

    def begin(self, tag: str) -> None:
        """Forgets what has come: it begins anew, perhaps with another version."""
        self.path.write_bytes(b"")
        write_text(self._tag, tag)

    def drop(self) -> None:
        self.path.unlink(missing_ok=True)
        self._tag.unlink(missing_ok=True)

    def finish(self, target: Path) -> None:
        """It is whole: its bytes reach the disk before it gets its name."""
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        self.path.replace(target)
        self._tag.unlink(missing_ok=True)


def _pull(remote: RemoteFile, part: _Part, patience: Patience, gained: Gained) -> None:
    """One request for what is missing; returns when all has come, so far as the server's word and the size go."""
    if remote.size is not None and part.size >= remote.size:
        return
    if part.size and not (part.tag or remote.checksum):  # it could be of another version, and nobody would notice
        gained(-part.size)
        part.drop()
    headers = {}
    if part.size:
        headers = {"Range": f"bytes={part.size}-"} | ({"If-Range": part.tag} if part.tag else {})
    try:
        with asked(remote.url, patience.timeout_s, headers) as answer:
            _store(answer, remote, part, gained)
    except UnsatisfiableRangeError as nothing_more:
        if remote.size is None and nothing_more.total == part.size:
            return
        gained(-part.size)
        part.drop()
        raise PassingError("what was there is not a part of what the server has now") from nothing_more


def _store(answer: HTTPResponse, remote: RemoteFile, part: _Part, gained: Gained) -> None:
    """Adds the body of an answer to the part."""
    if answer.status == 206:
        sent = _RANGE.fullmatch(answer.headers.get("Content-Range", "").strip())
        if not sent or int(sent[1]) != part.size:
            gained(-part.size)
            part.drop()
            raise PassingError("the server sent another piece than was asked for")
    else:  # all of it: the server has another version, or knows no ranges
        gained(-part.size)
        part.begin(_version(answer))
    announced = answer.length
    came = 0
    with part.path.open("ab") as file:
        while chunk := answer.read1(READ_BYTES):  # read would lose what came just before a break
            file.write(chunk)
            came += len(chunk)
            gained(len(chunk))
            if remote.size is not None and file.tell() > remote.size:
                return  # found wrong by its size
    if announced is not None and came < announced:
        raise PassingError(f"the connection broke off after {came} of {announced} bytes")
    if remote.size is not None and part.size < remote.size:
        raise PassingError(f"{part.size} of {remote.size} bytes came")


def _version(answer: HTTPResponse) -> str:
    """What If-Range may name: a strong ETag, else the date of the last change."""
    etag = answer.headers.get("ETag", "")
    return etag if etag.startswith('"') else answer.headers.get("Last-Modified", "")


def _what_is_wrong(remote: RemoteFile, part: _Part) -> str:
    if remote.size is not None and part.size != remote.size:
        return f"it has more than the {remote.size} bytes that were published"
    if remote.checksum and not remote.checksum.fits(part.path):
        return f"its {remote.checksum.algorithm.upper()} is another one"
    return ""
