"""The HTML page."""

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
from seehear.benchmark.page_samples import avatar_films, drawn_films, embedding_figure
from seehear.benchmark.plan import BenchmarkPlan, PaperTable
from seehear.benchmark.table import (
    GUESSING,
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

BOLD = "Bold is only what paired tests support as the best of its column."


def our_table(table: TaskTable, commands: Mapping[str, Sequence[str]]) -> Table:
    """Means with their intervals, and under each row what gives it again.

    Args:
        table: what is shown.
        commands: row -> the commands, all that its means are of; empty where nothing was measured.
    """
    header: list[str | TableCell] = ["", *(_heading(column) for column in table.columns)]
    rows = [_row(table, row) for row in table.rows]
    under = {
        place: Details("reproduce", [Commands(commands[row])]) for place, row in enumerate(table.rows) if commands[row]
    }
    return Table(header, rows, f"{footnote(table)} {BOLD}", under)


def printed_tables(table: TaskTable) -> list[Block]:
    """What papers print of it, each in a box of its own."""
    return [_printed(paper) for paper in table.paper]


def _heading(column: Column) -> TableCell:
    chance = "" if column.chance is None else f"{GUESSING} {format_score(column.score, column.chance)}"
    return TableCell(column_heading(column), chance)


def _row(table: TaskTable, row: str) -> list[str | TableCell]:
    entries = [table.entries[row, place] for place in range(len(table.columns))]
    return [row, *(_number(column, entry, table.seeds) for column, entry in zip(table.columns, entries, strict=True))]


def _number(column: Column, entry: TableEntry, asked: int) -> TableCell:
    """A number with its interval, or why there is none."""
    failed = f"{len(entry.failed)} failed" if entry.failed else ""
    below = [interval_text(column, entry), few_seeds(entry, asked), failed]
    return TableCell(mean_text(column, entry), ", ".join(part for part in below if part), strong=entry.best)


def _printed(paper: PaperTable) -> QuotedBox:
    rows = [[name, *(paper_value(paper, n, name) for n in range(len(paper.columns)))] for name in paper.rows]
    return QuotedBox(
        f"Printed in the paper, not measured here: {paper.title}",
        [Text(f"{paper.source}."), Table(["", *paper.columns], rows), Text(f"What differs: {paper.differs}")],
    )


MISSING_TITLE = "What failed, and what is missing"


PACKAGES = ("torch", "numpy", "scikit-learn", "scipy", "av", "opencv-python-headless", "lightning-fabric")
"""Those that figures may depend on."""


LISTED = 40  # cells that are not done; more are only counted


FIGURES = (
    "A shaded band or a bar is the 95 % interval over seeds; one colour is one row in all figures of a table. "
    "Training curves show what was measured on clips that are not trained on, but which the pretext's own probe has "
    "chosen: they say whether it learned, not how good it is. A picture of recordings in two dimensions (t-SNE) is to "
    "be looked at, not measured: distances between groups mean nothing in it."
)


def missing_section(found: PageData) -> list[Section]:
    """Failed cells with their reasons, cells that were not done, and what else is to be known; if there are any."""
    summary = found.summary
    blocks: list[Block] = [BulletList(summary.notes)] if summary.notes else []
    if summary.failed:
        rows = list(summary.failed.items())
        blocks.append(Table(("failed", "because"), rows, "Give the command again to try them again."))
    if summary.left:
        waiting = [cell.label for cell in found.work.cells if cell.key not in found.outcomes]
        more = f", and {len(waiting) - LISTED} more" if len(waiting) > LISTED else ""
        blocks.append(Text(f"{unfinished_note(summary)} They are: {'; '.join(waiting[:LISTED])}{more}."))
    return [Section(MISSING_TITLE, blocks)] if blocks else []


def setting_section(found: PageData) -> Section:
    """Versions and machine."""
    cpu = f"{cpu_name()}, {os.cpu_count()} cores, {cpu_kind()}"
    seconds = sum(outcome.seconds for outcome in found.outcomes.values())
    told = {
        str(outcome.told["faces found by"]) for outcome in found.outcomes.values() if "faces found by" in outcome.told
    }
    rows = [
        ("seehear", __version__),
        *(("faces found by", name) for name in sorted(told)),
        ("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        *((name, _version(name)) for name in PACKAGES),
        ("processor", cpu),
        ("threads of each training and measuring", "1, so that the number of workers changes no figure"),
        ("work of all cells in this folder", f"{seconds / 60:.0f} minutes of one worker"),
    ]
    return Section("Where it was measured", [Table(("", "of the machine that wrote this page"), rows)])


def reading_section(found: PageData) -> Section:
    """What the numbers mean."""
    blocks: list[Block] = [Text(HOW_TO_READ), Text(FIGURES)]
    if found.plan.differs:
        blocks.insert(0, Text(f"What differs from the papers, whatever the table: {found.plan.differs}"))
    blocks.append(
        Text(
            "Beside this page: the same tables in tables/ as CSV and LaTeX, and in tables.md; every single number in "
            "outcomes.csv; what was asked in plan.yaml."
        )
    )
    return Section("How to read it", blocks)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed under this name"


PAGE = "report.html"


def write_page(
    folder: Path, plan: BenchmarkPlan, summary: BenchmarkResult, work: WorkList, outcomes: Mapping[str, CellOutcome]
) -> None:
    """Writes ``report.html``, which needs no other file.

    A picture that cannot be made, because a run or a corpus is gone, is told as a sentence in its place.

    Args:
        folder: of the results: runs and corpora are looked for in it, and pictures that take time are kept in it.
        plan: what was asked.
        summary: what was found.
        work: the cells.
        outcomes: key of a cell -> what came of it.
    """
    found = PageData(BenchmarkFolder(folder), plan, summary, work, outcomes)
    sections = [
        *claims_section(summary.claims),
        *(_table_section(found, table) for table in summary.tables),
        *_learning_section(found),
        *_people_section(found),
        *missing_section(found),
        setting_section(found),
        reading_section(found),
    ]
    write_report(folder / PAGE, plan.title, _lead(found), sections, contents=True, wide=True)


def _lead(found: PageData) -> str:
    """What is asked, and how far the answer goes."""
    summary = found.summary
    count = len(summary.failed)
    failed = f"{count} {'cell' if count == 1 else 'cells'} failed" if count else ""
    missing = ", and ".join(part for part in (failed, unfinished_note(summary).partition(";")[0]) if part)
    told = f" {missing}: see “{MISSING_TITLE}”." if missing else ""
    return f"{found.plan.about}{told}"


def _table_section(found: PageData, table: TaskTable) -> Section:
    curves = [_or_why(partial(draw, table)) for draw in (noise_curves, label_curves)]
    curves.append(_or_why(lambda: det_curves(_rates(found, table))))
    ours = our_table(table, {row: found.commands(table, row) for row in table.rows})
    drawn = _or_why(partial(means, table))
    beside: list[Block] = [ours, *([drawn] if drawn else []), *printed_tables(table)]
    blocks = [SideBySide(beside), *_grid(curves), *_drawn(found, table)]
    alike = [other for other in found.summary.tables if (other.task, other.data) == (table.task, table.data)]
    if table == alike[0]:  # the others would show the same of the same recordings
        blocks += _closer(found, table)
    return Section(f"{table.title}: {table.data}", blocks, short=f"{table.key} on {table.data}")


def _closer(found: PageData, table: TaskTable) -> list[Block]:
    """What was taken for what, and what is heard as alike; of the rows that tell most, the others folded away."""
    shown = found.rows_to_show(table)
    confusions = {row: _or_why(partial(_confusion, found, table, row)) for row in table.rows}
    return [
        *_grid([confusions[row] for row in shown]),
        *_folded("Confusions of the other rows", [confusions[row] for row in table.rows if row not in shown]),
        *_grid(dict.fromkeys(_or_why(partial(embedding_figure, found, table, row)) for row in shown)),
    ]


def _confusion(found: PageData, table: TaskTable, row: str) -> Block | None:
    return confusion_figure(row, [outcome for _, outcome in found.measured(table, row)])


def _rates(found: PageData, table: TaskTable) -> dict[str, list[tuple[tuple[float, float], ...]]]:
    """Row -> curves of detection errors, of each seed."""
    return {row: [o.det for _, o in found.measured(table, row) if o.det] for row in table.rows}


def _drawn(found: PageData, table: TaskTable) -> list[Block]:
    try:
        return _grid(drawn_films(found, table))
    except Exception as error:
        return [_missing("Drawn clips are", error)]


def _learning_section(found: PageData) -> list[Section]:
    """Curves of all pretexts, those of one kind in one figure."""
    kinds: dict[str, dict[str, list[Path]]] = {}
    for cell in found.work.cells:
        if cell.kind == "pretrain" and not cell.spec["untrained"]:
            kind = str(cell.spec["settings"]["model"]["pretext"])
            kinds.setdefault(kind, {}).setdefault(cell.name, []).append(found.folder.path_of(cell))
    shown = _grid(_or_why(partial(_learning, kind, places)) for kind, places in kinds.items())
    return [Section("How they learned", shown)] if shown else []


def _learning(kind: str, places: Mapping[str, Sequence[Path]]) -> Block | None:
    return learning_curves(kind, {name: [read_run(place) for place in several] for name, several in places.items()})


def _people_section(found: PageData) -> list[Section]:
    films = avatar_films(found)
    said = "Some of the synthetic people, as they were filmed, before faces were found and cut out."
    return [Section("Who was seen and heard", [Text(said), BlockGrid(films, min_width_rem=14)])] if films else []


def _or_why(draw: Callable[[], Block | None]) -> Block | None:
    """A picture, or why there is none: hours of measuring are not lost for want of one."""
    try:
        return draw()
    except Exception as error:
        return _missing("A picture is", error)


def _missing(what: str, error: Exception) -> Text:
    kind = "" if isinstance(error, SeehearError) else f"{type(error).__name__}: "
    return Text(f"{what} missing here ({kind}{error}).")


def _grid(blocks: Iterable[Block | None]) -> list[Block]:
    there = [block for block in blocks if block]
    return [BlockGrid(there)] if there else []


def _folded(line: str, blocks: Sequence[Block | None]) -> list[Block]:
    there = _grid(blocks)
    return [Details(line, there)] if there else []
