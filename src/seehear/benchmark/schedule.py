"""The order in which cells are run, and the cells of undecided claims."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from statistics import fmean

from seehear.benchmark.cells import CellOutcome, WorkList
from seehear.benchmark.plan import Cell
from seehear.benchmark.summary import summarise
from seehear.benchmark.table import Verdict

SETTLED: tuple[Verdict, ...] = ("reproduced", "contradicted")


def open_claim_cells(work: WorkList, outcomes: Mapping[str, CellOutcome]) -> set[str]:
    """Return the keys of the measurements for claims that are so far neither reproduced nor contradicted.

    This only affects the order of the work. All seeds of a claim are run if time allows, so that verdicts are not
    biased by optional stopping.

    Args:
        work: the cells of a plan.
        outcomes: cell key -> outcome.
    """
    summary = summarise(work.plan, work, outcomes)
    settled = {(claim.says, claim.better, claim.table) for claim in summary.claims if claim.verdict in SETTLED}
    keys = set()
    for claim in work.plan.claims:
        rows = (claim.better, *claim.than)
        for position, key in work.positions.items():
            relevant = position.task == claim.task and position.row in rows and position.labels == claim.labels
            if relevant and (claim.says, claim.better, (position.task, position.data)) not in settled:
                keys.add(key)
    return keys


FindOpenCells = Callable[[Mapping[str, CellOutcome]], Collection[str]]
"""From the outcomes so far to the keys of cells that measure open claims."""


SEEDS_FOR_ALL = 2
"""Number of seeds that are run for all cells first: with fewer there is no interval, and no claim can be checked."""


_KIND_ORDER = {"corpus": 0, "measure": 1, "pretrain": 2}
"""Measurements first, as weights that are not yet measured are of no use if time runs out."""


class Schedule:
    """Selects the next cell, and records outcomes.

    The whole table is run with seed 0 first, then with seed 1, and so on. From the third seed on, cells of open claims
    come first. Cells that would not end in time are not started, except for trainings if nothing else is left: they
    can be resumed later.

    Attributes:
        running: key of each running cell -> its start, by ``clock``.
        outcomes: key of each finished cell -> its outcome.
    """

    def __init__(
        self,
        cells: Sequence[Cell],
        outcomes: Mapping[str, CellOutcome],
        find_open: FindOpenCells = lambda _: (),
        until: float = float("inf"),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Schedule cells.

        Args:
            cells: all cells, each after those it needs.
            outcomes: outcomes of earlier runs; failed cells are run again.
            find_open: called before the first cell of each seed, from the third seed on.
            until: end of the available time, by ``clock``.
            clock: returns seconds.
        """
        self.cells = {cell.key: cell for cell in cells}
        self.outcomes = {key: outcome for key, outcome in outcomes.items() if outcome.failed is None}
        self.running: dict[str, float] = {}
        self._positions = {key: position for position, key in enumerate(self.cells)}
        self._find_open, self._until, self._clock = find_open, until, clock
        self._open: Collection[str] = ()
        self._open_seed = SEEDS_FOR_ALL - 1
        self._seconds: dict[tuple[str, ...], list[float]] = {}
        for key in self.outcomes.keys() & self.cells.keys():
            self._record_duration(self.cells[key], self.outcomes[key])

    @property
    def waiting(self) -> list[Cell]:
        """Cells that are neither finished nor running."""
        return [cell for key, cell in self.cells.items() if key not in self.outcomes and key not in self.running]

    @property
    def left_s(self) -> float:
        """Seconds until the end of the available time."""
        return self._until - self._clock()

    def seconds_since(self, start: float) -> float:
        """Return the seconds since a reading of ``clock``."""
        return self._clock() - start

    def next(self) -> Cell | None:
        """Return the next cell and mark it as running, or None if no cell is ready.

        A corpus is made by as many processes as there are workers, so nothing else runs meanwhile.
        """
        if any(self.cells[key].kind == "corpus" for key in self.running):
            return None
        ready = [cell for cell in self.waiting if all(self._is_done(key) for key in cell.needs)]
        in_time = [cell for cell in ready if self.expected_s(cell) <= self.left_s]
        ready = in_time or [cell for cell in ready if cell.kind == "pretrain"]  # can be resumed later
        if not ready or self.left_s <= 0:
            return None
        self._update_open(min(cell.seed or 0 for cell in ready))
        cell = min(ready, key=self._rank)
        self.running[cell.key] = self._clock()
        return cell

    def record(self, cell: Cell, outcome: CellOutcome) -> list[tuple[Cell, CellOutcome]]:
        """Record the outcome of a cell. If it failed, the cells that need it fail too, and are returned."""
        self.running.pop(cell.key, None)
        self.outcomes[cell.key] = outcome
        self._record_duration(cell, outcome)
        dependent_failures = []
        for other in self.waiting if outcome.failed is not None else ():  # each after those it needs
            cause = next((key for key in other.needs if key in self.outcomes and not self._is_done(key)), None)
            if cause is not None:
                reason = f"it needs {self.cells[cause].label}, which failed: {_root_cause(self.outcomes[cause])}"
                self.outcomes[other.key] = CellOutcome(other.key, 0.0, failed=reason)
                dependent_failures.append((other, self.outcomes[other.key]))
        return dependent_failures

    def release(self, cell: Cell) -> None:
        """Return a running cell that will not be finished now."""
        self.running.pop(cell.key, None)

    def expected_s(self, cell: Cell) -> float:
        """Return the expected duration of a cell, from the most similar finished ones; 0 if none of its kind is."""
        durations = next((self._seconds[group] for group in _similarity_groups(cell) if group in self._seconds), [])
        return fmean(durations) if durations else 0.0

    def remaining_s(self, workers: int) -> float | None:
        """Return the seconds until all is done or the time is over; None while a kind of cell has no known duration."""
        running = self.running.copy()  # called from the thread of the progress tree
        waiting = [cell for cell in self.waiting if cell.key not in running]
        if any((cell.kind,) not in self._seconds for cell in (*waiting, *(self.cells[key] for key in running))):
            return None
        work = sum(self.expected_s(cell) for cell in waiting)
        for key, start in running.items():
            work += max(0.0, self.expected_s(self.cells[key]) - self.seconds_since(start))
        return min(work / max(1, workers), max(0.0, self.left_s))

    def _record_duration(self, cell: Cell, outcome: CellOutcome) -> None:
        if outcome.failed is None:
            for group in _similarity_groups(cell):
                self._seconds.setdefault(group, []).append(outcome.seconds)

    def _is_done(self, key: str) -> bool:
        return key in self.outcomes and self.outcomes[key].failed is None

    def _rank(self, cell: Cell) -> tuple[bool, int, bool, int, int]:
        """Return a sort key; the cell with the smallest is next."""
        seed = cell.seed or 0
        return (
            cell.kind != "corpus",
            seed,
            seed >= SEEDS_FOR_ALL and cell.key not in self._open,
            _KIND_ORDER[cell.kind],
            self._positions[cell.key],
        )

    def _update_open(self, seed: int) -> None:
        """Once per seed, find the cells that earlier seeds have left open."""
        if seed > self._open_seed:
            self._open_seed = seed
            self._open = with_needs(self._find_open(self.outcomes), self.cells)


def with_needs(keys: Iterable[str], cells: Mapping[str, Cell]) -> set[str]:
    """Return the keys of cells and, recursively, of all cells they need."""
    closure: set[str] = set()
    pending = list(keys)
    while pending:
        key = pending.pop()
        if key not in closure:
            closure.add(key)
            pending += cells[key].needs
    return closure


def _similarity_groups(cell: Cell) -> Iterator[tuple[str, ...]]:
    """Yield the groups of cells with similar durations, the most specific first."""
    yield cell.kind, "named", cell.name
    if cell.kind == "measure":
        yield cell.kind, "of", str(cell.spec.get("task")), str(cell.spec.get("data"))
    if cell.kind == "pretrain":
        yield cell.kind, "of", str(cell.spec.get("preset")), str(cell.spec.get("untrained"))
    yield (cell.kind,)


def _root_cause(outcome: CellOutcome) -> str:
    """Return the first failure in a chain of dependent ones."""
    return (outcome.failed or "").rpartition("which failed: ")[2]
