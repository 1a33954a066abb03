"""A file on a server, and by what it is known to be whole."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from seehear.downloads.errors import DownloadError


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
class Listing:
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
    listing: Listing | None = None


def digest(path: Path, algorithm: str = "sha256") -> str:
    """The digest of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()
