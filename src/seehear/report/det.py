"""Axes for curves of detection errors: normal deviates, where two normal distributions give a straight line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

TICKS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6)  # far enough from each other to be written
HIGHEST = 0.6
"""Beyond it nobody looks."""

Placed = Callable[[ArrayLike], NDArray[np.float64]]


def det_axes(axes: Axes, lowest: float) -> Placed:
    """Makes axes those of detection errors, with the line where both errors are equal.

    Args:
        axes: empty ones.
        lowest: the smallest error that is to be seen, in 0..1.

    Returns:
        errors in 0..1, of any shape -> where they are on the axes.
    """
    ends = placed([min(max(lowest, TICKS[0] / 2), HIGHEST / 2), HIGHEST])
    ticks = [tick for tick in TICKS if ends[0] <= placed(tick) <= ends[1]]
    axes.plot(ends, ends, linestyle=":", linewidth=1, color="gray", label="equal errors")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(placed(ticks), [f"{100 * tick:g} %" for tick in ticks])
    span: Any = ends
    axes.set(xlim=span, ylim=span, xlabel="false alarms (two speakers accepted)", aspect="equal")
    axes.set_ylabel("misses (one speaker refused)")
    return placed


def placed(errors: ArrayLike) -> NDArray[np.float64]:
    """Normal deviates of errors; 0 and 1 are drawn at the edge of what can be seen."""
    from scipy.special import ndtri

    inside: NDArray[np.float64] = ndtri(np.clip(errors, TICKS[0] / 2, 1 - TICKS[0] / 2))
    return inside
