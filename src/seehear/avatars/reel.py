"""Pictures and sound to a file, in one thread: the same bytes each time, and workers do not fight for cores."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import cv2
import numpy as np
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from seehear.clip import FPS, SAMPLE_RATE
from seehear.media.colour import BT601, LIMITED
from seehear.media.target import whole_file

_AAC = {"aac_coder": "fast"}  # the usual coder takes as long as all pictures
_REPEATABLE = "cpu-independent=1"
"""From preset veryfast up, x264's macroblock tree gives other bytes from run to run unless it is told to be independent
of the processor (seen with PyAV 18.1: 12 encodings of one film, 12 results; with the option, one)."""


def write_reel(
    path: Path,
    pictures: Iterable[NDArray[np.uint8]],
    sound: NDArray[np.float32],
    *,
    crf: int,
    preset: str,
    bit_rate: int,
) -> None:
    """Write an MP4 file (H.264, AAC). It appears under its name only when it is whole.

    `seehear.media.mux.write_video` would use every processor for each of many workers.

    Args:
        path: to write.
        pictures: RGB uint8 (height, width, 3), 25 a second, all of one even size.
        sound: float32 (N,), 16 kHz, from the first picture on.
        crf: quality of x264.
        preset: of x264; faster ones leave other traces in the picture.
        bit_rate: of AAC, bits a second.

    Raises:
        MediaError: the file cannot be written.
    """
    film = iter(pictures)
    first = next(film)
    with whole_file(path) as file, av.open(file, "w", format="mp4") as container:
        options = {"crf": str(crf), "preset": preset, "x264-params": _REPEATABLE}
        video = container.add_stream("libx264", rate=FPS, options=options)
        video.height, video.width = first.shape[:2]
        video.pix_fmt = "yuv420p"
        context = video.codec_context
        context.time_base = Fraction(1, FPS)
        context.thread_count = 1
        context.colorspace = context.color_primaries = context.color_trc = BT601
        context.color_range = LIMITED
        audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono", bit_rate=bit_rate, options=_AAC)
        for number, picture in enumerate(chain((first,), film)):
            # OpenCV's planes are BT.601, limited range, chroma in the middle of its four pixels
            frame = VideoFrame.from_ndarray(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420), format="yuv420p")
            frame.pts = number
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        samples = AudioFrame.from_ndarray(np.ascontiguousarray(sound[None]), format="fltp", layout="mono")
        samples.sample_rate = SAMPLE_RATE
        samples.pts = 0
        container.mux(audio.encode(samples))
        container.mux(audio.encode(None))
