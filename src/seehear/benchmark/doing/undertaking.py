"""A schedule, an engine and a folder brought together: cells are done, and what comes of each is kept at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from seehear.benchmark.cell import Cell
from seehear.benchmark.doing.engine import Ended, Engine
from seehear.benchmark.doing.folder import Folder
from seehear.benchmark.doing.job import Job
from seehear.benchmark.doing.schedule import Schedule
from seehear.benchmark.outcome import Outcome

Tell = Callable[[Cell, Outcome], None]
"""Hears of every cell that has ended."""


@dataclass(frozen=True)
class Undertaking:
    """What is to be carried out.

    Attributes:
        folder: where everything is kept.
        called: the folder as the user names it, for the commands that are printed.
        schedule: which cell is next.
        engine: where cells are done.
        device: where networks run that are measured, as torch names it.
    """

    folder: Folder
    called: Path
    schedule: Schedule
    engine: Engine
    device: str = "cpu"

    def carry_out(self, tell: Tell) -> None:
        """Does all that there is time for; may be broken off at any point.

        Args:
            tell: hears of every cell that has ended.
        """
        with closing(self.engine.run(self._choose, self._is_over)) as ended:
            for one in ended:
                cell = one.job.cell
                self._keep(cell, self._outcome(one), one.done.traceback if one.done else "", tell)
        for key in list(self.schedule.running):
            self.schedule.drop(self.schedule.cells[key])

    def _choose(self) -> Job | None:
        cell = self.schedule.next()
        return self._job(cell) if cell else None

    def _is_over(self) -> bool:
        return self.schedule.left_s <= 0

    def _job(self, cell: Cell) -> Job:
        """With whole paths: processes elsewhere have other working folders."""
        given = {key: self.folder.place(self.schedule.cells[key]) for key in cell.needs}
        workers = self.engine.wide if cell.kind == "corpus" else 1
        return Job(cell, self.folder.place(cell), given, self.folder.log(cell), workers, self.device)

    def _keep(self, cell: Cell, outcome: Outcome, traceback: str, tell: Tell) -> None:
        lost = self.schedule.take(cell, outcome)
        self.folder.write_outcome(cell, outcome, traceback)
        tell(cell, outcome)
        for other, failed in lost:
            self.folder.write_outcome(other, failed)
            tell(other, failed)

    def _outcome(self, ended: Ended) -> Outcome:
        cell = ended.job.cell
        if ended.done is None:
            return Outcome(cell.key, 0.0, failed=f"the process that did it {ended.death}")
        before = _each_once(self.schedule.outcomes[key].reproduce for key in cell.needs)
        ours = [command.replace(str(self.folder.root), str(self.called)) for command in ended.done.outcome.reproduce]
        return replace(ended.done.outcome, reproduce=(*before, *ours))


def _each_once(commands: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """In their order."""
    return tuple(dict.fromkeys(command for several in commands for command in several))
