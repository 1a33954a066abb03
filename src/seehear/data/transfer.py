"""Download a file, resumable and checked; unpack archives safely.

Incomplete files are ``NAME.part``; ``NAME.part.tag`` has the server's version of the file (ETag or date), so that parts
of different versions are never joined (RFC 9110, sections 13.1.5 and 14).
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
    """A published digest.

    Attributes:
        algorithm: name in `hashlib`: md5, sha256
        value: hexadecimal, lower case
    """

    algorithm: str
    value: str

    @classmethod
    def parse(cls, text: str) -> Checksum:
        """Parse ``md5:0123...``.

        Raises:
            DownloadError: another form, or an unknown algorithm
        """
        algorithm, _, value = text.partition(":")
        if algorithm not in hashlib.algorithms_guaranteed or not value:
            raise DownloadError(f"the checksum {text!r} has no known algorithm; a newer version of seehear may know it")
        return cls(algorithm, value.lower())

    def fits(self, path: Path) -> bool:
        """Whether a file has this digest."""
        return digest(path, self.algorithm) == self.value


@dataclass(frozen=True)
class FolderChecksum:
    """One digest of many files: that of the output of ``sha256sum *.wav``, sorted by the bytes of the names.

    For archives whose bytes depend on the program that packs them.

    Attributes:
        suffix: suffix of the files, in any folder
        value: SHA-256, hexadecimal, of the lines ``SHA-256  NAME``
    """

    suffix: str
    value: str

    def fits(self, folder: Path) -> bool:
        """Whether a folder has exactly these files."""
        files = sorted(folder.rglob(f"*{self.suffix}"), key=lambda path: path.name.encode())
        lines = "".join(f"{digest(path)}  {path.name}\n" for path in files)
        return hashlib.sha256(lines.encode()).hexdigest() == self.value


@dataclass(frozen=True)
class RemoteFile:
    """A file on a server.

    Attributes:
        name: path relative to the folder of the data set, with forward slashes
        url: address
        size: in bytes; None if unknown
        checksum: published checksum, if any
        listing: checksum of the files in an archive, if known
    """

    name: str
    url: str
    size: int | None = None
    checksum: Checksum | None = None
    listing: FolderChecksum | None = None


def digest(path: Path, algorithm: str = "sha256") -> str:
    """Return the digest of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


_READ_BYTES = 1 << 18


PART = ".part"


_WRONG_FILE_TRIES = 2


Gained = Callable[[int], None]


_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


def transfer(remote: RemoteFile, target: Path, patience: RetryPolicy, say: Say, gained: Gained) -> None:
    """Download a file, or resume its download.

    Args:
        remote: the file
        target: local path; its folder exists
        patience: how often to try
        say: called with a message for each failure that is retried
        gained: called with the number of received bytes; negative if some are discarded

    Raises:
        NotOnServerError: the server does not have the file
        DownloadError: the download failed, or the file is not the published one; there is no ``target`` then
        OSError: the disk is full; the received part is kept
    """
    part = _Part(target)
    for tries_left in reversed(range(_WRONG_FILE_TRIES)):
        retry(partial(_request_rest, remote, part, patience, gained), remote.name, patience, say, lambda: part.size)
        wrong = _mismatch(remote, part)
        if not wrong:
            part.finish(target)
            return
        gained(-part.size)
        part.drop()
        if not tries_left:
            raise DownloadError(f"{remote.url} is not the published file: {wrong}; nothing was kept, try later")
        say(f"{remote.name}: {wrong}; downloading it again from the start")


class _Part:
    """The incomplete file."""

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(target.name + PART)
        self._tag = target.with_name(target.name + PART + ".tag")

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def tag(self) -> str:
        """Version of the file on the server; empty if the server did not give one."""
        return self._tag.read_text(encoding="utf-8") if self._tag.exists() else ""

    def begin(self, tag: str) -> None:
        """Start again, perhaps with another version."""
        self.path.write_bytes(b"")
        write_text(self._tag, tag)

    def drop(self) -> None:
        self.path.unlink(missing_ok=True)
        self._tag.unlink(missing_ok=True)

    def finish(self, target: Path) -> None:
        """Rename the complete file, after its bytes are on the disk."""
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        self.path.replace(target)
        self._tag.unlink(missing_ok=True)


def _request_rest(remote: RemoteFile, part: _Part, patience: RetryPolicy, gained: Gained) -> None:
    """Request the missing bytes; return if the file is complete by the server's length and the known size."""
    if remote.size is not None and part.size >= remote.size:
        return
    if part.size and not (part.tag or remote.checksum):  # it could be of another version, undetected
        gained(-part.size)
        part.drop()
    headers = {}
    if part.size:
        headers = {"Range": f"bytes={part.size}-"} | ({"If-Range": part.tag} if part.tag else {})
    try:
        with request(remote.url, patience.timeout_s, headers) as response:
            _store(response, remote, part, gained)
    except UnsatisfiableRangeError as no_more:
        if remote.size is None and no_more.total == part.size:
            return
        gained(-part.size)
        part.drop()
        raise TransientError("the file on the server has changed") from no_more


def _store(response: HTTPResponse, remote: RemoteFile, part: _Part, gained: Gained) -> None:
    """Append the body of a response to the part."""
    if response.status == 206:
        sent = _RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
        if not sent or int(sent[1]) != part.size:
            gained(-part.size)
            part.drop()
            raise TransientError("the server sent another range than requested")
    else:  # the whole file: the server has another version, or does not support ranges
        gained(-part.size)
        part.begin(_version(response))
    announced = response.length
    received = 0
    with part.path.open("ab") as file:
        while chunk := response.read1(_READ_BYTES):  # read() would lose the last bytes before a failure
            file.write(chunk)
            received += len(chunk)
            gained(len(chunk))
            if remote.size is not None and file.tell() > remote.size:
                return  # detected later by the size
    if announced is not None and received < announced:
        raise TransientError(f"the connection was lost after {received} of {announced} bytes")
    if remote.size is not None and part.size < remote.size:
        raise TransientError(f"only {part.size} of {remote.size} bytes were received")


def _version(response: HTTPResponse) -> str:
    """Return the value for If-Range: a strong ETag, else the date of the last change."""
    etag = response.headers.get("ETag", "")
    return etag if etag.startswith('"') else response.headers.get("Last-Modified", "")


def _mismatch(remote: RemoteFile, part: _Part) -> str:
    if remote.size is not None and part.size != remote.size:
        return f"it has more than the published {remote.size} bytes"
    if remote.checksum and not remote.checksum.fits(part.path):
        return f"its {remote.checksum.algorithm.upper()} differs"
    return ""


ZIP = (".zip",)


TAR = (".tar", ".tar.gz", ".tgz")


_HIDDEN = ".unpacking"


_DAMAGE: tuple[type[Exception], ...] = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, RuntimeError, ValueError, OverflowError, LookupError),  # errors of the libraries for invalid numbers
)


_CONTENT_ERRORS = frozenset({None, errno.EINVAL, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST})
"""OS errors that the content of an archive can cause; None is from the libraries themselves."""


_EXTRACT_BYTES = 1 << 20


def is_archive(name: str) -> bool:
    """Whether a file is an archive to unpack, by its name."""
    return name.lower().endswith(ZIP + TAR)


def extract_archive(archive: Path, folder: Path, accept: Callable[[Path], bool] = lambda _: True) -> int:
    """Unpack an archive into a folder, next to the files that are there.

    It is unpacked into a hidden folder first, then the files are renamed, so that visible files are complete. After a
    kill it is unpacked again.

    Args:
        archive: zip, tar or tar.gz
        folder: target folder
        accept: called with the folder of the unpacked files, before they are renamed; returns whether they are right

    Returns:
        Number of files.

    Raises:
        BadArchiveError: damaged, not accepted, unsafe paths, links or devices
        DownloadError: the disk is full
    """
    hidden = folder / _HIDDEN / archive.name
    if hidden.exists():
        shutil.rmtree(hidden)
    hidden.mkdir(parents=True)
    try:
        if archive.name.lower().endswith(ZIP):
            _unzip(archive, hidden)
        else:
            _untar(archive, hidden)
    except tarfile.FilterError as error:
        raise BadArchiveError(f"{archive} has an unsafe path ({error}); nothing was kept") from error
    except _DAMAGE as error:
        raise BadArchiveError(
            f"{archive} is damaged ({' '.join(str(error).split())}); run the same command again"
        ) from error
    except OSError as error:
        if error.errno not in _CONTENT_ERRORS:
            raise
        raise BadArchiveError(
            f"{archive} is damaged ({' '.join(str(error).split())}); run the same command again"
        ) from error
    else:
        if not accept(hidden):
            raise BadArchiveError(f"{archive} does not have the published files (another SHA-256); nothing was kept")
        return _reveal(hidden, folder)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
        if not any((folder / _HIDDEN).iterdir()):
            (folder / _HIDDEN).rmdir()


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
        raise BadArchiveError(f"{archive} has an unsafe path ({name!r}); nothing was kept")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise BadArchiveError(f"{archive} has a link or a device ({name!r}); nothing was kept")


def _untar(archive: Path, hidden: Path) -> None:
    with tarfile.open(archive) as file:
        for member in file:
            if not (member.isfile() or member.isdir()):
                raise BadArchiveError(f"{archive} has a link or a device ({member.name!r}); nothing was kept")
            _check_room(member.size, archive, hidden)
            file.extract(member, hidden, filter="data")
        while file.fileobj and file.fileobj.read(_EXTRACT_BYTES):  # to the end, where the checksum of a .gz file is
            pass


def _check_room(size: int, archive: Path, hidden: Path) -> None:
    free = shutil.disk_usage(hidden).free
    if size > free:
        raise DownloadError(
            f"the disk is too full to unpack {archive}: {size / 1e9:.1f} GB are needed, {free / 1e9:.1f} GB are free; "
            "free some space and run the same command again",
            code="disk-full",
        )


def _reveal(hidden: Path, folder: Path) -> int:
    """Rename the files to their final paths and return their number."""
    files = [path for path in hidden.rglob("*") if path.is_file()]
    for path in files:
        target = folder / path.relative_to(hidden)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
    return len(files)
