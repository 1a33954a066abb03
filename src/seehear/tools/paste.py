"""Putting a small drawn face back into a large picture: what has changed is added, everything else stays sharp.

Where much has changed, the fine lines of the picture would shine through as a ghost (closed lips in an open mouth):
there they are taken away, as far as the small face does not have them.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

FEATHER = 0.12
"""Share of the crop's side over which a change fades out towards its edges."""

LITTLE, MUCH = 0.04, 0.16
"""Mean change of a pixel and its neighbours, in 0..1, from which on fine lines go, and at which they are gone."""

Floats = NDArray[np.float32]

LUMA = np.array([[0.299], [0.587], [0.114]], np.float32)  # ITU-R BT.601


class Paste:
    """A place in a picture where drawn faces go.

    Attributes:
        still: what is there now, as the network saw it.
    """

    def __init__(self, picture: NDArray[np.uint8], matrix: NDArray[np.floating], still: Floats) -> None:
        """Finds out which pixels are touched.

        Args:
            picture: RGB uint8 (H, W, 3).
            matrix: 2x3, picture pixels to crop pixels.
            still: the crop of the picture as the network saw it, (S, S, 3) in 0..1, or (S, S, 1) luma.
        """
        self._picture, self.still = picture, still
        side = still.shape[0]
        self._mask = window(side)
        corners = np.array([(-0.5, -0.5), (side - 0.5, -0.5), (-0.5, side - 0.5), (side - 0.5, side - 0.5)])
        turn, shift = np.asarray(matrix[:, :2], np.float64), np.asarray(matrix[:, 2], np.float64)
        around = np.linalg.solve(turn, (corners - shift).T).T
        low = np.maximum(np.floor(around.min(0)), 0).astype(int)
        high = np.minimum(np.ceil(around.max(0)) + 1, picture.shape[1::-1]).astype(int)
        self._rows, self._columns = slice(low[1], high[1]), slice(low[0], high[0])
        self._size = (int(high[0] - low[0]), int(high[1] - low[1]))
        self._matrix = np.column_stack([turn, shift + turn @ low])  # from pixels of the part that is touched
        part = picture[self._rows, self._columns].astype(np.float32)
        self._grey = part @ LUMA if still.shape[-1] == 1 else None
        self._fine = (part if self._grey is None else self._grey) - 255 * self._wide(still)

    def __call__(self, drawn: Floats) -> NDArray[np.uint8]:
        """The picture with a drawn crop, (S, S, 3 or 1) in 0..1: RGB uint8 (H, W, 3), a new array."""
        change = drawn - self.still
        changed = cv2.blur(np.abs(change).mean(-1), (3, 3))
        gone = np.clip((changed - LITTLE) / (MUCH - LITTLE), 0, 1) * self._mask
        out = self._picture.copy()
        part = out[self._rows, self._columns]
        shift = 255 * self._wide(change * self._mask[..., None]) - self._fine * self._wide(gone)
        pasted = part + shift if self._grey is None else self._tinted(part, shift)
        part[...] = np.rint(np.clip(pasted, 0, 255)).astype(np.uint8)
        return out

    def _tinted(self, part: NDArray[np.uint8], shift: Floats) -> Floats:
        """A change of luma in a coloured picture: what darkens keeps its hue, lest lips turn grey; light is white."""
        assert self._grey is not None
        share = np.clip(1 + shift / np.maximum(self._grey, 1), 0, 1)
        return np.where(shift < 0, part * share, part + shift)

    def _wide(self, small: Floats) -> Floats:
        """From the crop to the part of the picture that is touched: (S, S) or (S, S, planes) -> (h, w, 1 or planes)."""
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        wide = cv2.warpAffine(small, self._matrix, self._size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(wide, np.float32).reshape(self._size[1], self._size[0], -1)


def window(side: int) -> Floats:
    """(side, side): 1 in the middle, and half a cosine down to 0 over `FEATHER` of the side at each edge."""
    middle = (np.arange(side) + 0.5) / side
    near = np.clip(np.minimum(middle, 1 - middle) / FEATHER, 0, 1)
    ramp = (1 - np.cos(np.pi * near)) / 2
    return np.outer(ramp, ramp).astype(np.float32)
