"""The HTML report of a benchmark."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from seehear.benchmark.cells import CellOutcome, WorkList
from seehear.benchmark.execution import BenchmarkFolder
from seehear.benchmark.page_figures import (
    confusion_figure,
    det_curves,
    label_curves,
    learning_curves,
    means,
    noise_curves,
    read_run,
)
from seehear.benchmark.page_findings import PageData, claims_section
from seehear.benchmark.page_samples import avatar_videos, embedding_figure, generated_videos
from seehear.benchmark.plan import BenchmarkPlan, PaperTable
from seehear.benchmark.table import (
    CHANCE_ROW,
    HOW_TO_READ,
    BenchmarkResult,
    Column,
    TableEntry,
    TaskTable,
    column_heading,
    few_seeds,
    footnote,
    format_score,
    interval_text,
    mean_text,
    paper_value,
    unfinished_note,
)
from seehear.errors import SeehearError
from seehear.machine import cpu_kind, cpu_name
from seehear.report.html import (
    Block,
    BlockGrid,
    BulletList,
    Commands,
    Details,
    QuotedBox,
    Section,
    SideBySide,
    Table,
    TableCell,
    Text,
    write_report,
)
from seehear.version import __version__

BOLD = "Bold: paired tests support that the row is the best of its column."


def measured_table(table: TaskTable, commands: Mapping[str, Sequence[str]]) -> Table:
    """Return the table of means with intervals, and below each row the commands that reproduce it.

    Args:
        table: the table.
        commands: row -> all commands behind its means; empty if nothing is measured.
    """
    header: list[str | TableCell] = ["", *(_heading(column) for column in table.columns)]
    rows = [_row(table, row) for row in table.rows]
    details = {
        index: Details("reproduce", [Commands(commands[row])]) for index, row in enumerate(table.rows) if commands[row]
    }
    return Table(header, rows, f"{footnote(table)} {BOLD}", details)


def published_tables(table: TaskTable) -> list[Block]:
    """Return the published numbers for a table, one box per paper."""
    return [_published(paper) for paper in table.paper]


def _heading(column: Column) -> TableCell:
    chance = "" if column.chance is None else f"{CHANCE_ROW} {format_score(column.score, column.chance)}"
    return TableCell(column_heading(column), chance)


def _row(table: TaskTable, row: str) -> list[str | TableCell]:
    entries = [table.entries[row, index] for index in range(len(table.columns))]
    return [row, *(_number(column, entry, table.seeds) for column, entry in zip(table.columns, entries, strict=True))]


def _number(column: Column, entry: TableEntry, seeds: int) -> TableCell:
    """Return a number with its interval, number of seeds and failures."""
    failed = f"{len(entry.failed)} failed" if entry.failed else ""
    below = [interval_text(column, entry), few_seeds(entry, seeds), failed]
    return TableCell(mean_text(column, entry), ", ".join(part for part in below if part), strong=entry.best)


def _published(paper: PaperTable) -> QuotedBox:
    rows = [[name, *(paper_value(paper, n, name) for n in range(len(paper.columns)))] for name in paper.rows]
    return QuotedBox(
        f"Published, not measured here: {paper.title}",
        [Text(f"{paper.source}."), Table(["", *paper.columns], rows), Text(f"Differences: {paper.differs}")],
    )


MISSING_TITLE = "Failures and missing results"


PACKAGES = ("torch", "numpy", "scikit-learn", "scipy", "av", "opencv-python-headless", "lightning-fabric")
"""Packages on which results may depend."""


LISTED = 40  # cells not run; further ones are only counted


FIGURES = (
    "Shaded bands and bars are 95 % intervals over seeds; each row has the same colour in all figures of a table. "
    "Training curves were measured on clips not used for training, selected by the validation of the pretext: they "
    "show whether it learned, not how good it is. Plots of recordings in two dimensions (t-SNE) give an impression "
    "only: distances between groups have no meaning."
)


def missing_section(data: PageData) -> list[Section]:
    """Return a section with notes, failed cells and cells not run, if there are any."""
    summary = data.summary
    blocks: list[Block] = [BulletList(summary.notes)] if summary.notes else []
    if summary.failed:
        rows = list(summary.failed.items())
        blocks.append(Table(("failed", "reason"), rows, "Repeat the command to retry them."))
    if summary.left:
        waiting = [cell.label for cell in data.work.cells if cell.key not in data.outcomes]
        more = f", and {len(waiting) - LISTED} more" if len(waiting) > LISTED else ""
        blocks.append(Text(f"{unfinished_note(summary)} Not run: {'; '.join(waiting[:LISTED])}{more}."))
    return [Section(MISSING_TITLE, blocks)] if blocks else []


def setting_section(data: PageData) -> Section:
    """Return the section on versions and machine."""
    cpu = f"{cpu_name()}, {os.cpu_count()} cores, {cpu_kind()}"
    seconds = sum(outcome.seconds for outcome in data.outcomes.values())
    detectors = {
        str(outcome.told["faces found by"]) for outcome in data.outcomes.values() if "faces found by" in outcome.told
    }
    rows = [
        ("seehear", __version__),
        *(("face detector", name) for name in sorted(detectors)),
        ("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        *((name, _version(name)) for name in PACKAGES),
        ("processor", cpu),
        ("threads per training and evaluation", "1, so that results do not depend on the number of workers"),
        ("total time of all cells in this folder", f"{seconds / 60:.0f} minutes of one worker"),
    ]
    return Section("Software and machine", [Table(("", "of the machine that wrote this page"), rows)])


def reading_section(data: PageData) -> Section:
    """Return the section on the meaning of the numbers."""
    blocks: list[Block] = [Text(HOW_TO_READ), Text(FIGURES)]
    if data.plan.differs:
        blocks.insert(0, Text(f"Differences from the papers in all tables: {data.plan.differs}"))
    blocks.append(
        Text(
            "In the same folder: the tables as CSV and LaTeX in tables/, and as Markdown in tables.md; all single "
            "numbers in outcomes.csv; the plan in plan.yaml."
        )
    )
    return Section("How to read the tables", blocks)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed under this name"


PAGE = "report.html"


def write_page(
    folder: Path, plan: BenchmarkPlan, summary: BenchmarkResult, work: WorkList, outcomes: Mapping[str, CellOutcome]
) -> None:
    """Write ``report.html``, a self-contained file.

    A figure that cannot be made because a run or a corpus is missing is replaced by a sentence.

    Args:
        folder: folder of the benchmark, with its runs and corpora; slow figures are cached in it.
        plan: the plan.
        summary: its tables and claims.
        work: its cells.
        outcomes: cell key -> outcome.
    """
    data = PageData(BenchmarkFolder(folder), plan, summary, work, outcomes)
    sections = [
        *claims_section(summary.claims),
        *(_table_section(data, table) for table in summary.tables),
        *_learning_section(data),
        *_people_section(data),
        *missing_section(data),
        setting_section(data),
        reading_section(data),
    ]
    write_report(folder / PAGE, plan.title, _lead(data), sections, contents=True, wide=True)


def _lead(data: PageData) -> str:
    """Return the question, and what is missing."""
    summary = data.summary
    count = len(summary.failed)
    failed = f"{count} {'cell' if count == 1 else 'cells'} failed" if count else ""
    missing = ", and ".join(part for part in (failed, unfinished_note(summary).partition(";")[0]) if part)
    pointer = f" {missing}: see “{MISSING_TITLE}”." if missing else ""
    return f"{data.plan.about}{pointer}"


def _table_section(data: PageData, table: TaskTable) -> Section:
    curves = [_or_reason(partial(plot, table)) for plot in (noise_curves, label_curves)]
    curves.append(_or_reason(lambda: det_curves(_rates(data, table))))
    measured = measured_table(table, {row: data.commands(table, row) for row in table.rows})
    figure = _or_reason(partial(means, table))
    columns: list[Block] = [measured, *([figure] if figure else []), *published_tables(table)]
    blocks = [SideBySide(columns), *_grid(curves), *_generated(data, table)]
    same_data = [other for other in data.summary.tables if (other.task, other.data) == (table.task, table.data)]
    if table == same_data[0]:  # the details of the others are the same
        blocks += _details(data, table)
    return Section(f"{table.title}: {table.data}", blocks, short_title=f"{table.key} on {table.data}")


def _details(data: PageData, table: TaskTable) -> list[Block]:
    """Return confusion matrices and embeddings of the most informative rows; confusions of the others are folded."""
    shown = data.rows_to_show(table)
    confusions = {row: _or_reason(partial(_confusion, data, table, row)) for row in table.rows}
    return [
        *_grid([confusions[row] for row in shown]),
        *_folded("Confusions of the other rows", [confusions[row] for row in table.rows if row not in shown]),
        *_grid(dict.fromkeys(_or_reason(partial(embedding_figure, data, table, row)) for row in shown)),
    ]


def _confusion(data: PageData, table: TaskTable, row: str) -> Block | None:
    return confusion_figure(row, [outcome for _, outcome in data.measured(table, row)])


def _rates(data: PageData, table: TaskTable) -> dict[str, list[tuple[tuple[float, float], ...]]]:
    """Return row -> detection error trade-off curve of each seed."""
    return {row: [o.det for _, o in data.measured(table, row) if o.det] for row in table.rows}


def _generated(data: PageData, table: TaskTable) -> list[Block]:
    try:
        return _grid(generated_videos(data, table))
    except Exception as error:
        return [_missing("Generated clips are", error)]


def _learning_section(data: PageData) -> list[Section]:
    """Return the training curves of all pretexts, one figure per kind."""
    kinds: dict[str, dict[str, list[Path]]] = {}
    for cell in data.work.cells:
        if cell.kind == "pretrain" and not cell.spec["untrained"]:
            kind = str(cell.spec["settings"]["model"]["pretext"])
            kinds.setdefault(kind, {}).setdefault(cell.name, []).append(data.folder.path_of(cell))
    figures = _grid(_or_reason(partial(_learning, kind, runs)) for kind, runs in kinds.items())
    return [Section("Training curves", figures)] if figures else []


def _learning(kind: str, runs: Mapping[str, Sequence[Path]]) -> Block | None:
    return learning_curves(kind, {name: [read_run(folder) for folder in folders] for name, folders in runs.items()})


def _people_section(data: PageData) -> list[Section]:
    videos = avatar_videos(data)
    text = "Some of the synthetic people, before faces were detected and cropped."
    return [Section("The synthetic people", [Text(text), BlockGrid(videos, min_width_rem=14)])] if videos else []


def _or_reason(plot: Callable[[], Block | None]) -> Block | None:
    """Return a figure, or the reason why it is missing, so that a failing figure does not lose the results."""
    try:
        return plot()
    except Exception as error:
        return _missing("A figure is", error)


def _missing(what: str, error: Exception) -> Text:
    kind = "" if isinstance(error, SeehearError) else f"{type(error).__name__}: "
    return Text(f"{what} missing here ({kind}{error}).")


def _grid(blocks: Iterable[Block | None]) -> list[Block]:
    present = [block for block in blocks if block]
    return [BlockGrid(present)] if present else []


def _folded(summary: str, blocks: Sequence[Block | None]) -> list[Block]:
    grid = _grid(blocks)
    return [Details(summary, grid)] if grid else []
