"""Moving the sound of a file in time: the picture packets stay as they are, the sound is decoded, moved, encoded."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from heapq import merge
from pathlib import Path
from typing import IO

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream

from seehear.errors import MediaError
from seehear.media.containers import CONTAINERS, OPTIONS, QUICKTIME, container_of, suffix_for
from seehear.media.copying import Extras, PacketCopy, Target, earlier
from seehear.media.edits import Cuts, is_needed, read_cuts, write_edits
from seehear.media.encoder import choose_encoding
from seehear.media.frames import Damage, FileClock, clock_zero, packets, sounds
from seehear.media.heard import Heard
from seehear.media.moving import Mover, Plan
from seehear.media.presentation import Presentation, difference, ends_at, pictures_of, presentation
from seehear.media.source import RAW_TIMES, open_container, picture_stream, sound_streams
from seehear.media.target import disk_error, whole_file
from seehear.media.timebase import Run, Unfold

__all__ = ["CONTAINERS", "Written", "shift_sound"]


@dataclass(frozen=True, slots=True)
class Written:
    """What came of writing a file.

    Attributes:
        left_out: what the container could not keep of the source, in words.
        caution: what was made of a clock that jumps; None where it does not.
    """

    left_out: tuple[str, ...] = ()
    caution: str | None = None


def shift_sound(src: str | os.PathLike[str], dst: str | os.PathLike[str], earlier_s: float) -> Written:
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
    cuts = read_cuts(src)
    if cuts and container not in QUICKTIME:
        raise MediaError(
            f"{dst}: {src} hides pictures by an edit list, between two that stand alone, which only .mp4 and .mov can "
            "say; use one of these."
        )
    clock = FileClock(src)
    wanted = Presentation(*pictures_of(src, clock), [plans.ends[index] for index in plans.order])
    problem: Exception | None = None
    with whole_file(dst) as file:
        for keep_extras in (True, False):  # a container may refuse a file for a subtitle or a cover picture
            file.seek(0)
            file.truncate()
            try:
                left_out = _copy(src, file, container, plans, clock, cuts, keep_extras)
                file.flush()
                wrong = difference(wanted, presentation(file.name))
            except (FFmpegError, ValueError, OverflowError) as error:
                if disk_error(error):
                    raise
                problem = error
                continue
            if wrong:
                raise MediaError(f"{dst} is not written: {wrong}; {_way_out(src, container)}")
            return Written(tuple(left_out), clock.caution())
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
    streams: Mapping[int, Plan]
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
        heard = {stream.index: Heard(clock) for stream in streams}
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
            plans[stream.index] = Plan(moved, zero, first, encoding)
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
    cuts: Cuts | None,
    keep_extras: bool,
) -> list[str]:
    """Second pass: write everything. What could not be kept is given back, in words."""
    extras = Extras()
    with ExitStack() as stack:
        source = stack.enter_context(open_container(src))
        out = stack.enter_context(av.open(file, "w", format=container, container_options=OPTIONS.get(container)))
        out.metadata.update(source.metadata)
        out.set_chapters([earlier(chapter, plans.zero) for chapter in source.chapters()])
        movers: dict[int, Mover] = {}
        copies: dict[int, PacketCopy] = {}
        main = picture_stream(source)
        for stream in source.streams:
            if stream.index in plans.streams:
                sound = plans.streams[stream.index].encoding.add_to(out)
                movers[stream.index] = Mover(plans.streams[stream.index], sound)
                target: Target | None = Target(sound)
            elif stream == main or keep_extras:
                target = extras.add(source, stream, out, container)
                if target is not None and target.stream.type != "attachment":  # those are written with the header
                    zero = cuts.begin if cuts and stream == main else plans.zero
                    unfold = Unfold(clock, None if stream == main else plans.zero)
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
                if main is None or packet.stream.index != main.index or is_needed(cuts, packet):
                    out.mux(copies[packet.stream.index].packets(packet))
            else:
                for frame in sounds(packet, Damage()):
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
    cuts: Cuts | None,
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
