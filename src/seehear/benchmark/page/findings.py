"""All that a benchmark's page tells of, and where to find what belongs to a number of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from seehear.benchmark.cell import Cell
from seehear.benchmark.doing.folder import Folder
from seehear.benchmark.outcome import Outcome
from seehear.benchmark.planning.cells import Place, Work
from seehear.benchmark.planning.plan import Plan
from seehear.benchmark.tables.table import Summary, TaskTable


def most_labels(table: TaskTable) -> float:
    """The largest share of the training labels that it has columns for."""
    return max(column.labels for column in table.columns)


def foremost(table: TaskTable) -> int:
    """Place of the column that the task is about: the first score, without noise, with the most labels."""
    asked = (table.columns[0].score, most_labels(table), None)
    places = [place for place, c in enumerate(table.columns) if (c.score, c.labels, c.snr_db) == asked]
    return places[0] if places else 0


@dataclass(frozen=True)
class Findings:
    """A benchmark as far as it was done.

    Attributes:
        folder: of its results.
        plan: what was asked.
        summary: the tables.
        work: the cells, and their places in the tables.
        outcomes: key of a cell -> what came of it.
    """

    folder: Folder
    plan: Plan
    summary: Summary
    work: Work
    outcomes: Mapping[str, Outcome]

    @cached_property
    def cells(self) -> dict[str, Cell]:
        """By their keys."""
        return self.work.by_key()

    def measured(self, table: TaskTable, row: str) -> list[tuple[Cell, Outcome]]:
        """The cells behind a row, with as many labels as there are, seed by seed; only those that were done."""
        most = most_labels(table)
        done = [key for place, key in self._done(table, row) if place.labels == most]
        return [(self.cells[key], self.outcomes[key]) for key in done]

    def commands(self, table: TaskTable, row: str) -> list[str]:
        """All that gives the numbers of a row again, in order: for every seed and every share of the labels."""
        return list(dict.fromkeys(one for _, key in self._done(table, row) for one in self.outcomes[key].reproduce))

    def model(self, measuring: Cell) -> str:
        """The encoder that a cell has measured: folder of a run, or the name of one from elsewhere."""
        of = str(measuring.spec["of"])
        return str(self.folder.place(self.cells[of])) if of in self.cells else of

    def data(self, measuring: Cell) -> Path:
        """The prepared corpus that it was measured on."""
        return self.folder.place(self.cells[measuring.spec["data"]])

    def telling_rows(self, table: TaskTable) -> list[str]:
        """Rows to look at more closely: the two best ones, and the one at the other end."""
        place = foremost(table)
        means = {row: mean for row in table.rows if (mean := table.entries[row, place].mean) is not None}
        ranked = sorted(means, key=lambda row: means[row], reverse=table.columns[place].higher_is_better)
        return ranked if len(ranked) <= 3 else [*ranked[:2], ranked[-1]]

    def _done(self, table: TaskTable, row: str) -> list[tuple[Place, str]]:
        """Places of a row and keys of their cells, of those that did not fail, by seed."""
        mine = [
            (place, key)
            for place, key in self.work.places.items()
            if (place.task, place.data, place.row) == (table.key, table.data, row)
        ]
        there = [(place, key) for place, key in mine if key in self.outcomes and self.outcomes[key].failed is None]
        return sorted(there, key=lambda one: (one[0].seed, one[0].labels))
