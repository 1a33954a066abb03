"""What was taken for what, over all seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from numpy.typing import NDArray

from seehear.benchmark.outcome import Outcome
from seehear.report import Figure
from seehear.report.plots import COLOURS, drawing, to_svg

SIDE = 4.2  # inches
NAMED, NUMBERED = 24, 12  # classes up to which they are named, and their shares written into the squares

_SHADES = LinearSegmentedColormap.from_list("shades", [(*to_rgba(COLOURS[0])[:3], 0.0), to_rgba(COLOURS[0])])
"""From nothing, which is right on a light page and on a dark one."""


def confusion(row: str, outcomes: Sequence[Outcome]) -> Figure | None:
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
    return Figure(_drawn(shares, told[0].classes), said)


def _drawn(shares: NDArray[np.float64], classes: Sequence[str]) -> str:
    with drawing(width=SIDE, height=SIDE) as (figure, (axes,)):
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
