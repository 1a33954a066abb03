"""Known delays of a data set's videos, to be undone before anything is learned from them.

Sources differ by one to three frames, each by its own chain of production. Learning from them as they are teaches that
error: a model then finds the sound late where it is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from seehear.corpus.formats.labels_csv import read_labels
from seehear.corpus.formats.source import Source
from seehear.errors import CorpusError

COLUMN = "delay_ms"
VERDICT, UNKNOWN = "verdict", "cannot-tell"
"""What `seehear sync --csv` says beside a delay that is a guess only."""

LARGEST_MS = 30_000.0


def without_delays(sources: Sequence[Source], table: Path) -> list[Source]:
    """Sources with the delays that a CSV knows; those whose delay it does not know get a ``problem``.

    Args:
        sources: of a data set.
        table: CSV with the columns ``file`` (a path, relative to the CSV or to the working folder, or a source's name)
            and ``delay_ms``, positive where the sound is late. A delay whose ``verdict`` is cannot-tell is not known.

    Raises:
        CorpusError: the CSV cannot be read, has no such column, a delay that is no number, or none of the sources.
    """
    known: dict[str, float | None] = {}
    for file, (cells, _) in read_labels(table).items():
        guess = cells.get(VERDICT) == UNKNOWN
        delay = None if guess else _delay(table, file, cells.get(COLUMN))
        known |= dict.fromkeys((file, str((table.parent / file).resolve()), str(Path(file).resolve())), delay)
    if not any(delay is not None for delay in known.values()):
        raise CorpusError(f"{table} has no number in a column '{COLUMN}'; write it with `seehear sync --csv`")
    told = [_told(source, known, table) for source in sources]
    if all(source.problem for source in told):
        raise CorpusError(f"{table} tells the delay of none of the {len(told)} videos, {told[0].name} for one")
    return told


def _delay(table: Path, file: str, cell: str | None) -> float | None:
    """Milliseconds; None for an empty cell."""
    if cell is None or not cell.strip():
        return None
    try:
        delay = float(cell)
    except ValueError:
        raise CorpusError(f"{table} says that the delay of {file} is {cell!r}, which is no number") from None
    if not abs(delay) <= LARGEST_MS:
        raise CorpusError(f"{table} says that the delay of {file} is {cell} ms; it must be within {LARGEST_MS:.0f} ms")
    return delay


def _told(source: Source, known: dict[str, float | None], table: Path) -> Source:
    if source.problem:
        return source
    delay = known.get(str(source.path.resolve()), known.get(source.name))
    if delay is None:
        return replace(source, problem=f"{table.name} does not tell its delay")
    return replace(source, delay_s=delay / 1000)
