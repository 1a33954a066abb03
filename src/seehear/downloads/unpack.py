"""Archives that may come from anyone, unpacked so that nothing is written outside of the folder they belong in."""

from __future__ import annotations

import errno
import lzma
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath, PureWindowsPath

from seehear.downloads.errors import BadArchiveError, DownloadError

ZIP = (".zip",)
TAR = (".tar", ".tar.gz", ".tgz")
HIDDEN = ".unpacking"
DAMAGE: tuple[type[Exception], ...] = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, RuntimeError, ValueError, OverflowError, LookupError),  # what the libraries say of odd numbers
)
NAMES = frozenset({None, errno.EINVAL, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST})
"""Refusals of the operating system that come from what is in an archive; None is from the libraries themselves."""
READ_BYTES = 1 << 20


def is_archive(name: str) -> bool:
    """Whether a file is to be unpacked, by its name."""
    return name.lower().endswith(ZIP + TAR)


def unpack(archive: Path, folder: Path, accept: Callable[[Path], bool] = lambda _: True) -> int:
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
        while file.fileobj and file.fileobj.read(READ_BYTES):  # to the end, where the checksum of a .gz is
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
