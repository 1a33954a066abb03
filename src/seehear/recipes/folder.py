"""The folder of a recipe: which stages are done, by markers that are written last."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seehear.beside import remove_leftovers, write_text
from seehear.errors import SeehearError
from seehear.os_errors import refusals_as_sentences

LOCK = ".recipe"
"""Whose presence says whose folder it is."""


@dataclass(frozen=True)
class RecipeFolder:
    """Where everything of a recipe is.

    Attributes:
        root: the folder.
    """

    root: Path

    @contextmanager
    def held(self, name: str) -> Iterator[int]:
        """Makes the folder and holds it for this process, however it ends.

        Args:
            name: of the recipe.

        Yields:
            The descriptor of its lock: a process that inherits it holds the folder as well.

        Raises:
            SeehearError: another process works in it, it holds other things, or it cannot be written.
        """
        lock = self.root / LOCK
        with refusals_as_sentences(self.root):
            if self.root.is_dir() and any(self.root.iterdir()) and not lock.is_file():
                raise SeehearError(f"{self.root} holds other things; name a new folder for the recipe with --out")
            self.root.mkdir(parents=True, exist_ok=True)
            with lock.open("a+", encoding="utf-8") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise SeehearError(
                        f"another seehear recipe is at work in {self.root}; wait for it, or name another --out"
                    ) from None
                file.seek(0)
                before = file.read().strip()
                if before not in ("", name):
                    raise SeehearError(f"{self.root} is of the recipe {before}; name another --out for {name}")
                if not before:
                    file.write(f"{name}\n")
                    file.flush()
                (self.root / "done").mkdir(exist_ok=True)
                for folder in (self.root, self.root / "done"):
                    remove_leftovers(folder)
                yield file.fileno()

    def is_done(self, stage: str, given: Mapping[str, Any]) -> bool:
        """Whether a stage has been done with these very arguments."""
        try:
            told = json.loads(self._marker(stage).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return isinstance(told, dict) and told.get("given") == json.loads(json.dumps(given))

    def mark(self, stage: str, given: Mapping[str, Any], **more: Any) -> None:
        """Writes down that a stage is done."""
        write_text(self._marker(stage), json.dumps({"stage": stage, "given": given, **more}, indent=1) + "\n")

    def _marker(self, stage: str) -> Path:
        return self.root / "done" / f"{stage.replace(' ', '-').replace('/', '_')}.json"
