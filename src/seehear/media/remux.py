"""Copy streams from file to file unchanged; which containers accept which streams."""

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
"""Writable containers by suffix, with FFmpeg's name."""


OPTIONS = {
    "mp4": {"movie_timescale": "90000"},
    "mov": {"movie_timescale": "90000"},
    "3gp": {"movie_timescale": "90000"},
}
"""Container options: the unit of edit lists, 1/1000 s by default."""


QUICKTIME = ("mp4", "mov", "3gp")
"""Containers with edit lists, codec tags and their own pixel aspect ratio."""


ALTERNATIVES = (".mkv", ".mp4", ".mov", ".avi", ".nut")
"""Tried in this order if the source's own container cannot be written."""


MAX_PER_SECOND = 1000
"""Maximum plausible frame rate; a header with a higher one is wrong."""


TRIED = 40
"""Number of packets used to test a container before it is suggested."""


def container_of(path: str | os.PathLike[str]) -> str:
    """Return FFmpeg's name of the container for a file name.

    Raises:
        MediaError: the suffix is not supported
    """
    container = CONTAINERS.get(Path(path).suffix.lower())
    if container is None:
        raise MediaError(f"{path} would need a suffix out of {' '.join(CONTAINERS)}; .mkv takes most kinds of stream.")
    return container


def copy_stream(out: OutputContainer, stream: Stream, container: str) -> Stream:
    """Add a stream for the packets of another, copying all header fields.

    Raises:
        FFmpegError, ValueError: the container does not accept it
    """
    return _template(out, stream, next(_accepted_tags(stream, container), None))


def takes(stream: Stream, container: str) -> bool:
    """Whether a container header can be written for this stream alone."""
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
    """Yield codec tags for the container, the source's own first; None is the container's default.

    Tags matter: Apple players require hvc1 for HEVC, and the tag is all that distinguishes the ProRes variants.
    """
    own, better = _own_tag(stream), _better_tag(stream, container)
    from_quicktime = "mov" in stream.container.format.name  # QuickTime tags mean nothing in other containers
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
    """Whether a container accepts the video stream of a file and returns it unchanged; tested on its beginning.

    Raises:
        MediaError: the file cannot be read
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
                returned = picture_stream(written)
                return returned is not None and returned.codec_context.name == codec
        except (FFmpegError, ValueError, OverflowError):
            return False


def suffix_for(path: str | os.PathLike[str]) -> str | None:
    """Return the suffix of a container that the video can be copied into, its own if possible; None if there is none.

    Raises:
        MediaError: the file cannot be read
    """
    own = Path(path).suffix.lower()
    suffixes = dict.fromkeys(((own,) if own in CONTAINERS else ()) + ALTERNATIVES)
    return next((suffix for suffix in suffixes if takes_pictures(path, CONTAINERS[suffix])), None)


TEXT_SUBTITLES = {"mp4": "mov_text", "mov": "mov_text", "3gp": "mov_text", "matroska": "subrip", "webm": "webvtt"}
"""Codec for text subtitles if their own is not accepted."""


TEXT = ("subrip", "ass", "ssa", "webvtt", "mov_text", "text")
"""FFmpeg names of text subtitle codecs."""


TIMECODED = ("mp4", "mov", "3gp", "matroska", "webm", "mxf")
"""Containers that keep a start timecode."""


@dataclass
class OutputStream:
    """An output stream: receives packets of the source.

    Attributes:
        stream: stream in the new file
        converted: converts subtitle packets; None copies packets unchanged
    """

    stream: Stream
    converted: TextSubtitles | None = None


@dataclass
class CarriedStreams:
    """The source's data other than the main streams, and which of it the container could not keep."""

    left_out: list[str] = field(default_factory=list)
    _subtitles: list[str] = field(default_factory=list)

    def add(self, source: InputContainer, stream: Stream, out: OutputContainer, container: str) -> OutputStream | None:
        """Return an output for any stream except audio; video always needs one.

        Raises:
            FFmpegError, ValueError: the container does not accept the video
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
        """Check for containers that accept subtitles but do not report them when read."""
        if not written.streams.subtitles:
            self.left_out += [described for described in self._subtitles if described not in self.left_out]

    def take_timecode(self, source: InputContainer, target: Stream, container: str) -> None:
        """Copy the start timecode, which may be stored with the video or in a track of its own."""
        codes = [stream.metadata.get("timecode") for stream in (*source.streams.video, *source.streams.data)]
        timecode = next(filter(None, [*codes, source.metadata.get("timecode")]), None)
        if timecode and container in TIMECODED:
            target.metadata["timecode"] = timecode
        elif timecode:
            self.left_out.append(f"the start timecode ({timecode})")

    def compare_aspect(self, source: VideoStream, written: VideoStream) -> None:
        """Check the pixel aspect ratio: if only the source's container stores it, not every container can keep it."""
        aspect = source.sample_aspect_ratio or Fraction(1)
        if aspect != (written.sample_aspect_ratio or Fraction(1)):
            shape = Fraction(source.width, source.height) * aspect
            self.left_out.append(f"the display aspect of {shape.numerator}:{shape.denominator}")


class TextSubtitles:
    """Convert text subtitles to another text format."""

    def __init__(self, source: Stream, out: OutputContainer, codec: str) -> None:
        """Add a stream to the output.

        Raises:
            FFmpegError, ValueError: the container does not accept it
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
        """Convert one subtitle, keeping its time; None if it is empty."""
        with suppress(FFmpegError):
            lines = self._decoder.decode2(packet)
            if lines is not None and len(lines):
                made: Packet[Stream] = Packet(bytes(self._encoder.encode_subtitle(lines)))
                made.time_base, made.pts, made.dts = packet.time_base, packet.pts, packet.pts
                made.duration = packet.duration
                return made
        return None


def shifted_chapter(chapter: Chapter, by: Fraction) -> Chapter:
    """Return the chapter shifted earlier by this time (s)."""
    ticks = round(by / chapter["time_base"]) if chapter["time_base"] else 0
    return {**chapter, "start": chapter["start"] - ticks, "end": chapter["end"] - ticks}


class PacketCopy:
    """Copy packets unchanged. Missing decoding times (Matroska at the start) are filled in and made to increase."""

    def __init__(self, source: Stream, target: OutputStream, zero: Fraction, unfold: ClockUnwrapper) -> None:
        """Args: zero: source time that becomes 0 (s on the source's own axis)."""
        self._target = target
        self._zero = zero
        self._unfold = unfold
        self._step = nominal_frame_period(source) if isinstance(source, VideoStream) else Fraction(0)
        self._last: int | None = None
        self._undated: list[Packet[Stream]] = []

    def packets(self, packet: Packet[Stream]) -> list[Packet[Stream]]:
        """Return the packets to write after this one; an empty packet is the last."""
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
        """Give the first packets, which had no decoding time, times before this one."""
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
