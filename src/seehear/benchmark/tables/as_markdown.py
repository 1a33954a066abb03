"""All of a benchmark as one Markdown page, as `benchmarks/mini.md` has it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from seehear.benchmark.planning.plan import PaperTable, Plan
from seehear.benchmark.tables import wording
from seehear.benchmark.tables.scores import MISSING, headed
from seehear.benchmark.tables.table import Checked, Column, Entry, Summary, TaskTable

MARK = "Bold is the mark of the best."


def markdown(plan: Plan, summary: Summary) -> str:
    """The page: claims, tables with the papers' figures under them, what failed and what was not measured."""
    blocks = [f"# {escaped(plan.title)}", escaped(plan.about), escaped(plan.differs)]
    blocks.append(f"{wording.HOW_TO_READ} {MARK}")
    if summary.claims:
        blocks += ["## Claims", _claims(summary.claims)]
    for table in summary.tables:
        blocks += _blocks(table)
    if summary.failed:
        failed = [(escaped(cell), escaped(reason)) for cell, reason in summary.failed.items()]
        blocks += ["## Failed", _grid(("cell", "reason"), failed, words=2)]
    notes = [note for note in (*summary.notes, wording.left(summary)) if note]
    if notes:
        blocks += ["## Not measured, and notes", "\n".join(f"- {escaped(note)}" for note in notes)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def escaped(text: str) -> str:
    """Text that Markdown shows as it is, in a cell of a table too; line breaks become spaces."""
    return re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", " ".join(text.split()))


def _claims(claims: Sequence[Checked]) -> str:
    rows = [
        (
            escaped(one.says),
            escaped(one.source),
            escaped(wording.checked_in(one)),
            "<br>".join(f"than {escaped(d.against)}: {wording.against(one.score, d)}" for d in one.differences)
            or MISSING,
            one.verdict,
        )
        for one in claims
    ]
    return _grid(("claim", "source", "checked in", "better by", "verdict"), rows, words=5)


def _blocks(table: TaskTable) -> list[str]:
    header = ["", *(escaped(headed(column)) for column in table.columns)]
    rows = [
        [escaped(row), *(_number(c, table.entries[row, place], table.seeds) for place, c in enumerate(table.columns))]
        for row in table.rows
    ]
    chance = wording.guessing(table.columns)
    if chance:
        rows.append([f"*{wording.GUESSING}*", *chance])
    title = f"## {escaped(table.title)}: {escaped(table.data)}"
    return [title, _grid(header, rows), wording.under(table), *map(_paper, table.paper)]


def _number(column: Column, entry: Entry, seeds: int) -> str:
    centre = wording.centre(column, entry)
    parts = (
        f"**{centre}**" if entry.best else centre,
        wording.interval(column, entry),
        wording.few_seeds(entry, seeds),
    )
    return " ".join(part for part in parts if part)


def _paper(paper: PaperTable) -> str:
    """A quotation: what is in it was said by others."""
    rows = [
        [escaped(row), *(wording.printed(paper, place, row) for place in range(len(paper.columns)))]
        for row in paper.rows
    ]
    table = _grid(["", *map(escaped, paper.columns)], rows)
    quoted = "\n".join(f"> {line}" for line in table.splitlines())
    return f"> {escaped(wording.beside(paper))}\n>\n{quoted}\n>\n> What differs: {escaped(paper.differs)}"


def _grid(header: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> str:
    """A table whose first columns are of words, the others of numbers."""
    rule = "|" + "|".join("---" if place < words else "---:" for place in range(len(header))) + "|"
    return "\n".join([_line(header), rule, *map(_line, rows)])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
