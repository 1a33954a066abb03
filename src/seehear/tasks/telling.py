"""How a task's result leaves: as tables, as JSON, into a file."""

from __future__ import annotations

import json
from pathlib import Path

from seehear.beside import write_text
from seehear.os_errors import refusals_as_sentences
from seehear.tasks.result import Result


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
