"""Figures for a page or PNG; DET axes; interval bars."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from seehear.atomic_io import atomic_write

INK = "#010203"
"""Placeholder for the page's text colour: `to_svg` replaces it with ``currentColor``."""


COLOURS = ("#3b82c4", "#d9822b", "#3a9d6b", "#b5529b", "#8a8f98")
"""Legible on white and near-black, and for most colour-blind readers (labels and dashes also distinguish lines)."""


DASHES = ("-", "--", ":", "-.")


LONG_NAME = 14  # characters; at most two longer names fit next to each other


_STYLE: dict[str, Any] = {
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.prop_cycle": f"cycler('color', {list(COLOURS)})",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": "medium",
    "font.size": 10,
    "grid.alpha": 0.2,
    "grid.color": INK,
    "axes.grid": True,
    "legend.frameon": False,
    "svg.fonttype": "none",  # keep text as text: small, searchable, in the page's font
    "svg.hashsalt": "seehear",  # reproducible bytes
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


@contextmanager
def new_figure(panels: int = 1, *, width: float = 6.2, height: float = 2.6) -> Iterator[tuple[Figure, list[Axes]]]:
    """Create an empty figure of ``panels`` rows, each ``width`` x ``height`` inches, in the house style."""
    with style.context(_STYLE):
        figure = Figure(figsize=(width, height * panels), layout="constrained")
        yield figure, list(figure.subplots(panels, 1, squeeze=False)[:, 0])


def line_style(index: int) -> dict[str, Any]:
    """Return colour and dash of the line with this index; unique for up to twenty lines."""
    return {"color": COLOURS[index % len(COLOURS)], "linestyle": DASHES[index // len(COLOURS) % len(DASHES)]}


def legend_below(figure: Figure, axes: Axes) -> None:
    """Put the legend below the figure, which grows accordingly: a long legend would hide the lines."""
    lines, names = axes.get_legend_handles_labels()
    if not names:
        return
    columns = 3 if max(map(len, names)) <= LONG_NAME else 2
    figure.set_figheight(figure.get_figheight() + 0.2 * math.ceil(len(names) / columns))
    figure.legend(lines, names, loc="outside lower center", ncols=columns, fontsize="small")


def to_svg(figure: Figure) -> str:
    """Convert the figure to an ``<svg>`` element without background, in the text colour of the page."""
    buffer = io.StringIO()
    with style.context(_STYLE):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    return re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)


def save_png(figure: Figure, path: Path) -> None:
    """Save the figure as PNG on white."""
    with atomic_write(path) as temporary, style.context(_STYLE):
        figure.savefig(temporary, format="png", dpi=144, facecolor="white")


TICKS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6)  # spaced widely enough for their labels


MAX_ERROR = 0.6
"""Upper limit of the axes: larger errors are of no interest."""


ErrorTransform = Callable[[ArrayLike], NDArray[np.float64]]


def det_axes(axes: Axes, min_error: float) -> ErrorTransform:
    """Set up axes for DET curves, with the line of equal errors.

    Args:
        axes: empty axes
        min_error: smallest error to show, in 0..1

    Returns:
        function from errors in 0..1, of any shape, to axis coordinates
    """
    ends = to_deviates([min(max(min_error, TICKS[0] / 2), MAX_ERROR / 2), MAX_ERROR])
    ticks = [tick for tick in TICKS if ends[0] <= to_deviates(tick) <= ends[1]]
    axes.plot(ends, ends, linestyle=":", linewidth=1, color="gray", label="equal errors")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(to_deviates(ticks), [f"{100 * tick:g} %" for tick in ticks])
    limits: Any = ends
    axes.set(xlim=limits, ylim=limits, xlabel="false alarms (different speakers accepted)", aspect="equal")
    axes.set_ylabel("misses (same speaker rejected)")
    return to_deviates


def to_deviates(errors: ArrayLike) -> NDArray[np.float64]:
    """Return the normal deviates of errors; 0 and 1 are clipped to the axis limits."""
    from scipy.special import ndtri

    inside: NDArray[np.float64] = ndtri(np.clip(errors, TICKS[0] / 2, 1 - TICKS[0] / 2))
    return inside


BARS, ROW, LETTER, MARGIN = 260, 22, 8, 10
"""Sizes in px at the nominal scale: width of the bars, height of a row, width of a letter of the names on the left, and
margin around the bars."""


@dataclass(frozen=True)
class IntervalRow:
    """An estimate with intervals.

    Attributes:
        name: label
        estimate: the estimate
        low, high: its interval, drawn as a thick line; None for none
        outer_low, outer_high: a second interval, drawn as a thin line; None for none
    """

    name: str
    estimate: float
    low: float | None = None
    high: float | None = None
    outer_low: float | None = None
    outer_high: float | None = None

    @property
    def values(self) -> list[float]:
        """All values that must be visible."""
        ends = (self.estimate, self.low, self.high, self.outer_low, self.outer_high)
        return [end for end in ends if end is not None]


@dataclass(frozen=True)
class IntervalPlot:
    """Stacked interval bars with a caption."""

    rows: Sequence[IntervalRow]
    caption: str

    def to_html(self) -> str:
        """Return the HTML of the drawing."""
        label = MARGIN + LETTER * max((len(row.name) for row in self.rows), default=0)
        largest = max((abs(value) for row in self.rows for value in row.values), default=0) or 1
        zero, scale = label + BARS / 2, (BARS / 2 - MARGIN) / largest
        bars = "".join(_bar(row, index, label, zero, scale) for index, row in enumerate(self.rows))
        width, height, caption = label + BARS, ROW * len(self.rows), escape(self.caption)
        return (
            f'<figure class=bars><svg viewBox="0 0 {width:g} {height}" style="max-width: {width:g}px" role=img '
            f'aria-label="{caption}"><line class=zero x1="{zero:g}" x2="{zero:g}" y1="0" y2="{height}"></line>'
            f"{bars}</svg><figcaption>{caption}</figcaption></figure>"
        )


def _bar(row: IntervalRow, index: int, label: float, zero: float, scale: float) -> str:
    y = ROW * (index + 0.5)
    elements = [f'<text x="{label - 4:g}" y="{y + 4:g}" text-anchor="end">{escape(row.name)}</text>']
    for kind, low, high in (("thin", row.outer_low, row.outer_high), ("thick", row.low, row.high)):
        if low is not None and high is not None:
            ends = f'x1="{zero + scale * low:.1f}" x2="{zero + scale * high:.1f}" y1="{y:g}" y2="{y:g}"'
            elements.append(f"<line class={kind} {ends}></line>")
    elements.append(f'<circle cx="{zero + scale * row.estimate:.1f}" cy="{y:g}" r="4"></circle>')
    return "".join(elements)
