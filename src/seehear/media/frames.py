"""Packets to frames, whatever the packets are worth, and the time that a frame says it is shown at."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

from av.audio.frame import AudioFrame
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from seehear.clip import FPS
from seehear.media.source import open_container, picture_stream, sound_streams
from seehear.media.timebase import Clock, Coverage, clock_of
from seehear.threads import available_cores

RATES = range(1000, 1_000_000)
"""Samples a second that sound can have; frames that say something else are damaged."""

MOST_THREADS = 16
"""FFmpeg's own limit for automatic threading; each thread holds a picture."""

BIG_PICTURE = 3840 * 2160
"""Pixels: pictures larger than this are decoded by few threads, so that memory stays small."""


@dataclass(slots=True)
class Damage:
    """Counts what could not be decoded and was skipped, or was repaired by the decoder."""

    count: int = 0


def decoded(container: InputContainer, stream: VideoStream, damage: Damage, threads: int = 0) -> Iterator[VideoFrame]:
    """The pictures of a stream in order of presentation; what is damaged is skipped and counted.

    Args:
        threads: of the decoder; 0: one a core.
    """
    context = stream.codec_context
    cores = threads or min(available_cores(), MOST_THREADS)
    if context.width * context.height > BIG_PICTURE:
        cores = min(cores, 4)
    context.thread_count = cores
    context.thread_type = "AUTO"
    for packet in packets(container, [stream], damage):
        for frame in decode_packet(packet, damage):
            if isinstance(frame, VideoFrame):
                damage.count += frame.is_corrupt
                yield frame


def packets(container: InputContainer, streams: Sequence[Stream], damage: Damage) -> Iterator[Packet[Stream]]:
    """The packets of some streams up to the end, or to where the file breaks off; empty ones flush the decoders."""
    source = container.demux(*streams) if streams else iter(())
    while True:
        try:
            packet = next(source, None)
        except (FFmpegError, OSError, IndexError):  # PyAV looks for streams that damaged files add while they are read
            damage.count += 1
            break
        if packet is None:
            return
        yield packet
    for stream in streams:
        last: Packet[Stream] = Packet()
        last.stream = stream
        yield last


def decode_packet(packet: Packet[Stream], damage: Damage) -> list[VideoFrame] | list[AudioFrame]:
    """The frames that a packet completes; none, and counted, if it is damaged."""
    try:
        return cast("list[VideoFrame] | list[AudioFrame]", packet.decode())
    except (FFmpegError, ValueError):
        damage.count += 1
        return []


def sounds(packet: Packet[Stream], damage: Damage) -> list[AudioFrame]:
    """The frames of sound that a packet completes and that hold something."""
    frames = [frame for frame in decode_packet(packet, damage) if isinstance(frame, AudioFrame) and frame.samples]
    possible = [frame for frame in frames if frame.sample_rate in RATES]
    damage.count += len(frames) - len(possible)
    return possible


def stamp(frame: VideoFrame | AudioFrame) -> Fraction | None:
    """Presentation time of a frame (s, on the file's own axis), or None if nothing is known of it."""
    ticks = frame.pts if frame.pts is not None else frame.dts
    if ticks is None or frame.time_base is None:
        return None
    return ticks * frame.time_base


def usual_step(stream: VideoStream) -> Fraction:
    """Time from picture to picture (s) as the container says it, or 1/25 where it says nothing sensible."""
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and Fraction(1, 1000) < rate <= 1000:
            return 1 / Fraction(rate)
    return Fraction(1, FPS)


def clock_zero(path: str | os.PathLike[str]) -> Fraction:
    """Where the clock of a file begins on the file's own time axis (s): its first picture, else its first sound.

    The first picture is the first that the decoder gives out, not what a header says: packets in front of it may be
    dropped by an edit list, or because they need pictures that were cut away.

    Raises:
        MediaError: as `open_media`.
    """
    with open_container(path) as container:
        stream = picture_stream(container)
        if stream is not None:
            first = next(decoded(container, stream, Damage(), threads=1), None)
            if first is not None:
                return stamp(first) or Fraction(0)
    with open_container(path) as container:
        for packet in packets(container, sound_streams(container)[:1], Damage()):
            for heard in sounds(packet, Damage()):
                return stamp(heard) or Fraction(0)
    return Fraction(0)


class FileClock:
    """The clock of a file, read from its timestamps when it is first needed, which takes a pass over the whole file."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Args: path: of the file; it is not opened yet."""
        self._path = path
        self._clock: Clock | None = None

    def __call__(self) -> Clock:
        """The clock; see `seehear.media.timebase.clock_of`."""
        if self._clock is None:
            self._clock = _clock(self._path)
        return self._clock

    @property
    def known(self) -> Clock | None:
        """The clock if it has been needed, which is where there may be jumps."""
        return self._clock

    def caution(self) -> str | None:
        """In words, what was made of the jumps that were met; None where there were none."""
        return None if self._clock is None else clock_in_words(self._clock)


def clock_in_words(clock: Clock) -> str | None:
    """The clause that tells of a clock's jumps; None where it has none."""
    if not clock.jumps:
        return None
    times = "once" if clock.jumps == 1 else f"{clock.jumps} times"
    said = f"the file's clock jumps {times}, as in recordings that were joined; what follows is taken to go on at once"
    return f"{said} ({clock.closed_s:.0f} s without picture and sound are left out)" if clock.leaps else said


def _clock(path: str | os.PathLike[str]) -> Clock:
    with open_container(path) as container:
        pictures = picture_stream(container)
        streams = [*([pictures] if pictures else []), *sound_streams(container)]
        covered = {
            stream.index: Coverage(usual_step(stream) if isinstance(stream, VideoStream) else Fraction(1, FPS))
            for stream in streams
        }
        for packet in packets(container, streams, Damage()):
            ticks = packet.dts if packet.dts is not None else packet.pts
            if packet.size and ticks is not None:
                length = (packet.duration or 0) * packet.time_base
                covered[packet.stream.index].add(ticks * packet.time_base, length)
    main, *others = covered.values() if covered else [Coverage(Fraction(1, FPS))]
    return clock_of(main, others)
