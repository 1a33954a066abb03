"""Frames of any kind to pictures: any pixel format to 8-bit 4:2:0, huge ones shrunk, upright with square pixels."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import sqrt
from typing import cast

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from seehear.media.picture import Geometry, Picture

MOST_PIXELS = 1920 * 1080
"""Larger pictures are shrunk at once: a face that is worth tracking there is large, and buffers stay small."""

READY = ("yuv420p", "yuvj420p")
RGB = 0  # H.273 MatrixCoefficients


class Preparation:
    """Turns the frames of one stream into pictures of one size: that of the first, if it is not too large."""

    def __init__(self, aspect: Fraction | None) -> None:
        """Args: aspect: width of a pixel over its height, as the container or the codec says it."""
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
        """The frame as 8-bit 4:2:0 of the given size."""
        same_size = (frame.width, frame.height) == (width, height)
        if frame.format.name in READY:
            if same_size and all(plane.line_size > 0 for plane in frame.planes):
                return frame
            if same_size:  # stored from the bottom up
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
    """Size that keeps the shape and has at most `MOST_PIXELS`."""
    shrink = sqrt(min(1.0, MOST_PIXELS / (width * height)))
    if shrink == 1:
        return width, height
    return max(2, round(width * shrink / 2) * 2), max(2, round(height * shrink / 2) * 2)


def _turn(frame: VideoFrame) -> tuple[tuple[int, int], tuple[int, int]]:
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
