"""The curve of detection errors, on axes of normal deviates, where two normal distributions give a straight line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from seehear.os_errors import refusals_as_sentences
from seehear.report.det import det_axes
from seehear.report.plots import drawing, save_png

Curve = Sequence[tuple[float, float, float]]
"""(threshold, false alarms, misses), as `Counts.det` gives it."""


def draw_det(curves: Mapping[str, Curve], file: Path) -> None:
    """Writes a PNG with a curve for each name.

    Raises:
        SeehearError: it cannot be written.
    """
    errors = [rate for curve in curves.values() for point in curve for rate in point[1:]]
    with drawing(width=5.2, height=5.2) as (figure, (axes,)):
        placed = det_axes(axes, min(errors, default=0.01))
        for name, curve in curves.items():
            _, alarms, misses = np.array(curve).reshape(-1, 3).T
            marker = "o" if len(curve) == 1 else None
            axes.plot(placed(alarms), placed(misses), label=name, marker=marker)
        axes.legend()
        with refusals_as_sentences(file):
            save_png(figure, file)
