"""Edit lists of MP4 and QuickTime files.

A cut need not be at a keyframe: the file then contains frames that are decoded but not shown. A packet-by-packet copy
would show them unless it has such a list, too. FFmpeg writes no list with more than one entry, so the box is inserted
into the finished file. (ISO/IEC 14496-12, sections 8.6.5 and 8.6.6.)
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO

from av.packet import Packet
from av.stream import Stream

from seehear.errors import MediaError
from seehear.media.demux import RAW_TIMES, Damage, open_container, packets, picture_stream


@dataclass(frozen=True, slots=True)
class Edit:
    """A part of a stream that is shown without interruption.

    Attributes:
        length: duration (s)
        media: start on the clock of the stored packets (s); None: nothing is shown
    """

    length: Fraction
    media: Fraction | None


@dataclass(frozen=True, slots=True)
class EditList:
    """Which of the stored frames are shown.

    Attributes:
        edits: in presentation order
        begin: decoding time of the first packet needed (s)
        needed: file positions of the packets to decode
    """

    edits: tuple[Edit, ...]
    begin: Fraction
    needed: frozenset[int | None]


def read_edit_list(path: str | os.PathLike[str]) -> EditList | None:
    """Return the cuts that a copy of the shown packets alone does not reproduce; None if there are none.

    Raises:
        MediaError: the file cannot be read
    """
    with open_container(path) as container:
        stream = picture_stream(container)
        if stream is None or "mov" not in container.format.name:
            return None
        track = stream.id
    order, last_shown, hidden = _presentation(path)
    if not hidden:
        return None
    needed = frozenset(position for position, _ in order[: last_shown + 1])
    first = min(time for _, time in order if time is not None)
    with open_container(path, RAW_TIMES) as container:
        stream = picture_stream(container)
        stored = packets(container, [stream] if stream else [], Damage())
        begin = min(_seconds(p, p.dts) for p in stored if p.size and p.pos in needed and p.dts is not None)
    return EditList(tuple(_from_first_picture(_edits_of(Path(path), track), first)), begin, needed)


def needs_packet(cuts: EditList | None, packet: Packet[Stream]) -> bool:
    """Whether a video packet must be copied."""
    return not packet.is_discard if cuts is None else not packet.size or packet.pos in cuts.needed


def _presentation(path: str | os.PathLike[str]) -> tuple[list[tuple[int | None, Fraction | None]], int, bool]:
    """For each packet in decoding order, return its file position and presentation time (s; None: not shown).

    Also return the number of the last packet that is shown, and whether an earlier one is not.
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


def _edits_of(path: Path, track: int) -> list[Edit]:
    """Return the edits of a track as stored; the clock of the stored packets is that of FFmpeg's raw times.

    Raises:
        MediaError: there are none, or they are damaged
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            at, head, end = next((at, head, end) for kind, at, head, end in _boxes_of(file, size) if kind == b"moov")
            file.seek(at + head)
            moov = file.read(end - at - head)
        own = next(b for kind, b in _boxes(moov) if kind == b"trak" and _track_number(_body(b, b"tkhd")) == track)
        movie_scale, scale = _scale(_body(moov, b"mvhd")), _scale(_body(_body(own, b"mdia"), b"mdhd"))
        table = _body(_body(own, b"edts"), b"elst")
        form = ">QqI" if table[:1] == b"\1" else ">IiI"
        count = struct.unpack_from(">I", table, 4)[0]
        entries = [struct.unpack_from(form, table, 8 + number * struct.calcsize(form)) for number in range(count)]
        early = _earliest(_body(_body(_body(_body(own, b"mdia"), b"minf"), b"stbl"), b"ctts"))
    except (StopIteration, struct.error, ValueError, IndexError) as error:
        raise MediaError(f"The edit list of {path} is damaged; export the file again.") from error
    return [
        Edit(Fraction(length, movie_scale), None if media < 0 else Fraction(media + early, scale))
        for length, media, _ in entries
    ]


def _earliest(offsets: bytes) -> int:
    """Return the delay that FFmpeg adds to stored times because some frames would be shown before they are decoded."""
    count = struct.unpack_from(">I", offsets, 4)[0] if offsets else 0
    return max([0, *(-int(struct.unpack_from(">Ii", offsets, 8 + 8 * number)[1]) for number in range(count))])


def _from_first_picture(edits: list[Edit], first: Fraction) -> Iterator[Edit]:
    """Yield the edits from the first frame on, which is shown at this time (s)."""
    begin = Fraction(0)
    for edit in edits:
        skipped = max(Fraction(0), min(edit.length, first - begin))
        begin += edit.length
        if edit.length > skipped and (edit.media is not None or not skipped):
            yield Edit(edit.length - skipped, None if edit.media is None else edit.media + skipped)


def write_edits(file: IO[bytes], cuts: EditList) -> None:
    """Insert an edit list into a finished MP4 or QuickTime file, for its video, which begins at `EditList.begin`.

    Args:
        file: open for reading and writing; its index (moov) is the last box, as FFmpeg writes it
        cuts: times as of the stored packets, except for the offset of the beginning

    Raises:
        ValueError: the file does not have this structure
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
        raise ValueError("the file has no video stream")
    tracks = [_duration(_body(body, b"tkhd"), b"tkhd") for kind, body in made if kind == b"trak"]
    made = [(kind, _with_duration(body, b"mvhd", max(tracks)) if kind == b"mvhd" else body) for kind, body in made]
    file.seek(at)
    file.truncate()
    file.write(_box(b"moov", b"".join(_box(kind, body) for kind, body in made)))


def _edited(track: bytes, cuts: EditList, movie_scale: int) -> tuple[bytes, int]:
    """Return a track box with the edits, and its new duration (in movie units)."""
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
            parts.append(_box(kind, _with_duration(body, kind, length)) + edits)
        elif kind != b"edts":
            parts.append(_box(kind, body))
    return b"".join(parts), length


def _boxes_of(file: IO[bytes], end: int) -> Iterator[tuple[bytes, int, int, int]]:
    """Yield the top-level boxes of a file: type, start, header length, end."""
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
    """Yield the child boxes: type and body."""
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8:
            raise ValueError("the file's boxes are damaged")
        yield kind, data[at + 8 : at + size]
        at += size


def _body(data: bytes, kind: bytes) -> bytes:
    return next((body for box_type, body in _boxes(data) if box_type == kind), b"")


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, kind) + body


def _scale(header: bytes) -> int:
    """Return the ticks per second of an mvhd or mdhd header."""
    return int(struct.unpack_from(">I", header, 20 if header[:1] == b"\1" else 12)[0])


def _duration_field(header: bytes, kind: bytes) -> tuple[str, int]:
    """Return the format and offset of the duration field of a header."""
    long, more = header[:1] == b"\1", 4 if kind == b"tkhd" else 0
    return (">Q", 24 + more) if long else (">I", 16 + more)


def _track_number(header: bytes) -> int:
    return int(struct.unpack_from(">I", header, 20 if header[:1] == b"\1" else 12)[0])


def _duration(header: bytes, kind: bytes) -> int:
    return int(struct.unpack_from(*_duration_field(header, kind)[:1], header, _duration_field(header, kind)[1])[0])


def _with_duration(header: bytes, kind: bytes, length: int) -> bytes:
    """Return the header with a new duration."""
    form, at = _duration_field(header, kind)
    return header[:at] + struct.pack(form, length) + header[at + struct.calcsize(form) :]
