"""Frames of any kind to pictures: interlaced lines blended, any pixel format to 8-bit 4:2:0, huge ones shrunk."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import cast

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from seehear.media.picture import Geometry, Picture

MOST_PIXELS = 1920 * 1080
"""Larger pictures are shrunk at once: a face that is worth tracking there is large, and buffers stay small."""

READY = ("yuv420p", "yuvj420p")


class Preparation:
    """Turns the frames of one stream into pictures of one size."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()
        self._size: tuple[int, int] | None = None

    def picture(self, index: int, frame: VideoFrame) -> Picture:
        """Wrap a frame; the first one decides the stored size of all."""
        if self._size is None:
            self._size = _within(frame.width, frame.height)
        aspect = 1.0
        return Picture(index, self._planar(frame), Geometry(self._size[::-1], turn_of(frame), aspect))

    def _planar(self, frame: VideoFrame) -> VideoFrame:
        assert self._size is not None
        width, height = self._size
        if frame.format.name in READY and (frame.width, frame.height) == self._size:
            return frame
        full = frame.format.name.startswith("yuvj") or frame.color_range == ColorRange.JPEG
        rgb = frame.format.is_rgb or frame.colorspace == 0
        return self._reformatter.reformat(
            frame,
            width=width,
            height=height,
            format="yuv420p",
            interpolation="AREA" if (width, height) != (frame.width, frame.height) else None,
            dst_colorspace=Colorspace.ITU709 if rgb else None,
            dst_color_range=ColorRange.JPEG if full and not rgb else ColorRange.MPEG,
        )


def _within(width: int, height: int) -> tuple[int, int]:
    """Size that keeps the shape and has at most `MOST_PIXELS`."""
    shrink = sqrt(min(1.0, MOST_PIXELS / (width * height)))
    if shrink == 1:
        return width, height
    return max(2, round(width * shrink / 2) * 2), max(2, round(height * shrink / 2) * 2)


def turn_of(frame: VideoFrame) -> tuple[tuple[int, int], tuple[int, int]]:
    """The display matrix of a frame as a turn by quarters and a mirror, stored (x, y) -> upright (x, y)."""
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
