"""The curve of detection errors, on axes of normal deviates, where two normal distributions give a straight line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy.special import ndtri

from seehear.os_errors import refusals_as_sentences
from seehear.report.plots import drawing, save_png

TICKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6)

Curve = Sequence[tuple[float, float, float]]
"""(threshold, false alarms, misses), as `Counts.det` gives it."""


def draw_det(curves: Mapping[str, Curve], file: Path) -> None:
    """Writes a PNG with a curve for each name.

    Raises:
        SeehearError: it cannot be written.
    """
    errors = [rate for curve in curves.values() for point in curve for rate in point[1:]]
    ends = ndtri(np.clip([min(errors, default=0.01), 0.6], TICKS[0] / 2, 0.6))
    places = [tick for tick in TICKS if ends[0] <= ndtri(tick) <= ends[1]]
    with drawing(width=5.2, height=5.2) as (figure, (axes,)):
        for name, curve in curves.items():
            _, alarms, misses = np.array(curve).reshape(-1, 3).T
            marker = "o" if len(curve) == 1 else None
            axes.plot(ndtri(alarms), ndtri(misses), label=name, marker=marker)
        axes.plot(ends, ends, linestyle=":", linewidth=1, color="gray", label="equal errors")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_ticks(ndtri(places), [f"{100 * tick:g} %" for tick in places])
        axes.set(xlim=ends, ylim=ends, xlabel="false alarms (two speakers accepted)", aspect="equal")
        axes.set_ylabel("misses (one speaker refused)")
        axes.legend()
        with refusals_as_sentences(file):
            save_png(figure, file)
