"""Streams that go from one file to another as they are: pictures, subtitles, attachments, and what is said of them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.subtitles.codeccontext import SubtitleCodecContext
from av.video.stream import VideoStream

from seehear.media.containers import copy_stream, takes
from seehear.media.frames import usual_step
from seehear.media.source import picture_stream
from seehear.media.timebase import Unfold

if TYPE_CHECKING:
    from av.container.core import Chapter  # exists only for type checkers

TEXT_SUBTITLES = {"mp4": "mov_text", "mov": "mov_text", "3gp": "mov_text", "matroska": "subrip", "webm": "webvtt"}
"""What subtitles that are text are written as where their own kind is not taken."""

TEXT = ("subrip", "ass", "ssa", "webvtt", "mov_text", "text")
"""Kinds of subtitles that are text, as FFmpeg names them."""

TIMECODED = ("mp4", "mov", "3gp", "matroska", "webm", "mxf")
"""Containers that keep a start timecode."""


@dataclass
class Target:
    """A stream that is written: where a packet of the source's goes, and what could not be kept.

    Attributes:
        stream: in the new file.
        converted: makes other packets of the subtitles' packets; None: they are taken as they are.
    """

    stream: Stream
    converted: TextSubtitles | None = None


@dataclass
class Extras:
    """What is said of a source beside its main streams, and what of it a container could not keep."""

    left_out: list[str] = field(default_factory=list)
    _subtitles: list[str] = field(default_factory=list)

    def add(self, source: InputContainer, stream: Stream, out: OutputContainer, container: str) -> Target | None:
        """A target for any stream but sound; the pictures must have one.

        Raises:
            FFmpegError, ValueError: the container does not take the pictures.
        """
        main = stream == picture_stream(source)
        if main and isinstance(stream, VideoStream):
            return Target(copy_stream(out, stream, container))
        if stream.type not in ("video", "subtitle", "attachment"):
            return None
        codec = stream.codec_context.codec.canonical_name if stream.codec_context else ""
        kind = {"subtitle": "subtitles", "video": "a picture"}.get(stream.type, "an attachment")
        details = ", ".join(filter(None, (codec, stream.language)))
        described = f"{kind} ({details})" if details else kind
        if stream.type == "subtitle":
            self._subtitles.append(described)
        if takes(stream, container):
            return Target(copy_stream(out, stream, container))
        if codec in TEXT and container in TEXT_SUBTITLES:
            with suppress(FFmpegError, ValueError):
                converted = TextSubtitles(stream, out, TEXT_SUBTITLES[container])
                return Target(converted.target, converted)
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


def earlier(chapter: Chapter, by: Fraction) -> Chapter:
    """A chapter that begins and ends earlier by so much (s)."""
    ticks = round(by / chapter["time_base"]) if chapter["time_base"] else 0
    return {**chapter, "start": chapter["start"] - ticks, "end": chapter["end"] - ticks}


class PacketCopy:
    """Takes packets over as they are. Decoding times, which Matroska lacks at first, are filled in and made to rise."""

    def __init__(self, source: Stream, target: Target, zero: Fraction, unfold: Unfold) -> None:
        """Args: zero: what becomes time 0 (s on the source's own axis)."""
        self._target = target
        self._zero = zero
        self._unfold = unfold
        self._step = usual_step(source) if isinstance(source, VideoStream) else Fraction(0)
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
