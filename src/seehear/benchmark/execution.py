"""Schedule, engine and folder together; the progress tree."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from seehear.atomic_io import lock_file, remove_leftovers, write_text
from seehear.benchmark.cells import CellOutcome
from seehear.benchmark.engines import Engine, JobEnd
from seehear.benchmark.job import CellJob
from seehear.benchmark.plan import Cell, Kind
from seehear.benchmark.schedule import Schedule
from seehear.errors import SeehearError, os_errors_as_user_errors
from seehear.progress import Progress, Stage, format_clock

_log = logging.getLogger(__name__)

PLAN = "plan.yaml"


LOCK = ".lock"


_PREPARED = "corpus.json"  # whose presence says that a folder is a whole corpus


@dataclass(frozen=True)
class BenchmarkFolder:
    """Where everything of a benchmark is; several plans may share one, and what one has done the other need not do.

    Attributes:
        root: the folder.
    """

    root: Path

    @property
    def outcomes(self) -> Path:
        """What came of cells: a JSON file each, and beside it, where one failed, its traceback."""
        return self.root / "outcomes"

    def path_of(self, cell: Cell) -> Path:
        """Folder of what a cell makes; one that was given and is prepared is used where it is. Nothing of a measuring.

        Args:
            cell: a corpus or a pretraining.
        """
        given = cell.spec.get("path")
        if given and (Path(given) / _PREPARED).is_file():
            return Path(given)
        kind = "corpora" if cell.kind == "corpus" else "runs"
        return self.root / kind / _file_name(cell)

    def log(self, cell: Cell) -> Path:
        """What a cell says while it is being done."""
        return self.root / "logs" / f"{_file_name(cell)}.txt"

    def traceback(self, cell: Cell) -> Path:
        """Where and why a cell failed, for those who can mend the program."""
        return self.outcomes / f"{cell.key}.txt"

    def read_outcomes(self) -> dict[str, CellOutcome]:
        """What came of cells so far, by their keys.

        Raises:
            SeehearError: one of the files is damaged.
        """
        return {path.stem: _read(path) for path in sorted(self.outcomes.glob("*.json"))}

    def write_outcome(self, cell: Cell, outcome: CellOutcome, traceback: str = "") -> None:
        """Keep what came of a cell; a traceback of an earlier failure goes."""
        self.traceback(cell).unlink(missing_ok=True)
        if traceback:
            write_text(self.traceback(cell), traceback)
        write_text(self.outcomes / f"{cell.key}.json", json.dumps(outcome.to_dict(), indent=1) + "\n")

    def write_plan(self, written: str) -> None:
        """Keep what was asked last, as YAML."""
        write_text(self.root / PLAN, written)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Makes the folder and holds it for this process, however it ends.

        Raises:
            SeehearError: another process works in it, it holds other things, or it cannot be written.
        """
        with os_errors_as_user_errors(self.root):
            if self.root.is_dir() and any(self.root.iterdir()) and not (self.root / LOCK).is_file():
                raise SeehearError(f"{self.root} holds other things; name a new folder for the benchmark with --out")
            self.root.mkdir(parents=True, exist_ok=True)
            with (self.root / LOCK).open("a", encoding="utf-8") as lock:  # before anything else: it marks the folder
                busy = f"another seehear benchmark is at work in {self.root}; wait for it, or name another --out"
                lock_file(lock, SeehearError(busy))
                for name in ("corpora", "runs", "outcomes", "logs"):
                    (self.root / name).mkdir(exist_ok=True)
                for folder in (self.root, self.outcomes, self.root / "runs"):
                    remove_leftovers(folder)
                yield


def _file_name(cell: Cell) -> str:
    """For people and for shells, which read brackets as patterns."""
    plain = re.sub(r"[^\w.=+-]+", "_", cell.name).strip("_")
    seed = "" if cell.seed is None else f"-s{cell.seed}"
    return f"{plain}{seed}-{cell.key}"


def _read(path: Path) -> CellOutcome:
    try:
        told: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return CellOutcome(**{name: _as_tuples(value) for name, value in told.items()})
    except (ValueError, TypeError, AttributeError) as error:
        raise SeehearError(f"{path} is damaged ({error}); remove it, and it is done again") from error


def _as_tuples(value: Any) -> Any:
    """Lists as the tuples that they were; what is in mappings stays as JSON has it."""
    return tuple(_as_tuples(item) for item in value) if isinstance(value, list) else value


BRANCHES: dict[Kind, str] = {"corpus": "corpora", "pretrain": "pretexts", "measure": "tasks"}


BAR = 16  # characters


NUMBERS = 7  # likewise, for 123/456


@dataclass
class _Count:
    """Of the cells of a leaf."""

    cells: int = 0
    done: int = 0
    failed: int = 0
    running: list[Cell] = field(default_factory=list)


class ProgressTree:
    """Corpora, pretexts and tasks with what is done of each, what runs, what has failed, and the time left."""

    def __init__(self, name: str, schedule: Schedule, workers: int, progress: Progress | None = None) -> None:
        """A tree of what a schedule has to do; the beginning is reported.

        Args:
            name: of the benchmark.
            schedule: looked at while it is worked through.
            workers: how many cells are done at a time.
            progress: called with the share of the cells that are done, 0 to 1, and a line about the last one.
        """
        self._name, self._schedule, self._workers = name, schedule, workers
        self._stage = Stage(progress, "benchmark", len(schedule.cells), self._done, display=self)
        self._stage.update(self._done, self._headline())

    def update(self, cell: Cell, outcome: CellOutcome) -> None:
        """A cell has ended. Failures stay on the terminal, above the tree; in a log everything does."""
        if outcome.failed is not None:
            _log.info("failed: %s: %s", cell.label, outcome.failed)
            self._stage.update(self._done, "")
        else:
            found = "".join(f", {score} {value:.4g}" for score, value in list(outcome.scores.items())[:1])
            line = f"{cell.label}{found} ({format_clock(outcome.seconds)}); {self._headline()}"
            self._stage.update(self._done, line)

    @property
    def _done(self) -> int:
        return sum(key in self._schedule.outcomes for key in self._schedule.cells)

    def _headline(self) -> str:
        left = format_clock(self._schedule.remaining_s(self._workers))
        return f"{self._name}: {self._done} of {len(self._schedule.cells)} cells, {left} left"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The tree as it is now; on a screen that is too low for it, what runs and how much more there is."""
        counts = self._counts()
        room = console.height - 3 * len(BRANCHES)
        trees = []
        for kind, title in BRANCHES.items():
            leaves = [(name, count) for (its, name), count in counts.items() if its == kind]
            shown = [(name, count) for name, count in leaves if len(counts) <= room or count.running]
            if leaves:
                tree = Tree(Text(title, style="bold"), guide_style="dim")
                for name, count in shown:
                    tree.add(_leaf(name, count, ", ".join(map(self._running, count.running))))
                if len(shown) < len(leaves):
                    others = _sum(count for _, count in leaves if not count.running)
                    tree.add(_leaf(f"{len(leaves) - len(shown)} {'more' if shown else 'in all'}", others, ""))
                trees.append(tree)
        yield Group(Text(self._headline(), style="bold"), *trees)

    def _running(self, cell: Cell) -> str:
        begun = self._schedule.running.get(cell.key)
        took = self._schedule.seconds_since(begun) if begun is not None else 0.0
        expected = self._schedule.expected_s(cell)
        seed = "" if cell.seed is None else f"seed {cell.seed} "
        row = f"{cell.name.partition('/')[2]} " if cell.kind == "measure" else ""
        return f"{row}{seed}{format_clock(took)}" + (f" of about {format_clock(expected)}" if expected else "")

    def _counts(self) -> dict[tuple[Kind, str], _Count]:
        """By kind, and then by name; what is measured by its task."""
        counts: dict[tuple[Kind, str], _Count] = {}
        for key, cell in self._schedule.cells.items():
            leaf = cell.name.partition("/")[0] if cell.kind == "measure" else cell.name
            count = counts.setdefault((cell.kind, leaf), _Count())
            count.cells += 1
            outcome = self._schedule.outcomes.get(key)
            count.done += outcome is not None and outcome.failed is None
            count.failed += outcome is not None and outcome.failed is not None
            if key in self._schedule.running:
                count.running.append(cell)
        return counts


def _leaf(name: str, count: _Count, running: str) -> RenderableType:
    """A line: a bar, numbers, and what runs now."""
    row = Table.grid(padding=(0, 1))
    row.add_row(
        ProgressBar(total=count.cells, completed=count.done, width=BAR),
        Text(f"{count.done}/{count.cells}".rjust(NUMBERS)),
        Text(name),
        Text(f"{count.failed} failed" if count.failed else "", style="red"),
        Text(running, style="cyan", overflow="ellipsis", no_wrap=True),
    )
    return row


def _sum(counts: Iterable[_Count]) -> _Count:
    several = list(counts)
    return _Count(*(sum(getattr(count, name) for count in several) for name in ("cells", "done", "failed")))


Tell = Callable[[Cell, CellOutcome], None]
"""Hears of every cell that has ended."""


@dataclass(frozen=True)
class Execution:
    """What is to be carried out.

    Attributes:
        folder: where everything is kept.
        called: the folder as the user names it, for the commands that are printed.
        schedule: which cell is next.
        engine: where cells are done.
        device: where networks run that are measured, as torch names it.
    """

    folder: BenchmarkFolder
    called: Path
    schedule: Schedule
    engine: Engine
    device: str = "cpu"

    def run(self, tell: Tell) -> None:
        """Does all that there is time for; may be broken off at any point.

        Args:
            tell: hears of every cell that has ended.
        """
        with closing(self.engine.run(self._choose, self._is_over)) as ended:
            for one in ended:
                cell = one.job.cell
                self._keep(cell, self._outcome(one), one.done.traceback if one.done else "", tell)
        for key in list(self.schedule.running):
            self.schedule.release(self.schedule.cells[key])

    def _choose(self) -> CellJob | None:
        cell = self.schedule.next()
        return self._job(cell) if cell else None

    def _is_over(self) -> bool:
        return self.schedule.left_s <= 0

    def _job(self, cell: Cell) -> CellJob:
        """With whole paths: processes elsewhere have other working folders."""
        given = {key: self.folder.path_of(self.schedule.cells[key]) for key in cell.needs}
        workers = self.engine.wide if cell.kind == "corpus" else 1
        return CellJob(cell, self.folder.path_of(cell), given, self.folder.log(cell), workers, self.device)

    def _keep(self, cell: Cell, outcome: CellOutcome, traceback: str, tell: Tell) -> None:
        lost = self.schedule.record(cell, outcome)
        self.folder.write_outcome(cell, outcome, traceback)
        tell(cell, outcome)
        for other, failed in lost:
            self.folder.write_outcome(other, failed)
            tell(other, failed)

    def _outcome(self, ended: JobEnd) -> CellOutcome:
        cell = ended.job.cell
        if ended.done is None:
            return CellOutcome(cell.key, 0.0, failed=f"the process that did it {ended.death}")
        before = _each_once(self.schedule.outcomes[key].reproduce for key in cell.needs)
        ours = [command.replace(str(self.folder.root), str(self.called)) for command in ended.done.outcome.reproduce]
        return replace(ended.done.outcome, reproduce=(*before, *ours))


def _each_once(commands: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """In their order."""
    return tuple(dict.fromkeys(command for several in commands for command in several))
