"""What is to be brought of a data set, and how the parts that a user names are found among its files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Protocol

from seehear.downloads.errors import DownloadError
from seehear.downloads.patience import Patience, Say
from seehear.downloads.remote import RemoteFile

PARTS_SHOWN = 12


@dataclass(frozen=True)
class Web:
    """How the web is asked.

    Attributes:
        patience: how long to try.
        say: is told what goes wrong and is tried again.
    """

    patience: Patience
    say: Say


class Pending(Protocol):
    """A small file that has to be looked up before it can be brought."""

    @property
    def name(self) -> str: ...

    def look_up(self, web: Web) -> RemoteFile:
        """Where it is and what it must be.

        Raises:
            DownloadError: it cannot be told; GoneError where the server does not have it.
        """


@dataclass(frozen=True)
class Plan:
    """What is to be brought.

    Attributes:
        files: archives, which are unpacked, and others; one after the other.
        many: small files, several at a time; one that is not there is passed over.
        about_bytes: how much it is where the files do not say so.
    """

    files: list[RemoteFile] = field(default_factory=list)
    many: Sequence[Pending] = ()
    about_bytes: int = 0


class Place(Protocol):
    """Where a data set is."""

    def plan(self, parts: Sequence[str], web: Web) -> Plan:
        """What there is of these parts, or by default.

        Raises:
            DownloadError: a part that there is not, or the list of files cannot be had.
        """


def chosen(names: Sequence[str], parts: Sequence[str], read_as: Callable[[str], str], title: str) -> list[str]:
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
