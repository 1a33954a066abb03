"""What has been brought into a folder: of which data set, on which terms, by which checksums it is known."""

from __future__ import annotations

import fcntl
import json
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from seehear import __version__
from seehear.beside import remove_leftovers, write_text
from seehear.downloads.errors import DownloadError

LEDGER = "download.json"
LOCK = ".getting"


class Ledger:
    """The folder of a data set that is being brought, held by one process at a time, and its ``download.json``."""

    def __init__(self, out: Path, name: str) -> None:
        """Opens the folder, or makes it.

        Raises:
            DownloadError: it holds something else, or another process is at it.
        """
        self.folder = out
        self._path = out / LEDGER
        if out.exists() and not out.is_dir():
            raise DownloadError(f"{out} is a file; name a folder for the data set")
        self._told = self._read(name)
        out.mkdir(parents=True, exist_ok=True)
        self._lock = (out / LOCK).open("wb")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise DownloadError(f"another seehear is filling {out} now; wait for it, or name another folder") from None
        remove_leftovers(out)

    @property
    def accepted(self) -> bool:
        """Whether the terms were accepted for this folder before."""
        return bool(self._told.get("accepted"))

    def accept(self, licence: str, url: str) -> None:
        """Writes down that the terms are accepted."""
        self._told |= {"licence": licence, "url": url, "accepted": datetime.now(UTC).isoformat(timespec="seconds")}
        self._write()

    def file(self, name: str) -> dict[str, Any] | None:
        """What is known of a file that was brought whole; None if it was not."""
        known: dict[str, Any] | None = self._told["files"].get(name)
        return known

    def enter(self, name: str, **known: Any) -> None:
        """Writes down that a file was brought whole."""
        self._told["files"][name] = known
        self._write()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Lets another process have it."""
        (self.folder / LOCK).unlink(missing_ok=True)
        self._lock.close()

    def _read(self, name: str) -> dict[str, Any]:
        fresh: dict[str, Any] = {"seehear": __version__, "data_set": name, "files": {}}
        if not self._path.exists():
            inside = self.folder.iterdir() if self.folder.is_dir() else ()
            others = sorted(path.name for path in inside if not path.name.startswith("."))
            if others:
                raise DownloadError(f"{self.folder} holds other things ({others[0]}); name a new or empty folder")
            return fresh
        try:
            told = json.loads(self._path.read_text(encoding="utf-8"))
            before, _ = told["data_set"], told["files"].items()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DownloadError(f"{self._path} is damaged ({error}); remove it, or name another folder") from error
        if before != name:
            raise DownloadError(f"{self.folder} holds the data set {before}; name another folder for {name}")
        return {**fresh, **told}

    def _write(self) -> None:
        write_text(self._path, json.dumps(self._told, indent=1, ensure_ascii=False))
