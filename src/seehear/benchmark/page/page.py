"""The page of a benchmark, one HTML file: claims first, then every table with what belongs to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from seehear.benchmark.doing.folder import Folder
from seehear.benchmark.outcome import Outcome
from seehear.benchmark.page.claims import claims_section
from seehear.benchmark.page.confusion import confusion
from seehear.benchmark.page.embedding import embedding
from seehear.benchmark.page.figures import det_curves, label_curves, means, noise_curves
from seehear.benchmark.page.films import avatar_films, drawn_films
from seehear.benchmark.page.findings import Findings
from seehear.benchmark.page.learning import learning_curves, read_run
from seehear.benchmark.page.setting import MISSING_TITLE, missing_section, reading_section, setting_section
from seehear.benchmark.page.tables import our_table, printed_tables
from seehear.benchmark.planning.cells import Work
from seehear.benchmark.planning.plan import Plan
from seehear.benchmark.tables import wording
from seehear.benchmark.tables.table import Summary, TaskTable
from seehear.errors import SeehearError
from seehear.report import Section, Text, write_report
from seehear.report.boxes import Beside, Fold, Grid
from seehear.report.html import Block

PAGE = "report.html"


def write_page(folder: Path, plan: Plan, summary: Summary, work: Work, outcomes: Mapping[str, Outcome]) -> None:
    """Writes ``report.html``, which needs no other file.

    A picture that cannot be made, because a run or a corpus is gone, is told as a sentence in its place.

    Args:
        folder: of the results: runs and corpora are looked for in it, and pictures that take time are kept in it.
        plan: what was asked.
        summary: what was found.
        work: the cells.
        outcomes: key of a cell -> what came of it.
    """
    found = Findings(Folder(folder), plan, summary, work, outcomes)
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


def _lead(found: Findings) -> str:
    """What is asked, and how far the answer goes."""
    summary = found.summary
    count = len(summary.failed)
    failed = f"{count} {'cell' if count == 1 else 'cells'} failed" if count else ""
    missing = ", and ".join(part for part in (failed, wording.left(summary).partition(";")[0]) if part)
    told = f" {missing}: see “{MISSING_TITLE}”." if missing else ""
    return f"{found.plan.about}{told}"


def _table_section(found: Findings, table: TaskTable) -> Section:
    curves = [_or_why(partial(draw, table)) for draw in (noise_curves, label_curves)]
    curves.append(_or_why(lambda: det_curves(_rates(found, table))))
    ours = our_table(table, {row: found.commands(table, row) for row in table.rows})
    drawn = _or_why(partial(means, table))
    beside: list[Block] = [ours, *([drawn] if drawn else []), *printed_tables(table)]
    blocks = [Beside(beside), *_grid(curves), *_drawn(found, table)]
    alike = [other for other in found.summary.tables if (other.task, other.data) == (table.task, table.data)]
    if table == alike[0]:  # the others would show the same of the same recordings
        blocks += _closer(found, table)
    return Section(f"{table.title}: {table.data}", blocks, short=f"{table.key} on {table.data}")


def _closer(found: Findings, table: TaskTable) -> list[Block]:
    """What was taken for what, and what is heard as alike; of the rows that tell most, the others folded away."""
    shown = found.telling_rows(table)
    confusions = {row: _or_why(partial(_confusion, found, table, row)) for row in table.rows}
    return [
        *_grid([confusions[row] for row in shown]),
        *_folded("Confusions of the other rows", [confusions[row] for row in table.rows if row not in shown]),
        *_grid(dict.fromkeys(_or_why(partial(embedding, found, table, row)) for row in shown)),
    ]


def _confusion(found: Findings, table: TaskTable, row: str) -> Block | None:
    return confusion(row, [outcome for _, outcome in found.measured(table, row)])


def _rates(found: Findings, table: TaskTable) -> dict[str, list[tuple[tuple[float, float], ...]]]:
    """Row -> curves of detection errors, of each seed."""
    return {row: [o.det for _, o in found.measured(table, row) if o.det] for row in table.rows}


def _drawn(found: Findings, table: TaskTable) -> list[Block]:
    try:
        return _grid(drawn_films(found, table))
    except Exception as error:
        return [_missing("Drawn clips are", error)]


def _learning_section(found: Findings) -> list[Section]:
    """Curves of all pretexts, those of one kind in one figure."""
    kinds: dict[str, dict[str, list[Path]]] = {}
    for cell in found.work.cells:
        if cell.kind == "pretrain" and not cell.spec["untrained"]:
            kind = str(cell.spec["settings"]["model"]["pretext"])
            kinds.setdefault(kind, {}).setdefault(cell.name, []).append(found.folder.place(cell))
    shown = _grid(_or_why(partial(_learning, kind, places)) for kind, places in kinds.items())
    return [Section("How they learned", shown)] if shown else []


def _learning(kind: str, places: Mapping[str, Sequence[Path]]) -> Block | None:
    return learning_curves(kind, {name: [read_run(place) for place in several] for name, several in places.items()})


def _people_section(found: Findings) -> list[Section]:
    films = avatar_films(found)
    said = "Some of the synthetic people, as they were filmed, before faces were found and cut out."
    return [Section("Who was seen and heard", [Text(said), Grid(films, least=14)])] if films else []


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
    return [Grid(there)] if there else []


def _folded(line: str, blocks: Sequence[Block | None]) -> list[Block]:
    there = _grid(blocks)
    return [Fold(line, there)] if there else []
