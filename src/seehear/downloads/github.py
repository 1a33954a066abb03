"""Repositories on GitHub: small media files in Git LFS, whose pointers say how long they are and their SHA-256."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from seehear.downloads.errors import DownloadError, GoneError
from seehear.downloads.plan import Plan, Web, chosen
from seehear.downloads.remote import Checksum, RemoteFile
from seehear.downloads.web import read_small

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

    def look_up(self, web: Web) -> RemoteFile:
        """Reads the pointer; see `seehear.downloads.plan.Pending`."""
        try:
            return self._pointed(self.name, web)
        except GoneError:
            if self.otherwise is None:
                raise
            return self._pointed(self.otherwise, web)

    def _pointed(self, path: str, web: Web) -> RemoteFile:
        url = f"{self.raw}/{path}"
        pointer = _POINTER.fullmatch(read_small(url, web.patience, web.say))
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
    usual: Sequence[str]
    beside: Sequence[str] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    read_as: Callable[[str], str] = str
    raw: str = RAW
    media: str = MEDIA

    def plan(self, parts: Sequence[str], web: Web) -> Plan:
        """The files of these parts; see `seehear.downloads.plan.Place`."""
        raw, media = f"{self.raw}/{self.repository}", f"{self.media}/{self.repository}"
        url = f"{raw}/{self.recordings}"
        stems = parse_recordings(read_small(url, web.patience, web.say), url)
        names = [f"{folder}/{stem}{suffix}" for folder, (suffix, _) in self.folders.items() for stem in stems]
        wanted = chosen(names, parts or self.usual, self.read_as, self.title)
        many = [LfsFile(name, raw, media, self._renamed(name)) for name in wanted]
        about = sum(self.folders[name.partition("/")[0]][1] for name in wanted)
        return Plan([RemoteFile(path, f"{raw}/{path}") for path in self.beside], many, about)

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
