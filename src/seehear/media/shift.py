"""`shift_sound`: pictures untouched, sound moved; checked by what a player shows."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from heapq import merge
from itertools import pairwise
from pathlib import Path
from typing import IO

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame

from seehear.errors import MediaError
from seehear.media.audio_encode import AudioMovePlan, AudioMover, choose_encoding
from seehear.media.decode import shown_frames
from seehear.media.demux import (
    RAW_TIMES,
    Damage,
    FileClock,
    clock_zero,
    decode_audio,
    open_container,
    packets,
    picture_stream,
    sound_streams,
)
from seehear.media.edit_lists import EditList, needs_packet, read_edit_list, write_edits
from seehear.media.encode import atomic_file, find_os_error
from seehear.media.remux import (
    CONTAINERS,
    OPTIONS,
    QUICKTIME,
    CarriedStreams,
    OutputStream,
    PacketCopy,
    container_of,
    shifted_chapter,
    suffix_for,
)
from seehear.media.timebase import ClockUnwrapper, FrameTimes, SoundRun

PICTURE_WITHIN_S = 0.021
"""A picture may be shown so much earlier or later than in the source: half of a picture's time at 25 a second, which
is what containers without timestamps round to."""


END_WITHIN_S = 0.1
"""Pictures may end so much earlier or later in all."""


SOUND_WITHIN_S = 0.3
"""Sound may end so much later or earlier: encoders fill their last packet up, and lose what is behind a cut edge."""


SAME_PICTURES = 0.98
"""Share of the pictures that must be the very same ones where they are copied: damage may be repaired differently."""


SPARSE = 997
"""One byte in this many of a picture is compared."""


@dataclass(frozen=True, slots=True)
class Playback:
    """What is shown and played.

    Attributes:
        times: when each picture is shown, from the first one on (s).
        prints: one number a picture, the same for the same picture.
        sound_ends: where each stream of sound ends (s on the same clock), the one that a player would choose first.
    """

    times: Sequence[float]
    prints: Sequence[int]
    sound_ends: Sequence[float]


def picture_times(path: str | os.PathLike[str], clock: FileClock | None = None) -> tuple[list[float], list[int]]:
    """Decode the pictures of a file, for their times (s, the first is 0) and their prints.

    The deblocking filter is left out, in every file alike: it changes no time, and takes a quarter of the work.

    Raises:
        MediaError: the file cannot be read.
    """
    times, prints = [], []
    with open_container(path) as container:
        stream = picture_stream(container)
        if stream is not None:
            stream.codec_context.options = {"skip_loop_filter": "all"}
            for time, _, frame in shown_frames(container, stream, Damage(), clock or FileClock(path), interlace=False):
                times.append(float(time))
                prints.append(_print(frame))
    return times, prints


def _print(frame: VideoFrame) -> int:
    plane = frame.planes[0]
    lines = np.frombuffer(memoryview(plane), np.uint8)[: plane.line_size * plane.height].reshape(
        plane.height, plane.line_size
    )
    return zlib.crc32(lines[:, : plane.width].ravel()[::SPARSE].tobytes())  # lines may be padded with anything


def sound_ends_of(path: str | os.PathLike[str]) -> list[float]:
    """Where every stream of sound ends (s on the clock of the pictures), in the order of `sound_streams`.

    Raises:
        MediaError: the file cannot be read.
    """
    zero, clock = clock_zero(path), FileClock(path)
    with open_container(path) as container:
        streams = sound_streams(container)
        heard = {stream.index: FrameTimes(clock) for stream in streams}
        for packet in packets(container, streams, Damage()):
            for frame in decode_audio(packet, Damage()):
                heard[packet.stream.index].add(frame)
        return [ends_at(heard[stream.index], zero) for stream in streams]


def ends_at(heard: FrameTimes, zero: Fraction) -> float:
    """Where a stream of sound ends (s from zero on)."""
    return max((run.start + run.stop - run.first for run in heard.continuous_runs(zero)), default=0.0)


def play(path: str | os.PathLike[str]) -> Playback:
    """Decode a file for what it shows and plays.

    Raises:
        MediaError: the file cannot be read.
    """
    return Playback(*picture_times(path), sound_ends_of(path))


def playback_difference(wanted: Playback, found: Playback, *, same_pictures: bool = True) -> str | None:
    """In words, where a file does not show or play what it should; None if it does.

    Args:
        wanted: what it should; sound that should end before time 0 is none.
        found: what it does.
        same_pictures: whether the pictures are to be the very same ones, not just as many at the same times.
    """
    here, there = len(found.times), len(wanted.times)
    if here != there:
        return f"it shows {here} pictures instead of {there}"
    apart = [abs(one - other) for one, other in zip(wanted.times, found.times, strict=True)]
    step = float(np.median([late - early for early, late in pairwise(wanted.times)])) if there > 1 else 0.0
    if max(apart, default=0.0) > max(PICTURE_WITHIN_S, step / 2) or (apart and apart[-1] > END_WITHIN_S):
        return f"its pictures are shown up to {max(apart):.2f} s too early or too late"
    alike = sum(one == other for one, other in zip(wanted.prints, found.prints, strict=True))
    if same_pictures and alike < SAME_PICTURES * there:
        return f"{there - alike} of its {there} pictures are not those of the source"
    if len(wanted.sound_ends) != len(found.sound_ends):
        return f"it has {len(found.sound_ends)} streams of sound instead of {len(wanted.sound_ends)}"
    for should, does in zip(wanted.sound_ends, found.sound_ends, strict=True):
        if abs(max(0.0, should) - does) > SOUND_WITHIN_S:
            return f"its sound ends at {does:.2f} s instead of {max(0.0, should):.2f} s"
    return None


@dataclass(frozen=True, slots=True)
class WriteReport:
    """What came of writing a file.

    Attributes:
        left_out: what the container could not keep of the source, in words.
        caution: what was made of a clock that jumps; None where it does not.
    """

    left_out: tuple[str, ...] = ()
    caution: str | None = None


def shift_sound(src: str | os.PathLike[str], dst: str | os.PathLike[str], earlier_s: float) -> WriteReport:
    """Copy a video with its sound moved in time, and see that the copy shows and plays what the source does.

    The picture stream is copied packet by packet. Every stream of sound is moved by whole samples on the clock of the
    pictures and encoded again: with its own codec where there is an encoder and the container takes it (so FLAC and
    PCM stay lossless), else as AAC, at no lower bit rate. Both begin at time 0: sound that would come before the first
    picture is cut, what is missing there is silence. Subtitles, attachments, chapters and metadata are copied
    where the container takes them. Both files are decoded: the copy appears only if it shows the same pictures at the
    same times and plays as much sound.

    Args:
        src: a local video file.
        dst: the file to write; its suffix names the container. It appears only when it is whole.
        earlier_s: how much earlier the sound is to be heard (s); negative: later.

    Raises:
        MediaError: the source cannot be read or has no sound or no pictures, or the target cannot be written, or does
            not show and play what the source does.
    """
    target = Path(dst)
    container = container_of(dst)
    if target.exists() and Path(src).exists() and target.samefile(src):
        raise MediaError(f"{dst} is the source itself; give another name for the result.")
    plans = _plan(src, container, earlier_s)
    cuts = read_edit_list(src)
    if cuts and container not in QUICKTIME:
        raise MediaError(
            f"{dst}: {src} hides pictures by an edit list, between two that stand alone, which only .mp4 and .mov can "
            "say; use one of these."
        )
    clock = FileClock(src)
    wanted = Playback(*picture_times(src, clock), [plans.ends[index] for index in plans.order])
    problem: Exception | None = None
    with atomic_file(dst) as file:
        for keep_extras in (True, False):  # a container may refuse a file for a subtitle or a cover picture
            file.seek(0)
            file.truncate()
            try:
                left_out = _copy(src, file, container, plans, clock, cuts, keep_extras)
                file.flush()
                wrong = playback_difference(wanted, play(file.name))
            except (FFmpegError, ValueError, OverflowError) as error:
                if find_os_error(error):
                    raise
                problem = error
                continue
            if wrong:
                raise MediaError(f"{dst} is not written: {wrong}; {_way_out(src, container)}")
            return WriteReport(tuple(left_out), clock.caution())
        raise MediaError(
            f"{dst}: this container does not take the streams of {src}; {_way_out(src, container)}"
        ) from problem


def _way_out(src: str | os.PathLike[str], container: str) -> str:
    """What else to do, for the end of a sentence."""
    suffix = suffix_for(src)
    if suffix is None or CONTAINERS[suffix] == container:
        return "convert the source to H.264 in .mp4 first."
    return f"use {suffix}."


@dataclass(frozen=True, slots=True)
class _Plans:
    """What is to become of the streams of sound.

    Attributes:
        zero: of the clock of the pictures, on the file's own axis (s).
        streams: the plan of each, by the number of its stream.
        ends: where each ends, by the number of its stream (s from zero on).
        order: numbers of the streams, the one that a player would choose first.
    """

    zero: Fraction
    streams: Mapping[int, AudioMovePlan]
    ends: Mapping[int, float]
    order: list[int]


def _plan(src: str | os.PathLike[str], container: str, earlier_s: float) -> _Plans:
    """First pass: hear every stream of sound, to know when each frame is to be heard."""
    zero, clock = clock_zero(src), FileClock(src)
    plans, ends = {}, {}
    with open_container(src) as source:
        if picture_stream(source) is None:
            raise MediaError(f"{src} has no pictures that its sound could be in step with; give a video.")
        streams = sound_streams(source)
        heard = {stream.index: FrameTimes(clock) for stream in streams}
        for packet in packets(source, streams, Damage()):
            for frame in decode_audio(packet, Damage()):
                heard[packet.stream.index].add(frame)
        for stream in streams:
            first = heard[stream.index].first
            if first is None:
                continue
            encoding = choose_encoding(container, stream, first)
            if encoding is None:
                raise MediaError(
                    f"{src} has sound ({stream.codec_context.name}) that {container} cannot hold; use .mkv."
                )
            runs = heard[stream.index].continuous_runs(zero)
            moved = [SoundRun(run.first, run.stop, run.start - earlier_s) for run in runs]
            plans[stream.index] = AudioMovePlan(moved, zero, first, encoding)
            ends[stream.index] = ends_at(heard[stream.index], zero) - earlier_s
        order = [stream.index for stream in streams if stream.index in plans]
    if not plans:
        raise MediaError(f"{src} has no sound that could be moved; give a video with sound.")
    return _Plans(zero, plans, ends, order)


def _copy(
    src: str | os.PathLike[str],
    file: IO[bytes],
    container: str,
    plans: _Plans,
    clock: FileClock,
    cuts: EditList | None,
    keep_extras: bool,
) -> list[str]:
    """Second pass: write everything. What could not be kept is given back, in words."""
    extras = CarriedStreams()
    with ExitStack() as stack:
        source = stack.enter_context(open_container(src))
        out = stack.enter_context(av.open(file, "w", format=container, container_options=OPTIONS.get(container)))
        out.metadata.update(source.metadata)
        out.set_chapters([shifted_chapter(chapter, plans.zero) for chapter in source.chapters()])
        movers: dict[int, AudioMover] = {}
        copies: dict[int, PacketCopy] = {}
        main = picture_stream(source)
        for stream in source.streams:
            if stream.index in plans.streams:
                sound = plans.streams[stream.index].encoding.add_to(out)
                movers[stream.index] = AudioMover(plans.streams[stream.index], sound)
                target: OutputStream | None = OutputStream(sound)
            elif stream == main or keep_extras:
                target = extras.add(source, stream, out, container)
                if target is not None and target.stream.type != "attachment":  # those are written with the header
                    zero = cuts.begin if cuts and stream == main else plans.zero
                    unfold = ClockUnwrapper(clock, None if stream == main else plans.zero)
                    copies[stream.index] = PacketCopy(stream, target, zero, unfold)
            else:
                target = None
                extras.left_out.append(f"a stream of {stream.type}")
            if target is not None:
                target.stream.metadata.update(stream.metadata)
                target.stream.disposition = stream.disposition
            if target is not None and stream == main:
                extras.take_timecode(source, target.stream, container)
        wanted = [s for s in source.streams if s.index in movers or s.index in copies]
        for packet in _packets(src, source, main, wanted, cuts, stack):
            if packet.stream.index in copies:
                if main is None or packet.stream.index != main.index or needs_packet(cuts, packet):
                    out.mux(copies[packet.stream.index].packets(packet))
            else:
                for frame in decode_audio(packet, Damage()):
                    out.mux(movers[packet.stream.index].packets(frame))
        for mover in movers.values():
            out.mux(mover.packets(None))
    if cuts:
        write_edits(file, cuts)
    file.seek(0)
    with open_container(src) as source, av.open(file, "r", format=None) as written:
        pictures, copied = picture_stream(source), picture_stream(written)
        if pictures is None or copied is None or len(sound_streams(written)) != len(plans.streams):
            raise ValueError("what has been written cannot be read")  # some containers take anything
        extras.compare_aspect(pictures, copied)
        extras.compare_subtitles(written)
    return extras.left_out


def _packets(
    src: str | os.PathLike[str],
    source: InputContainer,
    main: Stream | None,
    wanted: list[Stream],
    cuts: EditList | None,
    stack: ExitStack,
) -> Iterator[Packet[Stream]]:
    """The packets of the source; where its pictures are cut, theirs with their stored times."""
    if cuts is None or main is None:
        yield from packets(source, wanted, Damage())
        return
    raw = stack.enter_context(open_container(src, RAW_TIMES))
    pictures = packets(raw, [raw.streams[main.index]], Damage())
    others = packets(source, [stream for stream in wanted if stream != main], Damage())
    last: dict[int, Fraction] = {}

    def time(packet: Packet[Stream]) -> Fraction:
        start = cuts.begin if packet.stream.index == main.index else Fraction(0)
        if packet.size and packet.dts is not None:
            last[packet.stream.index] = packet.dts * packet.time_base - start
        return last.get(packet.stream.index, Fraction(0))

    yield from merge(pictures, others, key=time)
