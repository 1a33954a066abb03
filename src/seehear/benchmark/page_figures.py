"""Figures of the HTML report. Each row has the same colour and dashes in all figures of its table."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from numpy.typing import NDArray

from seehear.benchmark.cells import CellOutcome
from seehear.benchmark.page_findings import largest_label_share, main_column
from seehear.benchmark.table import Column, TableEntry, TaskTable, column_heading, in_percent
from seehear.report.html import SvgFigure
from seehear.report.plots import COLOURS, INK, det_axes, legend_below, line_style, new_figure, to_svg

SIDE = 4.2  # inches


MAX_NAMED, MAX_NUMBERED = 24, 12  # classes with tick labels, and with numbers in the squares


_SHADES = LinearSegmentedColormap.from_list("shades", [(*to_rgba(COLOURS[0])[:3], 0.0), to_rgba(COLOURS[0])])
"""From transparent, which suits light and dark pages."""


def confusion_figure(row: str, outcomes: Sequence[CellOutcome]) -> SvgFigure | None:
    """Plot the confusion matrix, summed over seeds; None if there are no classes.

    Args:
        row: name of the row.
        outcomes: outcomes of its seeds.
    """
    classified = [outcome for outcome in outcomes if outcome.confusion is not None]
    classified = [outcome for outcome in classified if outcome.classes == classified[0].classes]
    if not classified or len(classified[0].classes) < 2:
        return None
    counts = np.sum([np.array(outcome.confusion) for outcome in classified], axis=0).astype(np.float64)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    seeds = "1 seed" if len(classified) == 1 else f"{len(classified)} seeds"
    caption = f"{row}: true (down) by predicted class (across), {counts.sum():.0f} predictions of {seeds}; % per row."
    return SvgFigure(_plot_confusion(shares, classified[0].classes), caption)


def _plot_confusion(shares: NDArray[np.float64], classes: Sequence[str]) -> str:
    with new_figure(width=SIDE, height=SIDE) as (figure, (axes,)):
        axes.imshow(shares, cmap=_SHADES, vmin=0, vmax=1, interpolation="nearest")
        axes.grid(visible=False)
        if len(classes) <= MAX_NAMED:
            axes.set_xticks(range(len(classes)), classes, rotation=60, ha="right", rotation_mode="anchor")
            axes.set_yticks(range(len(classes)), classes)
        else:
            axes.set_xlabel(f"{len(classes)} classes")
        if len(classes) <= MAX_NUMBERED:
            for (true, predicted), share in np.ndenumerate(shares):
                axes.text(predicted, true, f"{100 * share:.0f}", ha="center", va="center", fontsize="small")
        return to_svg(figure)


Curve = Sequence[tuple[float, float]]
"""(step, value)"""


Run = Mapping[str, Curve]
"""Name of a metric -> its curve."""


ENGINE_METRICS = ("step", "lr", "gradient", "frames_per_s")


PANEL_WIDTH, HEIGHT = 4.6, 2.2


MAX_PANELS = 3


MAX_POINTS = 120  # per curve


def read_run(folder: Path) -> Run:
    """Read the curves of a run's metrics.csv; empty if it does not exist yet."""
    path = folder / "metrics.csv"
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in (rows[0] if rows else {}) if name not in ENGINE_METRICS]
    curves = {name: [(float(row["step"]), float(row[name])) for row in rows if row[name]] for name in names}
    return {name: curve for name, curve in curves.items() if len(curve) > 1}


def learning_curves(kind: str, pretexts: Mapping[str, Sequence[Run]]) -> SvgFigure | None:
    """Plot the loss and the validation metrics of pretexts, with one line per pretext.

    Args:
        kind: kind of all these pretexts, so that their metrics are comparable.
        pretexts: name -> one run per seed.
    """
    names = _panels([run for runs in pretexts.values() for run in runs])
    if not names:
        return None
    with new_figure(len(names), width=PANEL_WIDTH, height=HEIGHT) as (figure, panels):
        for name, axes in zip(names, panels, strict=True):
            for index, (pretext, runs) in enumerate(pretexts.items()):
                curves = [run[name] for run in runs if name in run]
                if curves:
                    _plot_band(axes, pretext, curves, index)
            axes.set_ylabel(name.replace("_", " "))
        legend_below(figure, panels[0])
        panels[-1].set_xlabel("training step")
        svg = to_svg(figure)
    band = "mean over seeds; the band spans the lowest and the highest seed"
    return SvgFigure(svg, f"{kind}: {band}. Different loss functions cannot be compared.")


def _panels(runs: Sequence[Run]) -> list[str]:
    """Return the loss, then validation metrics (which have fewer points), then other metrics."""
    counts = {name: len(curve) for run in runs for name, curve in run.items()}
    return sorted(counts, key=lambda name: (name != "loss", counts[name]))[:MAX_PANELS]


def _plot_band(axes: Axes, name: str, curves: Sequence[Curve], index: int) -> None:
    steps, values = _at_common_steps(curves)
    style = line_style(index)
    axes.plot(steps, values.mean(0), label=name, **style)
    if len(curves) > 1:
        axes.fill_between(steps, values.min(0), values.max(0), color=style["color"], alpha=0.15, linewidth=0)


def _at_common_steps(curves: Sequence[Curve]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the steps (S,) that all curves have reached, and the values there, (curves, S)."""
    arrays = [np.array(curve, dtype=np.float64).T for curve in curves]
    end = min(steps[-1] for steps, _ in arrays)
    longest = max((steps for steps, _ in arrays), key=len)
    steps = longest[longest <= end]
    steps = steps[np.unique(np.linspace(0, len(steps) - 1, MAX_POINTS).astype(int))]
    return steps, np.stack([np.interp(steps, curve_steps, values) for curve_steps, values in arrays])


Rates = Sequence[tuple[float, float]]
"""(false alarm rate, miss rate) at each threshold."""


WIDTH = 4.6


DET_SIDE = 4.2


MAX_DET_POINTS = 60


CLEAN_GAP_DB = 5.0  # distance of clean audio from the highest ratio on the axis


def means(table: TaskTable) -> SvgFigure | None:
    """Plot the main score of all rows with intervals and single seeds; None if nothing is measured."""
    index = main_column(table)
    column, entries = table.columns[index], [table.entries[row, index] for row in table.rows]
    if not any(entry.values for entry in entries):
        return None
    factor = _factor(column)
    with new_figure(width=WIDTH, height=0.9 + 0.3 * len(entries)) as (figure, (axes,)):
        for height, entry in enumerate(entries):
            if entry.mean is None:
                continue
            colour = line_style(height)["color"]
            seeds = factor * np.array(list(entry.values.values()))
            axes.plot(seeds, np.full(len(seeds), height), "o", color=colour, alpha=0.35, markersize=4)
            axes.plot(factor * entry.mean, height, "D", color=colour, markersize=5)
            if entry.low is not None and entry.high is not None:
                axes.plot([factor * entry.low, factor * entry.high], [height, height], color=colour, linewidth=2)
        _plot_chance(axes.axvline, column)
        axes.set_xlim(*_axis_limits(column, entries))
        axes.set_yticks(range(len(entries)), table.rows)
        axes.set_ylim(len(entries) - 0.5, -0.5)
        axes.set_xlabel(column_heading(column))
        svg = to_svg(figure)
    return SvgFigure(
        svg,
        "Means (diamonds), 95 % intervals over seeds (bars; very wide ones are cut), seeds (dots), chance (dotted).",
    )


def noise_curves(table: TaskTable) -> SvgFigure | None:
    """Plot the main score over the signal-to-noise ratio, with clean audio at the right; None without noise."""
    full = [(n, column) for n, column in enumerate(table.columns) if column.labels == largest_label_share(table)]
    noisy = sorted((column.snr_db, n) for n, column in full if column.snr_db is not None)
    if not noisy or not _has_numbers(table, [n for _, n in noisy]):
        return None
    score = table.columns[noisy[0][1]].score
    clean = [n for n, column in full if column.snr_db is None and column.score == score]
    ratios = [snr_db for snr_db, _ in noisy]
    positions = ratios + [ratios[-1] + CLEAN_GAP_DB] * len(clean)
    with new_figure(width=WIDTH) as (figure, (axes,)):
        _plot_rows(axes, table, [n for _, n in noisy] + clean, positions)
        legend_below(figure, axes)
        axes.set_xticks(positions, [f"{ratio:g}" for ratio in ratios] + ["clean"] * len(clean))
        axes.set_xlabel("signal-to-noise ratio, dB")
        svg = to_svg(figure)
    return SvgFigure(svg, f"{score} in noise, with 95 % intervals over seeds.")


def label_curves(table: TaskTable) -> SvgFigure | None:
    """Plot the main score over the fraction of labels; None with only one fraction, or without numbers."""
    score = table.columns[0].score
    indices = [n for n, column in enumerate(table.columns) if column.score == score and column.snr_db is None]
    indices.sort(key=lambda n: table.columns[n].labels)
    fractions = [table.columns[n].labels for n in indices]
    if len(fractions) < 2 or not _has_numbers(table, indices):
        return None
    with new_figure(width=WIDTH) as (figure, (axes,)):
        axes.set_xscale("log")
        _plot_rows(axes, table, indices, fractions)
        legend_below(figure, axes)
        axes.set_xticks(fractions, [f"{100 * fraction:g} %" for fraction in fractions])
        axes.set_xticks([], minor=True)
        axes.set_xlabel("fraction of the training labels")
        svg = to_svg(figure)
    return SvgFigure(svg, f"{score} by labels, with 95 % intervals over seeds.")


def det_curves(rows: Mapping[str, Sequence[Rates]]) -> SvgFigure | None:
    """Plot the detection error trade-off of each row, with one line per seed; None if nothing is detected.

    Args:
        rows: row -> (false alarm rate, miss rate) curves of its seeds, in the order of the table.
    """
    if not any(rows.values()):
        return None
    errors = [rate for curves in rows.values() for curve in curves for point in curve for rate in point]
    with new_figure(width=DET_SIDE, height=DET_SIDE) as (figure, (axes,)):
        to_axes = det_axes(axes, min(errors, default=0.01))
        for index, (row, curves) in enumerate(rows.items()):
            for number, curve in enumerate(curves):
                alarms, misses = to_axes(np.array(_thinned(curve)).reshape(-1, 2).T)
                marker = "o" if len(curve) == 1 else None
                label = "" if number else row
                axes.plot(alarms, misses, label=label, marker=marker, linewidth=1.2, alpha=0.7, **line_style(index))
        legend_below(figure, axes)
        svg = to_svg(figure)
    return SvgFigure(svg, "Detection errors at all thresholds, one line per seed; the lower left is better.")


def _axis_limits(column: Column, entries: Sequence[TableEntry]) -> tuple[float, float]:
    """Return the limits of the axis of means, cutting very wide intervals (such as those over two seeds)."""
    values = [value for entry in entries for value in entry.values.values()]
    values += [] if column.chance is None else [column.chance]
    ends = values + [end for entry in entries for end in (entry.low, entry.high) if end is not None]
    lowest, highest = min(values), max(values)
    room = max(highest - lowest, 0.1 * abs(highest), 1e-6)
    low, high = max(min(ends), lowest - room), min(max(ends), highest + room)
    margin = 0.05 * (high - low) or room
    return _factor(column) * (low - margin), _factor(column) * (high + margin)


def _plot_rows(axes: Axes, table: TaskTable, indices: Sequence[int], positions: Sequence[float]) -> None:
    """Plot each row over some columns, with intervals."""
    column = table.columns[indices[0]]
    for number, row in enumerate(table.rows):
        entries = [table.entries[row, index] for index in indices]
        points = [(x, entry) for x, entry in zip(positions, entries, strict=True) if entry.mean is not None]
        if points:
            _plot_row(axes, row, number, points, _factor(column))
    _plot_chance(axes.axhline, column)
    axes.set_ylabel(column_heading(replace(column, labels=1, snr_db=None)))


def _plot_row(axes: Axes, row: str, number: int, points: Sequence[tuple[float, TableEntry]], factor: float) -> None:
    style = line_style(number)
    values = [factor * (entry.mean or 0) for _, entry in points]
    axes.plot([x for x, _ in points], values, label=row, marker=".", **style)
    intervals = [(x, entry.low, entry.high) for x, entry in points if entry.low is not None and entry.high is not None]
    if intervals:
        x, low, high = np.array(intervals).T
        axes.fill_between(x, factor * low, factor * high, color=style["color"], alpha=0.12, linewidth=0)


def _has_numbers(table: TaskTable, indices: Sequence[int]) -> bool:
    """Whether any row has a number in one of the columns."""
    return any(table.entries[row, index].mean is not None for row in table.rows for index in indices)


def _factor(column: Column) -> float:
    return 100.0 if in_percent(column.score) else 1.0


def _plot_chance(line: Callable[..., Any], column: Column) -> None:
    """Draw a line at the chance level."""
    if column.chance is not None:
        line(_factor(column) * column.chance, color=INK, linewidth=1, linestyle=":")


def _thinned(curve: Rates) -> Rates:
    step = max(1, len(curve) // MAX_DET_POINTS)
    return [*curve[::step], curve[-1]] if len(curve) > 1 else curve
