"""What the demo's page tells of two people who take turns."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from seehear.clip import FPS
from seehear.demo.conversation import PLACES, Conversed
from seehear.demo.pictures import jpeg
from seehear.report import Figure, Gallery, Section, Text, Video
from seehear.report.plots import COLOURS, drawing, to_svg


def conversation_section(conversed: Conversed) -> Section:
    """A film with frames around the faces, and who speaks when against the truth."""
    seconds = conversed.truth.shape[1] / FPS
    said = (
        f"Two people who are in no other film take turns for {seconds:.0f} s. The lip-sync model above compares the "
        "lips of each face with the sound; nobody told it how many people there are, or when one of them ends. "
        f"In {conversed.accuracy:.1%} of the pictures it is right about both of them. Saying the same of every picture "
        f"would be right in {conversed.guessed:.1%} at best."
    )
    frames = [(jpeg(picture), f"{time_s:.1f} s") for time_s, picture in conversed.frames]
    return Section(
        "Who speaks?",
        [
            Text(said),
            Figure(_time_line(conversed), "Who speaks when: what was found (green), and the truth."),
            Gallery(frames, "Green: speaks. The bar is how probable that is.", wide=True),
            Video(conversed.film.read_bytes(), "All of it."),
        ],
    )


def _time_line(conversed: Conversed) -> str:
    names = [f"{place}, {which}" for place in PLACES for which in ("found", "truth")]
    with drawing(height=1.9) as (figure, (axes,)):
        for place, rows in enumerate(zip(conversed.found, conversed.truth, strict=True)):
            for row, (speaks, colour) in enumerate(zip(rows, (COLOURS[2], COLOURS[4]), strict=True)):
                spans = [(start / FPS, (stop - start) / FPS) for start, stop in _stretches(speaks)]
                axes.broken_barh(spans, (2 * place + row - 0.35, 0.7), color=colour)
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlim(0, conversed.truth.shape[1] / FPS)
        axes.set_xlabel("time in s")
        axes.grid(visible=False, axis="y")
    return to_svg(figure)


def _stretches(speaks: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First picture of each stretch of speech, and the one after its last."""
    edges = np.flatnonzero(np.diff(speaks, prepend=False, append=False)).tolist()
    return [(start, stop) for start, stop in list(pairwise(edges))[::2]]
