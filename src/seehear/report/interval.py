"""Differences with their intervals as bars about a line at 0, all on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

BARS, ROW, LETTER, MARGIN = 260, 22, 8, 10
"""In pixels, where the drawing is as large as it is meant: width of the bars, height of one, width of a letter of the
names at the left, and space around the bars."""


@dataclass(frozen=True)
class Span:
    """A difference.

    Attributes:
        name: from what.
        middle: how large it is.
        low, high: its interval, drawn thick; None for none.
        outer_low, outer_high: another interval, drawn thin; None for none.
    """

    name: str
    middle: float
    low: float | None = None
    high: float | None = None
    outer_low: float | None = None
    outer_high: float | None = None

    @property
    def values(self) -> list[float]:
        """All that has to be seen."""
        ends = (self.middle, self.low, self.high, self.outer_low, self.outer_high)
        return [end for end in ends if end is not None]


@dataclass(frozen=True)
class IntervalBar:
    """Spans below each other, and what they are of."""

    spans: Sequence[Span]
    caption: str

    def to_html(self) -> str:
        """The drawing's markup."""
        label = MARGIN + LETTER * max((len(span.name) for span in self.spans), default=0)
        largest = max((abs(value) for span in self.spans for value in span.values), default=0) or 1
        zero, scale = label + BARS / 2, (BARS / 2 - MARGIN) / largest
        bars = "".join(_bar(span, place, label, zero, scale) for place, span in enumerate(self.spans))
        width, height, caption = label + BARS, ROW * len(self.spans), escape(self.caption)
        return (
            f'<figure class=bars><svg viewBox="0 0 {width:g} {height}" style="max-width: {width:g}px" role=img '
            f'aria-label="{caption}"><line class=zero x1="{zero:g}" x2="{zero:g}" y1="0" y2="{height}"></line>'
            f"{bars}</svg><figcaption>{caption}</figcaption></figure>"
        )


def _bar(span: Span, place: int, label: float, zero: float, scale: float) -> str:
    y = ROW * (place + 0.5)
    pieces = [f'<text x="{label - 4:g}" y="{y + 4:g}" text-anchor="end">{escape(span.name)}</text>']
    for kind, low, high in (("thin", span.outer_low, span.outer_high), ("thick", span.low, span.high)):
        if low is not None and high is not None:
            ends = f'x1="{zero + scale * low:.1f}" x2="{zero + scale * high:.1f}" y1="{y:g}" y2="{y:g}"'
            pieces.append(f"<line class={kind} {ends}></line>")
    pieces.append(f'<circle cx="{zero + scale * span.middle:.1f}" cy="{y:g}" r="4"></circle>')
    return "".join(pieces)
