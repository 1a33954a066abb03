"""How pretexts learned: what their trainings wrote of themselves, seed by seed."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from seehear.report import Figure
from seehear.report.plots import drawing, legend_below, look, to_svg

Curve = Sequence[tuple[float, float]]
"""(step, value)"""

Run = Mapping[str, Curve]
"""Name of a number -> its curve."""

OF_THE_ENGINE = ("step", "lr", "gradient", "frames_per_s")
WIDTH, HEIGHT = 4.6, 2.2
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


def learning_curves(kind: str, pretexts: Mapping[str, Sequence[Run]]) -> Figure | None:
    """A panel for the loss and some for what was measured meanwhile, a line a pretext.

    Args:
        kind: what all of them learn, so that their numbers mean the same.
        pretexts: name -> a run for each seed.
    """
    names = _panels([run for runs in pretexts.values() for run in runs])
    if not names:
        return None
    with drawing(len(names), width=WIDTH, height=HEIGHT) as (figure, panels):
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
    return Figure(svg, f"{kind}: {band}. Losses that are computed differently cannot be compared.")


def _panels(runs: Sequence[Run]) -> list[str]:
    """The loss, then what was measured on clips that are not trained on (fewer points), then what else there is."""
    counts = {name: len(curve) for run in runs for name, curve in run.items()}
    return sorted(counts, key=lambda name: (name != "loss", counts[name]))[:PANELS]


def _band(axes: Axes, name: str, curves: Sequence[Curve], place: int) -> None:
    steps, values = _on_common_steps(curves)
    drawn = look(place)
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
