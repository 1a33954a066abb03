"""Moving the sound of a file in time: the picture packets stay as they are, the sound is decoded, moved, encoded."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream
from numpy.typing import NDArray

from seehear.errors import MediaError
from seehear.media.encoder import Encoding, choose_encoding
from seehear.media.frames import Damage, FileClock, clock_zero, packets, sounds, usual_step
from seehear.media.heard import Heard
from seehear.media.samples import Reader, frame_of
from seehear.media.source import open_container, picture_stream, sound_streams
from seehear.media.target import disk_error, whole_file
from seehear.media.timebase import Run, Unfold

if TYPE_CHECKING:
    from av.container.core import Chapter  # exists only for type checkers

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
}
"""What can be written, by suffix, as FFmpeg names it. Not AVI: it has no timestamps."""

OPTIONS = {"mp4": {"movie_timescale": "90000"}, "mov": {"movie_timescale": "90000"}}
"""Of the containers: edit lists count in these units, 1/1000 s by default."""


def shift_sound(src: str | os.PathLike[str], dst: str | os.PathLike[str], earlier_s: float) -> None:
    """Copy a video with its sound moved in time.

    The picture stream is copied packet by packet. Every stream of sound is moved by whole samples on the clock of the
    pictures and encoded again: with its own codec where there is an encoder and the container takes it (so FLAC and
    PCM stay lossless), else as AAC, at no lower bit rate. Both begin at time 0: sound that would come before the first
    picture is cut, what is missing there is silence. Subtitles, attachments, chapters and metadata are copied
    where the container takes them.

    Args:
        src: a local video file.
        dst: the file to write; its suffix names the container. It appears only when it is whole.
        earlier_s: how much earlier the sound is to be heard (s); negative: later.

    Raises:
        MediaError: the source cannot be read or has no sound or no pictures, or the target cannot be written.
    """
    target = Path(dst)
    container = CONTAINERS.get(target.suffix.lower())
    if container is None:
        raise MediaError(f"{dst} would need a suffix out of {' '.join(CONTAINERS)}; .mkv takes any kind of stream.")
    if target.exists() and Path(src).exists() and target.samefile(src):
        raise MediaError(f"{dst} is the source itself; give another name for the result.")
    plans = _plan(src, container, earlier_s)
    problem: Exception | None = None
    with whole_file(dst) as file:
        for extras in (True, False):  # a container may refuse a file for a subtitle or a cover picture
            file.seek(0)
            file.truncate()
            try:
                _copy(src, file, container, plans, extras)
                return
            except (FFmpegError, ValueError, OverflowError) as error:
                if disk_error(error):
                    raise
                problem = error
        better = f"the source's own kind ({Path(src).suffix})" if container == "matroska" else ".mkv"
        raise MediaError(f"{dst}: this container does not take the streams of {src}; use {better}.") from problem


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to become of one stream of sound.

    Attributes:
        runs: when its sound is to be heard, on the clock of the pictures.
        zero: of that clock, on the file's time axis (s).
        like: a frame of the sound as decoded; what differs from it later is converted.
        encoding: how it is written.
    """

    runs: list[Run]
    zero: Fraction
    like: AudioFrame
    encoding: Encoding

    @property
    def rate(self) -> int:
        """Samples a second, as decoded."""
        return self.like.sample_rate


def _plan(src: str | os.PathLike[str], container: str, earlier_s: float) -> dict[int, _Plan]:
    """First pass: hear every stream of sound, to know when each frame is to be heard."""
    zero = clock_zero(src)
    plans = {}
    with open_container(src) as source:
        if picture_stream(source) is None:
            raise MediaError(f"{src} has no pictures that its sound could be in step with; give a video.")
        streams = sound_streams(source)
        heard = {stream.index: Heard(FileClock(src)) for stream in streams}
        for packet in packets(source, streams, Damage()):
            for frame in sounds(packet, Damage()):
                heard[packet.stream.index].note(frame)
        for stream in streams:
            first = heard[stream.index].first
            if first is None:
                continue
            encoding = choose_encoding(container, stream, first)
            if encoding is None:
                raise MediaError(
                    f"{src} has sound ({stream.codec_context.name}) that {container} cannot hold; use .mkv."
                )
            runs = heard[stream.index].runs(zero)
            moved = [Run(run.first, run.stop, run.start - earlier_s) for run in runs]
            plans[stream.index] = _Plan(moved, zero, first, encoding)
    if not plans:
        raise MediaError(f"{src} has no sound that could be moved; give a video with sound.")
    return plans


def _copy(src: str | os.PathLike[str], file: IO[bytes], container: str, plans: dict[int, _Plan], extras: bool) -> None:
    """Second pass: write everything."""
    options = OPTIONS.get(container)
    with open_container(src) as source, av.open(file, "w", format=container, container_options=options) as out:
        out.metadata.update(source.metadata)
        zero = next(iter(plans.values())).zero
        out.set_chapters([_earlier(chapter, zero) for chapter in source.chapters()])
        movers: dict[int, _Mover] = {}
        copies: dict[int, _Copy] = {}
        for stream in source.streams:
            target: Stream | None
            if stream.index in plans:
                target = plans[stream.index].encoding.add_to(out)
                movers[stream.index] = _Mover(plans[stream.index], target)
            else:
                target = _copied(source, stream, out, extras)
                if target is not None and target.type != "attachment":  # those are written with the header
                    copies[stream.index] = _Copy(stream, target, zero, Unfold(FileClock(src)))
            if target is not None:
                target.metadata.update(stream.metadata)
                target.disposition = stream.disposition
        wanted = [stream for stream in source.streams if stream.index in movers or stream.index in copies]
        for packet in packets(source, wanted, Damage()):
            if packet.stream.index in copies:
                out.mux(copies[packet.stream.index].packets(packet))
            else:
                mover = movers[packet.stream.index]
                for frame in sounds(packet, Damage()):
                    out.mux(mover.packets(frame))
        for mover in movers.values():
            out.mux(mover.packets(None))
    file.seek(0)
    with av.open(file, "r", format=None) as written:  # some containers take anything and give nothing back
        if picture_stream(written) is None or len(sound_streams(written)) != len(plans):
            raise ValueError("what has been written cannot be read")


def _earlier(chapter: Chapter, by: Fraction) -> Chapter:
    ticks = round(by / chapter["time_base"]) if chapter["time_base"] else 0
    return {**chapter, "start": chapter["start"] - ticks, "end": chapter["end"] - ticks}


def _copied(source: InputContainer, stream: Stream, out: OutputContainer, extras: bool) -> Stream | None:
    """A target for a stream that is taken as it is; the pictures must be, others may be."""
    main = stream == picture_stream(source)
    if not main and not (extras and stream.type in ("video", "subtitle", "attachment")):
        return None
    try:
        return out.add_stream_from_template(stream, opaque=True)
    except (FFmpegError, ValueError):
        if main:
            raise
        return None


class _Copy:
    """Takes packets over as they are. Decoding times, which Matroska lacks at first, are filled in and made to rise."""

    def __init__(self, source: Stream, target: Stream, zero: Fraction, unfold: Unfold) -> None:
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
        packet.stream = self._target
        return packet


class _Mover:
    """Puts the samples of one stream of sound where its plan says, and encodes them."""

    def __init__(self, plan: _Plan, stream: AudioStream) -> None:
        self.stream = stream
        self._plan = plan
        self._reader = Reader(plan.like)
        self._read = 0.0  # s, of decoded sound
        self._written = -round(plan.encoding.lead * plan.rate / plan.encoding.rate)  # samples; the pictures begin at 0

    def packets(self, frame: AudioFrame | None) -> list[Packet[AudioStream]]:
        """What is to be written now that this frame is read; None: the sound has ended."""
        packets = self.stream.encode(None) if frame is None else []
        for part in [] if frame is None else self._parts(frame):
            packets += self.stream.encode(part)
        if not self._plan.encoding.cut:
            return packets
        return [packet for packet in packets if (packet.pts or 0) * packet.time_base > -Fraction(1, 1000)]

    def _parts(self, frame: AudioFrame) -> list[AudioFrame]:
        """Silence up to the frame, and what of the frame comes after what has been written."""
        plan, middle = self._plan, self._read + frame.samples / frame.sample_rate / 2
        run = next((run for run in plan.runs if run.first <= middle < run.stop), plan.runs[-1])
        first = round((run.start + self._read - run.first) * plan.rate)
        self._read += frame.samples / frame.sample_rate
        samples = self._reader.samples(frame)
        nothing = np.full((len(samples), plan.rate), 128 if samples.dtype == np.uint8 else 0, samples.dtype)
        parts = []
        while first > self._written:
            parts.append(self._frame(nothing[:, : first - self._written]))
        fresh = samples[:, max(0, self._written - first) :]
        if fresh.shape[1]:
            parts.append(self._frame(fresh))
        return parts

    def _frame(self, samples: NDArray[Any]) -> AudioFrame:
        like = self._plan.like
        number = self._written
        self._written += samples.shape[1]
        return frame_of(samples, like.format.packed.name, like.layout, like.sample_rate, number)
