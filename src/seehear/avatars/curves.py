"""Curves over the pictures of a clip."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seehear.clip import FPS

Curve = NDArray[np.float32]
"""One value a picture, (frames,)."""


def slow(curve: Curve, seconds: float) -> Curve:
    """Smoothed in time by a Gaussian of a deviation."""
    reach = int(3 * seconds * FPS) + 1
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / (seconds * FPS)) ** 2)
    return np.convolve(np.pad(curve, reach, mode="edge"), kernel / kernel.sum(), "valid").astype(np.float32)
