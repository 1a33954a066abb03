"""Run the plan of a benchmark: select its cells, run what is missing, write the results."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Literal

from seehear.atomic_io import write_text
from seehear.benchmark.cells import CellOutcome, WorkList, cells_of_plan
from seehear.benchmark.engines import Engine, LocalEngine
from seehear.benchmark.execution import BenchmarkFolder, Execution, ProgressTree
from seehear.benchmark.formats import latex, markdown, outcomes_csv, paper_csv, table_csv
from seehear.benchmark.plan import BenchmarkPlan
from seehear.benchmark.reading import plan_to_yaml, read_plan
from seehear.benchmark.schedule import Schedule, open_claim_cells, with_needs
from seehear.benchmark.summary import summarise
from seehear.benchmark.sweep import apply_set
from seehear.benchmark.table import BenchmarkResult, TaskTable
from seehear.errors import SeehearError
from seehear.parallel import terminated_as_interrupted, worker_count
from seehear.progress import Progress

TABLES = "tables"


PAGE = "tables.md"


NUMBERS = "outcomes.csv"


def write_results(
    folder: Path, plan: BenchmarkPlan, summary: BenchmarkResult, work: WorkList, outcomes: Mapping[str, CellOutcome]
) -> None:
    """Write the report, the tables in Markdown, CSV and LaTeX, and all outcomes.

    The files are ``report.html``, ``tables.md``, ``outcomes.csv``, ``tables/TASK-DATA.csv`` and
    ``tables/TASK-DATA.tex``.

    Args:
        folder: output folder; files of these names are replaced
        plan: the plan
        summary: its tables and claims
        work: its cells
        outcomes: cell key -> outcome
    """
    from seehear.benchmark.page import write_page

    tables = folder / TABLES
    tables.mkdir(parents=True, exist_ok=True)
    for old in [*tables.glob("*.csv"), *tables.glob("*.tex")]:
        old.unlink()  # it may belong to another plan
    for table in summary.tables:
        _write_table(tables, table)
    write_text(folder / NUMBERS, outcomes_csv(work, outcomes))
    write_text(folder / PAGE, markdown(plan, summary))
    write_page(folder, plan, summary, work, outcomes)


def _write_table(folder: Path, table: TaskTable) -> None:
    name = table_file_name(table)
    write_text(folder / f"{name}.csv", table_csv(table))
    write_text(folder / f"{name}.tex", latex(table))
    if table.paper:
        write_text(folder / f"{name}-paper.csv", paper_csv(table))


def table_file_name(table: TaskTable) -> str:
    """Return task and corpus as a portable file name."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", f"{table.key}-{table.data}")


WRITING_FRACTION, MAX_WRITING_S = 0.1, 60.0
"""Fraction of the time reserved for writing the report, and its maximum in seconds."""


_DEVICE = re.compile(r"(cpu|auto|(cuda|mps)(:[0-9]+)?)")


def run_plan(
    plan: str | Path,
    out: Path | None,
    folders: Mapping[str, Path],
    option: Sequence[str],
    seeds: int | None,
    minutes: float | None,
    only: Sequence[str],
    engine: Literal["local", "ray"],
    workers: int | None,
    address: str | None,
    device: str | None,
    progress: Progress | None,
) -> BenchmarkResult:
    """Run what is missing of a plan, and write its results; see `benchmark`."""
    start = time.monotonic()
    requested = _requested_plan(plan, option, seeds, device)
    work = select_work(cells_of_plan(requested, folders), only)
    if not work.cells:
        raise SeehearError(
            f"nothing of the plan {requested.name} can be run: {' '.join(work.notes)} Give the data with --data",
            code="no-data",
        )
    user_path = out or Path(f"benchmark-{requested.name}")
    folder = BenchmarkFolder(user_path.resolve())
    with folder.locked(), terminated_as_interrupted():
        flags = [f"# --data {name}={path}\n" for name, path in folders.items()] + [
            f"# --only {pattern}\n" for pattern in only
        ]
        folder.write_plan("".join(flags) + plan_to_yaml(requested))
        outcomes = usable_outcomes(work, folder, folder.read_outcomes())
        schedule = Schedule(work.cells, outcomes, partial(open_claim_cells, work), start + _working_s(minutes))
        with _open_engine(engine, workers, address) as opened:
            tree = ProgressTree(requested.name, schedule, opened.workers, progress)
            Execution(folder, user_path, schedule, opened, _evaluation_device(device)).run(tree.update)
        finished = {cell.key: schedule.outcomes[cell.key] for cell in work.cells if cell.key in schedule.outcomes}
        notes = (*work.notes, *changed_data_notes(work, finished), *dropped_recording_notes(work, finished, user_path))
        summary = summarise(work.plan, replace(work, notes=notes), finished)
        write_results(folder.root, work.plan, summary, work, finished)
    return replace(summary, out=user_path)


def select_work(work: WorkList, patterns: Sequence[str]) -> WorkList:
    """Return the cells that match patterns, and the cells they need; without patterns, all of them.

    Args:
        work: the cells of a plan
        patterns: shell patterns for ``task``, ``task/row`` or the full name of a cell, or one of these literally

    Raises:
        SeehearError: a pattern matches nothing.
    """
    if not patterns:
        return work
    cells = work.by_key()
    names = {
        position: (position.task, f"{position.task}/{position.row}", cells[key].name)
        for position, key in work.positions.items()
    }
    for pattern in patterns:
        if not any(_matches(name, pattern) for aliases in names.values() for name in aliases):
            tasks = ", ".join(sorted({position.task for position in work.positions})) or "none"
            raise SeehearError(f"--only {pattern!r} matches no measurement; the tasks are {tasks}")
    positions = {
        position: key
        for position, key in work.positions.items()
        if any(_matches(name, pattern) for name in names[position] for pattern in patterns)
    }
    kept = with_needs(positions.values(), cells)
    return replace(work, positions=positions, cells=tuple(cell for cell in work.cells if cell.key in kept))


def _matches(name: str, pattern: str) -> bool:
    """Match as a shell pattern or literally, as names of variants contain brackets."""
    return name == pattern or fnmatchcase(name, pattern)


def usable_outcomes(
    work: WorkList, folder: BenchmarkFolder, outcomes: Mapping[str, CellOutcome]
) -> dict[str, CellOutcome]:
    """Return the outcomes to keep: all but those whose corpus or run is needed again and no longer exists."""
    cells = work.by_key()
    measured = {key for key, outcome in outcomes.items() if outcome.failed is None}
    missing = [cell.key for cell in work.cells if cell.kind == "measure" and cell.key not in measured]
    removed = {
        key
        for key in with_needs(missing, cells)
        if cells[key].kind != "measure" and not folder.path_of(cells[key]).exists()
    }
    return {key: outcome for key, outcome in outcomes.items() if key not in removed}


def changed_data_notes(work: WorkList, outcomes: Mapping[str, CellOutcome]) -> list[str]:
    """Return notes on avatars whose checksum differs from the plan's."""
    notes = []
    for name, key in work.corpora.items():
        expected = work.plan.corpora[name].checksum
        actual = outcomes[key].told.get("checksum") if key in outcomes else None
        if expected and actual and actual != expected:
            notes.append(
                f"The corpus {name} has the checksum {actual}, but the plan expects {expected}: it was made with other "
                "voices or another version, so its results cannot be compared with the published ones."
            )
    return notes


def dropped_recording_notes(work: WorkList, outcomes: Mapping[str, CellOutcome], user_path: Path) -> list[str]:
    """Return notes on recordings that gave no clip and are therefore in no result."""
    names = {key: name for name, key in work.corpora.items()}
    dropped = {names[key]: outcomes[key] for key in names if key in outcomes and outcomes[key].told.get("left out")}
    return [
        f"{outcome.told['left out']} of the {outcome.told['sources']} recordings of {name} gave no clip; "
        f"see report.csv in {user_path / 'corpora'} for the reasons."
        for name, outcome in dropped.items()
    ]


def _requested_plan(plan: str | Path, options: Sequence[str], seeds: int | None, device: str | None) -> BenchmarkPlan:
    """Return the plan with the changes of the flags."""
    if seeds is not None and seeds < 1:
        raise SeehearError(f"--seeds must be 1 or more, not {seeds}; leave it out to use the plan's number")
    if device is not None and not _DEVICE.fullmatch(device):
        raise SeehearError(f"--device must be cpu, cuda, mps or auto, not {device!r}")
    read = read_plan(str(plan))
    trained = any(not pretext.untrained for pretext in read.pretexts.values())
    more = [f"engine.accelerator={device.partition(':')[0]}"] if device and trained else []
    more += [f"seeds={seeds}"] if seeds is not None else []
    return apply_set(read, [*options, *more])


def _working_s(minutes: float | None) -> float:
    """Return the time for running cells, without that for writing the report."""
    return 60 * minutes - min(MAX_WRITING_S, WRITING_FRACTION * 60 * minutes) if minutes else float("inf")


def _evaluation_device(device: str | None) -> str:
    """Return the device of evaluated networks: the CPU unless another one is named."""
    return "cpu" if device in (None, "auto") else str(device)


@contextmanager
def _open_engine(name: str, workers: int | None, address: str | None) -> Iterator[Engine]:
    if name == "ray":
        from seehear.benchmark.engines import ray_engine

        with ray_engine(workers, address) as engine:
            yield engine
    elif address:
        raise SeehearError("--address is the address of a Ray cluster; add --engine ray")
    else:
        yield LocalEngine(worker_count(workers))
