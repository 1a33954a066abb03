"""Writes what a benchmark found into its folder: for people, for papers, for other programs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from seehear.benchmark.outcome import Outcome
from seehear.benchmark.planning.plan import Plan
from seehear.benchmark.tables.as_csv import outcomes_csv, paper_csv, table_csv
from seehear.benchmark.tables.as_latex import latex
from seehear.benchmark.tables.as_markdown import markdown
from seehear.benchmark.tables.table import Summary, TaskTable
from seehear.beside import write_text

if TYPE_CHECKING:
    from seehear.benchmark.planning.cells import Work

TABLES = "tables"
PAGE = "tables.md"
NUMBERS = "outcomes.csv"


def write_all(folder: Path, plan: Plan, summary: Summary, work: Work, outcomes: Mapping[str, Outcome]) -> None:
    """Writes the report, the page of tables, all outcomes, and each table as CSV and LaTeX.

    They are ``report.html``, ``tables.md``, ``outcomes.csv``, ``tables/TASK-DATA.csv`` and ``tables/TASK-DATA.tex``.

    Args:
        folder: of the results; what other builds of the tables have left in it under these names is replaced.
        plan: what was asked.
        summary: what was found.
        work: the cells.
        outcomes: key of a cell -> what came of it.
    """
    from seehear.benchmark.page.page import write_page  # draws: matplotlib takes its time

    tables = folder / TABLES
    tables.mkdir(parents=True, exist_ok=True)
    for former in [*tables.glob("*.csv"), *tables.glob("*.tex")]:
        former.unlink()  # perhaps of another plan, and then nobody could tell
    for table in summary.tables:
        _write_table(tables, table)
    write_text(folder / NUMBERS, outcomes_csv(work, outcomes))
    write_text(folder / PAGE, markdown(plan, summary))
    write_page(folder, plan, summary, work, outcomes)


def _write_table(folder: Path, table: TaskTable) -> None:
    name = file_name(table)
    write_text(folder / f"{name}.csv", table_csv(table))
    write_text(folder / f"{name}.tex", latex(table))
    if table.paper:
        write_text(folder / f"{name}-paper.csv", paper_csv(table))


def file_name(table: TaskTable) -> str:
    """Task and corpus, as a file may be called everywhere."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", f"{table.key}-{table.data}")
