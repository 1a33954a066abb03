"""The tables and claims on a terminal, when a benchmark ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from seehear.benchmark.planning.plan import PaperTable
from seehear.benchmark.tables import wording
from seehear.benchmark.tables.scores import headed
from seehear.benchmark.tables.table import Checked, Column, Entry, Summary, TaskTable, Verdict

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

COLOURS: dict[Verdict, str] = {
    "reproduced": "green",
    "not reproduced": "yellow",
    "contradicted": "red",
    "not measured": "dim",
}

FAILED_SHOWN = 10

LEAST = 12
"""Letters of a column of numbers: fewer would break the words of its heading."""

BORDER = 3  # a line and a space on either side of a cell


def show(summary: Summary, console: Console | None = None) -> None:
    """Prints all tables, the claims, what failed and what is left; by default on the standard output."""
    from rich.console import Console

    target = console or Console()
    for block in _blocks(summary, target.width):
        target.print(block, highlight=False)


def _blocks(summary: Summary, width: int) -> Iterator[RenderableType]:
    from rich.text import Text

    for table in summary.tables:
        yield Text(f"{table.title}: {table.data}", style="bold")
        for places in _beside_each_other(table, width):
            yield _table(table, places)
        yield Text(wording.under(table), style="dim")
        for paper in table.paper:
            yield Text(wording.beside(paper), style="dim italic")
            yield _paper(paper)
            yield Text(f"What differs: {paper.differs}", style="dim")
        yield Text()
    for claim in summary.claims:
        yield _claim(claim)
    for cell, reason in list(summary.failed.items())[:FAILED_SHOWN]:
        yield Text(f"failed: {cell}: {reason}", style="red")
    if len(summary.failed) > FAILED_SHOWN:
        yield Text(f"failed: {len(summary.failed) - FAILED_SHOWN} more, all named in the report", style="red")
    for note in (*summary.notes, wording.left(summary)):
        if note:
            yield Text(note)


def _beside_each_other(table: TaskTable, width: int) -> Iterator[list[int]]:
    """Places of the columns that fit into the width; the rest comes below, in a table of its own."""
    first = max(len(name) for name in (*table.rows, wording.GUESSING)) + BORDER + 1
    places: list[int] = []
    used = first
    for place, column in enumerate(table.columns):
        numbers = [_number(column, table.entries[row, place], table.seeds) for row in table.rows]
        needed = max(LEAST, *map(len, numbers)) + BORDER
        if places and used + needed > width:
            yield places
            places, used = [], first
        places.append(place)
        used += needed
    yield places


def _table(table: TaskTable, places: Sequence[int]) -> Table:
    """Some of the columns, the others left for another."""
    from rich.table import Table
    from rich.text import Text

    shown = Table()
    shown.add_column("", no_wrap=True)
    columns = [table.columns[place] for place in places]
    for column in columns:
        shown.add_column(Text(headed(column)), justify="right", min_width=LEAST)
    for row in table.rows:
        entries = [table.entries[row, place] for place in places]
        numbers = [_number(c, entry, table.seeds) for c, entry in zip(columns, entries, strict=True)]
        shown.add_row(Text(row), *numbers)
    chance = wording.guessing(columns)
    if chance:
        shown.add_section()
        shown.add_row(wording.GUESSING, *chance, style="dim")
    return shown


def _number(column: Column, entry: Entry, seeds: int) -> Text:
    from rich.text import Text

    shown = Text(wording.centre(column, entry), style="bold green" if entry.best else "", no_wrap=True)
    few = wording.few_seeds(entry, seeds)
    return shown.append(f" ({few})", style="dim") if few else shown


def _paper(paper: PaperTable) -> Table:
    from rich.table import Table
    from rich.text import Text

    shown = Table(style="dim")
    shown.add_column("")
    for name in paper.columns:
        shown.add_column(Text(name), justify="right")
    for row in paper.rows:
        shown.add_row(Text(row), *(wording.printed(paper, place, row) for place in range(len(paper.columns))))
    return shown


def _claim(claim: Checked) -> Text:
    from rich.text import Text

    shown = Text(f"{claim.verdict}: ", style=COLOURS[claim.verdict])
    shown.append(f"{claim.says} ({claim.source}; {wording.checked_in(claim)})", style="default")
    for one in claim.differences:
        shown.append(f"\n    than {one.against}: {wording.against(claim.score, one)}", style="default")
    return shown
