"""The compressed bytes of one clip, as the corpus stores them: H.264 in MP4 and FLAC, in memory.

This is the hot path of preparing and of loading, so all frames of a clip are converted as one tall picture.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction
from typing import cast

import av
import cv2
import numpy as np
from av.audio.frame import AudioFrame
from av.codec.context import Flags as CodecFlags
from av.container import Flags, OutputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from seehear.clip import FPS, SAMPLE_RATE
from seehear.errors import MediaError
from seehear.media.colour import BT601, LIMITED, rgb_matrix, yuv_matrix
from seehear.media.frames import Damage, packets, sounds
from seehear.media.picture import plane_of

Video = NDArray[np.uint8]
Audio = NDArray[np.float32]
FULL_SCALE = 32767


def encode_clip(
    video: Video, audio: Audio, *, fps: int = FPS, sample_rate: int = SAMPLE_RATE, crf: int = 20
) -> tuple[bytes, bytes]:
    """Compress a clip. The same arrays always give the same bytes.

    Args:
        video: RGB uint8 (T, H, W, 3), H and W even.
        audio: float32 (N,) in [-1, 1].
        fps, sample_rate: as the clip's.
        crf: quality of x264.

    Returns:
        MP4 with H.264 4:2:0, and FLAC of 16 bits.
    """
    return encode_pictures(video, fps=fps, crf=crf), encode_sound(audio, sample_rate=sample_rate)


def decode_clip(pictures: bytes, sound: bytes) -> tuple[Video, Audio]:
    """Undo `encode_clip`.

    Returns:
        RGB uint8 (T, H, W, 3) and float32 (N,).

    Raises:
        MediaError: the bytes are damaged.
    """
    return decode_pictures(pictures), decode_sound(sound)


def encode_pictures(video: Video, *, fps: int = FPS, crf: int = 20) -> bytes:
    """Pictures, RGB uint8 (T, H, W, 3) with H and W even, to the bytes of an MP4 file (H.264 4:2:0)."""
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
    """Bytes from `encode_pictures` to RGB uint8 (T, H, W, 3).

    Raises:
        MediaError: the bytes are damaged.
    """
    try:
        with av.open(io.BytesIO(data), "r", format="mp4") as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1  # many clips are decoded side by side
            frames = list(container.decode(stream))
            wanted = stream.frames
    except (FFmpegError, IndexError) as error:
        raise MediaError(f"The pictures of a clip are damaged ({error}); prepare the corpus again.") from error
    if not 0 < len(frames) == wanted:
        raise MediaError(f"The pictures of a clip are damaged (not all {wanted} are there); prepare the corpus again.")
    return _rgb(frames)


def encode_sound(audio: Audio, *, sample_rate: int = SAMPLE_RATE) -> bytes:
    """Sound, float32 (N,) in [-1, 1], to the bytes of a FLAC file of 16 bits."""
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
    """Bytes from `encode_sound` to float32 (N,).

    Raises:
        MediaError: the bytes are damaged.
    """
    try:
        with av.open(io.BytesIO(data), "r", format="flac") as container:
            stream = container.streams.audio[0]
            # At the end FFmpeg's parser may take a piece of a frame for another one, which cannot be decoded: whether
            # anything is missing is seen below.
            found = packets(container, [stream], Damage())
            parts = [frame.to_ndarray()[0] for packet in found for frame in sounds(packet, Damage())]
            wanted = (stream.duration or 0) * (stream.time_base or 0) * stream.codec_context.sample_rate
    except (FFmpegError, IndexError) as error:
        raise MediaError(f"The sound of a clip is damaged ({error}); prepare the corpus again.") from error
    samples = np.concatenate([*parts, np.zeros(0, np.int16)])
    if len(samples) != wanted or not data.startswith(b"fLaC"):
        raise MediaError("The sound of a clip is damaged (it is not complete); prepare the corpus again.")
    audio: Audio = np.divide(samples, FULL_SCALE, dtype=np.float32)
    return audio


def add_h264(container: OutputContainer, size: tuple[int, int], fps: Fraction, crf: int, threads: int) -> VideoStream:
    """A stream of H.264 for `planar` frames.

    Preset veryfast: on 128x128 faces slower ones gain under 5 % in error and take 1.4 to 2 times as long, faster ones
    make the files over twice as large (benchmarks/media_decode.py). With one thread the same pictures give the same
    bytes, on any x86 machine: that takes ``asm``, as the AVX2 code of x264's lookahead reads memory that was never
    written for some sizes under 160 px, and then decides by chance.
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
    """RGB uint8 (T, H, W, 3), even sizes, to T frames of BT.601 limited-range 4:2:0."""
    frames, height, width = video.shape[:3]
    tall = np.ascontiguousarray(video).reshape(frames * height, width, 3)  # even H: no 2x2 block spans two frames
    luma, *chroma = cv2.split(cv2.transform(tall, yuv_matrix()))
    half = (width // 2, frames * height // 2)
    planes = [luma, *(cv2.resize(plane, half, interpolation=cv2.INTER_AREA) for plane in chroma)]
    packed = np.concatenate([plane.reshape(frames, -1) for plane in planes], axis=1)
    for frame in packed.reshape(frames, height * 3 // 2, width):
        yield VideoFrame.from_ndarray(frame, format="yuv420p")


def _rgb(frames: list[VideoFrame]) -> Video:
    """Undo `planar` (or any 4:2:0 of one size): RGB uint8 (T, H, W, 3)."""
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
