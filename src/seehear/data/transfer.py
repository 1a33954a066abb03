"""One file resumed and checked; archives unpacked safely.

What has come lies in ``NAME.part``; ``NAME.part.tag`` keeps the server's mark of the version (ETag or date) that it is
a part of, so that no two versions are ever pieced together (RFC 9110, sections 13.1.5 and 14).
"""

from __future__ import annotations

import errno
import hashlib
import lzma
import os
import re
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http.client import HTTPResponse
from pathlib import Path, PurePosixPath, PureWindowsPath

from seehear.atomic_io import write_text
from seehear.data.http import (
    BadArchiveError,
    DownloadError,
    RetryPolicy,
    Say,
    TransientError,
    UnsatisfiableRangeError,
    request,
    retry,
)


@dataclass(frozen=True)
class Checksum:
    """A digest that was published.

    Attributes:
        algorithm: as `hashlib` calls it: md5, sha256.
        value: hexadecimal, lower case.
    """

    algorithm: str
    value: str

    @classmethod
    def parse(cls, text: str) -> Checksum:
        """From ``md5:0123...``.

        Raises:
            DownloadError: of another form, or of an algorithm that is not known here.
        """
        algorithm, _, value = text.partition(":")
        if algorithm not in hashlib.algorithms_guaranteed or not value:
            raise DownloadError(f"the checksum {text!r} is of no known kind; a newer version of seehear may know it")
        return cls(algorithm, value.lower())

    def fits(self, path: Path) -> bool:
        """Whether a file has it."""
        return digest(path, self.algorithm) == self.value


@dataclass(frozen=True)
class FolderChecksum:
    """One digest for many files: that of what ``sha256sum *.wav`` prints of them, in the order of their bytes.

    For archives whose own bytes change with the program that packs them.

    Attributes:
        suffix: of the files that count, in any folder.
        value: SHA-256, hexadecimal, of the lines ``SHA-256  NAME``.
    """

    suffix: str
    value: str

    def fits(self, folder: Path) -> bool:
        """Whether a folder holds just these."""
        files = sorted(folder.rglob(f"*{self.suffix}"), key=lambda path: path.name.encode())
        lines = "".join(f"{digest(path)}  {path.name}\n" for path in files)
        return hashlib.sha256(lines.encode()).hexdigest() == self.value


@dataclass(frozen=True)
class RemoteFile:
    """A file on a server.

    Attributes:
        name: where it belongs, relative to the folder of the data set, with forward slashes.
        url: where it is.
        size: bytes; None where nobody says so beforehand.
        checksum: None where none is published.
        listing: of what is in an archive.
    """

    name: str
    url: str
    size: int | None = None
    checksum: Checksum | None = None
    listing: FolderChecksum | None = None


def digest(path: Path, algorithm: str = "sha256") -> str:
    """The digest of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


READ_BYTES = 1 << 18


PART = ".part"


SPOILED_TRIES = 2


Gained = Callable[[int], None]


_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


def transfer(remote: RemoteFile, target: Path, patience: RetryPolicy, say: Say, gained: Gained) -> None:
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
        retry(partial(_pull, remote, part, patience, gained), remote.name, patience, say, lambda: part.size)
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


def _pull(remote: RemoteFile, part: _Part, patience: RetryPolicy, gained: Gained) -> None:
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
        with request(remote.url, patience.timeout_s, headers) as answer:
            _store(answer, remote, part, gained)
    except UnsatisfiableRangeError as nothing_more:
        if remote.size is None and nothing_more.total == part.size:
            return
        gained(-part.size)
        part.drop()
        raise TransientError("what was there is not a part of what the server has now") from nothing_more


def _store(answer: HTTPResponse, remote: RemoteFile, part: _Part, gained: Gained) -> None:
    """Adds the body of an answer to the part."""
    if answer.status == 206:
        sent = _RANGE.fullmatch(answer.headers.get("Content-Range", "").strip())
        if not sent or int(sent[1]) != part.size:
            gained(-part.size)
            part.drop()
            raise TransientError("the server sent another piece than was asked for")
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
        raise TransientError(f"the connection broke off after {came} of {announced} bytes")
    if remote.size is not None and part.size < remote.size:
        raise TransientError(f"{part.size} of {remote.size} bytes came")


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


ZIP = (".zip",)


TAR = (".tar", ".tar.gz", ".tgz")


HIDDEN = ".unpacking"


DAMAGE: tuple[type[Exception], ...] = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, RuntimeError, ValueError, OverflowError, LookupError),  # what the libraries say of odd numbers
)


NAMES = frozenset({None, errno.EINVAL, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST})
"""Refusals of the operating system that come from what is in an archive; None is from the libraries themselves."""


EXTRACT_BYTES = 1 << 20


def is_archive(name: str) -> bool:
    """Whether a file is to be unpacked, by its name."""
    return name.lower().endswith(ZIP + TAR)


def extract_archive(archive: Path, folder: Path, accept: Callable[[Path], bool] = lambda _: True) -> int:
    """Unpacks an archive into a folder beside others.

    First into a hidden folder within, then by renaming: what is seen is whole. Given again after a kill, it begins
    again.

    Args:
        archive: zip or tar, the latter perhaps compressed with gzip.
        folder: where to.
        accept: is given the folder with what was in it, before anything is seen, and says whether it is right.

    Returns:
        How many files it held.

    Raises:
        BadArchiveError: it is damaged, not accepted, wants to write elsewhere, or holds links or devices.
        DownloadError: there is no room.
    """
    hidden = folder / HIDDEN / archive.name
    if hidden.exists():
        shutil.rmtree(hidden)
    hidden.mkdir(parents=True)
    try:
        if archive.name.lower().endswith(ZIP):
            _unzip(archive, hidden)
        else:
            _untar(archive, hidden)
    except tarfile.FilterError as error:
        raise BadArchiveError(f"{archive} wants to write elsewhere ({error}); nothing of it was kept") from error
    except DAMAGE as error:
        raise BadArchiveError(f"{archive} is damaged ({error}); give the same command again") from error
    except OSError as error:
        if error.errno not in NAMES:
            raise
        raise BadArchiveError(f"{archive} is damaged ({error}); give the same command again") from error
    else:
        if not accept(hidden):
            raise BadArchiveError(f"{archive} does not hold what was published (another SHA-256); nothing was kept")
        return _reveal(hidden, folder)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
        if not any((folder / HIDDEN).iterdir()):
            (folder / HIDDEN).rmdir()


def _unzip(archive: Path, hidden: Path) -> None:
    with zipfile.ZipFile(archive) as file:
        members = file.infolist()
        for member in members:
            _check_zip_member(member, archive)
        _check_room(sum(member.file_size for member in members), archive, hidden)
        file.extractall(hidden, members)  # checks the CRC of each


def _check_zip_member(member: zipfile.ZipInfo, archive: Path) -> None:
    name = member.filename
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or PureWindowsPath(name).drive or ".." in path.parts:
        raise BadArchiveError(f"{archive} wants to write elsewhere ({name!r}); nothing of it was kept")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise BadArchiveError(f"{archive} holds a link or a device ({name!r}); nothing of it was kept")


def _untar(archive: Path, hidden: Path) -> None:
    with tarfile.open(archive) as file:
        for member in file:
            if not (member.isfile() or member.isdir()):
                raise BadArchiveError(f"{archive} holds a link or a device ({member.name!r}); nothing of it was kept")
            _check_room(member.size, archive, hidden)
            file.extract(member, hidden, filter="data")
        while file.fileobj and file.fileobj.read(EXTRACT_BYTES):  # to the end, where the checksum of a .gz is
            pass


def _check_room(size: int, archive: Path, hidden: Path) -> None:
    free = shutil.disk_usage(hidden).free
    if size > free:
        raise DownloadError(
            f"there is no room to unpack {archive}: {size / 1e9:.1f} GB are wanted, {free / 1e9:.1f} GB are free; "
            "make room and give the same command again"
        )


def _reveal(hidden: Path, folder: Path) -> int:
    """Renames every file to its place."""
    files = [path for path in hidden.rglob("*") if path.is_file()]
    for path in files:
        target = folder / path.relative_to(hidden)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
    return len(files)
