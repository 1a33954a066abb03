"""The tables of a benchmark as they stand in its page: ours, the commands that give them again, and papers' beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seehear.benchmark.planning.plan import PaperTable
from seehear.benchmark.tables import wording
from seehear.benchmark.tables.scores import headed, told
from seehear.benchmark.tables.table import Column, Entry, TaskTable
from seehear.report import Table, Text
from seehear.report.boxes import Commands, Fold, Printed
from seehear.report.html import Block, Cell

BOLD = "Bold is only what paired tests support as the best of its column."


def our_table(table: TaskTable, commands: Mapping[str, Sequence[str]]) -> Table:
    """Means with their intervals, and under each row what gives it again.

    Args:
        table: what is shown.
        commands: row -> the commands, all that its means are of; empty where nothing was measured.
    """
    header: list[str | Cell] = ["", *(_heading(column) for column in table.columns)]
    rows = [_row(table, row) for row in table.rows]
    under = {
        place: Fold("reproduce", [Commands(commands[row])]) for place, row in enumerate(table.rows) if commands[row]
    }
    return Table(header, rows, f"{wording.under(table)} {BOLD}", under)


def printed_tables(table: TaskTable) -> list[Block]:
    """What papers print of it, each in a box of its own."""
    return [_printed(paper) for paper in table.paper]


def _heading(column: Column) -> Cell:
    chance = "" if column.chance is None else f"{wording.GUESSING} {told(column.score, column.chance)}"
    return Cell(headed(column), chance)


def _row(table: TaskTable, row: str) -> list[str | Cell]:
    entries = [table.entries[row, place] for place in range(len(table.columns))]
    return [row, *(_number(column, entry, table.seeds) for column, entry in zip(table.columns, entries, strict=True))]


def _number(column: Column, entry: Entry, asked: int) -> Cell:
    """A number with its interval, or why there is none."""
    failed = f"{len(entry.failed)} failed" if entry.failed else ""
    below = [wording.interval(column, entry), wording.few_seeds(entry, asked), failed]
    return Cell(wording.centre(column, entry), ", ".join(part for part in below if part), strong=entry.best)


def _printed(paper: PaperTable) -> Printed:
    rows = [[name, *(wording.printed(paper, n, name) for n in range(len(paper.columns)))] for name in paper.rows]
    return Printed(
        f"Printed in the paper, not measured here: {paper.title}",
        [Text(f"{paper.source}."), Table(["", *paper.columns], rows), Text(f"What differs: {paper.differs}")],
    )
