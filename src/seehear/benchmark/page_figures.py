"""Figures of the page.

A row has the same colour and dash in every figure of its table.
"""

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
from seehear.benchmark.table import Column, TableEntry, TaskTable, column_heading
from seehear.evaluation import find_score
from seehear.report.html import SvgFigure
from seehear.report.plots import COLOURS, INK, det_axes, legend_below, line_style, new_figure, to_svg

SIDE = 4.2  # inches


NAMED, NUMBERED = 24, 12  # classes up to which they are named, and their shares written into the squares


_SHADES = LinearSegmentedColormap.from_list("shades", [(*to_rgba(COLOURS[0])[:3], 0.0), to_rgba(COLOURS[0])])
"""From nothing, which is right on a light page and on a dark one."""


def confusion_figure(row: str, outcomes: Sequence[CellOutcome]) -> SvgFigure | None:
    """Truth by what was said, summed over seeds; None where there are no classes.

    Args:
        row: whose.
        outcomes: of its seeds.
    """
    told = [outcome for outcome in outcomes if outcome.confusion is not None]
    told = [outcome for outcome in told if outcome.classes == told[0].classes]
    if not told or len(told[0].classes) < 2:
        return None
    counts = np.sum([np.array(outcome.confusion) for outcome in told], axis=0).astype(np.float64)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    seeds = "1 seed" if len(told) == 1 else f"{len(told)} seeds"
    said = f"{row}: truth (down) by what was said (across), {counts.sum():.0f} answers of {seeds}; % of each truth."
    return SvgFigure(_drawn(shares, told[0].classes), said)


def _drawn(shares: NDArray[np.float64], classes: Sequence[str]) -> str:
    with new_figure(width=SIDE, height=SIDE) as (figure, (axes,)):
        axes.imshow(shares, cmap=_SHADES, vmin=0, vmax=1, interpolation="nearest")
        axes.grid(visible=False)
        if len(classes) <= NAMED:
            axes.set_xticks(range(len(classes)), classes, rotation=60, ha="right", rotation_mode="anchor")
            axes.set_yticks(range(len(classes)), classes)
        else:
            axes.set_xlabel(f"{len(classes)} classes")
        if len(classes) <= NUMBERED:
            for (truth, said), share in np.ndenumerate(shares):
                axes.text(said, truth, f"{100 * share:.0f}", ha="center", va="center", fontsize="small")
        return to_svg(figure)


Curve = Sequence[tuple[float, float]]
"""(step, value)"""


Run = Mapping[str, Curve]
"""Name of a number -> its curve."""


OF_THE_ENGINE = ("step", "lr", "gradient", "frames_per_s")


PANEL_WIDTH, HEIGHT = 4.6, 2.2


PANELS = 3  # more of them nobody reads


POINTS = 120  # of a curve; more cannot be seen


def read_run(folder: Path) -> Run:
    """The numbers of a run's metrics.csv; nothing where there is none yet."""
    path = folder / "metrics.csv"
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    named = [name for name in (rows[0] if rows else {}) if name not in OF_THE_ENGINE]
    curves = {name: [(float(row["step"]), float(row[name])) for row in rows if row[name]] for name in named}
    return {name: curve for name, curve in curves.items() if len(curve) > 1}


def learning_curves(kind: str, pretexts: Mapping[str, Sequence[Run]]) -> SvgFigure | None:
    """A panel for the loss and some for what was measured meanwhile, a line a pretext.

    Args:
        kind: what all of them learn, so that their numbers mean the same.
        pretexts: name -> a run for each seed.
    """
    names = _panels([run for runs in pretexts.values() for run in runs])
    if not names:
        return None
    with new_figure(len(names), width=PANEL_WIDTH, height=HEIGHT) as (figure, panels):
        for name, axes in zip(names, panels, strict=True):
            for place, (pretext, runs) in enumerate(pretexts.items()):
                curves = [run[name] for run in runs if name in run]
                if curves:
                    _band(axes, pretext, curves, place)
            axes.set_ylabel(name.replace("_", " "))
        legend_below(figure, panels[0])
        panels[-1].set_xlabel("training step")
        svg = to_svg(figure)
    band = "mean over seeds, the band from the lowest seed to the highest"
    return SvgFigure(svg, f"{kind}: {band}. Losses that are computed differently cannot be compared.")


def _panels(runs: Sequence[Run]) -> list[str]:
    """The loss, then what was measured on clips that are not trained on (fewer points), then what else there is."""
    counts = {name: len(curve) for run in runs for name, curve in run.items()}
    return sorted(counts, key=lambda name: (name != "loss", counts[name]))[:PANELS]


def _band(axes: Axes, name: str, curves: Sequence[Curve], place: int) -> None:
    steps, values = _on_common_steps(curves)
    drawn = line_style(place)
    axes.plot(steps, values.mean(0), label=name, **drawn)
    if len(curves) > 1:
        axes.fill_between(steps, values.min(0), values.max(0), color=drawn["color"], alpha=0.15, linewidth=0)


def _on_common_steps(curves: Sequence[Curve]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Steps (S,) that all curves have reached, and the values of the curves there, (curves, S)."""
    arrays = [np.array(curve, dtype=np.float64).T for curve in curves]
    end = min(steps[-1] for steps, _ in arrays)
    longest = max((steps for steps, _ in arrays), key=len)
    steps = longest[longest <= end]
    steps = steps[np.unique(np.linspace(0, len(steps) - 1, POINTS).astype(int))]
    return steps, np.stack([np.interp(steps, at, values) for at, values in arrays])


Rates = Sequence[tuple[float, float]]
"""False alarms and misses."""


WIDTH = 4.6


DET_SIDE = 4.2


DET_POINTS = 60  # more cannot be seen


CLEAN_GAP_DB = 5.0  # where sound without noise is drawn, beyond the last ratio


def means(table: TaskTable) -> SvgFigure | None:
    """All rows in the first score, with intervals and every seed; None where nothing was measured."""
    place = main_column(table)
    column, entries = table.columns[place], [table.entries[row, place] for row in table.rows]
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
        _chance(axes.axvline, column)
        axes.set_xlim(*_looked_at(column, entries))
        axes.set_yticks(range(len(entries)), table.rows)
        axes.set_ylim(len(entries) - 0.5, -0.5)
        axes.set_xlabel(column_heading(column))
        svg = to_svg(figure)
    return SvgFigure(
        svg,
        "Means (diamonds), 95 % intervals over seeds (bars; very wide ones are cut), seeds (dots), guessing (dotted).",
    )


def noise_curves(table: TaskTable) -> SvgFigure | None:
    """The first score over the ratio of sound to noise, the clean one at the right; None where there is neither."""
    full = [(n, column) for n, column in enumerate(table.columns) if column.labels == largest_label_share(table)]
    noisy = sorted((column.snr_db, n) for n, column in full if column.snr_db is not None)
    if not noisy or not _any(table, [n for _, n in noisy]):
        return None
    score = table.columns[noisy[0][1]].score
    clean = [n for n, column in full if column.snr_db is None and column.score == score]
    ratios = [snr_db for snr_db, _ in noisy]
    at = ratios + [ratios[-1] + CLEAN_GAP_DB] * len(clean)
    with new_figure(width=WIDTH) as (figure, (axes,)):
        _curves(axes, table, [n for _, n in noisy] + clean, at)
        legend_below(figure, axes)
        axes.set_xticks(at, [f"{ratio:g}" for ratio in ratios] + ["clean"] * len(clean))
        axes.set_xlabel("sound over noise, dB")
        svg = to_svg(figure)
    return SvgFigure(svg, f"{score} in noise, with 95 % intervals over seeds.")


def label_curves(table: TaskTable) -> SvgFigure | None:
    """The first score over the share of the labels; None where there is one share, or no number."""
    score = table.columns[0].score
    places = [n for n, column in enumerate(table.columns) if column.score == score and column.snr_db is None]
    places.sort(key=lambda n: table.columns[n].labels)
    shares = [table.columns[n].labels for n in places]
    if len(shares) < 2 or not _any(table, places):
        return None
    with new_figure(width=WIDTH) as (figure, (axes,)):
        axes.set_xscale("log")
        _curves(axes, table, places, shares)
        legend_below(figure, axes)
        axes.set_xticks(shares, [f"{100 * share:g} %" for share in shares])
        axes.set_xticks([], minor=True)
        axes.set_xlabel("share of the training labels")
        svg = to_svg(figure)
    return SvgFigure(svg, f"{score} by labels, with 95 % intervals over seeds.")


def det_curves(rows: Mapping[str, Sequence[Rates]]) -> SvgFigure | None:
    """Errors of detection of each row, a line a seed; None where nothing is detected.

    Args:
        rows: row -> (false alarms, misses) of each seed, in the order of the table.
    """
    if not any(rows.values()):
        return None
    errors = [rate for curves in rows.values() for curve in curves for point in curve for rate in point]
    with new_figure(width=DET_SIDE, height=DET_SIDE) as (figure, (axes,)):
        placed = det_axes(axes, min(errors, default=0.01))
        for place, (row, curves) in enumerate(rows.items()):
            for number, curve in enumerate(curves):
                alarms, misses = placed(np.array(_thinned(curve)).reshape(-1, 2).T)
                marker = "o" if len(curve) == 1 else None
                label = "" if number else row
                axes.plot(alarms, misses, label=label, marker=marker, linewidth=1.2, alpha=0.7, **line_style(place))
        legend_below(figure, axes)
        svg = to_svg(figure)
    return SvgFigure(svg, "Detection errors at every threshold, a line a seed; nearer to the lower left is better.")


def _looked_at(column: Column, entries: Sequence[TableEntry]) -> tuple[float, float]:
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
    axes.set_ylabel(column_heading(replace(column, labels=1, snr_db=None)))


def _curve(axes: Axes, row: str, number: int, there: Sequence[tuple[float, TableEntry]], factor: float) -> None:
    drawn = line_style(number)
    axes.plot([x for x, _ in there], [factor * (entry.mean or 0) for _, entry in there], label=row, marker=".", **drawn)
    sure = [(x, entry.low, entry.high) for x, entry in there if entry.low is not None and entry.high is not None]
    if sure:
        x, low, high = np.array(sure).T
        axes.fill_between(x, factor * low, factor * high, color=drawn["color"], alpha=0.12, linewidth=0)


def _any(table: TaskTable, places: Sequence[int]) -> bool:
    """Whether some row has a number in some of the columns."""
    return any(table.entries[row, place].mean is not None for row in table.rows for place in places)


def _factor(column: Column) -> float:
    return 100.0 if find_score(column.score).percent else 1.0


def _chance(line: Callable[..., Any], column: Column) -> None:
    """Draws a line where guessing is."""
    if column.chance is not None:
        line(_factor(column) * column.chance, color=INK, linewidth=1, linestyle=":")


def _thinned(curve: Rates) -> Rates:
    step = max(1, len(curve) // DET_POINTS)
    return [*curve[::step], curve[-1]] if len(curve) > 1 else curve
