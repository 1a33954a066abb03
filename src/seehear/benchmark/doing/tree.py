"""How far a benchmark is: a tree on a terminal, a line a cell in a log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from seehear.benchmark.cell import Cell, Kind
from seehear.benchmark.doing.schedule import Schedule
from seehear.benchmark.outcome import Outcome
from seehear.progress import clock

BRANCHES: dict[Kind, str] = {"corpus": "corpora", "pretrain": "pretexts", "measure": "tasks"}
BAR = 16  # characters
NUMBERS = 7  # likewise, for 123/456
A_SECOND = 2  # pictures


@dataclass
class _Count:
    """Of the cells of a leaf."""

    cells: int = 0
    done: int = 0
    failed: int = 0
    running: list[Cell] = field(default_factory=list)


class ProgressTree:
    """Corpora, pretexts and tasks with what is done of each, what runs, what has failed, and the time left."""

    def __init__(self, name: str, schedule: Schedule, workers: int) -> None:
        """A tree of what a schedule has to do.

        Args:
            name: of the benchmark.
            schedule: looked at while it is worked through.
            workers: how many cells are done at a time.
        """
        self._name, self._schedule, self._workers = name, schedule, workers
        self._console = Console(stderr=True)
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(
                console=self._console,
                get_renderable=self.drawn,
                refresh_per_second=A_SECOND,
                transient=True,
                vertical_overflow="crop",
            )
            self._live.start()
        else:
            self._line(self._headline())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def hear(self, cell: Cell, outcome: Outcome) -> None:
        """A cell has ended. Failures stay on the terminal, above the tree; in a log everything does."""
        if outcome.failed is not None:
            self._line(f"failed: {cell.called}: {outcome.failed}")
        elif not self._live:
            found = "".join(f", {score} {value:.4g}" for score, value in list(outcome.scores.items())[:1])
            self._line(f"{cell.called}{found} ({clock(outcome.seconds)}); {self._headline()}")

    def _headline(self) -> str:
        done = sum(key in self._schedule.outcomes for key in self._schedule.cells)
        left = clock(self._schedule.remaining_s(self._workers))
        return f"{self._name}: {done} of {len(self._schedule.cells)} cells, {left} left"

    def drawn(self) -> RenderableType:
        """The tree as it is now; on a screen that is too low for it, what runs and how much more there is."""
        counts = self._counts()
        room = self._console.height - 3 * len(BRANCHES)
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
        return Group(Text(self._headline(), style="bold"), *trees)

    def _running(self, cell: Cell) -> str:
        begun = self._schedule.running.get(cell.key)
        took = self._schedule.seconds_since(begun) if begun is not None else 0.0
        expected = self._schedule.expected_s(cell)
        seed = "" if cell.seed is None else f"seed {cell.seed} "
        row = f"{cell.name.partition('/')[2]} " if cell.kind == "measure" else ""
        return f"{row}{seed}{clock(took)}" + (f" of about {clock(expected)}" if expected else "")

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

    def _line(self, text: str) -> None:
        self._console.print(text, soft_wrap=True, markup=False, highlight=False)


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
