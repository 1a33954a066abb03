"""Blocks that hold other blocks: side by side, folded away, set apart, or as a finding with its verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from seehear.report.html import Block

Mood = Literal["good", "bad", "open"]


@dataclass(frozen=True)
class Heading:
    """A heading inside of a section."""

    text: str

    def to_html(self) -> str:
        """The heading's markup."""
        return f"<h3>{escape(self.text)}</h3>"


@dataclass(frozen=True)
class Listed:
    """Points in a list."""

    points: Sequence[str]

    def to_html(self) -> str:
        """The list's markup."""
        return f"<ul>{''.join(f'<li>{escape(point)}</li>' for point in self.points)}</ul>"


@dataclass(frozen=True)
class Commands:
    """Commands below each other; what is too long for the page goes on in the next line, indented."""

    lines: Sequence[str]

    def to_html(self) -> str:
        """The commands' markup."""
        return f"<pre class=commands>{''.join(f'<code>{escape(line)}</code>' for line in self.lines)}</pre>"


@dataclass(frozen=True)
class Beside:
    """Blocks next to each other where there is room, below each other where there is none."""

    blocks: Sequence[Block]

    def to_html(self) -> str:
        """The blocks' markup."""
        return f"<div class=beside>{_inside(self.blocks)}</div>"


@dataclass(frozen=True)
class Grid:
    """Blocks of one kind in as many columns of equal width as there is room for, each at least ``least`` rem wide."""

    blocks: Sequence[Block]
    least: int = 20

    def to_html(self) -> str:
        """The blocks' markup."""
        return f'<div class=grid style="--least: {self.least}rem">{_inside(self.blocks)}</div>'


@dataclass(frozen=True)
class Fold:
    """Blocks behind a line that opens when it is clicked."""

    line: str
    blocks: Sequence[Block]

    def to_html(self) -> str:
        """The fold's markup."""
        return f"<details><summary>{escape(self.line)}</summary>{_inside(self.blocks)}</details>"


@dataclass(frozen=True)
class Printed:
    """What somebody else has published, set apart so that nobody takes it for a result of ours."""

    title: str
    blocks: Sequence[Block]

    def to_html(self) -> str:
        """The box's markup."""
        return f"<aside class=printed><h3>{escape(self.title)}</h3>{_inside(self.blocks)}</aside>"


@dataclass(frozen=True)
class Finding:
    """Something that was claimed, and what was found.

    Attributes:
        verdict: in a word or two.
        mood: of the verdict: it holds, it does not, or that is open.
        says: what was claimed.
        below: small words under it: who says so, and where it was checked.
        blocks: what was found.
    """

    verdict: str
    mood: Mood
    says: str
    below: str
    blocks: Sequence[Block]

    def to_html(self) -> str:
        """The finding's markup."""
        return (
            f'<div class="card {self.mood}"><span class=badge>{escape(self.verdict)}</span><p>{escape(self.says)}</p>'
            f"<small>{escape(self.below)}</small>{_inside(self.blocks)}</div>"
        )


def _inside(blocks: Sequence[Block]) -> str:
    return "".join(block.to_html() for block in blocks)
