"""Who spoke when, as RTTM: a line for each turn, which scoring tools of diarisation read (NIST 2009)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from seehear.beside import write_text
from seehear.os_errors import refusals_as_sentences


def rttm_line(film: str, start_s: float, stop_s: float, name: str) -> str:
    """One turn: ``SPEAKER film 1 start duration <NA> <NA> name <NA> <NA>``; blanks in names become ``_``."""
    return f"SPEAKER {_word(film)} 1 {start_s:.3f} {stop_s - start_s:.3f} <NA> <NA> {_word(name)} <NA> <NA>"


def write_rttm(path: Path, lines: Iterable[str]) -> None:
    """A file of such lines, whole or not at all.

    Raises:
        SeehearError: it cannot be written.
    """
    with refusals_as_sentences(path):
        write_text(path, "".join(f"{line}\n" for line in lines))


def _word(text: str) -> str:
    return re.sub(r"\s+", "_", text.strip()) or "_"
