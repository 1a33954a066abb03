"""A table from what was measured for it."""

from __future__ import annotations

from seehear.benchmark.planning.plan import Plan
from seehear.benchmark.tables.grid import Grid
from seehear.benchmark.tables.statistics import Series, interval
from seehear.benchmark.tables.table import Column, Entry, TaskTable
from seehear.benchmark.tables.verdicts import best_of


def tabulated(plan: Plan, grid: Grid) -> TaskTable:
    """The table of one task on one corpus, with the paper's beside it."""
    spec, sample = grid.spec, grid.sample
    rows = tuple(row.name for row in spec.rows)
    entries = {}
    for place, column in enumerate(grid.columns):
        series = {row: grid.series(row, column) for row in rows}
        best = best_of(series, column.higher_is_better)
        for row in rows:
            entries[row, place] = _entry(grid, row, column, series[row], row == best)
    return TaskTable(
        key=grid.key,
        title=spec.title,
        task=spec.task,
        data=grid.data,
        columns=grid.columns,
        rows=rows,
        entries=entries,
        seeds=plan.seeds,
        units=sample.units if sample else "",
        tested=grid.tested,
        paper=tuple(paper for paper in plan.paper if paper.task == grid.key),
    )


def _entry(grid: Grid, row: str, column: Column, series: Series, best: bool) -> Entry:
    values = list(series.values.values())
    low, high = interval(values) or (None, None)
    return Entry(
        values=series.values,
        mean=sum(values) / len(values) if values else None,
        low=low,
        high=high,
        best=best,
        failed=grid.failed(row, column),
        reproduce=grid.reproduce(row, column),
    )
