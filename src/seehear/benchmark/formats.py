"""Output formats of tables and claims: CSV, LaTeX, Markdown and terminal text."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from seehear.benchmark.cells import CellOutcome
from seehear.benchmark.plan import BenchmarkPlan, PaperTable
from seehear.benchmark.table import (
    CHANCE_ROW,
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
"""Columns of a table's CSV, with one line per number; fractions are not in percent."""


OUTCOMES = ("task", "data", "row", "seed", "labels", "snr_db", "score", "value")


PAPER = ("source", "title", "row", "column", "value", "differs")
"""Columns of the CSV of published numbers: a separate file, so that they are not averaged with measured ones."""


def table_csv(table: TaskTable) -> str:
    """Return CSV with one line per number of the table."""
    return _csv(TABLE, _csv_numbers(table))


def table_dicts(table: TaskTable) -> list[dict[str, Field]]:
    """Return one dictionary per number of the table, with the columns of its CSV."""
    return [dict(zip(TABLE, values, strict=True)) for values in _csv_numbers(table)]


def claim_dict(claim: CheckedClaim) -> dict[str, Field]:
    """Return a claim with its source and verdict."""
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
    """Return CSV with one line per published number for the table; only the header if there is none."""
    lines = (
        (paper.source, paper.title, row, column, value, paper.differs)
        for paper in table.paper
        for row, values in paper.rows.items()
        for column, value in zip(paper.columns, values, strict=True)
        if value is not None
    )
    return _csv(PAPER, lines)


def outcomes_csv(work: WorkList, outcomes: Mapping[str, CellOutcome]) -> str:
    """Return CSV with one line per measured number: all scores of each cell, and its main score at each noise level."""
    return _csv(OUTCOMES, _csv_outcomes(work, outcomes))


def _csv_numbers(table: TaskTable) -> Iterator[tuple[Field, ...]]:
    for row in table.rows:
        for index, column in enumerate(table.columns):
            entry = table.entries[row, index]
            failed = "; ".join(f"seed {seed}: {reason}" for seed, reason in entry.failed.items())
            yield (
                table.key, table.data, row, column.score, column.labels, column.snr_db, entry.mean, entry.low,
                entry.high, len(entry.values), entry.best, column.chance, column.higher_is_better, failed,
            )  # fmt: skip


def _csv_outcomes(work: WorkList, outcomes: Mapping[str, CellOutcome]) -> Iterator[tuple[Field, ...]]:
    for (task, data, row, seed, labels), key in work.positions.items():
        if key not in outcomes:
            continue
        outcome = outcomes[key]
        for score, value in outcome.scores.items():
            yield task, data, row, seed, labels, None, score, value
        for snr, value in outcome.by_snr.items():
            yield task, data, row, seed, labels, snr, next(iter(outcome.scores)), value


def _csv(header: Iterable[str], lines: Iterable[Iterable[Field]]) -> str:
    """Return CSV; floats are written with all digits, so that they are read back exactly."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(lines)
    return buffer.getvalue()


PREAMBLE = "% needs \\usepackage{booktabs}; for wide tables also \\usepackage{graphicx} and \\resizebox"


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
    "[": "{[}",  # at the start of a row it would be read as the argument of the preceding \\
    "]": "{]}",
}


def latex(table: TaskTable) -> str:
    """Return the table in LaTeX, followed by the tables of published numbers."""
    header = ["", *(escape_latex(column_heading(column)) for column in table.columns)]
    rows = [
        [
            escape_latex(row),
            *(_latex_number(c, table.entries[row, index], table.seeds) for index, c in enumerate(table.columns)),
        ]
        for row in table.rows
    ]
    chance = chance_row(table.columns)
    footer = [[CHANCE_ROW, *map(escape_latex, chance)]] if chance else []
    caption = f"{table.title}: {table.data}. {footnote(table)} Intervals: 95 %, Student's t over seeds."
    measured = _latex_float(header, rows, footer, caption, f"{table.key}-{table.data}")
    published = (_latex_paper(paper, table, number) for number, paper in enumerate(table.paper, start=1))
    return "\n".join([PREAMBLE, measured, *published])


def escape_latex(text: str) -> str:
    """Escape text for LaTeX; line breaks become spaces."""
    return "".join(SPECIAL.get(letter, letter) for letter in " ".join(text.split()))


def _latex_number(column: Column, entry: TableEntry, seeds: int) -> str:
    mean = escape_latex(mean_text(column, entry))
    few = few_seeds(entry, seeds)
    return (f"\\textbf{{{mean}}}" if entry.best else mean) + (f" ({few})" if few else "")


def _latex_paper(paper: PaperTable, table: TaskTable, number: int) -> str:
    rows = [
        [escape_latex(row), *(escape_latex(paper_value(paper, column, row)) for column in range(len(paper.columns)))]
        for row in paper.rows
    ]
    caption = f"{paper_heading(paper)}. Differences: {paper.differs}"
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


MARK = "The best is in bold."


def markdown(plan: BenchmarkPlan, summary: BenchmarkResult) -> str:
    """Return the report in Markdown: claims, tables with published numbers, failures and notes."""
    blocks = [f"# {escape_markdown(plan.title)}", escape_markdown(plan.about), escape_markdown(plan.differs)]
    blocks.append(f"{HOW_TO_READ} {MARK}")
    if summary.claims:
        blocks += ["## Claims", _markdown_claims(summary.claims)]
    for table in summary.tables:
        blocks += _markdown_blocks(table)
    if summary.failed:
        failed = [(escape_markdown(cell), escape_markdown(reason)) for cell, reason in summary.failed.items()]
        blocks += ["## Failed", _markdown_grid(("cell", "reason"), failed, text_columns=2)]
    notes = [note for note in (*summary.notes, unfinished_note(summary)) if note]
    if notes:
        blocks += ["## Not measured, and notes", "\n".join(f"- {escape_markdown(note)}" for note in notes)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def escape_markdown(text: str) -> str:
    """Escape text for Markdown, including table cells; line breaks become spaces."""
    return re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", " ".join(text.split()))


def _markdown_claims(claims: Sequence[CheckedClaim]) -> str:
    rows = [
        (
            escape_markdown(claim.says),
            escape_markdown(claim.source),
            escape_markdown(checked_in(claim)),
            "<br>".join(
                f"than {escape_markdown(difference.against)}: {difference_text(claim.score, difference)}"
                for difference in claim.differences
            )
            or MISSING,
            claim.verdict,
        )
        for claim in claims
    ]
    return _markdown_grid(("claim", "source", "checked in", "better by", "verdict"), rows, text_columns=5)


def _markdown_blocks(table: TaskTable) -> list[str]:
    header = ["", *(escape_markdown(column_heading(column)) for column in table.columns)]
    rows = [
        [
            escape_markdown(row),
            *(_markdown_number(c, table.entries[row, index], table.seeds) for index, c in enumerate(table.columns)),
        ]
        for row in table.rows
    ]
    chance = chance_row(table.columns)
    if chance:
        rows.append([f"*{CHANCE_ROW}*", *chance])
    title = f"## {escape_markdown(table.title)}: {escape_markdown(table.data)}"
    return [title, _markdown_grid(header, rows), footnote(table), *map(_markdown_paper, table.paper)]


def _markdown_number(column: Column, entry: TableEntry, seeds: int) -> str:
    mean = mean_text(column, entry)
    parts = (
        f"**{mean}**" if entry.best else mean,
        interval_text(column, entry),
        few_seeds(entry, seeds),
    )
    return " ".join(part for part in parts if part)


def _markdown_paper(paper: PaperTable) -> str:
    """Return published numbers as a block quote."""
    rows = [
        [escape_markdown(row), *(paper_value(paper, column, row) for column in range(len(paper.columns)))]
        for row in paper.rows
    ]
    table = _markdown_grid(["", *map(escape_markdown, paper.columns)], rows)
    quoted = "\n".join(f"> {line}" for line in table.splitlines())
    heading, differs = escape_markdown(paper_heading(paper)), escape_markdown(paper.differs)
    return f"> {heading}\n>\n{quoted}\n>\n> Differences: {differs}"


def _markdown_grid(header: Sequence[str], rows: Sequence[Sequence[str]], text_columns: int = 1) -> str:
    """Return a table whose first columns are text and the others numbers."""
    rule = "|" + "|".join("---" if column < text_columns else "---:" for column in range(len(header))) + "|"
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
"""Minimum width of a column of numbers, in characters; narrower columns would break words of the heading."""


BORDER = 3  # a line and a space on either side of a cell


class BenchmarkText:
    """The result of a benchmark, for a terminal of any width."""

    def __init__(self, summary: BenchmarkResult) -> None:
        """Wrap a result."""
        self.summary = summary

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        yield from _text_blocks(self.summary, options.max_width)


def _text_blocks(summary: BenchmarkResult, width: int) -> Iterator[RenderableType]:
    from rich.text import Text

    for table in summary.tables:
        yield Text(f"{table.title}: {table.data}", style="bold")
        for indices in _column_groups(table, width):
            yield _text_table(table, indices)
        yield Text(footnote(table), style="dim")
        for paper in table.paper:
            yield Text(paper_heading(paper), style="dim italic")
            yield _text_paper(paper)
            yield Text(f"Differences: {paper.differs}", style="dim")
        yield Text()
    for claim in summary.claims:
        yield _text_claim(claim)
    for cell, reason in list(summary.failed.items())[:FAILED_SHOWN]:
        yield Text(f"failed: {cell}: {reason}", style="red")
    if len(summary.failed) > FAILED_SHOWN:
        yield Text(f"failed: {len(summary.failed) - FAILED_SHOWN} more, listed in the report", style="red")
    for note in (*summary.notes, unfinished_note(summary)):
        if note:
            yield Text(note)
    if summary.out:
        retry = " (repeat the command to retry what failed)" if summary.failed else ""
        yield Text(f"report: {summary.out / 'report.html'}{retry}")


def _column_groups(table: TaskTable, width: int) -> Iterator[list[int]]:
    """Yield the indices of columns that fit into the width; the remaining columns form further tables."""
    first = max(len(name) for name in (*table.rows, CHANCE_ROW)) + BORDER + 1
    group: list[int] = []
    used = first
    for index, column in enumerate(table.columns):
        numbers = [_text_number(column, table.entries[row, index], table.seeds) for row in table.rows]
        needed = max(MIN_COLUMN, *map(len, numbers)) + BORDER
        if group and used + needed > width:
            yield group
            group, used = [], first
        group.append(index)
        used += needed
    yield group


def _text_table(table: TaskTable, indices: Sequence[int]) -> Table:
    """Return a table of some of the columns."""
    from rich.table import Table
    from rich.text import Text

    shown = Table()
    shown.add_column("", no_wrap=True)
    columns = [table.columns[index] for index in indices]
    for column in columns:
        shown.add_column(Text(column_heading(column)), justify="right", min_width=MIN_COLUMN)
    for row in table.rows:
        entries = [table.entries[row, index] for index in indices]
        numbers = [_text_number(c, entry, table.seeds) for c, entry in zip(columns, entries, strict=True)]
        shown.add_row(Text(row), *numbers)
    chance = chance_row(columns)
    if chance:
        shown.add_section()
        shown.add_row(CHANCE_ROW, *chance, style="dim")
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
        shown.add_row(Text(row), *(paper_value(paper, column, row) for column in range(len(paper.columns))))
    return shown


def _text_claim(claim: CheckedClaim) -> Text:
    from rich.text import Text

    shown = Text(f"{claim.verdict}: ", style=CLAIM_STYLES[claim.verdict])
    shown.append(f"{claim.says} ({claim.source}; {checked_in(claim)})", style="default")
    for difference in claim.differences:
        shown.append(f"\n    than {difference.against}: {difference_text(claim.score, difference)}", style="default")
    return shown
