"""Run the schedule of a benchmark on an engine; the benchmark folder and the progress tree."""

from __future__ import annotations

import fcntl
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from seehear.atomic_io import remove_leftovers, write_text
from seehear.benchmark.cells import CellOutcome
from seehear.benchmark.engines import Engine, JobEnd
from seehear.benchmark.job import CellJob
from seehear.benchmark.plan import Cell, Kind
from seehear.benchmark.schedule import Schedule
from seehear.errors import SeehearError, os_errors_as_user_errors
from seehear.progress import format_clock

PLAN = "plan.yaml"


LOCK = ".lock"


_PREPARED = "corpus.json"  # present only in a complete corpus


@dataclass(frozen=True)
class BenchmarkFolder:
    """The folder of a benchmark. Plans that share a folder share the results of their common cells.

    Attributes:
        root: path of the folder.
    """

    root: Path

    @property
    def outcomes(self) -> Path:
        """Folder with one JSON file per cell, and the traceback of each that failed."""
        return self.root / "outcomes"

    def path_of(self, cell: Cell) -> Path:
        """Return the folder of a cell's corpus or run. A given corpus that is already prepared is used in place.

        Args:
            cell: a corpus or a pretraining.
        """
        given = cell.spec.get("path")
        if given and (Path(given) / _PREPARED).is_file():
            return Path(given)
        kind = "corpora" if cell.kind == "corpus" else "runs"
        return self.root / kind / _file_name(cell)

    def log(self, cell: Cell) -> Path:
        """Return the file that receives the output of a cell."""
        return self.root / "logs" / f"{_file_name(cell)}.txt"

    def traceback(self, cell: Cell) -> Path:
        """Return the file with the traceback of a failed cell."""
        return self.outcomes / f"{cell.key}.txt"

    def read_outcomes(self) -> dict[str, CellOutcome]:
        """Return the outcomes so far, by cell key.

        Raises:
            SeehearError: a file is damaged.
        """
        return {path.stem: _read(path) for path in sorted(self.outcomes.glob("*.json"))}

    def write_outcome(self, cell: Cell, outcome: CellOutcome, traceback: str = "") -> None:
        """Write the outcome of a cell, and replace the traceback of an earlier failure."""
        self.traceback(cell).unlink(missing_ok=True)
        if traceback:
            write_text(self.traceback(cell), traceback)
        write_text(self.outcomes / f"{cell.key}.json", json.dumps(outcome.to_dict(), indent=1) + "\n")

    def write_plan(self, text: str) -> None:
        """Write the latest plan, as YAML."""
        write_text(self.root / PLAN, text)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Create the folder and lock it for this process.

        Raises:
            SeehearError: another process uses it, it contains other files, or it cannot be written.
        """
        with os_errors_as_user_errors(self.root):
            if self.root.is_dir() and any(self.root.iterdir()) and not (self.root / LOCK).is_file():
                raise SeehearError(
                    f"{self.root} contains other files; name a new folder for the benchmark with --out",
                    code="folder-not-empty",
                )
            self.root.mkdir(parents=True, exist_ok=True)
            with (self.root / LOCK).open("a", encoding="utf-8") as lock:  # before anything else: it marks the folder
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise SeehearError(
                        f"another seehear benchmark is running in {self.root}; wait for it, or name another --out",
                        code="folder-locked",
                    ) from None
                for name in ("corpora", "runs", "outcomes", "logs"):
                    (self.root / name).mkdir(exist_ok=True)
                for folder in (self.root, self.outcomes, self.root / "runs"):
                    remove_leftovers(folder)
                yield


def _file_name(cell: Cell) -> str:
    """Return a readable name without brackets, which shells read as patterns."""
    plain = re.sub(r"[^\w.=+-]+", "_", cell.name).strip("_")
    seed = "" if cell.seed is None else f"-s{cell.seed}"
    return f"{plain}{seed}-{cell.key}"


def _read(path: Path) -> CellOutcome:
    try:
        values: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return CellOutcome(**{name: _as_tuples(value) for name, value in values.items()})
    except (ValueError, TypeError, AttributeError) as error:
        raise SeehearError(f"{path} is damaged ({error}); remove it, and the cell will be run again") from error


def _as_tuples(value: Any) -> Any:
    """Convert lists back to tuples; mappings are left as they are."""
    return tuple(_as_tuples(item) for item in value) if isinstance(value, list) else value


BRANCHES: dict[Kind, str] = {"corpus": "corpora", "pretrain": "pretexts", "measure": "tasks"}


BAR_WIDTH = 16  # characters


COUNT_WIDTH = 7  # characters, for 123/456


REFRESHES_PER_S = 2


@dataclass
class _Count:
    """Numbers of cells of one leaf of the tree."""

    cells: int = 0
    done: int = 0
    failed: int = 0
    running: list[Cell] = field(default_factory=list)


class ProgressTree:
    """Live progress of corpora, pretexts and tasks: done, running and failed cells, and the time left."""

    def __init__(self, name: str, schedule: Schedule, workers: int) -> None:
        """Show the progress of a schedule.

        Args:
            name: name of the benchmark.
            schedule: read while the cells are run.
            workers: number of cells run at the same time.
        """
        self._name, self._schedule, self._workers = name, schedule, workers
        self._console = Console(stderr=True)
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(
                console=self._console,
                get_renderable=self.render,
                refresh_per_second=REFRESHES_PER_S,
                transient=True,
                vertical_overflow="crop",
            )
            self._live.start()
        else:
            self._print(self._headline())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def update(self, cell: Cell, outcome: CellOutcome) -> None:
        """Report that a cell has ended: on a terminal only failures, in a log every cell."""
        if outcome.failed is not None:
            self._print(f"failed: {cell.label}: {outcome.failed}")
        elif not self._live:
            result = "".join(f", {score} {value:.4g}" for score, value in list(outcome.scores.items())[:1])
            self._print(f"{cell.label}{result} ({format_clock(outcome.seconds)}); {self._headline()}")

    def _headline(self) -> str:
        done = sum(key in self._schedule.outcomes for key in self._schedule.cells)
        left = format_clock(self._schedule.remaining_s(self._workers))
        return f"{self._name}: {done} of {len(self._schedule.cells)} cells, {left} left"

    def render(self) -> RenderableType:
        """Return the current tree; on a small terminal only running cells are listed, and the others summed."""
        counts = self._counts()
        max_leaves = self._console.height - 3 * len(BRANCHES)
        trees = []
        for kind, title in BRANCHES.items():
            leaves = [(name, count) for (leaf_kind, name), count in counts.items() if leaf_kind == kind]
            shown = [(name, count) for name, count in leaves if len(counts) <= max_leaves or count.running]
            if leaves:
                tree = Tree(Text(title, style="bold"), guide_style="dim")
                for name, count in shown:
                    tree.add(_leaf(name, count, ", ".join(map(self._describe_running, count.running))))
                if len(shown) < len(leaves):
                    others = _sum(count for _, count in leaves if not count.running)
                    tree.add(_leaf(f"{len(leaves) - len(shown)} {'more' if shown else 'in total'}", others, ""))
                trees.append(tree)
        return Group(Text(self._headline(), style="bold"), *trees)

    def _describe_running(self, cell: Cell) -> str:
        start = self._schedule.running.get(cell.key)
        elapsed = self._schedule.seconds_since(start) if start is not None else 0.0
        expected = self._schedule.expected_s(cell)
        seed = "" if cell.seed is None else f"seed {cell.seed} "
        row = f"{cell.name.partition('/')[2]} " if cell.kind == "measure" else ""
        return f"{row}{seed}{format_clock(elapsed)}" + (f" of about {format_clock(expected)}" if expected else "")

    def _counts(self) -> dict[tuple[Kind, str], _Count]:
        """Count cells by kind and name; measurements by task."""
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

    def _print(self, text: str) -> None:
        self._console.print(text, soft_wrap=True, markup=False, highlight=False)


def _leaf(name: str, count: _Count, running: str) -> RenderableType:
    """Return a line with a bar, the counts and the running cells."""
    row = Table.grid(padding=(0, 1))
    row.add_row(
        ProgressBar(total=count.cells, completed=count.done, width=BAR_WIDTH),
        Text(f"{count.done}/{count.cells}".rjust(COUNT_WIDTH)),
        Text(name),
        Text(f"{count.failed} failed" if count.failed else "", style="red"),
        Text(running, style="cyan", overflow="ellipsis", no_wrap=True),
    )
    return row


def _sum(counts: Iterable[_Count]) -> _Count:
    counts = list(counts)
    return _Count(*(sum(getattr(count, name) for count in counts) for name in ("cells", "done", "failed")))


OnOutcome = Callable[[Cell, CellOutcome], None]
"""Called for every cell that has ended."""


@dataclass(frozen=True)
class Execution:
    """Runs the cells of a schedule and keeps their outcomes.

    Attributes:
        folder: folder of the benchmark.
        user_path: the folder as given by the user, for printed commands.
        schedule: selects the next cell.
        engine: runs cells.
        device: device of the networks that are evaluated, as torch names it.
    """

    folder: BenchmarkFolder
    user_path: Path
    schedule: Schedule
    engine: Engine
    device: str = "cpu"

    def run(self, on_outcome: OnOutcome) -> None:
        """Run cells until all are done or the time is over. May be interrupted at any point.

        Args:
            on_outcome: called for every cell that has ended.
        """
        with closing(self.engine.run(self._next_job, self._is_over)) as ends:
            for end in ends:
                traceback = end.result.traceback if end.result else ""
                self._keep(end.job.cell, self._outcome(end), traceback, on_outcome)
        for key in list(self.schedule.running):
            self.schedule.release(self.schedule.cells[key])

    def _next_job(self) -> CellJob | None:
        cell = self.schedule.next()
        return self._job(cell) if cell else None

    def _is_over(self) -> bool:
        return self.schedule.left_s <= 0

    def _job(self, cell: Cell) -> CellJob:
        """Return the job of a cell, with absolute paths, as worker processes may have other working folders."""
        inputs = {key: self.folder.path_of(self.schedule.cells[key]) for key in cell.needs}
        workers = self.engine.max_processes if cell.kind == "corpus" else 1
        return CellJob(cell, self.folder.path_of(cell), inputs, self.folder.log(cell), workers, self.device)

    def _keep(self, cell: Cell, outcome: CellOutcome, traceback: str, on_outcome: OnOutcome) -> None:
        dependent_failures = self.schedule.record(cell, outcome)
        self.folder.write_outcome(cell, outcome, traceback)
        on_outcome(cell, outcome)
        for other, failed in dependent_failures:
            self.folder.write_outcome(other, failed)
            on_outcome(other, failed)

    def _outcome(self, end: JobEnd) -> CellOutcome:
        cell = end.job.cell
        if end.result is None:
            return CellOutcome(cell.key, 0.0, failed=f"the process {end.failure}")
        earlier = _unique_commands(self.schedule.outcomes[key].reproduce for key in cell.needs)
        outcome = end.result.outcome
        own = [command.replace(str(self.folder.root), str(self.user_path)) for command in outcome.reproduce]
        return replace(outcome, reproduce=(*earlier, *own))


def _unique_commands(lists: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Join lists of commands, in order and without repetition."""
    return tuple(dict.fromkeys(command for commands in lists for command in commands))
