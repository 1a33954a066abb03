"""CSV, LaTeX, Markdown, terminal."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from seehear.benchmark.cells import CellOutcome
from seehear.benchmark.plan import BenchmarkPlan, PaperTable
from seehear.benchmark.table import (
    GUESSING,
    HOW_TO_READ,
    MISSING,
    BenchmarkResult,
    CheckedClaim,
    Column,
    TableEntry,
    TaskTable,
    Verdict,
    chance_row,
    checked_in,
    column_heading,
    difference_text,
    few_seeds,
    footnote,
    interval_text,
    mean_text,
    paper_heading,
    paper_value,
    unfinished_note,
)

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.table import Table
    from rich.text import Text

    from seehear.benchmark.cells import WorkList


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
    return _csv(TABLE, _csv_numbers(table))


def table_dicts(table: TaskTable) -> list[dict[str, Field]]:
    """One dictionary a number of the table, with the columns of its CSV."""
    return [dict(zip(TABLE, values, strict=True)) for values in _csv_numbers(table)]


def claim_dict(claim: CheckedClaim) -> dict[str, Field]:
    """A claim, where it is from and what became of it."""
    task, data = claim.table
    return {
        "says": claim.says,
        "source": claim.source,
        "task": task,
        "data": data,
        "better": claim.better,
        "score": claim.score,
        "verdict": claim.verdict,
    }


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


def outcomes_csv(work: WorkList, outcomes: Mapping[str, CellOutcome]) -> str:
    """One line a number that was measured: each score of each cell, and its first score at each noise level."""
    return _csv(OUTCOMES, _csv_outcomes(work, outcomes))


def _csv_numbers(table: TaskTable) -> Iterator[tuple[Field, ...]]:
    for row in table.rows:
        for place, column in enumerate(table.columns):
            entry = table.entries[row, place]
            failed = "; ".join(f"seed {seed}: {reason}" for seed, reason in entry.failed.items())
            yield (
                table.key, table.data, row, column.score, column.labels, column.snr_db, entry.mean, entry.low,
                entry.high, len(entry.values), entry.best, column.chance, column.higher_is_better, failed,
            )  # fmt: skip


def _csv_outcomes(work: WorkList, outcomes: Mapping[str, CellOutcome]) -> Iterator[tuple[Field, ...]]:
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


PREAMBLE = "% needs \\usepackage{booktabs}; wide ones want \\usepackage{graphicx} and a \\resizebox"


SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "–": "--",
    **{mark: f"\\{mark}" for mark in "&%$#_{}"},
    "[": "{[}",  # a row that begins with one would be taken for the argument of the \\ before it
    "]": "{]}",
}


def latex(table: TaskTable) -> str:
    """The table, then a table of its own for each paper's figures."""
    header = ["", *(escape_latex(column_heading(column)) for column in table.columns)]
    rows = [
        [
            escape_latex(row),
            *(_latex_number(c, table.entries[row, place], table.seeds) for place, c in enumerate(table.columns)),
        ]
        for row in table.rows
    ]
    chance = chance_row(table.columns)
    footer = [[GUESSING, *map(escape_latex, chance)]] if chance else []
    caption = f"{table.title}: {table.data}. {footnote(table)} Intervals: 95 %, Student's t over seeds."
    ours = _latex_float(header, rows, footer, caption, f"{table.key}-{table.data}")
    return "\n".join([PREAMBLE, ours, *(_latex_paper(paper, table, n) for n, paper in enumerate(table.paper, start=1))])


def escape_latex(text: str) -> str:
    """Text that LaTeX sets as it is; line breaks become spaces."""
    return "".join(SPECIAL.get(letter, letter) for letter in " ".join(text.split()))


def _latex_number(column: Column, entry: TableEntry, seeds: int) -> str:
    centre = escape_latex(mean_text(column, entry))
    few = few_seeds(entry, seeds)
    return (f"\\textbf{{{centre}}}" if entry.best else centre) + (f" ({few})" if few else "")


def _latex_paper(paper: PaperTable, table: TaskTable, number: int) -> str:
    rows = [
        [escape_latex(row), *(escape_latex(paper_value(paper, place, row)) for place in range(len(paper.columns)))]
        for row in paper.rows
    ]
    caption = f"{paper_heading(paper)}. What differs: {paper.differs}"
    return _latex_float(
        ["", *map(escape_latex, paper.columns)], rows, [], caption, f"{table.key}-{table.data}-paper-{number}"
    )


def _latex_float(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    footer: Sequence[Sequence[str]],
    caption: str,
    label: str,
) -> str:
    lines = [
        r"\begin{table}",
        r"  \centering",
        f"  \\caption{{{escape_latex(caption)}}}",
        f"  \\label{{tab:{re.sub(r'[^A-Za-z0-9]+', '-', label)}}}",
        f"  \\begin{{tabular}}{{l{'r' * (len(header) - 1)}}}",
        r"    \toprule",
        _latex_line(header),
        r"    \midrule",
        *map(_latex_line, rows),
        *([r"    \midrule", *map(_latex_line, footer)] if footer else []),
        r"    \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _latex_line(cells: Sequence[str]) -> str:
    return f"    {' & '.join(cells)} \\\\"


MARK = "Bold is the mark of the best."


def markdown(plan: BenchmarkPlan, summary: BenchmarkResult) -> str:
    """The page: claims, tables with the papers' figures under them, what failed and what was not measured."""
    blocks = [f"# {escape_markdown(plan.title)}", escape_markdown(plan.about), escape_markdown(plan.differs)]
    blocks.append(f"{HOW_TO_READ} {MARK}")
    if summary.claims:
        blocks += ["## Claims", _markdown_claims(summary.claims)]
    for table in summary.tables:
        blocks += _markdown_blocks(table)
    if summary.failed:
        failed = [(escape_markdown(cell), escape_markdown(reason)) for cell, reason in summary.failed.items()]
        blocks += ["## Failed", _markdown_grid(("cell", "reason"), failed, words=2)]
    notes = [note for note in (*summary.notes, unfinished_note(summary)) if note]
    if notes:
        blocks += ["## Not measured, and notes", "\n".join(f"- {escape_markdown(note)}" for note in notes)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def escape_markdown(text: str) -> str:
    """Text that Markdown shows as it is, in a cell of a table too; line breaks become spaces."""
    return re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", " ".join(text.split()))


def _markdown_claims(claims: Sequence[CheckedClaim]) -> str:
    rows = [
        (
            escape_markdown(one.says),
            escape_markdown(one.source),
            escape_markdown(checked_in(one)),
            "<br>".join(f"than {escape_markdown(d.against)}: {difference_text(one.score, d)}" for d in one.differences)
            or MISSING,
            one.verdict,
        )
        for one in claims
    ]
    return _markdown_grid(("claim", "source", "checked in", "better by", "verdict"), rows, words=5)


def _markdown_blocks(table: TaskTable) -> list[str]:
    header = ["", *(escape_markdown(column_heading(column)) for column in table.columns)]
    rows = [
        [
            escape_markdown(row),
            *(_markdown_number(c, table.entries[row, place], table.seeds) for place, c in enumerate(table.columns)),
        ]
        for row in table.rows
    ]
    chance = chance_row(table.columns)
    if chance:
        rows.append([f"*{GUESSING}*", *chance])
    title = f"## {escape_markdown(table.title)}: {escape_markdown(table.data)}"
    return [title, _markdown_grid(header, rows), footnote(table), *map(_markdown_paper, table.paper)]


def _markdown_number(column: Column, entry: TableEntry, seeds: int) -> str:
    centre = mean_text(column, entry)
    parts = (
        f"**{centre}**" if entry.best else centre,
        interval_text(column, entry),
        few_seeds(entry, seeds),
    )
    return " ".join(part for part in parts if part)


def _markdown_paper(paper: PaperTable) -> str:
    """A quotation: what is in it was said by others."""
    rows = [
        [escape_markdown(row), *(paper_value(paper, place, row) for place in range(len(paper.columns)))]
        for row in paper.rows
    ]
    table = _markdown_grid(["", *map(escape_markdown, paper.columns)], rows)
    quoted = "\n".join(f"> {line}" for line in table.splitlines())
    return (
        f"> {escape_markdown(paper_heading(paper))}\n>\n{quoted}\n>\n> What differs: {escape_markdown(paper.differs)}"
    )


def _markdown_grid(header: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> str:
    """A table whose first columns are of words, the others of numbers."""
    rule = "|" + "|".join("---" if place < words else "---:" for place in range(len(header))) + "|"
    return "\n".join([_markdown_line(header), rule, *map(_markdown_line, rows)])


def _markdown_line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


CLAIM_STYLES: dict[Verdict, str] = {
    "reproduced": "green",
    "not reproduced": "yellow",
    "contradicted": "red",
    "not measured": "dim",
}


FAILED_SHOWN = 10


MIN_COLUMN = 12
"""Letters of a column of numbers: fewer would break the words of its heading."""


BORDER = 3  # a line and a space on either side of a cell


class BenchmarkText:
    """What a benchmark found, for a terminal of any width."""

    def __init__(self, summary: BenchmarkResult) -> None:
        """Of this result."""
        self.summary = summary

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        yield from _text_blocks(self.summary, options.max_width)


def _text_blocks(summary: BenchmarkResult, width: int) -> Iterator[RenderableType]:
    from rich.text import Text

    for table in summary.tables:
        yield Text(f"{table.title}: {table.data}", style="bold")
        for places in _column_groups(table, width):
            yield _text_table(table, places)
        yield Text(footnote(table), style="dim")
        for paper in table.paper:
            yield Text(paper_heading(paper), style="dim italic")
            yield _text_paper(paper)
            yield Text(f"What differs: {paper.differs}", style="dim")
        yield Text()
    for claim in summary.claims:
        yield _text_claim(claim)
    for cell, reason in list(summary.failed.items())[:FAILED_SHOWN]:
        yield Text(f"failed: {cell}: {reason}", style="red")
    if len(summary.failed) > FAILED_SHOWN:
        yield Text(f"failed: {len(summary.failed) - FAILED_SHOWN} more, all named in the report", style="red")
    for note in (*summary.notes, unfinished_note(summary)):
        if note:
            yield Text(note)
    if summary.out:
        again = " (what failed is tried again when the same command is given again)" if summary.failed else ""
        yield Text(f"report: {summary.out / 'report.html'}{again}")


def _column_groups(table: TaskTable, width: int) -> Iterator[list[int]]:
    """Places of the columns that fit into the width; the rest comes below, in a table of its own."""
    first = max(len(name) for name in (*table.rows, GUESSING)) + BORDER + 1
    places: list[int] = []
    used = first
    for place, column in enumerate(table.columns):
        numbers = [_text_number(column, table.entries[row, place], table.seeds) for row in table.rows]
        needed = max(MIN_COLUMN, *map(len, numbers)) + BORDER
        if places and used + needed > width:
            yield places
            places, used = [], first
        places.append(place)
        used += needed
    yield places


def _text_table(table: TaskTable, places: Sequence[int]) -> Table:
    """Some of the columns, the others left for another."""
    from rich.table import Table
    from rich.text import Text

    shown = Table()
    shown.add_column("", no_wrap=True)
    columns = [table.columns[place] for place in places]
    for column in columns:
        shown.add_column(Text(column_heading(column)), justify="right", min_width=MIN_COLUMN)
    for row in table.rows:
        entries = [table.entries[row, place] for place in places]
        numbers = [_text_number(c, entry, table.seeds) for c, entry in zip(columns, entries, strict=True)]
        shown.add_row(Text(row), *numbers)
    chance = chance_row(columns)
    if chance:
        shown.add_section()
        shown.add_row(GUESSING, *chance, style="dim")
    return shown


def _text_number(column: Column, entry: TableEntry, seeds: int) -> Text:
    from rich.text import Text

    shown = Text(mean_text(column, entry), style="bold green" if entry.best else "", no_wrap=True)
    few = few_seeds(entry, seeds)
    return shown.append(f" ({few})", style="dim") if few else shown


def _text_paper(paper: PaperTable) -> Table:
    from rich.table import Table
    from rich.text import Text

    shown = Table(style="dim")
    shown.add_column("")
    for name in paper.columns:
        shown.add_column(Text(name), justify="right")
    for row in paper.rows:
        shown.add_row(Text(row), *(paper_value(paper, place, row) for place in range(len(paper.columns))))
    return shown


def _text_claim(claim: CheckedClaim) -> Text:
    from rich.text import Text

    shown = Text(f"{claim.verdict}: ", style=CLAIM_STYLES[claim.verdict])
    shown.append(f"{claim.says} ({claim.source}; {checked_in(claim)})", style="default")
    for one in claim.differences:
        shown.append(f"\n    than {one.against}: {difference_text(claim.score, one)}", style="default")
    return shown
