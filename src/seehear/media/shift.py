"""`shift_sound`: shift the audio of a video, copy the rest, and verify the result as played."""

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
"""Maximum shift of a frame's time against the source: half a frame at 25 frames/s, which is how far containers without
timestamps round."""


END_WITHIN_S = 0.1
"""Maximum difference of the end of the video."""


SOUND_WITHIN_S = 0.3
"""Maximum difference of the end of the audio: encoders pad their last packet, and lose audio behind a cut edge."""


SAME_PICTURES = 0.98
"""Share of copied frames that must be identical: damage may be repaired differently."""


SPARSE = 997
"""One byte in this many of a frame is compared."""


@dataclass(frozen=True, slots=True)
class Playback:
    """What a player shows and plays.

    Attributes:
        times: display time of each frame, from the first one on (s)
        prints: one checksum per frame, equal for equal frames
        sound_ends: end of each audio stream (s on the same clock); the player's default comes first
    """

    times: Sequence[float]
    prints: Sequence[int]
    sound_ends: Sequence[float]


def picture_times(path: str | os.PathLike[str], clock: FileClock | None = None) -> tuple[list[float], list[int]]:
    """Decode the frames of a file; return their times (s, the first is 0) and checksums.

    The deblocking filter is skipped for every file: it does not affect times and takes a quarter of the decoding time.

    Raises:
        MediaError: the file cannot be read
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
    return zlib.crc32(lines[:, : plane.width].ravel()[::SPARSE].tobytes())  # the line padding is arbitrary


def sound_ends_of(path: str | os.PathLike[str]) -> list[float]:
    """Return the end of every audio stream (s on the video clock), in the order of `sound_streams`.

    Raises:
        MediaError: the file cannot be read
    """
    zero, clock = clock_zero(path), FileClock(path)
    with open_container(path) as container:
        streams = sound_streams(container)
        frame_times = {stream.index: FrameTimes(clock) for stream in streams}
        for packet in packets(container, streams, Damage()):
            for frame in decode_audio(packet, Damage()):
                frame_times[packet.stream.index].add(frame)
        return [ends_at(frame_times[stream.index], zero) for stream in streams]


def ends_at(heard: FrameTimes, zero: Fraction) -> float:
    """Return the end of an audio stream (s from zero)."""
    return max((run.start + run.stop - run.first for run in heard.continuous_runs(zero)), default=0.0)


def play(path: str | os.PathLike[str]) -> Playback:
    """Decode a file and return what it shows and plays.

    Raises:
        MediaError: the file cannot be read
    """
    return Playback(*picture_times(path), sound_ends_of(path))


def playback_difference(wanted: Playback, found: Playback, *, same_pictures: bool = True) -> str | None:
    """Describe how a file differs from what it should show and play; None if it does not.

    Args:
        wanted: the expected playback; audio that would end before time 0 is ignored
        found: the actual playback
        same_pictures: whether frames must be identical, not only of the same number and times
    """
    here, there = len(found.times), len(wanted.times)
    if here != there:
        return f"it shows {here} frames instead of {there}"
    apart = [abs(one - other) for one, other in zip(wanted.times, found.times, strict=True)]
    step = float(np.median([late - early for early, late in pairwise(wanted.times)])) if there > 1 else 0.0
    if max(apart, default=0.0) > max(PICTURE_WITHIN_S, step / 2) or (apart and apart[-1] > END_WITHIN_S):
        return f"its frames are shown up to {max(apart):.2f} s too early or too late"
    alike = sum(one == other for one, other in zip(wanted.prints, found.prints, strict=True))
    if same_pictures and alike < SAME_PICTURES * there:
        return f"{there - alike} of its {there} frames differ from the source"
    if len(wanted.sound_ends) != len(found.sound_ends):
        return f"it has {len(found.sound_ends)} streams of sound instead of {len(wanted.sound_ends)}"
    for should, does in zip(wanted.sound_ends, found.sound_ends, strict=True):
        if abs(max(0.0, should) - does) > SOUND_WITHIN_S:
            return f"its sound ends at {does:.2f} s instead of {max(0.0, should):.2f} s"
    return None


@dataclass(frozen=True, slots=True)
class WriteReport:
    """Result of writing a file.

    Attributes:
        left_out: descriptions of what the container could not keep
        caution: how jumps of the clock were handled; None without jumps
    """

    left_out: tuple[str, ...] = ()
    caution: str | None = None


def shift_sound(src: str | os.PathLike[str], dst: str | os.PathLike[str], earlier_s: float) -> WriteReport:
    """Copy a video with its audio shifted in time, and verify that the copy plays like the source.

    The video stream is copied packet by packet. Every audio stream is shifted by whole samples on the video clock and
    re-encoded: with its own codec if there is an encoder and the container accepts it (so FLAC and PCM stay lossless),
    otherwise as AAC, at no lower bit rate. Both begin at time 0: audio before the first frame is cut, gaps are filled
    with silence. Subtitles, attachments, chapters and metadata are copied if the container accepts them. Both files are
    decoded: the copy appears only if it shows the same frames at the same times and plays as much audio.

    Args:
        src: a local video file
        dst: output file; its suffix selects the container. It appears only when complete.
        earlier_s: how much earlier the audio should play (s); negative: later

    Raises:
        MediaError: the source cannot be read or lacks audio or video, or the target cannot be written or does not play
            like the source
    """
    target = Path(dst)
    container = container_of(dst)
    if target.exists() and Path(src).exists() and target.samefile(src):
        raise MediaError(f"{dst} is the source itself; give another name for the result.")
    plans = _plan(src, container, earlier_s)
    cuts = read_edit_list(src)
    if cuts and container not in QUICKTIME:
        raise MediaError(
            f"{dst}: {src} hides frames by an edit list, between two that stand alone, which only .mp4 and .mov can "
            "say; use one of these."
        )
    clock = FileClock(src)
    expected = Playback(*picture_times(src, clock), [plans.ends[index] for index in plans.order])
    problem: Exception | None = None
    with atomic_file(dst) as file:
        for keep_extras in (True, False):  # a container may reject a file because of a subtitle or cover image
            file.seek(0)
            file.truncate()
            try:
                left_out = _copy(src, file, container, plans, clock, cuts, keep_extras)
                file.flush()
                wrong = playback_difference(expected, play(file.name))
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
    """Suggest an alternative, as the end of a sentence."""
    suffix = suffix_for(src)
    if suffix is None or CONTAINERS[suffix] == container:
        return "convert the source to H.264 in .mp4 first."
    return f"use {suffix}."


@dataclass(frozen=True, slots=True)
class _Plans:
    """How to shift the audio streams.

    Attributes:
        zero: origin of the video clock on the file's own axis (s)
        streams: plan of each stream, by stream number
        ends: end of each stream, by stream number (s from zero)
        order: stream numbers; the player's default comes first
    """

    zero: Fraction
    streams: Mapping[int, AudioMovePlan]
    ends: Mapping[int, float]
    order: list[int]


def _plan(src: str | os.PathLike[str], container: str, earlier_s: float) -> _Plans:
    """First pass: decode every audio stream to find out when each frame plays."""
    zero, clock = clock_zero(src), FileClock(src)
    plans, ends = {}, {}
    with open_container(src) as source:
        if picture_stream(source) is None:
            raise MediaError(f"{src} has no video stream; give a video.")
        streams = sound_streams(source)
        frame_times = {stream.index: FrameTimes(clock) for stream in streams}
        for packet in packets(source, streams, Damage()):
            for frame in decode_audio(packet, Damage()):
                frame_times[packet.stream.index].add(frame)
        for stream in streams:
            first = frame_times[stream.index].first
            if first is None:
                continue
            encoding = choose_encoding(container, stream, first)
            if encoding is None:
                raise MediaError(
                    f"{src} has sound ({stream.codec_context.name}) that {container} cannot hold; use .mkv."
                )
            runs = frame_times[stream.index].continuous_runs(zero)
            moved = [SoundRun(run.first, run.stop, run.start - earlier_s) for run in runs]
            plans[stream.index] = AudioMovePlan(moved, zero, first, encoding)
            ends[stream.index] = ends_at(frame_times[stream.index], zero) - earlier_s
        order = [stream.index for stream in streams if stream.index in plans]
    if not plans:
        raise MediaError(f"{src} has no audio to shift; give a video with audio.")
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
    """Second pass: write everything. Return descriptions of what could not be kept."""
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
                if target is not None and target.stream.type != "attachment":  # attachments are part of the header
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
            raise ValueError("what has been written cannot be read")  # some containers accept anything
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
    """Yield the packets of the source; if its video has cuts, the video packets keep their stored times."""
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
