"""Arrays to files: a video with its sound."""

from __future__ import annotations

import os
from collections.abc import Iterable
from fractions import Fraction
from itertools import chain
from typing import cast

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import Flags, OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from seehear.clip import FPS, SAMPLE_RATE
from seehear.media.clipbytes import add_h264, decode_clip, encode_clip, planar
from seehear.media.shift import shift_sound
from seehear.media.target import whole_file

__all__ = ["decode_clip", "encode_clip", "shift_sound", "write_video"]


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
    """Write an MP4 file: H.264 4:2:0 and AAC. It appears under its name only when it is whole.

    The same arrays give the same bytes, as long as `threads` is 1.

    Args:
        path: to write; replaced if it exists.
        frames: RGB uint8 (H, W, 3), all of one size, at least one; odd sizes get one more column or row.
        fps: pictures a second.
        audio: float32 (N,) in [-1, 1], one channel, from the first picture on; None writes no sound.
        sample_rate: of the sound, 1/s.
        crf: quality of x264, 0 (lossless) to 51.
        threads: of the encoder; 0 takes all cores.

    Raises:
        MediaError: the file cannot be written.
        ValueError: there are no frames, or they differ in size.
    """
    pictures = iter(frames)
    first = next(pictures, None)
    if first is None:
        raise ValueError("a video needs at least one picture")
    rate = Fraction(fps).limit_denominator(1001)
    with whole_file(path) as file, av.open(file, "w", format="mp4") as container:
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
    """4:2:0 needs an even number of rows and columns: the last one is repeated."""
    height, width = picture.shape[:2]
    return np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
