"""The folder inside an unfinished corpus (or whatever is made of many files) that keeps what is done.

So a killed run can go on. Each finished source leaves ``NUMBER.json`` (what became of it) and, if it gave clips,
``NUMBER.part`` (their bytes); the JSON is written last and vouches for the part.
"""

from __future__ import annotations

import fcntl
import json
import shutil
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Generic, Protocol, Self, TypeVar

from seehear.beside import remove_leftovers, write_text
from seehear.corpus.plan import difference
from seehear.errors import CorpusError

STAGING = ".staging"


def part_path(folder: Path, number: int) -> Path:
    """Where in a staging folder the bytes of a source's clips are."""
    return folder / f"{number:07d}.part"


def remove_staging(out: Path) -> None:
    """Takes away the staging folder of a corpus that is whole: its run was killed just before it did so itself."""
    if (out / STAGING).exists():
        shutil.rmtree(out / STAGING)


class Kept(Protocol):
    """What became of one source, as it is written down."""

    def to_json(self) -> str: ...

    @classmethod
    def from_json(cls, text: str) -> Self: ...


T = TypeVar("T", bound=Kept)


class Staging(Generic[T]):
    """The staging folder of a folder that is being made, held by one process at a time."""

    def __init__(self, out: Path, fingerprint: dict[str, Any], kind: type[T]) -> None:
        """Opens the staging folder, or makes it.

        Args:
            out: what is being made.
            fingerprint: of what is to be done (`seehear.corpus.plan.Plan.fingerprint`).
            kind: of what becomes of a source.

        Raises:
            CorpusError: another process is at it, or it belongs to a preparation with other options or sources.
            OSError: the folder cannot be written.
        """
        self._kind = kind
        self.folder = out / STAGING
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(self.folder / "lock", out)
        remove_leftovers(out)
        plan = self.folder / "plan.json"
        if plan.exists():
            before = json.loads(plan.read_text(encoding="utf-8"))
            if how := difference(before, fingerprint):
                raise CorpusError(
                    f"{out} is not finished, and was begun with {how}; run that again to finish it, or remove {out}"
                )
        else:
            write_text(plan, json.dumps(fingerprint, indent=1, ensure_ascii=False))

    def part(self, number: int) -> Path:
        """Where the bytes of a source's clips are."""
        return part_path(self.folder, number)

    def outcome(self, number: int) -> T | None:
        """What became of a source; None if it is not done."""
        path = self._outcome_path(number)
        return self._kind.from_json(path.read_text(encoding="utf-8")) if path.exists() else None

    def record(self, number: int, outcome: T) -> None:
        """Writes down what became of a source, its part being written."""
        write_text(self._outcome_path(number), outcome.to_json())

    def remove(self) -> None:
        """Takes the folder away: the corpus is whole."""
        shutil.rmtree(self.folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Lets another process have it."""
        self._lock.close()

    def _outcome_path(self, number: int) -> Path:
        return self.folder / f"{number:07d}.json"


def _locked(path: Path, out: Path) -> IO[bytes]:
    """An open file whose lock ends with the process, however it ends."""
    file = path.open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise CorpusError(f"another seehear is at work on {out} now; wait for it, or name another folder") from None
    return file
