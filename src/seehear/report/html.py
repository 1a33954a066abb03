"""Render blocks and sections to one HTML file (jinja2; style in a template file).

The page is self-contained: images and clips are embedded. It works at phone and desktop width, in light or dark mode
according to the reader's system.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Literal, Protocol

from seehear.atomic_io import write_text

STYLE = """
:root { --ink: #1c2430; --soft: #5a6472; --paper: #ffffff; --shade: #f2f4f7; --line: #d8dde4; --mark: #2a6fb0;
  --good: #1d7a46; --bad: #b3382c; --printed: #8a6212; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ee; --soft: #9aa4b2; --paper: #14181e; --shade: #1e242d; --line: #343c48; --mark: #6fb1ea;
    --good: #5cc98c; --bad: #f08a7d; --printed: #e0b459; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 52rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0.5rem 0; }
main.wide { max-width: 74rem; }
h2 { font-size: 1.2rem; margin: 2.6rem 0 0.6rem; padding-top: 0.8rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.02rem; margin: 1.8rem 0 0.4rem; }
a { color: var(--mark); }
nav ul { margin: 1rem 0; padding: 0; list-style: none; display: flex; flex-wrap: wrap; gap: 0.2rem 1.4rem; }
p { margin: 0.6rem 0; max-width: 44rem; }
.lead { color: var(--soft); font-size: 1.05rem; }
figure { margin: 1rem 0; }
figcaption { color: var(--soft); font-size: 0.9rem; text-align: left; padding: 0.3rem 0; }
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
table { border-collapse: separate; border-spacing: 0; font-size: 0.94rem; margin: 0.6rem 0; }
th, td { padding: 0.35rem 0.9rem 0.35rem 0; text-align: left; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; }
.table { min-width: min(100%, 20rem); }
.table > figcaption { max-width: 44rem; contain: inline-size; }
.number small { white-space: nowrap; }
.wide .scroll th:first-child, .wide .scroll td:first-child { position: sticky; left: 0; }
.wide .scroll th:first-child, .wide .scroll td:first-child { background: var(--paper); }
td.under > details { position: sticky; left: 0; width: fit-content; max-width: min(100%, calc(100vw - 2rem)); }
td small, th small { display: block; font-weight: 400; font-size: 0.8rem; color: var(--soft); }
td { vertical-align: top; }
th { vertical-align: bottom; }
tr.over td { border-bottom: 0; padding-bottom: 0; }
td.under { padding: 0 0 0.3rem; }
details { font-size: 0.86rem; }
details > summary { color: var(--soft); cursor: pointer; }
details pre { margin: 0.3rem 0; }
.commands { white-space: pre-wrap; overflow-wrap: anywhere; }
.commands code { display: block; padding-left: 2ch; text-indent: -2ch; }
.beside { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 0 2rem; }
.beside > * { flex: 0 1 auto; max-width: 100%; min-width: 0; }
.beside > figure:not(.table) { flex: 1 1 22rem; max-width: min(100%, 30rem); }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, var(--least)), 1fr)); gap: 0 2rem; }
.grid > * { min-width: 0; }
.grid > .clip { width: auto; min-width: 0; margin-right: 0; }
.printed { border: 1px dashed var(--printed); border-radius: 6px; padding: 0.2rem 1rem 0.6rem; margin: 0.8rem 0; }
.printed > h3 { color: var(--printed); margin-top: 0.6rem; }
.beside > .printed { min-width: min(100%, 24rem); }
.beside > .printed > p, .beside > .printed > h3 { contain: inline-size; }  /* as wide as its table */
.printed p { font-size: 0.9rem; }
.printed td { font-style: italic; }
.card { border-left: 4px solid var(--line); padding: 0.1rem 0 0.1rem 1rem; margin: 1.4rem 0; }
.card.good { border-color: var(--good); }
.card.bad { border-color: var(--bad); }
.card > p { font-weight: 600; }
.card > small { display: block; color: var(--soft); }
.badge { font-size: 0.82rem; font-weight: 600; padding: 0.1rem 0.5rem; border-radius: 1rem; background: var(--shade); }
.good > .badge { color: var(--good); }
.bad > .badge { color: var(--bad); }
.bars svg { width: 100%; height: auto; display: block; }
.bars text { font-size: 12px; fill: currentColor; }
.bars .zero { stroke: var(--soft); stroke-dasharray: 3 3; }
.bars .thick { stroke: var(--mark); stroke-width: 5; opacity: 0.6; }
.bars .thin { stroke: var(--mark); stroke-width: 1.5; }
.bars circle { fill: var(--mark); }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
th.number { white-space: normal; }
pre { background: var(--shade); padding: 0.8rem 1rem; border-radius: 6px; overflow-x: auto; font-size: 0.86rem; }
@media (max-width: 34rem) {
  .clip { width: 100%; margin-right: 0; }
}
"""


class Block(Protocol):
    """Anything that can be part of a section."""

    def to_html(self) -> str:
        """Return the HTML of the block."""


@dataclass(frozen=True)
class Text:
    """A paragraph; with ``code``, a block of commands to copy."""

    text: str
    code: bool = False

    def to_html(self) -> str:
        """Return the HTML of the paragraph."""
        return f"<pre><code>{escape(self.text)}</code></pre>" if self.code else f"<p>{escape(self.text)}</p>"


PLACEHOLDERS = ("", "–", "failed")
"""Placeholders for a missing number in a numeric column."""


@dataclass(frozen=True)
class TableCell:
    """A table cell with a main value, small text below it, and optional emphasis."""

    text: str
    below: str = ""
    strong: bool = False

    def to_html(self) -> str:
        """Return the HTML inside the cell."""
        text = f"<b>{escape(self.text)}</b>" if self.strong else escape(self.text)
        return f"{text}<small>{escape(self.below)}</small>" if self.below else text


@dataclass(frozen=True)
class Table:
    """Rows under a header. Numeric columns are right-aligned; the table scrolls if it is too wide.

    Attributes:
        header: column headings
        rows: from top to bottom
        caption: caption; empty for none
        details_by_row: index of a row -> full-width content below that row
    """

    header: Sequence[str | TableCell]
    rows: Sequence[Sequence[str | TableCell]]
    caption: str = ""
    details_by_row: Mapping[int, Block] = field(default_factory=dict)

    def to_html(self) -> str:
        """Return the HTML of the table."""
        kinds = [_number_class([row[index] for row in self.rows]) for index in range(len(self.header))]
        head = "".join(f"<th scope=col{kind}>{_cell(name)}</th>" for kind, name in zip(kinds, self.header, strict=True))
        body = "".join(self._row(index, kinds) for index in range(len(self.rows)))
        table = f"<div class=scroll><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        caption = f"<figcaption>{escape(self.caption)}</figcaption>" if self.caption else ""  # outside the scroll area
        return f"<figure class=table>{caption}{table}</figure>" if caption else table

    def _row(self, index: int, kinds: Sequence[str]) -> str:
        below = self.details_by_row.get(index)
        kind = " class=over" if below else ""
        row = "".join(f"<td{kind}>{_cell(cell)}</td>" for kind, cell in zip(kinds, self.rows[index], strict=True))
        under = f"<tr><td class=under colspan={len(self.header)}>{below.to_html()}</td></tr>" if below else ""
        return f"<tr{kind}>{row}</tr>{under}"


@dataclass(frozen=True)
class SvgFigure:
    """An ``<svg>`` drawing with a caption; ``alt`` is the text alternative."""

    svg: str
    caption: str
    alt: str = ""

    def to_html(self) -> str:
        """Return the HTML of the figure."""
        label = escape(self.alt or self.caption, quote=True)
        return (
            f'<figure><div class=plot role=img aria-label="{label}">{self.svg}</div>'
            f"<figcaption>{escape(self.caption)}</figcaption></figure>"
        )


@dataclass(frozen=True)
class Filmstrip:
    """A wrapping row of encoded images (PNG or JPEG bytes) with a caption."""

    pictures: Sequence[bytes]
    caption: str

    def to_html(self) -> str:
        """Return the HTML of the strip."""
        images = "".join(
            f'<img alt="" src="{_data_url(picture, _picture_type(picture))}">' for picture in self.pictures
        )
        return f"<figure><div class=strip>{images}</div><figcaption>{escape(self.caption)}</figcaption></figure>"


@dataclass(frozen=True)
class Gallery:
    """A wrapping row of encoded images, each with a short label, and a caption; ``wide`` ones take a third of the page
    width, or all of it on a phone."""

    pictures: Sequence[tuple[bytes, str]]
    caption: str
    wide: bool = False

    def to_html(self) -> str:
        """Return the HTML of the gallery."""
        content = "".join(
            f'<div><img alt="" src="{_data_url(picture, _picture_type(picture))}"><small>{escape(words)}</small></div>'
            for picture, words in self.pictures
        )
        kind = '"strip wide"' if self.wide else "strip"
        return f"<figure><div class={kind}>{content}</div><figcaption>{escape(self.caption)}</figcaption></figure>"


@dataclass(frozen=True)
class Audio:
    """An audio player (FLAC bytes) with a caption."""

    flac: bytes
    caption: str

    def to_html(self) -> str:
        """Return the HTML of the player."""
        source = _data_url(self.flac, "audio/flac")
        player = f'<audio controls preload=metadata src="{source}"></audio>'
        return f"<figure class=sound>{player}<figcaption>{escape(self.caption)}</figcaption></figure>"


@dataclass(frozen=True)
class Video:
    """A video player (MP4 bytes) with a caption. Clips of a section are placed side by side if there is room."""

    mp4: bytes
    caption: str

    def to_html(self) -> str:
        """Return the HTML of the player."""
        source = _data_url(self.mp4, "video/mp4")
        player = f'<video controls playsinline preload=metadata src="{source}"></video>'
        return f"<figure class=clip>{player}<figcaption>{escape(self.caption)}</figcaption></figure>"


@dataclass(frozen=True)
class Section:
    """A heading and its blocks.

    Attributes:
        title: heading
        blocks: from top to bottom
        short_title: shorter title for the table of contents, if the title is too long
    """

    title: str
    blocks: Sequence[Block] = field(default_factory=list)
    short_title: str = ""

    @property
    def contents_title(self) -> str:
        """Title in the table of contents."""
        return self.short_title or self.title

    @property
    def anchor(self) -> str:
        """Anchor for links, made from the title in the table of contents."""
        return "-".join(re.findall(r"\w+", self.contents_title.lower()))

    def to_html(self) -> str:
        """Return the HTML of the section."""
        blocks = "".join(block.to_html() for block in self.blocks)
        return f'<section id="{self.anchor}"><h2>{escape(self.title)}</h2>{blocks}</section>'


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
    links = "".join(
        f'<li><a href="#{section.anchor}">{escape(section.short_title or section.title)}</a></li>'
        for section in sections
    )
    navigation = f"<nav aria-label=Contents><ul>{links}</ul></nav>" if contents else ""
    body = navigation + "".join(section.to_html() for section in sections)
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


def _cell(cell: str | TableCell) -> str:
    return cell.to_html() if isinstance(cell, TableCell) else escape(cell)


def _number_class(cells: Sequence[str | TableCell]) -> str:
    """Return the CSS class of a column that contains only numbers and placeholders."""
    texts = [cell.text if isinstance(cell, TableCell) else cell for cell in cells]
    values = [text for text in texts if text not in PLACEHOLDERS]
    numeric = values and all(text[:1].isdigit() or text[:2].lstrip("+-±−")[:1].isdigit() for text in values)
    return " class=number" if numeric else ""


Tone = Literal["good", "bad", "open"]


@dataclass(frozen=True)
class Heading:
    """A heading inside a section."""

    text: str

    def to_html(self) -> str:
        """Return the HTML of the heading."""
        return f"<h3>{escape(self.text)}</h3>"


@dataclass(frozen=True)
class BulletList:
    """A bulleted list."""

    points: Sequence[str]

    def to_html(self) -> str:
        """Return the HTML of the list."""
        return f"<ul>{''.join(f'<li>{escape(point)}</li>' for point in self.points)}</ul>"


@dataclass(frozen=True)
class Commands:
    """Commands, one per line; long ones wrap with indentation."""

    lines: Sequence[str]

    def to_html(self) -> str:
        """Return the HTML of the commands."""
        return f"<pre class=commands>{''.join(f'<code>{escape(line)}</code>' for line in self.lines)}</pre>"


@dataclass(frozen=True)
class SideBySide:
    """Blocks side by side if there is room, otherwise stacked."""

    blocks: Sequence[Block]

    def to_html(self) -> str:
        """Return the HTML of the blocks."""
        return f"<div class=beside>{_inside(self.blocks)}</div>"


@dataclass(frozen=True)
class BlockGrid:
    """Blocks of one kind in as many equal columns as fit, each at least ``min_width_rem`` wide."""

    blocks: Sequence[Block]
    min_width_rem: int = 20

    def to_html(self) -> str:
        """Return the HTML of the grid."""
        return f'<div class=grid style="--least: {self.min_width_rem}rem">{_inside(self.blocks)}</div>'


@dataclass(frozen=True)
class Details:
    """Collapsible blocks behind a summary line."""

    line: str
    blocks: Sequence[Block]

    def to_html(self) -> str:
        """Return the HTML of the collapsible part."""
        return f"<details><summary>{escape(self.line)}</summary>{_inside(self.blocks)}</details>"


@dataclass(frozen=True)
class QuotedBox:
    """Published results of others, set apart so that they are not mistaken for own results."""

    title: str
    blocks: Sequence[Block]

    def to_html(self) -> str:
        """Return the HTML of the box."""
        return f"<aside class=printed><h3>{escape(self.title)}</h3>{_inside(self.blocks)}</aside>"


@dataclass(frozen=True)
class Finding:
    """A claim and the result of checking it.

    Attributes:
        verdict: one or two words
        status: whether the claim holds, does not hold, or is open
        claim: the claim
        note: small text below it: who makes the claim, and where it was checked
        blocks: the evidence
    """

    verdict: str
    status: Tone
    claim: str
    note: str
    blocks: Sequence[Block]

    def to_html(self) -> str:
        """Return the HTML of the finding."""
        return (
            f'<div class="card {self.status}"><span class=badge>{escape(self.verdict)}</span>'
            f"<p>{escape(self.claim)}</p><small>{escape(self.note)}</small>{_inside(self.blocks)}</div>"
        )


def _inside(blocks: Sequence[Block]) -> str:
    return "".join(block.to_html() for block in blocks)
