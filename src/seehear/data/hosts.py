"""Where data sets are downloaded from (GitHub with Git LFS, Zenodo, fixed addresses), and on what terms."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Protocol

from seehear.data.http import DownloadError, NotOnServerError, RetryPolicy, Say, read_url
from seehear.data.transfer import Checksum, RemoteFile
from seehear.errors import parse_json


@dataclass(frozen=True)
class Terms:
    """Terms that a user accepts.

    Attributes:
        licence: name of the licence
        means: what it requires, as a sentence
        url: web page of the data set
    """

    licence: str
    means: str
    url: str

    def __str__(self) -> str:
        return f"terms  {self.licence}: {self.means}\n       {self.url}"


@dataclass(frozen=True)
class HttpClient:
    """How requests are made.

    Attributes:
        retry_policy: how often and how long to try
        say: called with a message for each failure that is retried
    """

    retry_policy: RetryPolicy
    say: Say


class PendingFile(Protocol):
    """A small file whose address or size takes another request."""

    @property
    def name(self) -> str: ...

    def resolve(self, web: HttpClient) -> RemoteFile:
        """Look up its address, size and checksum.

        Raises:
            NotOnServerError: the server does not have it
            DownloadError: the request failed
        """


@dataclass(frozen=True)
class DownloadPlan:
    """Files to download.

    Attributes:
        files: archives, which are unpacked, and other files; downloaded one after the other
        many: small files, several downloaded at a time; a missing one is skipped
        about_bytes: rough total size, if the files do not include it
    """

    files: list[RemoteFile] = field(default_factory=list)
    many: Sequence[PendingFile] = ()
    about_bytes: int = 0


class Host(Protocol):
    """A server with the files of a data set."""

    def plan(self, parts: Sequence[str], web: HttpClient) -> DownloadPlan:
        """Return the files of these parts, or of the default ones.

        Raises:
            DownloadError: a part does not exist, or the list of files cannot be downloaded
        """


@dataclass(frozen=True)
class Download:
    """How `seehear get` downloads a data set.

    Attributes:
        terms: terms to accept
        host: server with its files
        unpacked: rough size of the unpacked files, relative to the archives
    """

    terms: Terms
    host: Host
    unpacked: float = 1.1


CC_BY_4 = "Creative Commons Attribution 4.0 (CC BY 4.0)"


PARTS_SHOWN = 12


def select_parts(names: Sequence[str], parts: Sequence[str], expand: Callable[[str], str]) -> list[str]:
    """Return the names that belong to the parts, in their order.

    Args:
        names: of files, such as ``s1.zip`` or ``VideoFlash/1001_DFA_ANG_XX.flv``
        parts: names without suffix, or patterns with ``*``; case does not matter
        expand: replaces abbreviations of parts

    Raises:
        DownloadError: no name belongs to a part
    """
    bare = {name: str(PurePosixPath(name).with_suffix("")).lower() for name in names}
    selected: set[str] = set()
    for part in parts:
        pattern = expand(part).lower()
        matching = {name for name, stem in bare.items() if fnmatchcase(stem, pattern)}
        if not matching:
            shown = ", ".join(str(PurePosixPath(name).with_suffix("")) for name in names[:PARTS_SHOWN])
            more = ", ..." if len(names) > PARTS_SHOWN else ""
            raise DownloadError(f"there is no part {part!r} for --parts; there are {shown}{more}", code="unknown-part")
        selected |= matching
    return [name for name in names if name in selected]


@dataclass(frozen=True)
class FixedFiles:
    """A few files at fixed addresses, without parts."""

    files: Sequence[RemoteFile]
    about_bytes: int = 0

    def plan(self, parts: Sequence[str], web: HttpClient) -> DownloadPlan:
        """Return all files; see `Host`."""
        if parts:
            raise DownloadError("this data set has no parts; leave --parts out", code="unknown-part")
        return DownloadPlan(list(self.files), about_bytes=self.about_bytes)


RAW = "https://raw.githubusercontent.com"


MEDIA = "https://media.githubusercontent.com/media"


_POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\noid sha256:([0-9a-f]{64})\nsize ([0-9]+)\n")


@dataclass(frozen=True)
class LfsFile:
    """A file in Git LFS.

    Attributes:
        name: path in the repository, and in the folder of the data set
        raw: base address of the pointer files
        media: base address of the files themselves
        alternative: another path that the file may have in the repository
    """

    name: str
    raw: str
    media: str
    alternative: str | None = None

    def resolve(self, web: HttpClient) -> RemoteFile:
        """Read the pointer file; see `PendingFile`."""
        try:
            return self._read_pointer(self.name, web)
        except NotOnServerError:
            if self.alternative is None:
                raise
            return self._read_pointer(self.alternative, web)

    def _read_pointer(self, path: str, web: HttpClient) -> RemoteFile:
        url = f"{self.raw}/{path}"
        pointer = _POINTER.fullmatch(read_url(url, web.retry_policy, web.say))
        if not pointer:
            raise DownloadError(f"{url} is not a Git LFS pointer; a newer version of seehear may know the file")
        return RemoteFile(path, f"{self.media}/{path}", int(pointer[2]), Checksum("sha256", pointer[1].decode()))


@dataclass(frozen=True)
class LfsRepository:
    """A GitHub repository with Git LFS and a CSV that lists the recordings.

    Attributes:
        repository: owner, name and branch
        recordings: path of the CSV; its last column names the recordings
        folders: folder -> suffix and rough size in bytes of its files; each folder has all recordings
        default_parts: parts to download if none are given
        extra_files: paths of other files to download
        renamed: recordings whose files have another name than in the CSV
        expand: replaces abbreviations of parts
        raw: base address of raw files on GitHub
        media: base address of LFS files on GitHub
    """

    repository: str
    recordings: str
    folders: Mapping[str, tuple[str, int]]
    default_parts: Sequence[str]
    extra_files: Sequence[str] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    expand: Callable[[str], str] = str
    raw: str = RAW
    media: str = MEDIA

    def plan(self, parts: Sequence[str], web: HttpClient) -> DownloadPlan:
        """Return the files of these parts; see `Host`."""
        raw, media = f"{self.raw}/{self.repository}", f"{self.media}/{self.repository}"
        url = f"{raw}/{self.recordings}"
        stems = parse_recordings(read_url(url, web.retry_policy, web.say), url)
        names = [f"{folder}/{stem}{suffix}" for folder, (suffix, _) in self.folders.items() for stem in stems]
        selected = select_parts(names, parts or self.default_parts, self.expand)
        many = [LfsFile(name, raw, media, self._renamed(name)) for name in selected]
        about = sum(self.folders[name.partition("/")[0]][1] for name in selected)
        return DownloadPlan([RemoteFile(path, f"{raw}/{path}") for path in self.extra_files], many, about)

    def _renamed(self, name: str) -> str | None:
        folder, _, file = name.partition("/")
        stem, dot, suffix = file.partition(".")
        return f"{folder}/{self.renamed[stem]}{dot}{suffix}" if stem in self.renamed else None


def parse_recordings(text: bytes, url: str) -> list[str]:
    """Return the last column of a CSV with a header line.

    Raises:
        DownloadError: not such a CSV, or a name that is not plain
    """
    try:
        rows = [row for row in csv.reader(io.StringIO(text.decode("utf-8"))) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DownloadError(f"{url} is not a list of recordings ({error})") from error
    stems = [row[-1] for row in rows[1:]]
    if not stems or not all(re.fullmatch(r"\w+", stem, re.ASCII) for stem in stems):
        raise DownloadError(f"{url} is not a list of recordings; a newer version of seehear may know its new form")
    return list(dict.fromkeys(stems))


@dataclass(frozen=True)
class ZenodoRecord:
    """A record on Zenodo.

    Attributes:
        number: of the record
        default_parts: parts to download if none are given
        extra_files: parts that are downloaded with any others
        expand: replaces abbreviations of parts
        base: address of Zenodo
    """

    number: int
    default_parts: Sequence[str]
    extra_files: Sequence[str] = ()
    expand: Callable[[str], str] = str
    base: str = "https://zenodo.org"

    def plan(self, parts: Sequence[str], web: HttpClient) -> DownloadPlan:
        """Return the files of these parts; see `Host`."""
        url = f"{self.base}/api/records/{self.number}"
        files = parse_record(read_url(url, web.retry_policy, web.say), url)
        names = sorted(files, key=lambda name: (len(name), name))  # s2 before s10
        selected = select_parts(names, [*(parts or self.default_parts), *self.extra_files], self.expand)
        return DownloadPlan([files[name] for name in selected])


def parse_record(text: bytes, url: str) -> dict[str, RemoteFile]:
    """Return the files in the JSON of a record, by name.

    Raises:
        DownloadError: not such a record, or a file name with folders
    """
    try:
        files = [
            RemoteFile(str(f["key"]), str(f["links"]["self"]), int(f["size"]), Checksum.parse(str(f["checksum"])))
            for f in parse_json(text)["files"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise DownloadError(f"{url} is not a Zenodo record ({type(error).__name__}: {error}); try later") from error
    for file in files:
        if file.name in ("", ".", "..") or PurePosixPath(file.name).name != file.name or "\\" in file.name:
            raise DownloadError(f"{url} has a file named {file.name!r}, which is unsafe; nothing was downloaded")
    return {file.name: file for file in files}
