"""The verb benchmark; what is written."""

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
    """Writes the report, the page of tables, all outcomes, and each table as CSV and LaTeX.

    They are ``report.html``, ``tables.md``, ``outcomes.csv``, ``tables/TASK-DATA.csv`` and ``tables/TASK-DATA.tex``.

    Args:
        folder: of the results; what other builds of the tables have left in it under these names is replaced.
        plan: what was asked.
        summary: what was found.
        work: the cells.
        outcomes: key of a cell -> what came of it.
    """
    from seehear.benchmark.page import write_page

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
    name = table_file_name(table)
    write_text(folder / f"{name}.csv", table_csv(table))
    write_text(folder / f"{name}.tex", latex(table))
    if table.paper:
        write_text(folder / f"{name}-paper.csv", paper_csv(table))


def table_file_name(table: TaskTable) -> str:
    """Task and corpus, as a file may be called everywhere."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", f"{table.key}-{table.data}")


WRITING, WRITING_S = 0.1, 60.0
"""Of the time, this share is kept for writing the report, and no more than these seconds."""


_DEVICE = re.compile(r"(cpu|auto|(cuda|mps)(:[0-9]+)?)")


def benchmark(
    plan: str | Path,
    *,
    out: Path | None = None,
    data: Sequence[str] | Mapping[str, Path] = (),
    option: Sequence[str] = (),
    seeds: int | None = None,
    minutes: float | None = None,
    only: Sequence[str] = (),
    engine: Literal["local", "ray"] = "local",
    workers: int | None = None,
    address: str | None = None,
    device: str | None = None,
    progress: Progress | None = None,
) -> BenchmarkResult:
    """Fill the tables of a plan: pretexts, losses, encoders, corpora, tasks, shares of labels, noise and seeds.

    Only what is missing is done. A run that was stopped or killed goes on when the same command is given again; what
    failed is tried again; a plan that shares trainings with another, in the same folder, uses them.

    Args:
        plan: name of one that comes with the package (mini, shukla2020-emotion, chung2020-sync, ...) or a YAML file.
        out: folder of everything: corpora, runs, outcomes, report.html, tables; by default benchmark-NAME here.
        data: NAME=FOLDER ...: data sets that the plan asks for: a folder of files, or a corpus that is prepared.
        option: OPTION=VALUE,VALUE ...: options of pretexts; several values make a row each: loss.separation=merged,none
        seeds: repetitions; by default as the plan says.
        minutes: no more than this; the whole table comes first with one seed, then with the next, and claims that are
            still open before those that are settled. The same command goes on later.
        only: patterns of what is measured, such as "emotion/*": nothing else is, but for what it needs.
        engine: local: processes of this machine; ray: tasks of a Ray cluster, whose machines must share the folder.
        workers: how many cells are done at a time; by default one a core, of this machine or of the cluster.
        address: of the Ray cluster; by default the one that this machine belongs to, or else this machine alone.
        device: what networks run on: cpu, cuda, mps or auto; by default training as presets say, measuring on the CPU.
        progress: called with the share of the cells that are done, 0 to 1, and a line about the last one.

    Raises:
        SeehearError: a plan, a data set or an option that is not there or does not fit, or a folder that holds other
            things.
    """
    begun = time.monotonic()
    if minutes is not None and minutes <= 0:
        raise SeehearError(f"--minutes must be more than 0, not {minutes:g}; leave it out to do everything")
    asked = _requested_plan(plan, option, seeds, device)
    folders = given_folders(data)
    work = select_work(cells_of_plan(asked, folders), only)
    if not work.cells:
        raise SeehearError(f"nothing of the plan {asked.name} can be done: {' '.join(work.notes)} Give it with --data")
    called = out or Path(f"benchmark-{asked.name}")
    folder = BenchmarkFolder(called.resolve())
    with folder.locked(), terminated_as_interrupted():
        given = [f"# --data {name}={place}\n" for name, place in given_folders(data).items()] + [
            f"# --only {pattern}\n" for pattern in only
        ]
        folder.write_plan("".join(given) + plan_to_yaml(asked))
        outcomes = usable_outcomes(work, folder, folder.read_outcomes())
        schedule = Schedule(work.cells, outcomes, partial(open_claim_cells, work), begun + _working_s(minutes))
        with _engine(engine, workers, address) as crew:
            tree = ProgressTree(asked.name, schedule, crew.workers, progress)
            Execution(folder, called, schedule, crew, _measured_on(device)).run(tree.update)
        found = {cell.key: schedule.outcomes[cell.key] for cell in work.cells if cell.key in schedule.outcomes}
        notes = (*work.notes, *changed_data_notes(work, found), *dropped_recording_notes(work, found, called))
        summary = summarise(work.plan, replace(work, notes=notes), found)
        write_results(folder.root, work.plan, summary, work, found)
    return replace(summary, out=called)


def given_folders(data: Sequence[str] | Mapping[str, Path]) -> dict[str, Path]:
    """Folders by name; the command line gives ``NAME=FOLDER``.

    Raises:
        SeehearError: a word without ``=``, a name twice, or a folder that is not there.
    """
    found: dict[str, Path] = {}
    if isinstance(data, Mapping):
        data = [f"{name}={folder}" for name, folder in data.items()]
    for word in data:
        name, equals, folder = word.partition("=")
        if not equals or not name or not folder:
            raise SeehearError(f"--data wants NAME=FOLDER, not {word!r}; the names are those of the plan's corpora")
        if name in found:
            raise SeehearError(f"--data gives {name} twice; give one folder for each corpus")
        if not Path(folder).is_dir():
            raise SeehearError(f"--data {word}: there is no folder {folder}; check the path")
        found[name] = Path(folder)
    return found


def select_work(work: WorkList, patterns: Sequence[str]) -> WorkList:
    """The part of the work that patterns name, and what it needs; all of it without patterns.

    Args:
        work: of a plan.
        patterns: of shells, for ``task``, ``task/row`` or the whole name of a cell; or one of these as it is.

    Raises:
        SeehearError: a pattern that nothing is named by.
    """
    if not patterns:
        return work
    names = work.by_key()
    told = {place: (place.task, f"{place.task}/{place.row}", names[key].name) for place, key in work.places.items()}
    for pattern in patterns:
        if not any(_fits(name, pattern) for several in told.values() for name in several):
            there = ", ".join(sorted({place.task for place in work.places})) or "none"
            raise SeehearError(f"--only {pattern!r} fits nothing that is measured; the tasks are {there}")
    places = {
        place: key
        for place, key in work.places.items()
        if any(_fits(name, pattern) for name in told[place] for pattern in patterns)
    }
    kept = with_needs(places.values(), names)
    return replace(work, places=places, cells=tuple(cell for cell in work.cells if cell.key in kept))


def _fits(name: str, pattern: str) -> bool:
    """As in shells, and as it is written: names of variants have brackets, which are patterns."""
    return name == pattern or fnmatchcase(name, pattern)


def usable_outcomes(
    work: WorkList, folder: BenchmarkFolder, outcomes: Mapping[str, CellOutcome]
) -> dict[str, CellOutcome]:
    """Outcomes that need no work: without those whose corpus or run has been removed and is needed again."""
    cells_of = work.by_key()
    measured = {key for key, outcome in outcomes.items() if outcome.failed is None}
    open_ones = [cell.key for cell in work.cells if cell.kind == "measure" and cell.key not in measured]
    gone = {
        key
        for key in with_needs(open_ones, cells_of)
        if cells_of[key].kind != "measure" and not folder.path_of(cells_of[key]).exists()
    }
    return {key: outcome for key, outcome in outcomes.items() if key not in gone}


def changed_data_notes(work: WorkList, outcomes: Mapping[str, CellOutcome]) -> list[str]:
    """Sentences about data that is not what the expected figures were measured on."""
    found = []
    for name, key in work.corpora.items():
        expected = work.plan.corpora[name].checksum
        made = outcomes[key].told.get("checksum") if key in outcomes else None
        if expected and made and made != expected:
            found.append(
                f"The corpus {name} has the checksum {made} and not {expected}, as the plan expects: other voices or "
                "another version made it, and its figures are not to be compared with the published ones."
            )
    return found


def dropped_recording_notes(work: WorkList, outcomes: Mapping[str, CellOutcome], called: Path) -> list[str]:
    """Sentences about recordings that are in no figure, because no clip could be made of them."""
    names = {key: name for name, key in work.corpora.items()}
    told = {names[key]: outcomes[key] for key in names if key in outcomes and outcomes[key].told.get("left out")}
    return [
        f"Of the {one.told['sources']} recordings of {name}, {one.told['left out']} gave no clip: "
        f"report.csv in {called / 'corpora'} says of each why."
        for name, one in told.items()
    ]


def _requested_plan(plan: str | Path, options: Sequence[str], seeds: int | None, device: str | None) -> BenchmarkPlan:
    """The plan, with what flags change in it."""
    if seeds is not None and seeds < 1:
        raise SeehearError(f"--seeds must be 1 or more, not {seeds}; leave it out for those of the plan")
    if device is not None and not _DEVICE.fullmatch(device):
        raise SeehearError(f"--device must be cpu, cuda, mps or auto, not {device!r}")
    wanted = read_plan(str(plan))
    trained = any(not pretext.untrained for pretext in wanted.pretexts.values())
    more = [f"engine.accelerator={device.partition(':')[0]}"] if device and trained else []
    more += [f"seeds={seeds}"] if seeds is not None else []
    return apply_set(wanted, [*options, *more])


def _working_s(minutes: float | None) -> float:
    """Of the time that was given, what the cells have."""
    return 60 * minutes - min(WRITING_S, WRITING * 60 * minutes) if minutes else float("inf")


def _measured_on(device: str | None) -> str:
    """Where networks run that are measured: on the CPU unless something else is named."""
    return "cpu" if device in (None, "auto") else str(device)


@contextmanager
def _engine(name: str, workers: int | None, address: str | None) -> Iterator[Engine]:
    if name == "ray":
        from seehear.benchmark.engines import ray_engine

        with ray_engine(workers, address) as engine:
            yield engine
    elif address:
        raise SeehearError("--address is of a Ray cluster; give --engine ray with it")
    else:
        yield LocalEngine(worker_count(workers))
