"""One self-contained HTML file from sections of text, tables, figures, frames and clips.

The page asks nobody for anything: pictures and clips are inside it. It reads at phone and at desktop width, light or
dark as the reader's system is.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Protocol

from seehear.beside import write_text
from seehear.report.style import STYLE


class Block(Protocol):
    """Anything that can stand in a section."""

    def to_html(self) -> str:
        """The block's markup."""


@dataclass(frozen=True)
class Text:
    """A paragraph; ``code`` makes it a block of commands to copy."""

    text: str
    code: bool = False

    def to_html(self) -> str:
        """The paragraph's markup."""
        return f"<pre><code>{escape(self.text)}</code></pre>" if self.code else f"<p>{escape(self.text)}</p>"


NOTHING = ("", "–", "failed")
"""What stands in a column of numbers where there is none."""


@dataclass(frozen=True)
class Cell:
    """A cell of a table that says more than one thing: what counts, small words under it, and whether it stands out."""

    text: str
    below: str = ""
    strong: bool = False

    def to_html(self) -> str:
        """What is inside of the cell."""
        told = f"<b>{escape(self.text)}</b>" if self.strong else escape(self.text)
        return f"{told}<small>{escape(self.below)}</small>" if self.below else told


@dataclass(frozen=True)
class Table:
    """Rows under a header. Columns of numbers are set to the right; the table scrolls where it is too wide.

    Attributes:
        header: of the columns.
        rows: from top to bottom.
        caption: what is in it; empty for none.
        under: place of a row -> what stands below that row, as wide as the table.
    """

    header: Sequence[str | Cell]
    rows: Sequence[Sequence[str | Cell]]
    caption: str = ""
    under: Mapping[int, Block] = field(default_factory=dict)

    def to_html(self) -> str:
        """The table's markup."""
        kinds = [_number_class([row[place] for row in self.rows]) for place in range(len(self.header))]
        head = "".join(f"<th scope=col{kind}>{_cell(name)}</th>" for kind, name in zip(kinds, self.header, strict=True))
        body = "".join(self._row(place, kinds) for place in range(len(self.rows)))
        table = f"<div class=scroll><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        caption = f"<figcaption>{escape(self.caption)}</figcaption>" if self.caption else ""  # does not scroll with it
        return f"<figure class=table>{caption}{table}</figure>" if caption else table

    def _row(self, place: int, kinds: Sequence[str]) -> str:
        below = self.under.get(place)
        kind = " class=over" if below else ""
        row = "".join(f"<td{kind}>{_cell(cell)}</td>" for kind, cell in zip(kinds, self.rows[place], strict=True))
        under = f"<tr><td class=under colspan={len(self.header)}>{below.to_html()}</td></tr>" if below else ""
        return f"<tr{kind}>{row}</tr>{under}"


@dataclass(frozen=True)
class Figure:
    """A drawing (markup of an ``<svg>``) and what it shows; ``alt`` says it to those who cannot see it."""

    svg: str
    caption: str
    alt: str = ""

    def to_html(self) -> str:
        """The figure's markup."""
        label = escape(self.alt or self.caption, quote=True)
        return (
            f'<figure><div class=plot role=img aria-label="{label}">{self.svg}</div>'
            f"<figcaption>{escape(self.caption)}</figcaption></figure>"
        )


@dataclass(frozen=True)
class Filmstrip:
    """Encoded pictures (PNG or JPEG bytes) in a row that wraps, and what they show."""

    pictures: Sequence[bytes]
    caption: str

    def to_html(self) -> str:
        """The strip's markup."""
        images = "".join(
            f'<img alt="" src="{_data_url(picture, _picture_type(picture))}">' for picture in self.pictures
        )
        return f"<figure><div class=strip>{images}</div><figcaption>{escape(self.caption)}</figcaption></figure>"


@dataclass(frozen=True)
class Gallery:
    """Encoded pictures, each with a few words under it, in a row that wraps, and what they show; ``wide`` ones are as
    large as a third of the page, and as all of it on a phone."""

    pictures: Sequence[tuple[bytes, str]]
    caption: str
    wide: bool = False

    def to_html(self) -> str:
        """The gallery's markup."""
        shown = "".join(
            f'<div><img alt="" src="{_data_url(picture, _picture_type(picture))}"><small>{escape(words)}</small></div>'
            for picture, words in self.pictures
        )
        kind = '"strip wide"' if self.wide else "strip"
        return f"<figure><div class={kind}>{shown}</div><figcaption>{escape(self.caption)}</figcaption></figure>"


@dataclass(frozen=True)
class Audio:
    """Sound to be played (the bytes of a FLAC file) and what it is."""

    flac: bytes
    caption: str

    def to_html(self) -> str:
        """The sound's markup."""
        source = _data_url(self.flac, "audio/flac")
        player = f'<audio controls preload=metadata src="{source}"></audio>'
        return f"<figure class=sound>{player}<figcaption>{escape(self.caption)}</figcaption></figure>"


@dataclass(frozen=True)
class Video:
    """A playable clip (mp4 bytes) and what it shows. Clips of one section stand side by side where there is room."""

    mp4: bytes
    caption: str

    def to_html(self) -> str:
        """The clip's markup."""
        source = _data_url(self.mp4, "video/mp4")
        player = f'<video controls playsinline preload=metadata src="{source}"></video>'
        return f"<figure class=clip>{player}<figcaption>{escape(self.caption)}</figcaption></figure>"


@dataclass(frozen=True)
class Section:
    """A heading and its blocks.

    Attributes:
        title: the heading.
        blocks: from top to bottom.
        short: what the contents call it, where the title is too long for that.
    """

    title: str
    blocks: Sequence[Block] = field(default_factory=list)
    short: str = ""

    @property
    def anchor(self) -> str:
        """What links call it: the words by which the contents call it."""
        return "-".join(re.findall(r"\w+", (self.short or self.title).lower()))

    def to_html(self) -> str:
        """The section's markup."""
        blocks = "".join(block.to_html() for block in self.blocks)
        return f'<section id="{self.anchor}"><h2>{escape(self.title)}</h2>{blocks}</section>'


def write_report(
    path: Path, title: str, lead: str, sections: Sequence[Section], *, contents: bool = False, wide: bool = False
) -> None:
    """Write the page.

    Args:
        path: the HTML file.
        title: heading and title of the page.
        lead: what the page is about, in a sentence or two.
        sections: in reading order.
        contents: begin with links to the sections.
        wide: use more of a large screen, for tables of many columns and figures side by side.
    """
    links = "".join(
        f'<li><a href="#{section.anchor}">{escape(section.short or section.title)}</a></li>' for section in sections
    )
    listed = f"<nav aria-label=Contents><ul>{links}</ul></nav>" if contents else ""
    body = listed + "".join(section.to_html() for section in sections)
    kind = " class=wide" if wide else ""
    page = (
        '<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport content="width=device-width">'
        f'<meta name="color-scheme" content="light dark"><title>{escape(title)}</title><style>{STYLE}</style></head>'
        f"<body><main{kind}><h1>{escape(title)}</h1><p class=lead>{escape(lead)}</p>{body}</main></body></html>\n"
    )
    write_text(path, page)


def _data_url(content: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"


def _picture_type(picture: bytes) -> str:
    return "image/png" if picture.startswith(b"\x89PNG") else "image/jpeg"


def _cell(cell: str | Cell) -> str:
    return cell.to_html() if isinstance(cell, Cell) else escape(cell)


def _number_class(cells: Sequence[str | Cell]) -> str:
    """For a column in which nothing but a dash stands beside numbers."""
    texts = [cell.text if isinstance(cell, Cell) else cell for cell in cells]
    told = [text for text in texts if text not in NOTHING]
    numeric = told and all(text[:1].isdigit() or text[:2].lstrip("+-±−")[:1].isdigit() for text in told)
    return " class=number" if numeric else ""
