"""One self-contained HTML file from sections of text, tables, figures, frames and clips.

The page asks nobody for anything: pictures and clips are inside it. It reads at phone and at desktop width, light or
dark as the reader's system is.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Protocol

from seehear.beside import write_text


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


@dataclass(frozen=True)
class Table:
    """Rows under a header. Cells that read as numbers are set to the right; the table scrolls where it is too wide."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""

    def to_html(self) -> str:
        """The table's markup."""
        head = "".join(f"<th scope=col{_number_class(column)}>{escape(name)}</th>" for name, column in self._columns())
        body = "".join(
            "<tr>" + "".join(f"<td{_number_class([cell])}>{escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self.rows
        )
        caption = f"<caption>{escape(self.caption)}</caption>" if self.caption else ""
        return f"<div class=scroll><table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"

    def _columns(self) -> list[tuple[str, list[str]]]:
        return [(name, [row[place] for row in self.rows]) for place, name in enumerate(self.header)]


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
    """A heading and its blocks."""

    title: str
    blocks: Sequence[Block] = field(default_factory=list)

    def to_html(self) -> str:
        """The section's markup."""
        return f"<section><h2>{escape(self.title)}</h2>{''.join(block.to_html() for block in self.blocks)}</section>"


def write_report(path: Path, title: str, lead: str, sections: Sequence[Section]) -> None:
    """Write the page.

    Args:
        path: the HTML file.
        title: heading and title of the page.
        lead: what the page is about, in a sentence or two.
        sections: in reading order.
    """
    body = "".join(section.to_html() for section in sections)
    page = (
        '<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport content="width=device-width">'
        f'<meta name="color-scheme" content="light dark"><title>{escape(title)}</title><style>{STYLE}</style></head>'
        f"<body><main><h1>{escape(title)}</h1><p class=lead>{escape(lead)}</p>{body}</main></body></html>\n"
    )
    write_text(path, page)


def _data_url(content: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"


def _picture_type(picture: bytes) -> str:
    return "image/png" if picture.startswith(b"\x89PNG") else "image/jpeg"


def _number_class(cells: Sequence[str]) -> str:
    numeric = cells and all(cell[:1].isdigit() or cell[:2].lstrip("+-±−")[:1].isdigit() for cell in cells)
    return " class=number" if numeric else ""


STYLE = """
:root { --ink: #1c2430; --soft: #5a6472; --paper: #ffffff; --shade: #f2f4f7; --line: #d8dde4; --mark: #2a6fb0; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ee; --soft: #9aa4b2; --paper: #14181e; --shade: #1e242d; --line: #343c48; --mark: #6fb1ea; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 52rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0.5rem 0; }
h2 { font-size: 1.2rem; margin: 2.6rem 0 0.6rem; padding-top: 0.8rem; border-top: 1px solid var(--line); }
p { margin: 0.6rem 0; max-width: 44rem; }
.lead { color: var(--soft); font-size: 1.05rem; }
figure { margin: 1rem 0; }
figcaption, caption { color: var(--soft); font-size: 0.9rem; text-align: left; padding: 0.3rem 0; }
.plot svg { width: 100%; height: auto; display: block; }
.plot text { font-family: system-ui, sans-serif !important; }
.strip { display: flex; flex-wrap: wrap; gap: 4px; }
.strip img { width: 96px; height: auto; border-radius: 4px; display: block; }
.strip > div { width: 96px; }
.strip small { display: block; color: var(--soft); font-size: 0.85rem; line-height: 1.3; }
.strip.wide > div { width: calc(33.3% - 4px); min-width: 15rem; flex-grow: 1; }
.strip.wide img { width: 100%; }
.sound { margin-bottom: 0.3rem; }
.sound audio { width: 100%; max-width: 26rem; display: block; }
.clip { display: inline-block; width: calc(50% - 0.6rem); min-width: 15rem; margin-right: 0.5rem; vertical-align: top; }
.clip video { width: 100%; background: #000; border-radius: 6px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.94rem; margin: 0.6rem 0; }
th, td { padding: 0.35rem 0.9rem 0.35rem 0; text-align: left; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
pre { background: var(--shade); padding: 0.8rem 1rem; border-radius: 6px; overflow-x: auto; font-size: 0.86rem; }
@media (max-width: 34rem) { .clip { width: 100%; margin-right: 0; } }
"""
