"""The plane a head is drawn on, upright and seen from the front, in units of the distance between the eyes.

The origin is midway between the eyes; x grows to the right of the picture, y downwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Numbers = NDArray[np.floating]
_Place = TypeVar("_Place", float, Floats)
LEFT, RIGHT, TOP, BOTTOM = -1.75, 1.75, -2.3, 2.5


@dataclass(frozen=True, slots=True)
class Plane:
    """A rectangle of the plane as a grid of pixels.

    Attributes:
        scale: pixels in a unit.
        left, top: coordinates of the first pixel.
        width, height: pixels.
    """

    scale: float
    left: float
    top: float
    width: int
    height: int

    @classmethod
    def of_head(cls, scale: float) -> Plane:
        """The rectangle that holds a head with its hair."""
        return cls(scale, LEFT, TOP, round((RIGHT - LEFT) * scale), round((BOTTOM - TOP) * scale))

    def window(self, left: float, right: float, top: float, bottom: float) -> tuple[Plane, tuple[slice, slice]]:
        """A part of the plane on the same pixels, and the slices (rows, columns) that cut it out."""
        x0, x1 = (int(np.clip(round((x - self.left) * self.scale), 0, self.width)) for x in (left, right))
        y0, y1 = (int(np.clip(round((y - self.top) * self.scale), 0, self.height)) for y in (top, bottom))
        part = Plane(self.scale, self.left + x0 / self.scale, self.top + y0 / self.scale, x1 - x0, y1 - y0)
        return part, (slice(y0, y1), slice(x0, x1))

    @property
    def columns(self) -> Floats:
        """x of each column, (width,)."""
        return (self.left + np.arange(self.width) / self.scale).astype(np.float32)

    @property
    def rows(self) -> Floats:
        """y of each row, (height, 1)."""
        return (self.top + np.arange(self.height)[:, None] / self.scale).astype(np.float32)

    @property
    def grid(self) -> tuple[Floats, Floats]:
        """x and y of each pixel, two arrays (height, width)."""
        x, y = np.broadcast_arrays(self.columns, self.rows)
        return np.ascontiguousarray(x), np.ascontiguousarray(y)

    def pixels(self, x: _Place, y: _Place) -> tuple[_Place, _Place]:
        """Pixel coordinates of a point, or of many."""
        return (x - self.left) * self.scale, (y - self.top) * self.scale


def step(low: float | Numbers, high: float | Numbers, x: Numbers) -> Floats:
    """0 below ``low``, 1 above ``high``, smooth between."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), np.float32)


def bump(x: Floats, y: Floats, at: tuple[float, float], size: tuple[float, float]) -> Floats:
    """A Gaussian hill of height 1."""
    return np.exp(-0.5 * (((x - at[0]) / size[0]) ** 2 + ((y - at[1]) / size[1]) ** 2)).astype(np.float32)


def pair(x: Floats, y: Floats, at: tuple[float, float], size: tuple[float, float]) -> Floats:
    """A hill on either side of the face."""
    return np.exp(-0.5 * (((np.abs(x) - at[0]) / size[0]) ** 2 + ((y - at[1]) / size[1]) ** 2)).astype(np.float32)


def noise(rng: np.random.Generator, plane: Plane, grain: float | tuple[float, float], octaves: int = 1) -> Floats:
    """Smooth noise of mean 0 and deviation about 1; ``grain`` is the size of its spots in units (x, y)."""
    grain_x, grain_y = grain if isinstance(grain, tuple) else (grain, grain)
    total = np.zeros((plane.height, plane.width), np.float32)
    for octave in range(octaves):
        cells_x = max(2, round(plane.width / plane.scale / grain_x * 2**octave))
        cells_y = max(2, round(plane.height / plane.scale / grain_y * 2**octave))
        cells = rng.standard_normal((cells_y, cells_x), np.float32)  # as many at any scale: one person, one texture
        total += cv2.resize(cells, (plane.width, plane.height), interpolation=cv2.INTER_CUBIC) * 0.6**octave
    return total * np.float32(1.25 / np.sqrt(sum(0.36**octave for octave in range(octaves))))
