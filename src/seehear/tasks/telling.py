"""How a task's result leaves: as tables, as JSON, into a file."""

from __future__ import annotations

import json
from pathlib import Path

from seehear.beside import write_text
from seehear.errors import SeehearError
from seehear.os_errors import refusals_as_sentences
from seehear.tasks.result import Result


def require_place(out: Path | None) -> None:
    """That a result can be written there, before hours are spent on it.

    Raises:
        SeehearError: it is a folder, or in none.
    """
    if out is None:
        return
    if out.is_dir():
        raise SeehearError(f"{out} is a folder; name a file in it")
    if not out.absolute().parent.is_dir():
        raise SeehearError(f"{out} cannot be written: the folder {out.parent} does not exist; make it first")


def tell(result: Result, as_json: bool, out: Path | None) -> Result | str:
    """The result itself, which prints as tables, or its JSON; written to a file as well where one is named.

    Raises:
        SeehearError: the file cannot be written.
    """
    text = json.dumps(result.to_dict(), ensure_ascii=False)
    if out:
        with refusals_as_sentences(out):
            write_text(out, text + "\n")
    return text if as_json else result
