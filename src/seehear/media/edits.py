"""Edit lists of MP4 and QuickTime files: which parts of a picture stream are shown, and when.

A cut does not have to be at a picture that stands alone: the file then holds pictures that are decoded and not shown.
Copied packet by packet, they would be shown, unless the copy has such a list, too. FFmpeg writes none that has more
than one entry, so the box is put into the finished file. (ISO/IEC 14496-12, sections 8.6.5 and 8.6.6.)
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import IO

from av.packet import Packet
from av.stream import Stream

from seehear.media.frames import Damage, packets, usual_step
from seehear.media.source import RAW_TIMES, open_container, picture_stream

SEAM = Fraction(1, 500)
"""Seconds: timestamps may be rounded by this much without there being a cut."""


TICK = Fraction(1, 1000)
"""Seconds: the least by which times are kept apart."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A part of a stream that is shown in one go.

    Attributes:
        length: how long it is shown (s).
        media: where it begins on the clock of the stored packets (s); None: nothing is shown.
    """

    length: Fraction
    media: Fraction | None


@dataclass(frozen=True, slots=True)
class Cuts:
    """What of the stored pictures is shown.

    Attributes:
        edits: in order of presentation.
        begin: decoding time of the first stored packet that is needed (s).
        needed: places in the file of the packets that are decoded.
    """

    edits: tuple[Edit, ...]
    begin: Fraction
    needed: frozenset[int]


def read_cuts(path: str | os.PathLike[str]) -> Cuts | None:
    """The cuts of a file's pictures that a copy of the shown packets alone does not reproduce; None if there are none.

    Raises:
        MediaError: the file cannot be read.
    """
    with open_container(path) as container:
        if "mov" not in container.format.name:
            return None
    order, last_shown, hidden = _presentation(path)
    if not hidden or not order:
        return None
    needed = frozenset(place for place, _ in order[: last_shown + 1])
    shown = sorted((time, place) for place, time in order if time is not None)
    with open_container(path, RAW_TIMES) as container:
        stream = picture_stream(container)
        if stream is None:
            return None
        step = usual_step(stream)
        stored = [p for p in packets(container, [stream], Damage()) if p.size and p.pos in needed]
        media = {packet.pos: _seconds(packet, packet.pts) for packet in stored if packet.pts is not None}
        begin = min(_seconds(packet, packet.dts) for packet in stored if packet.dts is not None)
    pairs = [(time, media[place]) for time, place in shown if place in media]
    return Cuts(tuple(_edits(pairs, step)), begin, needed)


def is_needed(cuts: Cuts | None, packet: Packet[Stream]) -> bool:
    """Whether a packet of the pictures is to be copied."""
    return not packet.is_discard if cuts is None else not packet.size or packet.pos in cuts.needed


def _presentation(path: str | os.PathLike[str]) -> tuple[list[tuple[int | None, Fraction | None]], int, bool]:
    """In decoding order, where each packet is in the file and when it is shown (s; None: it is not).

    Also the number of the last one that is shown, and whether one before it is not.
    """
    order: list[tuple[int | None, Fraction | None]] = []
    last, hidden = -1, False
    with open_container(path) as container:
        stream = picture_stream(container)
        for packet in packets(container, [stream] if stream else [], Damage()):
            if not packet.size:
                continue
            if packet.is_discard or packet.pts is None:
                order.append((packet.pos, None))
            else:
                order.append((packet.pos, _seconds(packet, packet.pts)))
                hidden = hidden or any(time is None for _, time in order[last + 1 :])
                last = len(order) - 1
    return order, last, hidden


def _seconds(packet: Packet[Stream], ticks: int) -> Fraction:
    return ticks * packet.time_base


def _edits(pairs: list[tuple[Fraction, Fraction]], step: Fraction) -> Iterator[Edit]:
    """From the times at which pictures are shown and stored, in order of presentation, to the parts between cuts."""
    parts: list[list[tuple[Fraction, Fraction]]] = [[pairs[0]]]
    for before, now in pairwise(pairs):
        if abs((now[0] - before[0]) - (now[1] - before[1])) > SEAM:
            parts.append([])
        parts[-1].append(now)
    late = Fraction(0)  # how long the part's first picture is preceded by what is left of another
    for part, following in pairwise([*parts, [(parts[-1][-1][0] + step, Fraction(0))]]):
        (first, media), (last, _) = part[0], part[-1]
        end = min(last + step, following[0][0])
        yield Edit(end - first + late, media - late)
        gap = following[0][0] - end
        late = min(gap, step - TICK)  # or the picture before would be shown, too
        if gap - late > TICK:
            yield Edit(gap - late, None)


def write_edits(file: IO[bytes], cuts: Cuts) -> None:
    """Put a list of edits into a finished MP4 or QuickTime file, for its pictures, which begin at `Cuts.begin`.

    Args:
        file: open for reading and writing; its index (moov) is its last box, as FFmpeg writes it.
        cuts: the times of the stored packets are those in the file, but for the beginning.

    Raises:
        ValueError: the file is not of that kind.
    """
    size = file.seek(0, os.SEEK_END)
    at, head = next(((at, head) for kind, at, head, _ in _boxes_of(file, size) if kind == b"moov"), (None, 0))
    if at is None:
        raise ValueError("the file has no index")
    file.seek(at + head)
    moov = file.read()
    movie_scale = _scale(_body(moov, b"mvhd"))
    made, longest = [], 0
    for kind, body in _boxes(moov):
        if kind == b"trak" and _body(_body(body, b"mdia"), b"hdlr")[8:12] == b"vide" and not longest:
            body, longest = _edited(body, cuts, movie_scale)
        made.append((kind, body))
    if not longest:
        raise ValueError("the file has no pictures")
    tracks = [_duration(_body(body, b"tkhd"), b"tkhd") for kind, body in made if kind == b"trak"]
    made = [(kind, _lasting(body, b"mvhd", max(tracks)) if kind == b"mvhd" else body) for kind, body in made]
    file.seek(at)
    file.truncate()
    file.write(_box(b"moov", b"".join(_box(kind, body) for kind, body in made)))


def _edited(track: bytes, cuts: Cuts, movie_scale: int) -> tuple[bytes, int]:
    """A track with the edits, and how long it lasts now (in units of the movie)."""
    scale = _scale(_body(_body(track, b"mdia"), b"mdhd"))
    entries = []
    for edit in cuts.edits:
        media = -1 if edit.media is None else max(0, round((edit.media - cuts.begin) * scale))
        entries.append(struct.pack(">QqI", round(edit.length * movie_scale), media, 1 << 16))
    edits = _box(b"edts", _box(b"elst", struct.pack(">II", 1 << 24, len(entries)) + b"".join(entries)))
    length = sum(round(edit.length * movie_scale) for edit in cuts.edits)
    parts = []
    for kind, body in _boxes(track):
        if kind == b"tkhd":
            parts.append(_box(kind, _lasting(body, kind, length)) + edits)
        elif kind != b"edts":
            parts.append(_box(kind, body))
    return b"".join(parts), length


def _boxes_of(file: IO[bytes], end: int) -> Iterator[tuple[bytes, int, int, int]]:
    """The outermost boxes of a file: kind, where each begins, length of its head, where it ends."""
    at = 0
    while at + 8 <= end:
        file.seek(at)
        size, kind, large = struct.unpack(">I4sQ", file.read(16).ljust(16, b"\0"))
        head, size = (16, large) if size == 1 else (8, size or end - at)
        if size < head:
            raise ValueError("the file's boxes are damaged")
        yield kind, at, head, at + size
        at += size


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The boxes inside of one: kind and body."""
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8:
            raise ValueError("the file's boxes are damaged")
        yield kind, data[at + 8 : at + size]
        at += size


def _body(data: bytes, kind: bytes) -> bytes:
    return next((body for found, body in _boxes(data) if found == kind), b"")


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, kind) + body


def _scale(header: bytes) -> int:
    """Ticks a second, of mvhd and mdhd."""
    return int(struct.unpack_from(">I", header, 20 if header[:1] == b"\1" else 12)[0])


def _place(header: bytes, kind: bytes) -> tuple[str, int]:
    """How and where a header says how long something lasts."""
    long, more = header[:1] == b"\1", 4 if kind == b"tkhd" else 0
    return (">Q", 24 + more) if long else (">I", 16 + more)


def _duration(header: bytes, kind: bytes) -> int:
    return int(struct.unpack_from(*_place(header, kind)[:1], header, _place(header, kind)[1])[0])


def _lasting(header: bytes, kind: bytes, length: int) -> bytes:
    """A header that says so."""
    form, at = _place(header, kind)
    return header[:at] + struct.pack(form, length) + header[at + struct.calcsize(form) :]
