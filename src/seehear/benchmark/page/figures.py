"""What a table of a benchmark looks like: means, and curves over noise, over labels and over errors of detection.

A row has the same colour and dash in every figure of its table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from seehear.benchmark.page.findings import foremost, most_labels
from seehear.benchmark.tables.scores import headed, in_percent
from seehear.benchmark.tables.table import Column, Entry, TaskTable
from seehear.report import Figure
from seehear.report.det import det_axes
from seehear.report.plots import INK, drawing, legend_below, look, to_svg

Rates = Sequence[tuple[float, float]]
"""False alarms and misses."""

WIDTH = 4.6
DET_SIDE = 4.2
DET_POINTS = 60  # more cannot be seen
CLEAN_GAP_DB = 5.0  # where sound without noise is drawn, beyond the last ratio


def means(table: TaskTable) -> Figure | None:
    """All rows in the first score, with intervals and every seed; None where nothing was measured."""
    place = foremost(table)
    column, entries = table.columns[place], [table.entries[row, place] for row in table.rows]
    if not any(entry.values for entry in entries):
        return None
    factor = _factor(column)
    with drawing(width=WIDTH, height=0.9 + 0.3 * len(entries)) as (figure, (axes,)):
        for height, entry in enumerate(entries):
            if entry.mean is None:
                continue
            colour = look(height)["color"]
            seeds = factor * np.array(list(entry.values.values()))
            axes.plot(seeds, np.full(len(seeds), height), "o", color=colour, alpha=0.35, markersize=4)
            axes.plot(factor * entry.mean, height, "D", color=colour, markersize=5)
            if entry.low is not None and entry.high is not None:
                axes.plot([factor * entry.low, factor * entry.high], [height, height], color=colour, linewidth=2)
        _chance(axes.axvline, column)
        axes.set_xlim(*_looked_at(column, entries))
        axes.set_yticks(range(len(entries)), table.rows)
        axes.set_ylim(len(entries) - 0.5, -0.5)
        axes.set_xlabel(headed(column))
        svg = to_svg(figure)
    return Figure(
        svg,
        "Means (diamonds), 95 % intervals over seeds (bars; very wide ones are cut), seeds (dots), guessing (dotted).",
    )


def noise_curves(table: TaskTable) -> Figure | None:
    """The first score over the ratio of sound to noise, the clean one at the right; None where there is neither."""
    full = [(n, column) for n, column in enumerate(table.columns) if column.labels == most_labels(table)]
    noisy = sorted((column.snr_db, n) for n, column in full if column.snr_db is not None)
    if not noisy or not _any(table, [n for _, n in noisy]):
        return None
    score = table.columns[noisy[0][1]].score
    clean = [n for n, column in full if column.snr_db is None and column.score == score]
    ratios = [snr_db for snr_db, _ in noisy]
    at = ratios + [ratios[-1] + CLEAN_GAP_DB] * len(clean)
    with drawing(width=WIDTH) as (figure, (axes,)):
        _curves(axes, table, [n for _, n in noisy] + clean, at)
        legend_below(figure, axes)
        axes.set_xticks(at, [f"{ratio:g}" for ratio in ratios] + ["clean"] * len(clean))
        axes.set_xlabel("sound over noise, dB")
        svg = to_svg(figure)
    return Figure(svg, f"{score} in noise, with 95 % intervals over seeds.")


def label_curves(table: TaskTable) -> Figure | None:
    """The first score over the share of the labels; None where there is one share, or no number."""
    score = table.columns[0].score
    places = [n for n, column in enumerate(table.columns) if column.score == score and column.snr_db is None]
    places.sort(key=lambda n: table.columns[n].labels)
    shares = [table.columns[n].labels for n in places]
    if len(shares) < 2 or not _any(table, places):
        return None
    with drawing(width=WIDTH) as (figure, (axes,)):
        axes.set_xscale("log")
        _curves(axes, table, places, shares)
        legend_below(figure, axes)
        axes.set_xticks(shares, [f"{100 * share:g} %" for share in shares])
        axes.set_xticks([], minor=True)
        axes.set_xlabel("share of the training labels")
        svg = to_svg(figure)
    return Figure(svg, f"{score} by labels, with 95 % intervals over seeds.")


def det_curves(rows: Mapping[str, Sequence[Rates]]) -> Figure | None:
    """Errors of detection of each row, a line a seed; None where nothing is detected.

    Args:
        rows: row -> (false alarms, misses) of each seed, in the order of the table.
    """
    if not any(rows.values()):
        return None
    errors = [rate for curves in rows.values() for curve in curves for point in curve for rate in point]
    with drawing(width=DET_SIDE, height=DET_SIDE) as (figure, (axes,)):
        placed = det_axes(axes, min(errors, default=0.01))
        for place, (row, curves) in enumerate(rows.items()):
            for number, curve in enumerate(curves):
                alarms, misses = placed(np.array(_thinned(curve)).reshape(-1, 2).T)
                marker = "o" if len(curve) == 1 else None
                label = "" if number else row
                axes.plot(alarms, misses, label=label, marker=marker, linewidth=1.2, alpha=0.7, **look(place))
        legend_below(figure, axes)
        svg = to_svg(figure)
    return Figure(svg, "Detection errors at every threshold, a line a seed; nearer to the lower left is better.")


def _looked_at(column: Column, entries: Sequence[Entry]) -> tuple[float, float]:
    """Ends of the axis of means: an interval of two seeds may be so wide that nothing else could be seen."""
    told = [value for entry in entries for value in entry.values.values()]
    told += [] if column.chance is None else [column.chance]
    ends = told + [end for entry in entries for end in (entry.low, entry.high) if end is not None]
    least, most = min(told), max(told)
    room = max(most - least, 0.1 * abs(most), 1e-6)
    low, high = max(min(ends), least - room), min(max(ends), most + room)
    margin = 0.05 * (high - low) or room
    return _factor(column) * (low - margin), _factor(column) * (high + margin)


def _curves(axes: Axes, table: TaskTable, places: Sequence[int], at: Sequence[float]) -> None:
    """A line a row through some columns, with their intervals."""
    column = table.columns[places[0]]
    for number, row in enumerate(table.rows):
        entries = [table.entries[row, place] for place in places]
        there = [(x, entry) for x, entry in zip(at, entries, strict=True) if entry.mean is not None]
        if there:
            _curve(axes, row, number, there, _factor(column))
    _chance(axes.axhline, column)
    axes.set_ylabel(headed(replace(column, labels=1, snr_db=None)))


def _curve(axes: Axes, row: str, number: int, there: Sequence[tuple[float, Entry]], factor: float) -> None:
    drawn = look(number)
    axes.plot([x for x, _ in there], [factor * (entry.mean or 0) for _, entry in there], label=row, marker=".", **drawn)
    sure = [(x, entry.low, entry.high) for x, entry in there if entry.low is not None and entry.high is not None]
    if sure:
        x, low, high = np.array(sure).T
        axes.fill_between(x, factor * low, factor * high, color=drawn["color"], alpha=0.12, linewidth=0)


def _any(table: TaskTable, places: Sequence[int]) -> bool:
    """Whether some row has a number in some of the columns."""
    return any(table.entries[row, place].mean is not None for row in table.rows for place in places)


def _factor(column: Column) -> float:
    return 100.0 if in_percent(column.score) else 1.0


def _chance(line: Callable[..., Any], column: Column) -> None:
    """Draws a line where guessing is."""
    if column.chance is not None:
        line(_factor(column) * column.chance, color=INK, linewidth=1, linestyle=":")


def _thinned(curve: Rates) -> Rates:
    step = max(1, len(curve) // DET_POINTS)
    return [*curve[::step], curve[-1]] if len(curve) > 1 else curve
