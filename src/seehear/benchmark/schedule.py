"""Which cell is next; which claims are open."""

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
    """Keys of the measurings that claims are about which so far are neither reproduced nor contradicted.

    Only the order of the work is decided by it. All seeds of a claim are done if time allows, so that no verdict comes
    of stopping when it was pleasant.

    Args:
        work: the cells of a plan.
        outcomes: key of a cell -> what came of it.
    """
    summary = summarise(work.plan, work, outcomes)
    settled = {(claim.says, claim.better, claim.table) for claim in summary.claims if claim.verdict in SETTLED}
    found = set()
    for claim in work.plan.claims:
        rows = (claim.better, *claim.than)
        for place, key in work.places.items():
            about = place.task == claim.task and place.row in rows and place.labels == claim.labels
            if about and (claim.says, claim.better, (place.task, place.data)) not in settled:
                found.add(key)
    return found


Wanted = Callable[[Mapping[str, CellOutcome]], Collection[str]]
"""From what was found so far to the keys of cells that measure what is still open."""


SEEDS_FOR_ALL = 2
"""So many seeds of everything come first: fewer give no interval, and nothing could be said of any claim."""


_FIRST = {"corpus": 0, "measure": 1, "pretrain": 2}
"""Of the cells that are alike: what is measured stays, while weights without a figure say nothing."""


class Schedule:
    """Hands out cells, and takes what came of them.

    The whole table with seed 0 comes first, then the whole table with seed 1, and so on; from the third on, what claims
    that are still open are about comes before the rest. What cannot end in time is not begun, but for trainings when
    there is nothing else to do: they go on from there another time.

    Attributes:
        running: key of each cell that is being done -> when it was begun, by ``clock``.
        outcomes: key of each cell that is done -> what came of it.
    """

    def __init__(
        self,
        cells: Sequence[Cell],
        outcomes: Mapping[str, CellOutcome],
        wanted: Wanted = lambda _: (),
        until: float = float("inf"),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """A schedule of cells.

        Args:
            cells: all of them, each after those that it needs.
            outcomes: what came of those that are done; those that failed are begun anew.
            wanted: asked whenever a seed from the third on is begun.
            until: end of the time, by ``clock``.
            clock: seconds.
        """
        self.cells = {cell.key: cell for cell in cells}
        self.outcomes = {key: outcome for key, outcome in outcomes.items() if outcome.failed is None}
        self.running: dict[str, float] = {}
        self._places = {key: place for place, key in enumerate(self.cells)}
        self._ask_wanted, self._until, self._clock = wanted, until, clock
        self._wanted: Collection[str] = ()
        self._asked_for = SEEDS_FOR_ALL - 1
        self._seconds: dict[tuple[str, ...], list[float]] = {}
        for key in self.outcomes.keys() & self.cells.keys():
            self._learn(self.cells[key], self.outcomes[key])

    @property
    def waiting(self) -> list[Cell]:
        """Neither done nor being done."""
        return [cell for key, cell in self.cells.items() if key not in self.outcomes and key not in self.running]

    @property
    def left_s(self) -> float:
        """Seconds until the end of the time."""
        return self._until - self._clock()

    def seconds_since(self, moment: float) -> float:
        """From a moment of ``clock`` until now."""
        return self._clock() - moment

    def next(self) -> Cell | None:
        """A cell to be done now, which is then held to be running; None as long as (or because) there is none.

        A corpus is made by as many processes as there are workers, and nothing else meanwhile.
        """
        if any(self.cells[key].kind == "corpus" for key in self.running):
            return None
        ready = [cell for cell in self.waiting if all(self._is_done(key) for key in cell.needs)]
        timely = [cell for cell in ready if self.expected_s(cell) <= self.left_s]
        ready = timely or [
            cell for cell in ready if cell.kind == "pretrain"
        ]  # which goes on where it was, another time
        if not ready or self.left_s <= 0:
            return None
        self._ask(min(cell.seed or 0 for cell in ready))
        cell = min(ready, key=self._rank)
        self.running[cell.key] = self._clock()
        return cell

    def record(self, cell: Cell, outcome: CellOutcome) -> list[tuple[Cell, CellOutcome]]:
        """What came of a cell. If it failed, those that need it fail with it, and are returned."""
        self.running.pop(cell.key, None)
        self.outcomes[cell.key] = outcome
        self._learn(cell, outcome)
        lost = []
        for other in self.waiting if outcome.failed is not None else ():  # each after those that it needs
            cause = next((key for key in other.needs if key in self.outcomes and not self._is_done(key)), None)
            if cause is not None:
                why = f"it needs {self.cells[cause].label}, which failed: {_root(self.outcomes[cause])}"
                self.outcomes[other.key] = CellOutcome(other.key, 0.0, failed=why)
                lost.append((other, self.outcomes[other.key]))
        return lost

    def release(self, cell: Cell) -> None:
        """A cell that was begun and is not to be ended now."""
        self.running.pop(cell.key, None)

    def expected_s(self, cell: Cell) -> float:
        """Seconds that a cell takes, by those that are most like it; 0 as long as none of its kind is done."""
        found = next((self._seconds[like] for like in _likes(cell) if like in self._seconds), [])
        return fmean(found) if found else 0.0

    def remaining_s(self, workers: int) -> float | None:
        """Seconds until all is done, or until the end of the time; None as long as of some kind nothing is known."""
        running = self.running.copy()  # the tree asks from a thread of its own
        waiting = [cell for cell in self.waiting if cell.key not in running]
        if any((cell.kind,) not in self._seconds for cell in (*waiting, *(self.cells[key] for key in running))):
            return None
        work = sum(self.expected_s(cell) for cell in waiting)
        for key, begun in running.items():
            work += max(0.0, self.expected_s(self.cells[key]) - self.seconds_since(begun))
        return min(work / max(1, workers), max(0.0, self.left_s))

    def _learn(self, cell: Cell, outcome: CellOutcome) -> None:
        """How long it took, for those that are like it."""
        if outcome.failed is None:
            for like in _likes(cell):
                self._seconds.setdefault(like, []).append(outcome.seconds)

    def _is_done(self, key: str) -> bool:
        return key in self.outcomes and self.outcomes[key].failed is None

    def _rank(self, cell: Cell) -> tuple[bool, int, bool, int, int]:
        """The least is next."""
        seed = cell.seed or 0
        return (
            cell.kind != "corpus",
            seed,
            seed >= SEEDS_FOR_ALL and cell.key not in self._wanted,
            _FIRST[cell.kind],
            self._places[cell.key],
        )

    def _ask(self, seed: int) -> None:
        """Once a seed: what the earlier ones have left open."""
        if seed > self._asked_for:
            self._asked_for = seed
            self._wanted = with_needs(self._ask_wanted(self.outcomes), self.cells)


def with_needs(keys: Iterable[str], cells: Mapping[str, Cell]) -> set[str]:
    """Keys of cells and of all that they need, and what that needs."""
    found: set[str] = set()
    left = list(keys)
    while left:
        key = left.pop()
        if key not in found:
            found.add(key)
            left += cells[key].needs
    return found


def _likes(cell: Cell) -> Iterator[tuple[str, ...]]:
    """What cells that take about as long have in common, the most alike first."""
    yield cell.kind, "named", cell.name
    if cell.kind == "measure":
        yield cell.kind, "of", str(cell.spec.get("task")), str(cell.spec.get("data"))
    if cell.kind == "pretrain":
        yield cell.kind, "of", str(cell.spec.get("preset")), str(cell.spec.get("untrained"))
    yield (cell.kind,)


def _root(outcome: CellOutcome) -> str:
    """The first cause: not what needs what needs what."""
    return (outcome.failed or "").rpartition("which failed: ")[2]
