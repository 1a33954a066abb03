"""Figures that sit in a page, light or dark, or in a PNG of their own."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from seehear.beside import written_beside

INK = "#010203"
"""Stands for the page's own text colour: `to_svg` replaces it with ``currentColor``."""

COLOURS = ("#3b82c4", "#d9822b", "#3a9d6b", "#b5529b", "#8a8f98")
"""Legible on white and on near-black, and to most colour-blind readers (also told apart by label and dash)."""

DASHES = ("-", "--", ":", "-.")

LONG_NAME = 14  # letters; of longer ones no three go beside each other

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
    "svg.fonttype": "none",  # text stays text: small, searchable, in the page's font
    "svg.hashsalt": "seehear",  # the same figure gives the same bytes
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


@contextmanager
def drawing(panels: int = 1, *, width: float = 6.2, height: float = 2.6) -> Iterator[tuple[Figure, list[Axes]]]:
    """An empty figure of ``panels`` rows, each ``width`` x ``height`` inches, to be drawn on in the house style."""
    with style.context(_STYLE):
        figure = Figure(figsize=(width, height * panels), layout="constrained")
        yield figure, list(figure.subplots(panels, 1, squeeze=False)[:, 0])


def look(place: int) -> dict[str, Any]:
    """Colour and dash of the line of a name, by its place among them: no two look the same, up to twenty."""
    return {"color": COLOURS[place % len(COLOURS)], "linestyle": DASHES[place // len(COLOURS) % len(DASHES)]}


def legend_below(figure: Figure, axes: Axes) -> None:
    """The names of the axes' lines under the whole figure, which grows by as much: many would hide the lines."""
    lines, names = axes.get_legend_handles_labels()
    if not names:
        return
    columns = 3 if max(map(len, names)) <= LONG_NAME else 2
    figure.set_figheight(figure.get_figheight() + 0.2 * math.ceil(len(names) / columns))
    figure.legend(lines, names, loc="outside lower center", ncols=columns, fontsize="small")


def to_svg(figure: Figure) -> str:
    """The figure as an ``<svg>`` element without background, drawn in the text colour of its surroundings."""
    buffer = io.StringIO()
    with style.context(_STYLE):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    return re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)


def save_png(figure: Figure, path: Path) -> None:
    """The figure on white as PNG."""
    with written_beside(path) as temporary, style.context(_STYLE):
        figure.savefig(temporary, format="png", dpi=144, facecolor="white")
