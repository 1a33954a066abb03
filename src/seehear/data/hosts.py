"""Where data sets are: GitHub (LFS), Zenodo, fixed files; `Download`, `Terms`."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Protocol

from seehear.data.http import DownloadError, NotOnServerError, RetryPolicy, Say, read_url
from seehear.data.transfer import Checksum, RemoteFile


@dataclass(frozen=True)
class FixedFiles:
    """A data set that is a few files at known addresses, without parts."""

    title: str
    files: Sequence[RemoteFile]
    about_bytes: int = 0

    def plan(self, parts: Sequence[str], web: HttpClient) -> DownloadPlan:
        """All files; see `seehear.data.hosts.Host`."""
        if parts:
            raise DownloadError(f"{self.title} comes as a whole; leave --parts out")
        return DownloadPlan(list(self.files), about_bytes=self.about_bytes)


@dataclass(frozen=True)
class Terms:
    """What a user agrees to.

    Attributes:
        licence: its name.
        means: what it asks, in a sentence.
        url: where the data set and its terms are.
        cite: who made it, where it was described.
    """

    licence: str
    means: str
    url: str
    cite: str

    def __str__(self) -> str:
        return f"terms  {self.licence}: {self.means}\n       {self.url}\ncite   {self.cite}"


PARTS_SHOWN = 12


@dataclass(frozen=True)
class HttpClient:
    """How the web is asked.

    Attributes:
        patience: how long to try.
        say: is told what goes wrong and is tried again.
    """

    retry_policy: RetryPolicy
    say: Say


class PendingFile(Protocol):
    """A small file that has to be looked up before it can be brought."""

    @property
    def name(self) -> str: ...

    def resolve(self, web: HttpClient) -> RemoteFile:
        """Where it is and what it must be.

        Raises:
            DownloadError: it cannot be told; GoneError where the server does not have it.
        """


@dataclass(frozen=True)
class DownloadPlan:
    """What is to be brought.

    Attributes:
        files: archives, which are unpacked, and others; one after the other.
        many: small files, several at a time; one that is not there is passed over.
        about_bytes: how much it is where the files do not say so.
    """

    files: list[RemoteFile] = field(default_factory=list)
    many: Sequence[PendingFile] = ()
    about_bytes: int = 0


class Host(Protocol):
    """Where a data set is."""

    def plan(self, parts: Sequence[str], web: HttpClient) -> DownloadPlan:
        """What there is of these parts, or by default.

        Raises:
            DownloadError: a part that there is not, or the list of files cannot be had.
        """


def select_parts(names: Sequence[str], parts: Sequence[str], read_as: Callable[[str], str], title: str) -> list[str]:
    """The names that belong to the parts, in their order.

    Args:
        names: of files, such as ``s1.zip`` or ``VideoFlash/1001_DFA_ANG_XX.flv``.
        parts: names without suffix, or patterns with ``*``; capitals do not matter.
        read_as: what a short form stands for.
        title: of the data set, for the sentence.

    Raises:
        DownloadError: a part to which no name belongs.
    """
    bare = {name: str(PurePosixPath(name).with_suffix("")).lower() for name in names}
    wanted: set[str] = set()
    for part in parts:
        pattern = read_as(part).lower()
        found = {name for name, stem in bare.items() if fnmatchcase(stem, pattern)}
        if not found:
            shown = ", ".join(str(PurePosixPath(name).with_suffix("")) for name in names[:PARTS_SHOWN])
            more = ", ..." if len(names) > PARTS_SHOWN else ""
            raise DownloadError(f"{title} has no part {part!r}; its parts are {shown}{more}")
        wanted |= found
    return [name for name in names if name in wanted]


RAW = "https://raw.githubusercontent.com"


MEDIA = "https://media.githubusercontent.com/media"


_POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\noid sha256:([0-9a-f]{64})\nsize ([0-9]+)\n")


@dataclass(frozen=True)
class LfsFile:
    """A file in Git LFS.

    Attributes:
        name: path in the repository, and in the folder of the data set.
        raw, media: addresses of the repository, for pointers and for what they point to.
        otherwise: another path that the file may have.
    """

    name: str
    raw: str
    media: str
    otherwise: str | None = None

    def resolve(self, web: HttpClient) -> RemoteFile:
        """Reads the pointer; see `seehear.data.hosts.PendingFile`."""
        try:
            return self._pointed(self.name, web)
        except NotOnServerError:
            if self.otherwise is None:
                raise
            return self._pointed(self.otherwise, web)

    def _pointed(self, path: str, web: HttpClient) -> RemoteFile:
        url = f"{self.raw}/{path}"
        pointer = _POINTER.fullmatch(read_url(url, web.retry_policy, web.say))
        if not pointer:
            raise DownloadError(f"{url} is not a Git LFS pointer; a newer version of seehear may know what it is")
        return RemoteFile(path, f"{self.media}/{path}", int(pointer[2]), Checksum("sha256", pointer[1].decode()))


@dataclass(frozen=True)
class LfsRepository:
    """A data set in a repository with Git LFS, with a CSV that names its recordings.

    Attributes:
        title: of the data set, for sentences.
        repository: owner, name and branch.
        recordings: path of a CSV whose last column names the recordings.
        folders: folder -> suffix and bytes, roughly, of the files in it: each holds every recording.
        usual: the parts that are brought where none are named.
        beside: paths of other files that belong to it.
        renamed: recordings that the CSV calls otherwise than their files are called.
        read_as: what a short form of a part stands for.
        raw, media: addresses of GitHub.
    """

    title: str
    repository: str
    recordings: str
    folders: Mapping[str, tuple[str, int]]
    default_parts: Sequence[str]
    extra_files: Sequence[str] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    read_as: Callable[[str], str] = str
    raw: str = RAW
    media: str = MEDIA

    def plan(self, parts: Sequence[str], web: HttpClient) -> DownloadPlan:
        """The files of these parts; see `seehear.data.hosts.Host`."""
        raw, media = f"{self.raw}/{self.repository}", f"{self.media}/{self.repository}"
        url = f"{raw}/{self.recordings}"
        stems = parse_recordings(read_url(url, web.retry_policy, web.say), url)
        names = [f"{folder}/{stem}{suffix}" for folder, (suffix, _) in self.folders.items() for stem in stems]
        wanted = select_parts(names, parts or self.default_parts, self.read_as, self.title)
        many = [LfsFile(name, raw, media, self._renamed(name)) for name in wanted]
        about = sum(self.folders[name.partition("/")[0]][1] for name in wanted)
        return DownloadPlan([RemoteFile(path, f"{raw}/{path}") for path in self.extra_files], many, about)

    def _renamed(self, name: str) -> str | None:
        folder, _, file = name.partition("/")
        stem, dot, suffix = file.partition(".")
        return f"{folder}/{self.renamed[stem]}{dot}{suffix}" if stem in self.renamed else None


def parse_recordings(text: bytes, url: str) -> list[str]:
    """The last column of a CSV with a heading, plain names all.

    Raises:
        DownloadError: it is something else.
    """
    try:
        rows = [row for row in csv.reader(io.StringIO(text.decode("utf-8"))) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DownloadError(f"{url} is not the list of recordings that it was ({error})") from error
    stems = [row[-1] for row in rows[1:]]
    if not stems or not all(re.fullmatch(r"\w+", stem, re.ASCII) for stem in stems):
        raise DownloadError(f"{url} is not the list of recordings that it was; a newer version of seehear may know it")
    return list(dict.fromkeys(stems))


@dataclass(frozen=True)
class ZenodoRecord:
    """A data set that is a record of Zenodo.

    Attributes:
        title: of the data set, for sentences.
        number: of the record.
        usual: the parts that are brought where none are named.
        always: those that are brought with any.
        read_as: what a short form of a part stands for.
        base: address of Zenodo.
    """

    title: str
    number: int
    default_parts: Sequence[str]
    extra_files: Sequence[str] = ()
    read_as: Callable[[str], str] = str
    base: str = "https://zenodo.org"

    def plan(self, parts: Sequence[str], web: HttpClient) -> DownloadPlan:
        """The files of these parts; see `seehear.data.hosts.Host`."""
        url = f"{self.base}/api/records/{self.number}"
        files = parse_record(read_url(url, web.retry_policy, web.say), url)
        names = sorted(files, key=lambda name: (len(name), name))  # s2 before s10
        wanted = select_parts(names, [*(parts or self.default_parts), *self.extra_files], self.read_as, self.title)
        return DownloadPlan([files[name] for name in wanted])


def parse_record(text: bytes, url: str) -> dict[str, RemoteFile]:
    """The files of a record's JSON, by name.

    Raises:
        DownloadError: it is not such a record, or a file's name is no plain name.
    """
    try:
        files = [
            RemoteFile(str(f["key"]), str(f["links"]["self"]), int(f["size"]), Checksum.parse(str(f["checksum"])))
            for f in json.loads(text)["files"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise DownloadError(f"{url} does not answer as a record of Zenodo ({type(error).__name__}: {error})") from error
    for file in files:
        if file.name in ("", ".", "..") or PurePosixPath(file.name).name != file.name or "\\" in file.name:
            raise DownloadError(f"{url} names a file {file.name!r}, which is no plain name; nothing was brought")
    return {file.name: file for file in files}
