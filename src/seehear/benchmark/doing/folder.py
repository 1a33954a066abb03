"""The folder of a benchmark: what was made, what came of every cell, and what was asked."""

from __future__ import annotations

import fcntl
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seehear.benchmark.cell import Cell
from seehear.benchmark.outcome import Outcome
from seehear.beside import remove_leftovers, write_text
from seehear.errors import SeehearError
from seehear.os_errors import refusals_as_sentences

PLAN = "plan.yaml"
LOCK = ".lock"
_PREPARED = "corpus.json"  # whose presence says that a folder is a whole corpus


@dataclass(frozen=True)
class Folder:
    """Where everything of a benchmark is; several plans may share one, and what one has done the other need not do.

    Attributes:
        root: the folder.
    """

    root: Path

    @property
    def outcomes(self) -> Path:
        """What came of cells: a JSON file each, and beside it, where one failed, its traceback."""
        return self.root / "outcomes"

    def place(self, cell: Cell) -> Path:
        """Folder of what a cell makes; one that was given and is prepared is used where it is. Nothing of a measuring.

        Args:
            cell: a corpus or a pretraining.
        """
        given = cell.spec.get("path")
        if given and (Path(given) / _PREPARED).is_file():
            return Path(given)
        kind = "corpora" if cell.kind == "corpus" else "runs"
        return self.root / kind / _file_name(cell)

    def log(self, cell: Cell) -> Path:
        """What a cell says while it is being done."""
        return self.root / "logs" / f"{_file_name(cell)}.txt"

    def traceback(self, cell: Cell) -> Path:
        """Where and why a cell failed, for those who can mend the program."""
        return self.outcomes / f"{cell.key}.txt"

    def read_outcomes(self) -> dict[str, Outcome]:
        """What came of cells so far, by their keys.

        Raises:
            SeehearError: one of the files is damaged.
        """
        return {path.stem: _read(path) for path in sorted(self.outcomes.glob("*.json"))}

    def write_outcome(self, cell: Cell, outcome: Outcome, traceback: str = "") -> None:
        """Keep what came of a cell; a traceback of an earlier failure goes."""
        self.traceback(cell).unlink(missing_ok=True)
        if traceback:
            write_text(self.traceback(cell), traceback)
        write_text(self.outcomes / f"{cell.key}.json", json.dumps(outcome.to_dict(), indent=1) + "\n")

    def write_plan(self, written: str) -> None:
        """Keep what was asked last, as YAML."""
        write_text(self.root / PLAN, written)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Makes the folder and holds it for this process, however it ends.

        Raises:
            SeehearError: another process works in it, it holds other things, or it cannot be written.
        """
        with refusals_as_sentences(self.root):
            if self.root.is_dir() and any(self.root.iterdir()) and not (self.root / LOCK).is_file():
                raise SeehearError(f"{self.root} holds other things; name a new folder for the benchmark with --out")
            self.root.mkdir(parents=True, exist_ok=True)
            with (self.root / LOCK).open("a", encoding="utf-8") as lock:  # before anything else: it marks the folder
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise SeehearError(
                        f"another seehear benchmark is at work in {self.root}; wait for it, or name another --out"
                    ) from None
                for name in ("corpora", "runs", "outcomes", "logs"):
                    (self.root / name).mkdir(exist_ok=True)
                for folder in (self.root, self.outcomes, self.root / "runs"):
                    remove_leftovers(folder)
                yield


def _file_name(cell: Cell) -> str:
    """For people and for shells, which read brackets as patterns."""
    plain = re.sub(r"[^\w.=+-]+", "_", cell.name).strip("_")
    seed = "" if cell.seed is None else f"-s{cell.seed}"
    return f"{plain}{seed}-{cell.key}"


def _read(path: Path) -> Outcome:
    try:
        told: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Outcome(**{name: _as_tuples(value) for name, value in told.items()})
    except (ValueError, TypeError, AttributeError) as error:
        raise SeehearError(f"{path} is damaged ({error}); remove it, and it is done again") from error


def _as_tuples(value: Any) -> Any:
    """Lists as the tuples that they were; what is in mappings stays as JSON has it."""
    return tuple(_as_tuples(item) for item in value) if isinstance(value, list) else value
