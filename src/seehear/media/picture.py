"""One decoded picture: kept as the decoder left it (three planes), and only what is asked for is turned into RGB."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, floor, log2, sqrt

import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from seehear.media.colour import rgb_matrix

Plane = NDArray[np.uint8]
Matrix = NDArray[np.float64]

CHROMA = np.array([[2, 0, 0.5], [0, 2, 0.5], [0, 0, 1]])
"""4:2:0 chroma px -> luma px. A chroma sample lies in the middle of its 2x2 luma samples, as swscale has it."""

ALIASES_FROM = 1.5
"""A crop that is smaller than its source by more than this is taken from planes shrunk by averaging."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """How stored planes become the upright picture with square pixels.

    Attributes:
        stored: (height, width) of the luma plane.
        turn: 2x2 signed permutation, stored (x, y) -> upright (x, y): the rotation (and mirror) flag.
        stretch: width of a stored pixel over its height.
    """

    stored: tuple[int, int]
    turn: tuple[tuple[int, int], tuple[int, int]] = ((1, 0), (0, 1))
    stretch: float = 1.0

    @property
    def swaps(self) -> bool:
        """Whether rows become columns."""
        return self.turn[0][0] == 0

    @property
    def square(self) -> tuple[int, int]:
        """(height, width) before the turn, in square pixels: the longer way of a pixel is stretched."""
        height, width = self.stored
        if self.stretch >= 1:
            return height, max(1, round(width * self.stretch))
        return max(1, round(height / self.stretch)), width

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the upright picture."""
        height, width = self.square
        return (width, height) if self.swaps else (height, width)

    def upright_from_stored(self) -> Matrix:
        """3x3: stored px -> upright px, both with the middle of the first pixel at (0, 0) as in OpenCV."""
        (height, width), (square_height, square_width) = self.stored, self.square
        stretch = np.diag([square_width / width, square_height / height, 1.0])
        turn = np.eye(3)
        turn[:2, :2] = self.turn
        extent = turn[:2, :2] @ [square_width, square_height]
        turn[:2, 2] = np.where(extent < 0, -extent, 0)  # what turned to the negative side is moved back
        return _shift(-0.5) @ turn @ stretch @ _shift(0.5)

    def upright(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Turn an image, (h, w) or (h, w, 3), of stored orientation."""
        if self.swaps:
            image = image.swapaxes(0, 1)
        (a, b), (c, d) = self.turn
        image = image[:: -1 if c + d < 0 else 1, :: -1 if a + b < 0 else 1]
        return image if self.turn == ((1, 0), (0, 1)) else np.ascontiguousarray(image)


def _shift(by: float) -> Matrix:
    return np.array([[1, 0, by], [0, 1, by], [0, 0, 1.0]])


@lru_cache(maxsize=16)
def _upright_from_planes(geometry: Geometry) -> tuple[Matrix, Matrix]:
    luma = geometry.upright_from_stored()
    return luma, luma @ CHROMA


class Picture:
    """A picture of the 25 Hz stream.

    Attributes:
        index: its number; its time on the source clock is index / 25 s. Numbers rise by one, except over holes of
            more than 10 s in the source's timestamps.
        shape: (height, width) upright, in square pixels; all coordinates are pixels of this picture.
    """

    __slots__ = ("_frame", "_geometry", "index")

    def __init__(self, index: int, frame: VideoFrame, geometry: Geometry) -> None:
        """Wrap a yuv420p or yuvj420p frame (see `decode`)."""
        self.index = index
        self._frame = frame
        self._geometry = geometry

    @property
    def shape(self) -> tuple[int, int]:
        return self._geometry.shape

    def luma(self) -> NDArray[np.uint8]:
        """Brightness as stored (usually 16..235), uint8 (height, width), upright. May be a view: do not write to it."""
        plane = self._plane(0)
        height, width = self._geometry.square
        if plane.shape != (height, width):
            plane = cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR)
        return self._geometry.upright(plane)

    def small_luma(self, long_side: int) -> tuple[NDArray[np.uint8], float]:
        """Like `luma`, shrunk as in `small_bgr`; much cheaper than shrinking `luma()`."""
        (height, width), scale = self._shrunk(long_side)
        return self._geometry.upright(_resize(self._plane(0), width, height)), scale

    def small_bgr(self, long_side: int) -> tuple[NDArray[np.uint8], float]:
        """A small copy for face detection.

        Args:
            long_side: of the copy, px. Pictures that are smaller keep their size.

        Returns:
            BGR uint8 (h, w, 3), and its scale: px of the copy per px of the picture, at most 1.
        """
        (height, width), scale = self._shrunk(long_side)
        planes = [_resize(self._plane(number), width, height) for number in range(3)]
        return self._geometry.upright(cv2.transform(cv2.merge(planes), self._rgb_matrix()[::-1])), scale

    def crop(self, matrix: NDArray[np.floating], size: tuple[int, int]) -> NDArray[np.uint8]:
        """Warp a part of the picture into a crop; only that part is converted to RGB.

        Args:
            matrix: 2x3 affine, picture px -> crop px (middles of pixels at whole numbers, as in OpenCV).
            size: (height, width) of the crop.

        Returns:
            RGB uint8 (height, width, 3). What lies outside of the picture repeats its border.

        Raises:
            ValueError: the matrix is not 2x3 and invertible.
        """
        full = np.eye(3)
        full[:2] = matrix
        if not abs(np.linalg.det(full)) > 0:
            raise ValueError(f"the matrix of a crop must be invertible, not {matrix}")
        luma, chroma = _upright_from_planes(self._geometry)
        from_luma, from_chroma = full @ luma, full @ chroma
        planes = [_warp(self._plane(number), from_chroma if number else from_luma, size) for number in range(3)]
        return np.asarray(cv2.transform(cv2.merge(planes), self._rgb_matrix()), np.uint8)

    def _plane(self, number: int) -> Plane:
        return plane_of(self._frame, number)

    def _shrunk(self, long_side: int) -> tuple[tuple[int, int], float]:
        """(height, width) in stored orientation for a copy of this size, and its scale."""
        height, width = self._geometry.square
        scale = min(1.0, long_side / max(height, width))
        return (max(1, round(height * scale)), max(1, round(width * scale))), scale

    def _rgb_matrix(self) -> NDArray[np.float32]:
        frame = self._frame
        return rgb_matrix(frame.colorspace, frame.color_range, frame.format.name, frame.width, frame.height)


def plane_of(frame: VideoFrame, number: int) -> Plane:
    """A view of one plane of a frame, uint8 (rows, columns)."""
    plane = frame.planes[number]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width]


def _resize(plane: Plane, width: int, height: int) -> Plane:
    if plane.shape == (height, width):
        return plane
    shrinks = height <= plane.shape[0] and width <= plane.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(plane, (width, height), interpolation=how), np.uint8)


def _warp(plane: Plane, matrix: Matrix, size: tuple[int, int]) -> Plane:
    """Bilinear warp of a plane, 3x3 plane px -> crop px; averaged first where it shrinks much."""
    shrink = 1 / sqrt(abs(np.linalg.det(matrix[:2, :2])))
    if shrink > ALIASES_FROM:
        plane, matrix = _averaged(plane, matrix, size, 2 ** max(1, round(log2(shrink))))
    height, width = size
    warped = cv2.warpAffine(plane, matrix[:2], (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.uint8)


def _averaged(plane: Plane, matrix: Matrix, size: tuple[int, int], block: int) -> tuple[Plane, Matrix]:
    """The part of the plane that the crop sees, in means of block x block pixels, and the matrix from there."""
    height, width = size
    corners = np.array([[-1, width, -1, width], [-1, -1, height, height], [1, 1, 1, 1.0]])
    seen = np.linalg.solve(matrix, corners)[:2]
    starts, stops = [], []
    for low, high, limit in zip(seen.min(1), seen.max(1), plane.shape[::-1], strict=True):
        blocks = max(1, limit // block)
        start = min(max(0, floor(low / block) - 1), blocks - 1)
        stop = min(max(start + 1, ceil(high / block) + 2), blocks)
        starts.append(start * block)
        stops.append(min(stop * block, limit))
    part = plane[starts[1] : stops[1], starts[0] : stops[0]]
    across, down = max(1, part.shape[1] // block), max(1, part.shape[0] // block)
    small = cv2.resize(part, (across, down), interpolation=cv2.INTER_AREA)
    step_x, step_y = part.shape[1] / across, part.shape[0] / down
    back = np.array([[step_x, 0, starts[0] + (step_x - 1) / 2], [0, step_y, starts[1] + (step_y - 1) / 2], [0, 0, 1.0]])
    return np.asarray(small, np.uint8), matrix @ back
