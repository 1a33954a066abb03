"""Encode clips to bytes (H.264, FLAC) and back, and write arrays to a video file atomically.

This is the hot path of preparing and loading, so all frames of a clip are converted as one tall image.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import IO, cast

import av
import cv2
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.codec.context import Flags as CodecFlags
from av.container import Flags, OutputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from seehear.atomic_io import temporary_name
from seehear.clip import FPS, SAMPLE_RATE
from seehear.errors import MediaError
from seehear.media.demux import Damage, decode_audio, packets
from seehear.media.picture import BT601, LIMITED, plane_of, rgb_matrix, yuv_matrix


@contextmanager
def atomic_file(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a temporary file next to `path`, which is renamed to it on success and deleted otherwise.

    Raises:
        MediaError: the file cannot be written; also for FFmpeg errors inside the block
    """
    target = Path(path)
    if target.is_dir():
        raise MediaError(f"{path} is a folder; give the name of a file in it.")
    part = temporary_name(target, f".{os.getpid()}.part")
    try:
        with part.open("x+b") as file:
            yield file
        part.replace(target)
    except FileNotFoundError as error:
        raise MediaError(f"{path} cannot be written: there is no folder {target.parent}; create it.") from error
    except (FFmpegError, OSError) as error:
        reason = find_os_error(error) or error
        words = reason.strerror or str(reason)
        raise MediaError(f"{path} cannot be written ({words}); give another place or make room.") from error
    finally:
        part.unlink(missing_ok=True)


def find_os_error(error: BaseException) -> OSError | None:
    """Return the disk error that caused an error: FFmpeg hides errors of Python files, and closing fails once more."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and not isinstance(seen, FFmpegError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None


Video = NDArray[np.uint8]


Audio = NDArray[np.float32]


FULL_SCALE = 32767


def encode_clip(
    video: Video, audio: Audio, *, fps: int = FPS, sample_rate: int = SAMPLE_RATE, crf: int = 20
) -> tuple[bytes, bytes]:
    """Compress a clip. The same arrays always give the same bytes.

    Args:
        video: RGB uint8 (T, H, W, 3), H and W even
        audio: float32 (N,) in [-1, 1]
        fps, sample_rate: those of the clip, 1/s
        crf: x264 quality

    Returns:
        MP4 with H.264 4:2:0, and 16-bit FLAC
    """
    return encode_pictures(video, fps=fps, crf=crf), encode_sound(audio, sample_rate=sample_rate)


def decode_clip(pictures: bytes, sound: bytes) -> tuple[Video, Audio]:
    """Decode the output of `encode_clip`.

    Returns:
        RGB uint8 (T, H, W, 3) and float32 (N,)

    Raises:
        MediaError: the bytes are damaged
    """
    return decode_pictures(pictures), decode_sound(sound)


def encode_pictures(video: Video, *, fps: int = FPS, crf: int = 20) -> bytes:
    """Encode frames, RGB uint8 (T, H, W, 3) with H and W even, to the bytes of an MP4 file (H.264 4:2:0)."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        container.flags |= cast(int, Flags.bitexact.value)
        stream = add_h264(container, video.shape[1:3], Fraction(fps), crf, threads=1)
        for number, frame in enumerate(planar(video)):
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def decode_pictures(data: bytes) -> Video:
    """Decode bytes from `encode_pictures` to RGB uint8 (T, H, W, 3).

    Raises:
        MediaError: the bytes are damaged
    """
    try:
        with av.open(io.BytesIO(data), "r", format="mp4") as container:
            stream = container.streams.video[0]
            if stream.codec_context is None:  # of an unknown codec
                raise IndexError("no decoder")
            stream.codec_context.thread_count = 1  # many clips are decoded in parallel
            frames = list(container.decode(stream))
            expected = stream.frames
    except (FFmpegError, IndexError) as error:
        raise MediaError(f"The frames of a clip are damaged ({error}); prepare the corpus again.") from error
    if not 0 < len(frames) == expected:
        raise MediaError(f"The frames of a clip are damaged (not all {expected} are there); prepare the corpus again.")
    return _rgb(frames)


def encode_sound(audio: Audio, *, sample_rate: int = SAMPLE_RATE) -> bytes:
    """Encode audio, float32 (N,) in [-1, 1], to the bytes of a 16-bit FLAC file."""
    samples = np.rint(np.clip(audio, -1, 1) * FULL_SCALE).astype(np.int16)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="flac") as container:
        container.flags |= cast(int, Flags.bitexact.value)
        stream = container.add_stream("flac", rate=sample_rate, layout="mono", format="s16")
        if len(samples):
            frame = AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
            frame.sample_rate = sample_rate
            frame.pts = 0
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def decode_sound(data: bytes) -> Audio:
    """Decode bytes from `encode_sound` to float32 (N,).

    Raises:
        MediaError: the bytes are damaged
    """
    try:
        with av.open(io.BytesIO(data), "r", format="flac") as container:
            stream = container.streams.audio[0]
            # At the end FFmpeg's parser may mistake part of a frame for a new frame, which cannot be decoded. Missing
            # samples are detected below.
            audio_packets = packets(container, [stream], Damage())
            parts = [frame.to_ndarray()[0] for packet in audio_packets for frame in decode_audio(packet, Damage())]
            expected = (stream.duration or 0) * (stream.time_base or 0) * stream.codec_context.sample_rate
    except (FFmpegError, IndexError) as error:
        raise MediaError(f"The audio of a clip is damaged ({error}); prepare the corpus again.") from error
    samples = np.concatenate([*parts, np.zeros(0, np.int16)])
    if len(samples) != expected or not data.startswith(b"fLaC"):
        raise MediaError("The audio of a clip is damaged (it is not complete); prepare the corpus again.")
    audio: Audio = np.divide(samples, FULL_SCALE, dtype=np.float32)
    return audio


def add_h264(container: OutputContainer, size: tuple[int, int], fps: Fraction, crf: int, threads: int) -> VideoStream:
    """Add an H.264 stream for `planar` frames.

    Preset veryfast: on 128x128 faces, slower presets reduce the error by less than 5 % and take 1.4 to 2 times as long;
    faster ones more than double the file size (benchmarks/media_decode.py). With one thread the same frames give the
    same bytes on any x86 machine. That requires ``asm``: the AVX2 code of x264's lookahead reads uninitialised memory
    for some sizes under 160 px, and its decisions are then random.
    """
    options = {"crf": str(crf), "preset": "veryfast", "x264-params": "asm=SSE4.2"}
    stream = container.add_stream("libx264", rate=fps, options=options)
    stream.height, stream.width = size
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.time_base = 1 / fps
    context.thread_count = threads
    context.colorspace = context.color_primaries = context.color_trc = BT601
    context.color_range = LIMITED
    context.flags |= CodecFlags.bitexact
    return stream


def planar(video: Video) -> Iterator[VideoFrame]:
    """Convert RGB uint8 (T, H, W, 3), even sizes, to T frames of limited-range BT.601 4:2:0."""
    frames, height, width = video.shape[:3]
    tall = np.ascontiguousarray(video).reshape(frames * height, width, 3)  # even H: no 2x2 block spans two frames
    luma, *chroma = cv2.split(cv2.transform(tall, yuv_matrix()))
    half = (width // 2, frames * height // 2)
    planes = [luma, *(cv2.resize(plane, half, interpolation=cv2.INTER_AREA) for plane in chroma)]
    packed = np.concatenate([plane.reshape(frames, -1) for plane in planes], axis=1)
    for frame in packed.reshape(frames, height * 3 // 2, width):
        yield VideoFrame.from_ndarray(frame, format="yuv420p")


def _rgb(frames: list[VideoFrame]) -> Video:
    """Invert `planar` (or convert any 4:2:0 frames of one size): RGB uint8 (T, H, W, 3)."""
    first = frames[0]
    height, width = first.height, first.width
    yuv = np.empty((len(frames), height, width, 3), np.uint8)
    for number, frame in enumerate(frames):
        planes = [plane_of(frame, channel) for channel in range(3)]
        for channel in (1, 2):
            planes[channel] = cv2.resize(planes[channel], (width, height), interpolation=cv2.INTER_LINEAR)
        cv2.merge(planes, yuv[number])
    matrix = rgb_matrix(first.colorspace, first.color_range, first.format.name, width, height)
    tall = yuv.reshape(len(frames) * height, width, 3)
    return np.asarray(cv2.transform(tall, matrix), np.uint8).reshape(len(frames), height, width, 3)


def write_video(
    path: str | os.PathLike[str],
    frames: Iterable[NDArray[np.uint8]],
    fps: float | Fraction = FPS,
    audio: NDArray[np.float32] | None = None,
    *,
    sample_rate: int = SAMPLE_RATE,
    crf: int = 18,
    threads: int = 1,
) -> None:
    """Write an MP4 file with H.264 4:2:0 and AAC. It appears under its name only when complete.

    The same arrays give the same bytes if `threads` is 1.

    Args:
        path: output file; replaced if it exists
        frames: RGB uint8 (H, W, 3), all of one size, at least one; odd sizes are padded by one column or row
        fps: frame rate, 1/s
        audio: float32 (N,) in [-1, 1], one channel, starting with the first frame; None writes no audio
        sample_rate: sample rate of the audio, 1/s
        crf: x264 quality, 0 (lossless) to 51
        threads: encoder threads; 0 uses all cores

    Raises:
        MediaError: the file cannot be written
        ValueError: there are no frames, or they differ in size
    """
    pictures = iter(frames)
    first = next(pictures, None)
    if first is None:
        raise ValueError("a video needs at least one frame")
    rate = Fraction(fps).limit_denominator(1001)
    with atomic_file(path) as file, av.open(file, "w", format="mp4") as container:
        container.flags |= cast(int, Flags.bitexact.value)
        video = add_h264(container, _even(first).shape[:2], rate, crf, threads)
        sound = None
        if audio is not None:
            sound = container.add_stream("aac", rate=sample_rate, layout="mono", bit_rate=128_000)
        for number, picture in enumerate(chain([first], pictures)):
            if picture.shape != first.shape:
                raise ValueError(f"picture {number} is {picture.shape}, the ones before are {first.shape}")
            _mux_picture(container, video, _even(picture), number)
            if sound is not None and audio is not None:
                now, then = round(number / rate * sample_rate), round((number + 1) / rate * sample_rate)
                _mux_sound(container, sound, audio[now:then], now)
        container.mux(video.encode(None))
        if sound is not None and audio is not None:
            _mux_sound(container, sound, audio[then:], then)
            container.mux(sound.encode(None))


def _mux_picture(container: OutputContainer, stream: VideoStream, picture: NDArray[np.uint8], number: int) -> None:
    for frame in planar(picture[None]):
        frame.pts = number
        frame.time_base = 1 / Fraction(stream.codec_context.framerate)
        container.mux(stream.encode(frame))


def _mux_sound(container: OutputContainer, stream: AudioStream, samples: NDArray[np.float32], first: int) -> None:
    if len(samples):
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples[None], np.float32), format="fltp", layout="mono")
        frame.sample_rate = stream.codec_context.sample_rate
        frame.pts = first
        frame.time_base = Fraction(1, frame.sample_rate)
        container.mux(stream.encode(frame))


def _even(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Repeat the last row or column if needed: 4:2:0 requires even sizes."""
    height, width = picture.shape[:2]
    return np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
