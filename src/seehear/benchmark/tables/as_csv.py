"""Every number for other programs: a CSV of each table, and one of all that was measured, seed by seed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from seehear.benchmark.outcome import Outcome
from seehear.benchmark.tables.table import TaskTable

if TYPE_CHECKING:
    from seehear.benchmark.planning.cells import Work

Field = str | float | int | bool | None

TABLE = (
    "task", "data", "row", "score", "labels", "snr_db", "mean", "low", "high", "seeds", "best", "chance",
    "higher_is_better", "failed",
)  # fmt: skip
"""Columns of a table's CSV: one line a number; shares are shares, not percent."""

OUTCOMES = ("task", "data", "row", "seed", "labels", "snr_db", "score", "value")

PAPER = ("source", "title", "row", "column", "value", "differs")
"""Columns of the CSV of what papers print: a file of its own, so that nobody averages it with ours."""


def table_csv(table: TaskTable) -> str:
    """One line a number of the table."""
    return _csv(TABLE, _numbers(table))


def paper_csv(table: TaskTable) -> str:
    """One line a number that papers print for the table; only the header where they print none."""
    lines = (
        (paper.source, paper.title, row, column, value, paper.differs)
        for paper in table.paper
        for row, values in paper.rows.items()
        for column, value in zip(paper.columns, values, strict=True)
        if value is not None
    )
    return _csv(PAPER, lines)


def outcomes_csv(work: Work, outcomes: Mapping[str, Outcome]) -> str:
    """One line a number that was measured: each score of each cell, and its first score at each noise level."""
    return _csv(OUTCOMES, _measured(work, outcomes))


def _numbers(table: TaskTable) -> Iterator[tuple[Field, ...]]:
    for row in table.rows:
        for place, column in enumerate(table.columns):
            entry = table.entries[row, place]
            failed = "; ".join(f"seed {seed}: {reason}" for seed, reason in entry.failed.items())
            yield (
                table.key, table.data, row, column.score, column.labels, column.snr_db, entry.mean, entry.low,
                entry.high, len(entry.values), entry.best, column.chance, column.higher_is_better, failed,
            )  # fmt: skip


def _measured(work: Work, outcomes: Mapping[str, Outcome]) -> Iterator[tuple[Field, ...]]:
    for (task, data, row, seed, labels), key in work.places.items():
        if key not in outcomes:
            continue
        outcome = outcomes[key]
        for score, value in outcome.scores.items():
            yield task, data, row, seed, labels, None, score, value
        for snr, value in outcome.by_snr.items():
            yield task, data, row, seed, labels, snr, next(iter(outcome.scores)), value


def _csv(header: Iterable[str], lines: Iterable[Iterable[Field]]) -> str:
    """Floats with all their digits, so that what is read back is what was measured."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(lines)
    return written.getvalue()
