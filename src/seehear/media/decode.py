"""Decode a video as a stream of upright frames at 25/s, with deinterlacing."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, sqrt
from types import TracebackType
from typing import Self, TypeVar, cast

import av
import numpy as np
from av.container import InputContainer
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from av.video.stream import VideoStream

from seehear.clip import FPS
from seehear.errors import MediaError
from seehear.media.demux import (
    Damage,
    FileClock,
    decode_video,
    nominal_frame_period,
    open_container,
    picture_stream,
    presentation_time,
    sound_streams,
)
from seehear.media.picture import Geometry, Picture
from seehear.media.timebase import REACH, ClockUnwrapper, rising_times, to_ticks

MAX_PIXELS = 1920 * 1080
"""Larger frames are downscaled at once: any face worth tracking is still large enough, and buffers stay small."""


READY = ("yuv420p", "yuvj420p")


RGB = 0  # H.273 MatrixCoefficients


class FramePreparer:
    """Convert the frames of a stream to one size: that of the first frame, limited by `MAX_PIXELS`."""

    def __init__(self, aspect: Fraction | None) -> None:
        """Args: aspect: pixel width over height, from the container or codec."""
        self._aspect = float(aspect) if aspect and Fraction(1, 8) < aspect < 8 else 1.0
        self._reformatter = VideoReformatter()
        self._geometry: Geometry | None = None

    def picture(self, index: int, frame: VideoFrame) -> Picture:
        """Wrap a frame."""
        if self._geometry is None:
            width, height = _within(frame.width, frame.height)
            stretch = self._aspect * (frame.width / width) / (frame.height / height)
            self._geometry = Geometry((height, width), _turn(frame), stretch)
        return Picture(index, self._planar(frame, *self._geometry.stored), self._geometry)

    def _planar(self, frame: VideoFrame, height: int, width: int) -> VideoFrame:
        """Convert the frame to 8-bit 4:2:0 of the given size."""
        same_size = (frame.width, frame.height) == (width, height)
        if frame.format.name in READY:
            if same_size and all(plane.line_size > 0 for plane in frame.planes):
                return frame
            if same_size:  # rows are stored bottom-up
                frame = self._reformatter.reformat(frame, format="yuv444p")
        rgb = frame.format.is_rgb or frame.colorspace == RGB
        full = not rgb and (frame.format.name.startswith("yuvj") or frame.color_range == ColorRange.JPEG)
        return self._reformatter.reformat(
            frame,
            width=width,
            height=height,
            format="yuv420p",
            interpolation=None if same_size else "AREA",
            dst_colorspace=Colorspace.ITU709 if rgb else None,
            dst_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
        )


def _within(width: int, height: int) -> tuple[int, int]:
    """Return the size with the same shape and at most `MAX_PIXELS`."""
    shrink = sqrt(min(1.0, MAX_PIXELS / (width * height)))
    if shrink == 1:
        return width, height
    return max(2, round(width * shrink / 2) * 2), max(2, round(height * shrink / 2) * 2)


def _turn(frame: VideoFrame) -> tuple[tuple[int, int], tuple[int, int]]:
    """Read the display matrix as quarter turns and a mirror, stored (x, y) -> upright (x, y)."""
    side_data = cast("Mapping[str, memoryview]", frame.side_data)
    if "DISPLAYMATRIX" not in side_data:
        return (1, 0), (0, 1)
    a, b, _, c, d = np.frombuffer(memoryview(side_data["DISPLAYMATRIX"]), np.int32)[
        :5
    ].tolist()  # x' = a x + c y, y' = b x + d y
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return (_sign(a), 0), (0, _sign(d))
    return (0, _sign(c)), (_sign(b), 0)


def _sign(value: int) -> int:
    return -1 if value < 0 else 1


Tag = TypeVar("Tag")


def deinterlaced(frames: Iterable[tuple[Tag, VideoFrame]]) -> Iterator[tuple[Tag, VideoFrame]]:
    """Pass frames through, using FFmpeg's bwdif from the first interlaced frame on; one frame out for each one in.

    Args:
        frames: pairs of any tag (such as the time) and a frame
    """
    kind: tuple[int, int, str] | None = None
    graph: Graph | None = None
    waiting: deque[Tag] = deque()
    for tag, frame in frames:
        if graph is not None and kind != _kind(frame):
            yield from _pass(graph, None, waiting)
            graph = None
        if graph is None and frame.interlaced_frame:
            kind, graph = _kind(frame), _graph(frame)
        if graph is None:
            yield tag, frame
        else:
            waiting.append(tag)
            yield from _pass(graph, frame, waiting)
    if graph is not None:
        yield from _pass(graph, None, waiting)


def _kind(frame: VideoFrame) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name


def _graph(frame: VideoFrame) -> Graph:
    graph = Graph()
    assert frame.time_base is not None
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
    weave = graph.add("bwdif", "mode=send_frame:deint=interlaced")
    graph.link_nodes(source, weave, graph.add("buffersink")).configure()
    return graph


def _pass(graph: Graph, frame: VideoFrame | None, waiting: deque[Tag]) -> Iterator[tuple[Tag, VideoFrame]]:
    graph.vpush(frame)
    while waiting:
        try:
            out = graph.vpull()
        except (av.BlockingIOError, av.EOFError):
            return
        yield waiting.popleft(), out


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """Video properties known before decoding.

    Attributes:
        width, height: upright, square pixels, at most about 1920x1080 px in total: the size of the decoded frames
        fps: frame rate of the source, 1/s (mean if variable)
        frames_estimate: approximate number of frames from `MediaFile.pictures`; 0 if unknown
        duration_s: duration of the video stream according to the file; 0.0 if unknown
        codec: FFmpeg name of the decoder
    """

    width: int
    height: int
    fps: float
    frames_estimate: int
    duration_s: float
    codec: str


class MediaFile:
    """An open video or audio file; see `open_media`.

    Attributes:
        path: as given
        video: properties of the video stream; None without one
        has_sound: whether there is an audio stream that can be decoded
        zero: origin of the clock on the file's own time axis (s): the first frame; None without video
        clock: clock of the file, including the jumps detected so far
        damaged: number of video packets skipped or repaired by the decoder so far
        seen_s: end of the frames returned so far, on the source clock (s)
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
                raise MediaError(f"{path} has neither video nor audio that can be decoded; give another file.")
            self.video: VideoInfo | None = None
            self.zero: Fraction | None = None
            if stream is not None:
                self.video, self.zero = _look(path, container, stream)

    @property
    def duration_s(self) -> float:
        """Duration from the header, or as measured if the clock jumps (s); 0.0 if unknown."""
        clock = self.clock.read_so_far
        return float(clock.end - clock.zero) if clock and clock.jumps else self._header_s

    @property
    def damaged(self) -> int:
        return self._damage.count

    def pictures(self) -> Iterator[Picture]:
        """Decode the video, resampled to 25 frames/s: tick i / 25 s gets the frame nearest in time.

        Gaps of more than 10 s in the timestamps are not filled: `Picture.index` jumps there. If the gap has no audio
        either, the clock has jumped and the gap is closed (see `clock`). Frames that cannot be decoded are skipped
        and counted in `damaged`; a truncated file gives the frames up to the break.

        Raises:
            MediaError: nothing can be decoded. (Without video, ``video is None``, the stream is empty.)
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
            preparation = FramePreparer(stream.sample_aspect_ratio)
            frames = shown_frames(container, stream, self._damage, self.clock, self._threads)
            for index, frame in to_ticks(frames):
                self.seen_s = max(self.seen_s, (index + 1) / FPS)
                yield preparation.picture(index, frame)

    def close(self) -> None:
        """Stop all frame streams and close the file."""
        while self._open:
            self._open.pop().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_media(path: str | os.PathLike[str], *, threads: int = 0) -> MediaFile:
    """Open a local media file, read its properties and give access to its frames.

    Args:
        path: a regular file on this machine. Playlists and files that refer to other files are refused.
        threads: decoder threads; 0 uses all cores

    Raises:
        MediaError: one sentence that says what is wrong with the file and what to do
    """
    return MediaFile(path, threads)


def _look(path: str | os.PathLike[str], container: InputContainer, stream: VideoStream) -> tuple[VideoInfo, Fraction]:
    """Return the properties of a video stream and the time of its first frame."""
    first = next(decode_video(container, stream, Damage(), threads=1), None)
    codec = stream.codec_context.name
    if first is None:
        raise MediaError(f"No frame of {path} can be decoded ({codec}): it is damaged or cut off; copy it again.")
    height, width = FramePreparer(stream.sample_aspect_ratio).picture(0, first).shape
    if stream.duration is not None and stream.time_base is not None:
        duration = stream.duration * stream.time_base
    else:
        duration = Fraction(container.duration or 0, av.time_base)
    info = VideoInfo(
        width=width,
        height=height,
        fps=float(1 / nominal_frame_period(stream)),
        frames_estimate=max(0, ceil(duration * FPS)),
        duration_s=max(0.0, float(duration)),
        codec=codec,
    )
    return info, presentation_time(first) or Fraction(0)


def shown_frames(
    container: InputContainer,
    stream: VideoStream,
    damage: Damage,
    clock: FileClock,
    threads: int = 0,
    *,
    interlace: bool = True,
) -> Iterator[tuple[Fraction, Fraction, VideoFrame]]:
    """Yield every displayed frame with its time on the source clock and its duration (s).

    Args:
        container, stream: the stream to decode
        damage: counts packets that could not be decoded
        clock: clock of the file
        threads: decoder threads; 0 uses all cores
        interlace: whether to deinterlace interlaced frames
    """
    step = nominal_frame_period(stream)
    stamped = ((presentation_time(frame), frame) for frame in decode_video(container, stream, damage, threads))
    ordered = rising_times(stamped, step, ClockUnwrapper(clock))
    zero: Fraction | None = None
    before: Fraction | None = None
    for time, frame in deinterlaced(ordered) if interlace else ordered:
        zero = time if zero is None else zero
        yield time - zero, _length(frame, step if before is None else time - before), frame
        before = time


def _length(frame: VideoFrame, usual: Fraction) -> Fraction:
    """Return the duration of the last frame: its own if plausible, else the usual one."""
    length = frame.duration * frame.time_base if frame.duration and frame.time_base else Fraction(0)
    return length if 0 < length <= REACH else usual
