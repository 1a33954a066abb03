"""Results onto the terminal: tables or --json, a line each for many, --csv, --plot, progress, exit code."""

from __future__ import annotations

import json
from pathlib import Path

from seehear.atomic_io import write_text
from seehear.errors import os_errors_as_user_errors
from seehear.evaluation.result import EvaluationResult


def tell(result: EvaluationResult, as_json: bool, out: Path | None) -> EvaluationResult | str:
    """The result itself, which prints as tables, or its JSON; written to a file as well where one is named.

    Raises:
        SeehearError: the file cannot be written.
    """
    text = json.dumps(result.to_dict(), ensure_ascii=False)
    if out:
        with os_errors_as_user_errors(out):
            write_text(out, text + "\n")
    return text if as_json else result
