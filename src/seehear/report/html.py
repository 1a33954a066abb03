"""Render blocks and sections to one HTML file; the HTML is in ``templates`` (jinja2), which escapes all text.

The page is self-contained: images and clips are embedded. It works at phone and desktop width, in light or dark mode
according to the reader's system.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from seehear.atomic_io import write_text

if TYPE_CHECKING:
    from jinja2 import Environment


class Block(Protocol):
    """Anything that can be part of a section."""

    def to_html(self) -> str:
        """Return the HTML of the block."""


class _TemplateBlock:
    """A block whose HTML is the macro of its name in ``templates/blocks.html``."""

    def to_html(self) -> str:
        """Return the HTML of the block."""
        return str(getattr(_templates().get_template("blocks.html").module, type(self).__name__)(self))


@dataclass(frozen=True)
class Text(_TemplateBlock):
    """A paragraph; with ``code``, a block of commands to copy."""

    text: str
    code: bool = False


NOTHING = ("", "–", "failed")
"""Placeholders for a missing number in a numeric column."""


@dataclass(frozen=True)
class TableCell(_TemplateBlock):
    """A table cell with a main value, small text below it, and optional emphasis."""

    text: str
    below: str = ""
    strong: bool = False


@dataclass(frozen=True)
class Table(_TemplateBlock):
    """Rows under a header. Numeric columns are right-aligned; the table scrolls if it is too wide.

    Attributes:
        header: column headings
        rows: from top to bottom
        caption: caption; empty for none
        under: index of a row -> full-width content below that row
    """

    header: Sequence[str | TableCell]
    rows: Sequence[Sequence[str | TableCell]]
    caption: str = ""
    under: Mapping[int, Block] = field(default_factory=dict)

    def numeric_columns(self) -> list[bool]:
        """Return whether each column contains only numbers and placeholders."""
        return [_is_numeric([row[index] for row in self.rows]) for index in range(len(self.header))]


@dataclass(frozen=True)
class SvgFigure(_TemplateBlock):
    """An ``<svg>`` drawing with a caption; ``alt`` is the text alternative."""

    svg: str
    caption: str
    alt: str = ""


@dataclass(frozen=True)
class Filmstrip(_TemplateBlock):
    """A wrapping row of encoded images (PNG or JPEG bytes) with a caption."""

    pictures: Sequence[bytes]
    caption: str


@dataclass(frozen=True)
class Gallery(_TemplateBlock):
    """A wrapping row of encoded images, each with a short label, and a caption; ``wide`` ones take a third of the page
    width, or all of it on a phone."""

    pictures: Sequence[tuple[bytes, str]]
    caption: str
    wide: bool = False


@dataclass(frozen=True)
class Audio(_TemplateBlock):
    """An audio player (FLAC bytes) with a caption."""

    flac: bytes
    caption: str


@dataclass(frozen=True)
class Video(_TemplateBlock):
    """A video player (MP4 bytes) with a caption. Clips of a section are placed side by side if there is room."""

    mp4: bytes
    caption: str


@dataclass(frozen=True)
class Section(_TemplateBlock):
    """A heading and its blocks.

    Attributes:
        title: heading
        blocks: from top to bottom
        short: shorter title for the table of contents, if the title is too long
    """

    title: str
    blocks: Sequence[Block] = field(default_factory=list)
    short: str = ""

    @property
    def anchor(self) -> str:
        """Anchor for links, made from the title in the table of contents."""
        return "-".join(re.findall(r"\w+", (self.short or self.title).lower()))


def write_report(
    path: Path, title: str, lead: str, sections: Sequence[Section], *, contents: bool = False, wide: bool = False
) -> None:
    """Write the page.

    Args:
        path: the HTML file
        title: heading and title of the page
        lead: introduction of one or two sentences
        sections: in reading order
        contents: start with a table of contents
        wide: use more of a large screen, for tables with many columns and figures side by side
    """
    page = _templates().get_template("page.html")
    write_text(path, page.render(title=title, lead=lead, sections=sections, contents=contents, wide=wide) + "\n")


@cache
def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(loader=PackageLoader("seehear.report"), autoescape=True, undefined=StrictUndefined)
    environment.filters["data_url"] = _data_url
    return environment


def _data_url(content: bytes, media_type: str = "") -> str:
    """Return the content as a link; without a type, it is a picture."""
    kind = media_type or ("image/png" if content.startswith(b"\x89PNG") else "image/jpeg")
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _is_numeric(cells: Sequence[str | TableCell]) -> bool:
    texts = [cell.text if isinstance(cell, TableCell) else cell for cell in cells]
    values = [text for text in texts if text not in NOTHING]
    return bool(values) and all(text[:1].isdigit() or text[:2].lstrip("+-±−")[:1].isdigit() for text in values)


Tone = Literal["good", "bad", "open"]


@dataclass(frozen=True)
class Heading(_TemplateBlock):
    """A heading inside a section."""

    text: str


@dataclass(frozen=True)
class BulletList(_TemplateBlock):
    """A bulleted list."""

    points: Sequence[str]


@dataclass(frozen=True)
class Commands(_TemplateBlock):
    """Commands, one per line; long ones wrap with indentation."""

    lines: Sequence[str]


@dataclass(frozen=True)
class SideBySide(_TemplateBlock):
    """Blocks side by side if there is room, otherwise stacked."""

    blocks: Sequence[Block]


@dataclass(frozen=True)
class BlockGrid(_TemplateBlock):
    """Blocks of one kind in as many equal columns as fit, each at least ``least`` rem wide."""

    blocks: Sequence[Block]
    min_width_rem: int = 20


@dataclass(frozen=True)
class Details(_TemplateBlock):
    """Collapsible blocks behind a summary line."""

    line: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class QuotedBox(_TemplateBlock):
    """Published results of others, set apart so that they are not mistaken for own results."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Finding(_TemplateBlock):
    """A claim and the result of checking it.

    Attributes:
        verdict: one or two words
        mood: whether the claim holds, does not hold, or is open
        says: the claim
        below: small text below it: who makes the claim, and where it was checked
        blocks: the evidence
    """

    verdict: str
    mood: Tone
    says: str
    below: str
    blocks: Sequence[Block]
