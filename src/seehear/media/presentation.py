"""What a player shows and plays of a file, to see whether another file shows and plays the same."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
from av.video.frame import VideoFrame

from seehear.media.decode import shown
from seehear.media.frames import Damage, FileClock, clock_zero, packets, sounds
from seehear.media.heard import Heard
from seehear.media.source import open_container, picture_stream, sound_streams

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
class Presentation:
    """What is shown and played.

    Attributes:
        times: when each picture is shown, from the first one on (s).
        prints: one number a picture, the same for the same picture.
        sound_ends: where each stream of sound ends (s on the same clock), the one that a player would choose first.
    """

    times: Sequence[float]
    prints: Sequence[int]
    sound_ends: Sequence[float]


def pictures_of(path: str | os.PathLike[str], clock: FileClock | None = None) -> tuple[list[float], list[int]]:
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
            for time, _, frame in shown(container, stream, Damage(), clock or FileClock(path), interlace=False):
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
        heard = {stream.index: Heard(clock) for stream in streams}
        for packet in packets(container, streams, Damage()):
            for frame in sounds(packet, Damage()):
                heard[packet.stream.index].note(frame)
        return [ends_at(heard[stream.index], zero) for stream in streams]


def ends_at(heard: Heard, zero: Fraction) -> float:
    """Where a stream of sound ends (s from zero on)."""
    return max((run.start + run.stop - run.first for run in heard.runs(zero)), default=0.0)


def presentation(path: str | os.PathLike[str]) -> Presentation:
    """Decode a file for what it shows and plays.

    Raises:
        MediaError: the file cannot be read.
    """
    return Presentation(*pictures_of(path), sound_ends_of(path))


def difference(wanted: Presentation, found: Presentation, *, same_pictures: bool = True) -> str | None:
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
