"""Master label files of HTK: for each recording its phonemes or words, perhaps with times."""

from __future__ import annotations

from pathlib import Path

from seehear.corpus.formats.source import Span
from seehear.errors import CorpusError
from seehear.pointers import read_text

HEADER = "#!MLF!#"
UNITS_PER_SECOND = 10_000_000  # times are in 100 ns


def read_mlf(path: Path) -> dict[str, list[Span]]:
    """Labels by the name under which the file has them, such as ``*/01M/sa1.lab``; times 0 where there are none.

    Raises:
        CorpusError: unreadable, or not such a file.
    """
    try:
        return parse_mlf(read_text(path))
    except (OSError, ValueError) as error:
        raise CorpusError(f"{path} is not a master label file of HTK ({error}); restore or remove it") from error


def parse_mlf(text: str) -> dict[str, list[Span]]:
    """Parses ``#!MLF!#``, then for each recording ``"name"``, lines ``[start end] label [score]`` and a full stop.

    Raises:
        ValueError: another header, a line of another shape, or a label that belongs to no recording.
    """
    lines = text.splitlines()
    if not lines or lines[0].strip() != HEADER:
        raise ValueError(f"it does not begin with {HEADER}")
    found: dict[str, list[Span]] = {}
    current: list[Span] | None = None
    for number, line in enumerate(lines[1:], 2):
        stripped = line.strip()
        if stripped == ".":
            current = None
        elif len(stripped) > 1 and stripped[0] == stripped[-1] == '"':
            current = found.setdefault(stripped[1:-1].replace("\\", "/"), [])
        elif stripped:
            if current is None:
                raise ValueError(f"line {number} belongs to no recording")
            current.append(_label(stripped, number))
    return found


def _label(line: str, number: int) -> Span:
    parts = line.split()
    if len(parts) == 1:
        return Span(parts[0], 0.0, 0.0)
    try:
        start, end, text = parts[:3]
        return Span(text, _seconds(start), _seconds(end))
    except ValueError:
        raise ValueError(f"line {number} is not 'start end label'") from None


def _seconds(time: str) -> float:
    """Whole numbers are in 100 ns, as HTK writes them; others in seconds."""
    return int(time) / UNITS_PER_SECOND if time.isdecimal() else float(time)
