"""One decoded video frame in its stored format, and colour matrices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil, floor, log2, sqrt

import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

KR_KB = {  # ITU-T H.273 MatrixCoefficients -> (Kr, Kb)
    1: (0.2126, 0.0722),  # BT.709
    4: (0.30, 0.11),  # FCC
    5: (0.299, 0.114),  # BT.470 BG
    6: (0.299, 0.114),  # BT.601
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # BT.2020
    10: (0.2627, 0.0593),
}


BT601 = 6  # what this package writes


LIMITED, FULL = 1, 2  # AVCOL_RANGE_MPEG, AVCOL_RANGE_JPEG


@lru_cache(maxsize=32)
def rgb_matrix(colorspace: int, color_range: int, pixel_format: str, width: int, height: int) -> NDArray[np.float32]:
    """Return the 3x4 matrix that maps (Y, Cb, Cr, 1), each 0..255, to (R, G, B), 0..255.

    Untagged frames of at least 720 lines (or 1280 columns) are BT.709, smaller ones BT.601, as in players.

    Args:
        colorspace: H.273 MatrixCoefficients
        color_range: FFmpeg's AVColorRange
        pixel_format: FFmpeg's name; the yuvj family is full range regardless of `color_range`
    """
    untagged = KR_KB[1] if width >= 1280 or height >= 720 else KR_KB[6]
    red, blue = KR_KB.get(colorspace, untagged)
    green = 1 - red - blue
    full = color_range == FULL or pixel_format.startswith("yuvj")
    luma_gain, chroma_gain, black = (1.0, 1.0, 0.0) if full else (255 / 219, 255 / 224, 16.0)
    cb, cr = 2 * (1 - blue) * chroma_gain, 2 * (1 - red) * chroma_gain
    rows = np.array(
        [
            [luma_gain, 0, cr],
            [luma_gain, -cb * blue / green, -cr * red / green],
            [luma_gain, cb, 0],
        ]
    )
    matrix = np.column_stack([rows, -rows @ [black, 128, 128]]).astype(np.float32)
    matrix.flags.writeable = False
    return matrix


@lru_cache(maxsize=1)
def yuv_matrix() -> NDArray[np.float32]:
    """Return the 3x4 matrix that maps (R, G, B, 1), each 0..255, to limited-range BT.601 (Y, Cb, Cr)."""
    back = rgb_matrix(BT601, LIMITED, "yuv420p", 0, 0).astype(np.float64)
    rows = np.linalg.inv(back[:, :3])
    matrix = np.column_stack([rows, -rows @ back[:, 3]]).astype(np.float32)
    matrix.flags.writeable = False
    return matrix


Plane = NDArray[np.uint8]


Matrix = NDArray[np.float64]


ALIASES_FROM = 1.5
"""If a crop shrinks its source by more than this factor, the planes are first shrunk by averaging."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """Maps stored planes to the upright frame with square pixels.

    Attributes:
        stored: (height, width) of the luma plane
        turn: 2x2 signed permutation, stored (x, y) -> upright (x, y): the rotation (and mirror) flag
        stretch: width of a stored pixel over its height
    """

    stored: tuple[int, int]
    turn: tuple[tuple[int, int], tuple[int, int]] = ((1, 0), (0, 1))
    stretch: float = 1.0

    def turned(self, quarters: int) -> Geometry:
        """Return the geometry with the upright frame rotated clockwise by this many quarter turns."""
        rotation = np.array(self.turn)
        for _ in range(quarters % 4):
            rotation = np.array([[0, -1], [1, 0]]) @ rotation
        (a, b), (c, d) = rotation.tolist()
        return replace(self, turn=((a, b), (c, d)))

    @property
    def swaps(self) -> bool:
        """Whether rows become columns."""
        return self.turn[0][0] == 0

    @property
    def square(self) -> tuple[int, int]:
        """(height, width) before the rotation, in square pixels; the longer side of a pixel is stretched."""
        height, width = self.stored
        if self.stretch >= 1:
            return height, max(1, round(width * self.stretch))
        return max(1, round(height / self.stretch)), width

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the upright frame."""
        height, width = self.square
        return (width, height) if self.swaps else (height, width)

    def upright_from_stored(self) -> Matrix:
        """Return the 3x3 matrix stored px -> upright px; the centre of the first pixel is (0, 0), as in OpenCV."""
        (height, width), (square_height, square_width) = self.stored, self.square
        stretch = np.diag([square_width / width, square_height / height, 1.0])
        rotation = np.eye(3)
        rotation[:2, :2] = self.turn
        extent = rotation[:2, :2] @ [square_width, square_height]
        rotation[:2, 2] = np.where(extent < 0, -extent, 0)  # move negative coordinates back into the frame
        return _shift(-0.5) @ rotation @ stretch @ _shift(0.5)

    def upright(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Rotate an image, (h, w) or (h, w, 3), from stored to upright orientation."""
        if self.swaps:
            image = image.swapaxes(0, 1)
        (a, b), (c, d) = self.turn
        image = image[:: -1 if c + d < 0 else 1, :: -1 if a + b < 0 else 1]
        return image if self.turn == ((1, 0), (0, 1)) else np.ascontiguousarray(image)


def _shift(by: float) -> Matrix:
    return np.array([[1, 0, by], [0, 1, by], [0, 0, 1.0]])


@lru_cache(maxsize=16)
def _upright_from_stored(geometry: Geometry) -> Matrix:
    return geometry.upright_from_stored()


class Picture:
    """A frame of the 25 Hz stream.

    Attributes:
        index: frame number; the time on the source clock is index / 25 s. Numbers increase by one, except over gaps of
            more than 10 s in the source's timestamps.
        shape: (height, width), upright, in square pixels; all coordinates are pixels of this frame
    """

    __slots__ = ("_frame", "_geometry", "index")

    def __init__(self, index: int, frame: VideoFrame, geometry: Geometry) -> None:
        """Wrap a yuv420p or yuvj420p frame (see `decode`)."""
        self.index = index
        self._frame = frame
        self._geometry = geometry

    def turned(self, quarters: int) -> Picture:
        """Return the frame rotated clockwise by this many quarter turns."""
        return Picture(self.index, self._frame, self._geometry.turned(quarters)) if quarters % 4 else self

    @property
    def shape(self) -> tuple[int, int]:
        return self._geometry.shape

    def luma(self) -> NDArray[np.uint8]:
        """Return the luma as stored (usually 16..235), uint8 (height, width), upright. May be a read-only view."""
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
        """Return a small copy for face detection.

        Args:
            long_side: long side of the copy, px. Smaller frames keep their size.

        Returns:
            BGR uint8 (h, w, 3), and its scale: px of the copy per px of the frame, at most 1
        """
        (height, width), scale = self._shrunk(long_side)
        planes = [_resize(self._plane(number), width, height) for number in range(3)]
        return self._geometry.upright(cv2.transform(cv2.merge(planes), self._rgb_matrix()[::-1])), scale

    def crop(self, matrix: NDArray[np.floating], size: tuple[int, int]) -> NDArray[np.uint8]:
        """Warp a part of the frame into a crop; only that part is converted to RGB.

        Args:
            matrix: 2x3 affine, frame px -> crop px (integer pixel centres, as in OpenCV)
            size: (height, width) of the crop

        Returns:
            RGB uint8 (height, width, 3). Areas outside the frame repeat its border.

        Raises:
            ValueError: the matrix is not 2x3 and invertible
        """
        affine = np.eye(3)
        affine[:2] = matrix
        from_stored = affine @ _upright_from_stored(self._geometry)
        (a, b), (c, d) = from_stored[:2, :2].tolist()
        if not abs(a * d - b * c) > 0:
            raise ValueError(f"the matrix of a crop must be invertible, not {matrix}")
        block = _block(1 / sqrt(abs(a * d - b * c)), min(self._geometry.stored))
        left, top, right, bottom = _visible_part(from_stored, size, self._geometry.stored, block)
        part = self._part(left, top, right, bottom, block)
        back = np.array([[block, 0, left + (block - 1) / 2], [0, block, top + (block - 1) / 2], [0, 0, 1]])
        height, width = size
        crop = cv2.warpAffine(
            part, (from_stored @ back)[:2], (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(cv2.transform(crop, self._rgb_matrix()), np.uint8)

    def _part(self, left: int, top: int, right: int, bottom: int, block: int) -> NDArray[np.uint8]:
        """Return a part of the stored frame, YUV (h, w, 3), each pixel the mean of block x block luma pixels."""
        luma = self._plane(0)[top:bottom, left:right]
        height, width = luma.shape
        planes = [_resize(luma, width // block, height // block)]
        for number in (1, 2):
            chroma = self._plane(number)[top // 2 : (bottom + 1) // 2, left // 2 : (right + 1) // 2]
            if block == 1:
                chroma = _resize(chroma, 2 * chroma.shape[1], 2 * chroma.shape[0])[:height, :width]
            planes.append(_resize(chroma, width // block, height // block))
        return np.asarray(cv2.merge(planes), np.uint8)

    def _plane(self, number: int) -> Plane:
        return plane_of(self._frame, number)

    def _shrunk(self, long_side: int) -> tuple[tuple[int, int], float]:
        """Return (height, width) in stored orientation for a copy of this size, and its scale."""
        height, width = self._geometry.square
        scale = min(1.0, long_side / max(height, width))
        return (max(1, round(height * scale)), max(1, round(width * scale))), scale

    def _rgb_matrix(self) -> NDArray[np.float32]:
        frame = self._frame
        return rgb_matrix(frame.colorspace, frame.color_range, frame.format.name, frame.width, frame.height)


def plane_of(frame: VideoFrame, number: int) -> Plane:
    """Return a view of one plane of a frame, uint8 (rows, columns)."""
    plane = frame.planes[number]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width]


def _resize(plane: Plane, width: int, height: int) -> Plane:
    if plane.shape == (height, width):
        return plane
    shrinks = height <= plane.shape[0] and width <= plane.shape[1]
    interpolation_mode = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(plane, (width, height), interpolation=interpolation_mode), np.uint8)


def _block(shrink: float, limit: int) -> int:
    """Return the side of the pixel blocks averaged before shrinking by `shrink`: a power of two."""
    block = 1 if shrink <= ALIASES_FROM else 2 ** max(1, round(log2(shrink)))
    while block > max(1, limit // 2):
        block //= 2
    return block


def _visible_part(
    matrix: Matrix, size: tuple[int, int], stored: tuple[int, int], block: int
) -> tuple[int, int, int, int]:
    """Return the part of the stored frame visible in a crop: left, top, right, bottom, aligned to the block grid."""
    (a, b, x), (c, d, y) = matrix[:2].tolist()  # inverted by hand: LAPACK takes longer than the warp
    scale = 1 / (a * d - b * c)
    across, down = (-1 - x, size[1] - x), (-1 - y, size[0] - y)
    columns = [scale * (d * i - b * j) for i in across for j in down]
    rows = [scale * (a * j - c * i) for i in across for j in down]
    left, right = _span(min(columns), max(columns), stored[1], block)
    top, bottom = _span(min(rows), max(rows), stored[0], block)
    return left, top, right, bottom


def _span(low: float, high: float, limit: int, block: int) -> tuple[int, int]:
    """Return whole blocks around low..high plus a margin of one, within 0..limit; single pixels in pairs, as chroma."""
    grid = max(block, 2)
    last = max(1, limit // grid) - 1
    first = min(max(floor(low / grid) - 1, 0), last)
    stop = min(max(ceil(high / grid) + 2, first + 1), last + 1)
    return first * grid, limit if block == 1 and stop > last else min(stop * grid, limit)
