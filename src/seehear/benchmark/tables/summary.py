"""From the outcomes of cells to tables: means with intervals over seeds, what is best, what became of the claims."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from seehear.benchmark.outcome import Outcome
from seehear.benchmark.planning.plan import Claim, Plan
from seehear.benchmark.tables.grid import Grid
from seehear.benchmark.tables.statistics import difference
from seehear.benchmark.tables.table import Checked, Column, Difference, Summary
from seehear.benchmark.tables.tabulated import tabulated
from seehear.benchmark.tables.verdicts import verdict

if TYPE_CHECKING:
    from seehear.benchmark.planning.cells import Work


def summarised(plan: Plan, work: Work, outcomes: Mapping[str, Outcome]) -> Summary:
    """Everything that the outcomes say so far.

    Args:
        plan: what was asked; the tables are of its rows in full, as ``work.plan`` has them.
        work: its cells, and which of them fills which place of which table.
        outcomes: key of a cell -> what came of it; those that were not done are not there.
    """
    full = work.plan
    grids = list(_grids(full, work, outcomes))
    return Summary(
        tables=tuple(tabulated(full, grid) for grid in grids),
        claims=tuple(checked for claim in full.claims for checked in _checked(claim, grids)),
        left=sum(cell.key not in outcomes for cell in work.cells),
        failed=_failed(work, outcomes),
        notes=tuple(work.notes),
    )


def _grids(plan: Plan, work: Work, outcomes: Mapping[str, Outcome]) -> Iterator[Grid]:
    """One for each table that there is work for, in the order of the plan."""
    found: dict[tuple[str, str], dict[tuple[str, float, int], Outcome]] = {}
    for (task, data, row, seed, labels), key in work.places.items():
        grid = found.setdefault((task, data), {})
        if key in outcomes:
            grid[row, labels, seed] = outcomes[key]
    for task, spec in plan.tasks.items():
        for data in spec.data:
            if (task, data) in found:
                yield Grid(task, data, spec, found[task, data])


def _checked(claim: Claim, grids: Sequence[Grid]) -> Iterator[Checked]:
    """A claim on every corpus that its task was measured on; once, as not measured, where there is none."""
    mine = [grid for grid in grids if grid.key == claim.task]
    if not mine:
        yield Checked(claim.says, claim.source, (claim.task, ""), claim.better, "", (), "not measured")
    for grid in mine:
        column = grid.column(claim.labels)
        differences = _differences(claim, grid, column) if column else ()
        yield Checked(
            says=claim.says,
            source=claim.source,
            table=(grid.key, grid.data),
            better=claim.better,
            score=column.score if column else "",
            differences=differences,
            verdict=verdict(differences, len(claim.than)),
        )


def _differences(claim: Claim, grid: Grid, column: Column) -> tuple[Difference, ...]:
    ours = grid.series(claim.better, column)
    found = (difference(row, ours, grid.series(row, column), column.higher_is_better) for row in claim.than)
    return tuple(one for one in found if one is not None)


def _failed(work: Work, outcomes: Mapping[str, Outcome]) -> dict[str, str]:
    """Cell in words -> reason; cells that are called the same are told apart by their keys."""
    lost = [(cell, outcomes[cell.key].failed) for cell in work.cells if cell.key in outcomes]
    failed = [(cell, reason) for cell, reason in lost if reason is not None]
    called = Counter(cell.called for cell, _ in failed)
    return {
        cell.called if called[cell.called] == 1 else f"{cell.called} ({cell.key})": reason for cell, reason in failed
    }
