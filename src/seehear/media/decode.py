"""Video files to a stream of pictures at 25 a second, upright, with square pixels, on the source clock."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from types import TracebackType
from typing import Self

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from seehear.clip import FPS
from seehear.errors import MediaError
from seehear.media.frames import Damage, FileClock, decoded, stamp, usual_step
from seehear.media.interlace import deinterlaced
from seehear.media.picture import Picture
from seehear.media.prepare import Preparation
from seehear.media.source import open_container, picture_stream, sound_streams
from seehear.media.timebase import REACH, Unfold, in_order, to_ticks

__all__ = ["MediaFile", "Picture", "VideoInfo", "open_media"]


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What is known of the pictures before they are decoded.

    Attributes:
        width, height: px, upright, square pixels, at most about 1920x1080 px in all: as the pictures will come.
        fps: of the source, pictures a second (mean, where it varies).
        frames_estimate: how many pictures `MediaFile.pictures` will give, about; 0 where the file does not say.
        duration_s: of the picture stream, as the file says; 0.0 where it does not.
        codec: FFmpeg's name of the decoder.
    """

    width: int
    height: int
    fps: float
    frames_estimate: int
    duration_s: float
    codec: str


class MediaFile:
    """An open video or sound file; see `open_media`.

    Attributes:
        path: as given.
        video: what is known of the pictures; None for a file that has none.
        has_sound: whether there is a stream of sound that can be decoded.
        zero: where the clock's 0 is on the file's own axis (s): the first picture; None for a file without pictures.
        clock: of the file; it says what was made of jumps in it, if any have been met so far.
        damaged: how many pieces of the picture stream have been skipped or repaired by the decoder so far.
        seen_s: where the pictures that have been given so far end, on the source clock (s).
    """

    def __init__(self, path: str | os.PathLike[str], threads: int = 0) -> None:
        self.path = path
        self._threads = threads
        self.clock = FileClock(path)
        self.seen_s = 0.0
        self._damage = Damage()
        self._open: list[Generator[Picture]] = []
        with open_container(path) as container:
            self.has_sound = bool(sound_streams(container))
            self._header_s = (container.duration or 0) / av.time_base
            stream = picture_stream(container)
            if stream is None and not self.has_sound:
                raise MediaError(f"{path} has neither pictures nor sound that can be decoded; give another file.")
            self.video: VideoInfo | None = None
            self.zero: Fraction | None = None
            if stream is not None:
                self.video, self.zero = _look(path, container, stream)

    @property
    def duration_s(self) -> float:
        """Of the whole file, as it says itself, or as found where its clock jumps (s); 0.0 where it does not say."""
        clock = self.clock.known
        return float(clock.end - clock.zero) if clock and clock.jumps else self._header_s

    @property
    def damaged(self) -> int:
        return self._damage.count

    def pictures(self) -> Iterator[Picture]:
        """Decode the pictures, resampled to 25 a second: tick i / 25 s gets the picture that is nearest in time.

        Holes of more than 10 s in the timestamps are not filled: `Picture.index` jumps there; where there is no sound
        either, the clock has jumped and the hole is closed (see `clock`). Pictures that cannot
        be decoded are skipped and counted in `damaged`; a file that breaks off gives the pictures up to there.

        Raises:
            MediaError: nothing can be decoded. (No pictures at all, ``video is None``: the stream is empty.)
        """
        stream = self._pictures()
        self._open.append(stream)
        return stream

    def _pictures(self) -> Generator[Picture]:
        if self.video is None:
            return
        self._damage.count = 0
        with open_container(self.path) as container:
            stream = picture_stream(container)
            if stream is None:
                raise MediaError(f"{self.path} has changed while it was read; start again.")
            preparation = Preparation(stream.sample_aspect_ratio)
            frames = shown(container, stream, self._damage, self.clock, self._threads)
            for index, frame in to_ticks(frames):
                self.seen_s = max(self.seen_s, (index + 1) / FPS)
                yield preparation.picture(index, frame)

    def close(self) -> None:
        """Stop all streams of pictures and close the file."""
        while self._open:
            self._open.pop().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_media(path: str | os.PathLike[str], *, threads: int = 0) -> MediaFile:
    """Look into a local media file: what it holds, and its pictures as a stream.

    Args:
        path: a regular file on this machine. Playlists and files that refer to other files are refused.
        threads: of the decoder; 0 takes all cores.

    Raises:
        MediaError: one sentence that says what is wrong with the file and what to do.
    """
    return MediaFile(path, threads)


def _look(path: str | os.PathLike[str], container: InputContainer, stream: VideoStream) -> tuple[VideoInfo, Fraction]:
    """What is known of a picture stream, and the time of its first picture."""
    first = next(decoded(container, stream, Damage(), threads=1), None)
    codec = stream.codec_context.name
    if first is None:
        raise MediaError(f"No picture in {path} can be decoded ({codec}): it is damaged or cut off; copy it again.")
    height, width = Preparation(stream.sample_aspect_ratio).picture(0, first).shape
    if stream.duration is not None and stream.time_base is not None:
        duration = stream.duration * stream.time_base
    else:
        duration = Fraction(container.duration or 0, av.time_base)
    info = VideoInfo(
        width=width,
        height=height,
        fps=float(1 / usual_step(stream)),
        frames_estimate=max(0, ceil(duration * FPS)),
        duration_s=max(0.0, float(duration)),
        codec=codec,
    )
    return info, stamp(first) or Fraction(0)


def shown(
    container: InputContainer,
    stream: VideoStream,
    damage: Damage,
    clock: FileClock,
    threads: int = 0,
    *,
    interlace: bool = True,
) -> Iterator[tuple[Fraction, Fraction, VideoFrame]]:
    """Every frame that a player shows, with its time on the source clock and its length (s).

    Args:
        container, stream: what to decode.
        damage: counts what could not be decoded.
        clock: of the file.
        threads: of the decoder; 0: one a core.
        interlace: whether interlaced frames are drawn anew from their first field.
    """
    step = usual_step(stream)
    stamped = ((stamp(frame), frame) for frame in decoded(container, stream, damage, threads))
    ordered = in_order(stamped, step, Unfold(clock))
    zero: Fraction | None = None
    before: Fraction | None = None
    for time, frame in deinterlaced(ordered) if interlace else ordered:
        zero = time if zero is None else zero
        yield time - zero, _length(frame, step if before is None else time - before), frame
        before = time


def _length(frame: VideoFrame, usual: Fraction) -> Fraction:
    """How long a frame is shown if it is the last one: as it says, if it says something sensible."""
    length = frame.duration * frame.time_base if frame.duration and frame.time_base else Fraction(0)
    return length if 0 < length <= REACH else usual
