"""Streams that go from file to file as they are; containers and what they take."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.subtitles.codeccontext import SubtitleCodecContext
from av.video.stream import VideoStream

from seehear.errors import MediaError
from seehear.media.demux import Damage, nominal_frame_period, open_container, packets, picture_stream
from seehear.media.timebase import ClockUnwrapper

if TYPE_CHECKING:
    from av.container.core import Chapter


CONTAINERS = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".mkv": "matroska",
    ".webm": "webm",
    ".ts": "mpegts",
    ".mpg": "mpeg",
    ".mpeg": "mpeg",
    ".flv": "flv",
    ".avi": "avi",
    ".wmv": "asf",
    ".asf": "asf",
    ".3gp": "3gp",
    ".nut": "nut",
}
"""What can be written, by suffix, as FFmpeg names it."""


OPTIONS = {
    "mp4": {"movie_timescale": "90000"},
    "mov": {"movie_timescale": "90000"},
    "3gp": {"movie_timescale": "90000"},
}
"""Of the containers: edit lists count in these units, 1/1000 s by default."""


QUICKTIME = ("mp4", "mov", "3gp")
"""Containers that know edit lists, tags of codecs and an aspect of their own."""


ALTERNATIVES = (".mkv", ".mp4", ".mov", ".avi", ".nut")
"""Tried in this order where a file's own kind cannot be written."""


MAX_PER_SECOND = 1000
"""Pictures; a header that says more is wrong."""


TRIED = 40
"""Packets that a container has to take and give back before it is offered."""


def container_of(path: str | os.PathLike[str]) -> str:
    """FFmpeg's name of the container that a file would be written as.

    Raises:
        MediaError: its suffix is of none.
    """
    container = CONTAINERS.get(Path(path).suffix.lower())
    if container is None:
        raise MediaError(f"{path} would need a suffix out of {' '.join(CONTAINERS)}; .mkv takes most kinds of stream.")
    return container


def copy_stream(out: OutputContainer, stream: Stream, container: str) -> Stream:
    """A new stream of a container for the packets of another, with all that its header says of them.

    Raises:
        FFmpegError, ValueError: the container does not take it.
    """
    return _template(out, stream, next(_accepted_tags(stream, container), None))


def takes(stream: Stream, container: str) -> bool:
    """Whether the header of a container can be written for this stream alone."""
    return next(_accepted_tags(stream, container), "no") != "no"


def _template(out: OutputContainer, stream: Stream, tag: str | None) -> Stream:
    target = out.add_stream_from_template(stream, opaque=True)
    if tag is not None:
        target.codec_context.codec_tag = tag
    if isinstance(stream, VideoStream) and isinstance(target, VideoStream):
        if stream.sample_aspect_ratio:
            target.codec_context.sample_aspect_ratio = stream.sample_aspect_ratio
        if stream.average_rate and stream.average_rate <= MAX_PER_SECOND:
            target.codec_context.framerate = stream.average_rate
    return target


def _accepted_tags(stream: Stream, container: str) -> Iterator[str | None]:
    """The four letters that name the codec in the container, the source's own first; None: the container's usual ones.

    They matter: players of Apple want HEVC as hvc1, and the flavours of ProRes differ in nothing else.
    """
    own, better = _own_tag(stream), _better_tag(stream, container)
    from_quicktime = "mov" in stream.container.format.name  # elsewhere a tag of QuickTime's means nothing
    for tag in dict.fromkeys((own, better, None) if from_quicktime else (better, own, None)):
        with suppress(FFmpegError, ValueError), av.open(io.BytesIO(), "w", format=container) as out:
            _template(out, stream, tag)
            out.start_encoding()
            yield tag


def _own_tag(stream: Stream) -> str | None:
    try:
        tag = stream.codec_context.codec_tag if stream.codec_context else ""
    except UnicodeDecodeError:
        return None
    return tag if tag.strip("\0") else None


def _better_tag(stream: Stream, container: str) -> str | None:
    hevc = stream.codec_context is not None and stream.codec_context.name == "hevc"
    return "hvc1" if hevc and container in QUICKTIME else None


def takes_pictures(path: str | os.PathLike[str], container: str) -> bool:
    """Whether a container takes the pictures of a file, and gives them back: their beginning is tried.

    Raises:
        MediaError: the file cannot be read.
    """
    buffer = io.BytesIO()
    with open_container(path) as source:
        stream = picture_stream(source)
        if stream is None:
            return True
        codec = stream.codec_context.name
        try:
            with av.open(buffer, "w", format=container) as out:
                target = copy_stream(out, stream, container)
                for packet in islice((p for p in packets(source, [stream], Damage()) if p.size), TRIED):
                    if packet.dts is None:
                        continue
                    packet.stream = target
                    out.mux(packet)
            buffer.seek(0)
            with av.open(buffer, "r") as written:
                found = picture_stream(written)
                return found is not None and found.codec_context.name == codec
        except (FFmpegError, ValueError, OverflowError):
            return False


def suffix_for(path: str | os.PathLike[str]) -> str | None:
    """The suffix of the container that a file's pictures can be copied into: its own kind if possible; None for none.

    Raises:
        MediaError: the file cannot be read.
    """
    own = Path(path).suffix.lower()
    suffixes = dict.fromkeys(((own,) if own in CONTAINERS else ()) + ALTERNATIVES)
    return next((suffix for suffix in suffixes if takes_pictures(path, CONTAINERS[suffix])), None)


TEXT_SUBTITLES = {"mp4": "mov_text", "mov": "mov_text", "3gp": "mov_text", "matroska": "subrip", "webm": "webvtt"}
"""What subtitles that are text are written as where their own kind is not taken."""


TEXT = ("subrip", "ass", "ssa", "webvtt", "mov_text", "text")
"""Kinds of subtitles that are text, as FFmpeg names them."""


TIMECODED = ("mp4", "mov", "3gp", "matroska", "webm", "mxf")
"""Containers that keep a start timecode."""


@dataclass
class OutputStream:
    """A stream that is written: where a packet of the source's goes, and what could not be kept.

    Attributes:
        stream: in the new file.
        converted: makes other packets of the subtitles' packets; None: they are taken as they are.
    """

    stream: Stream
    converted: TextSubtitles | None = None


@dataclass
class CarriedStreams:
    """What is said of a source beside its main streams, and what of it a container could not keep."""

    left_out: list[str] = field(default_factory=list)
    _subtitles: list[str] = field(default_factory=list)

    def add(self, source: InputContainer, stream: Stream, out: OutputContainer, container: str) -> OutputStream | None:
        """A target for any stream but sound; the pictures must have one.

        Raises:
            FFmpegError, ValueError: the container does not take the pictures.
        """
        main = stream == picture_stream(source)
        if main and isinstance(stream, VideoStream):
            return OutputStream(copy_stream(out, stream, container))
        if stream.type not in ("video", "subtitle", "attachment"):
            return None
        codec = stream.codec_context.codec.canonical_name if stream.codec_context else ""
        kind = {"subtitle": "subtitles", "video": "a picture"}.get(stream.type, "an attachment")
        details = ", ".join(filter(None, (codec, stream.language)))
        described = f"{kind} ({details})" if details else kind
        if stream.type == "subtitle":
            self._subtitles.append(described)
        if takes(stream, container):
            return OutputStream(copy_stream(out, stream, container))
        if codec in TEXT and container in TEXT_SUBTITLES:
            with suppress(FFmpegError, ValueError):
                converted = TextSubtitles(stream, out, TEXT_SUBTITLES[container])
                return OutputStream(converted.target, converted)
        self.left_out.append(described)
        return None

    def compare_subtitles(self, written: InputContainer) -> None:
        """Some containers take subtitles and do not say, when they are read, that there are any."""
        if not written.streams.subtitles:
            self.left_out += [described for described in self._subtitles if described not in self.left_out]

    def take_timecode(self, source: InputContainer, target: Stream, container: str) -> None:
        """The start timecode, which may stand with the pictures or in a track of its own."""
        codes = [stream.metadata.get("timecode") for stream in (*source.streams.video, *source.streams.data)]
        timecode = next(filter(None, [*codes, source.metadata.get("timecode")]), None)
        if timecode and container in TIMECODED:
            target.metadata["timecode"] = timecode
        elif timecode:
            self.left_out.append(f"the start timecode ({timecode})")

    def compare_aspect(self, source: VideoStream, written: VideoStream) -> None:
        """The shape of a pixel may stand in the container alone, and then not every container can take it over."""
        aspect = source.sample_aspect_ratio or Fraction(1)
        if aspect != (written.sample_aspect_ratio or Fraction(1)):
            shape = Fraction(source.width, source.height) * aspect
            self.left_out.append(f"the display aspect of {shape.numerator}:{shape.denominator}")


class TextSubtitles:
    """Subtitles that are text, written as another kind of text."""

    def __init__(self, source: Stream, out: OutputContainer, codec: str) -> None:
        """Adds a stream to the output.

        Raises:
            FFmpegError, ValueError: the container does not take it.
        """
        self._source = source
        decoder = source.codec_context
        assert isinstance(decoder, SubtitleCodecContext)
        decoder.open(strict=False)
        self.target = out.add_stream(codec)
        encoder = self.target.codec_context
        assert isinstance(encoder, SubtitleCodecContext)
        encoder.subtitle_header = decoder.subtitle_header
        self._decoder, self._encoder = decoder, encoder

    def packet(self, packet: Packet[Stream]) -> Packet[Stream] | None:
        """The same line at the same time; None for one that is empty."""
        with suppress(FFmpegError):
            lines = self._decoder.decode2(packet)
            if lines is not None and len(lines):
                made: Packet[Stream] = Packet(bytes(self._encoder.encode_subtitle(lines)))
                made.time_base, made.pts, made.dts = packet.time_base, packet.pts, packet.pts
                made.duration = packet.duration
                return made
        return None


def shifted_chapter(chapter: Chapter, by: Fraction) -> Chapter:
    """A chapter that begins and ends earlier by so much (s)."""
    ticks = round(by / chapter["time_base"]) if chapter["time_base"] else 0
    return {**chapter, "start": chapter["start"] - ticks, "end": chapter["end"] - ticks}


class PacketCopy:
    """Takes packets over as they are. Decoding times, which Matroska lacks at first, are filled in and made to rise."""

    def __init__(self, source: Stream, target: OutputStream, zero: Fraction, unfold: ClockUnwrapper) -> None:
        """Args: zero: what becomes time 0 (s on the source's own axis)."""
        self._target = target
        self._zero = zero
        self._unfold = unfold
        self._step = nominal_frame_period(source) if isinstance(source, VideoStream) else Fraction(0)
        self._last: int | None = None
        self._undated: list[Packet[Stream]] = []

    def packets(self, packet: Packet[Stream]) -> list[Packet[Stream]]:
        """What is to be written now that this packet is read; an empty one is the last."""
        if not packet.size:
            dates = sorted(early.pts for early in self._undated if early.pts is not None)
            return self._dated(dates[0]) if dates else []
        if self._target.converted:
            made = self._target.converted.packet(packet)
            return [] if made is None else [self._written(made)]
        if packet.dts is None and self._last is None:
            self._undated.append(packet)
            return []
        before = self._dated(packet.dts) if packet.dts is not None else []
        return [*before, self._written(packet)]

    def _dated(self, dts: int) -> list[Packet[Stream]]:
        """The first packets, which had no decoding time, so that they come before this one."""
        early, self._undated = self._undated, []
        for place, packet in enumerate(early):
            packet.dts = dts - max(1, round(self._step / packet.time_base)) * (len(early) - place)
        return [self._written(packet) for packet in early]

    def _written(self, packet: Packet[Stream]) -> Packet[Stream]:
        tick = packet.time_base
        dts = (self._last or 0) + round(self._step / tick) if packet.dts is None else packet.dts
        moved = round((self._unfold(dts * tick, dts * tick) - dts * tick - self._zero) / tick)
        if self._last is not None and dts + moved <= self._last:
            moved = self._last + 1 - dts
        self._last = packet.dts = dts + moved
        if packet.pts is not None:
            packet.pts = max(packet.pts + moved, self._last)
        packet.stream = self._target.stream
        return packet
