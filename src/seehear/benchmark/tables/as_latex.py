"""A table for a paper: LaTeX with the package booktabs, ready for \\input."""

from __future__ import annotations

import re
from collections.abc import Sequence

from seehear.benchmark.planning.plan import PaperTable
from seehear.benchmark.tables import wording
from seehear.benchmark.tables.scores import headed
from seehear.benchmark.tables.table import Column, Entry, TaskTable

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
    header = ["", *(escaped(headed(column)) for column in table.columns)]
    rows = [
        [escaped(row), *(_number(c, table.entries[row, place], table.seeds) for place, c in enumerate(table.columns))]
        for row in table.rows
    ]
    chance = wording.guessing(table.columns)
    footer = [[wording.GUESSING, *map(escaped, chance)]] if chance else []
    caption = f"{table.title}: {table.data}. {wording.under(table)} Intervals: 95 %, Student's t over seeds."
    ours = _float(header, rows, footer, caption, f"{table.key}-{table.data}")
    return "\n".join([PREAMBLE, ours, *(_paper(paper, table, n) for n, paper in enumerate(table.paper, start=1))])


def escaped(text: str) -> str:
    """Text that LaTeX sets as it is; line breaks become spaces."""
    return "".join(SPECIAL.get(letter, letter) for letter in " ".join(text.split()))


def _number(column: Column, entry: Entry, seeds: int) -> str:
    centre = escaped(wording.centre(column, entry))
    few = wording.few_seeds(entry, seeds)
    return (f"\\textbf{{{centre}}}" if entry.best else centre) + (f" ({few})" if few else "")


def _paper(paper: PaperTable, table: TaskTable, number: int) -> str:
    rows = [
        [escaped(row), *(escaped(wording.printed(paper, place, row)) for place in range(len(paper.columns)))]
        for row in paper.rows
    ]
    caption = f"{wording.beside(paper)}. What differs: {paper.differs}"
    return _float(["", *map(escaped, paper.columns)], rows, [], caption, f"{table.key}-{table.data}-paper-{number}")


def _float(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    footer: Sequence[Sequence[str]],
    caption: str,
    label: str,
) -> str:
    lines = [
        r"\begin{table}",
        r"  \centering",
        f"  \\caption{{{escaped(caption)}}}",
        f"  \\label{{tab:{re.sub(r'[^A-Za-z0-9]+', '-', label)}}}",
        f"  \\begin{{tabular}}{{l{'r' * (len(header) - 1)}}}",
        r"    \toprule",
        _line(header),
        r"    \midrule",
        *map(_line, rows),
        *([r"    \midrule", *map(_line, footer)] if footer else []),
        r"    \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"    {' & '.join(cells)} \\\\"
