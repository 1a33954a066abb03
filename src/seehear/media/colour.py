"""Brightness and colour difference (Y'CbCr) to RGB: which numbers a frame's tags, or their absence, mean."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
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
    """The 3x4 matrix that takes (Y, Cb, Cr, 1), each 0..255, to (R, G, B), 0..255.

    Untagged pictures are BT.709 from 720 lines (or 1280 columns) on and BT.601 below, as players take them.

    Args:
        colorspace: H.273 MatrixCoefficients.
        color_range: FFmpeg's AVColorRange.
        pixel_format: its name; the yuvj family is full range whatever `color_range` says.
    """
    untagged = KR_KB[1] if width >= 1280 or height >= 720 else KR_KB[6]
    red, blue = KR_KB.get(colorspace, untagged)
    green = 1 - red - blue
    full = color_range == FULL or pixel_format.startswith("yuvj")
    bright, colour, black = (1.0, 1.0, 0.0) if full else (255 / 219, 255 / 224, 16.0)
    cb, cr = 2 * (1 - blue) * colour, 2 * (1 - red) * colour
    rows = np.array(
        [
            [bright, 0, cr],
            [bright, -cb * blue / green, -cr * red / green],
            [bright, cb, 0],
        ]
    )
    matrix = np.column_stack([rows, -rows @ [black, 128, 128]]).astype(np.float32)
    matrix.flags.writeable = False
    return matrix


@lru_cache(maxsize=1)
def yuv_matrix() -> NDArray[np.float32]:
    """The 3x4 matrix that takes (R, G, B, 1), each 0..255, to limited-range BT.601 (Y, Cb, Cr)."""
    back = rgb_matrix(BT601, LIMITED, "yuv420p", 0, 0).astype(np.float64)
    rows = np.linalg.inv(back[:, :3])
    matrix = np.column_stack([rows, -rows @ back[:, 3]]).astype(np.float32)
    matrix.flags.writeable = False
    return matrix
