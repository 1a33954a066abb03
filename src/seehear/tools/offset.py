"""From embeddings to a delay: how alike lips and sound are at every delay, and where that peaks.

Lips are embedded 25 times a second and sound 100 times a second (four phases, 10 ms apart: the log-mel hop), so the
curve of similarity against delay has a point every 10 ms. Its peak, refined by a parabola, is the delay.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seehear.clip import FPS

Floats = NDArray[np.float32]

PHASES = 4
"""Sound embeddings to one video frame: 40 ms / 10 ms, the hop of the log-mel that the sound encoder reads."""

STEP_MS = 1000 / FPS / PHASES
"""Distance between two points of a curve, in milliseconds."""

PEAK_HALF_WIDTH_MS = 120.0
"""Nearer than this to the peak a curve still belongs to it: an encoder sees about 200 ms of lips and of sound."""

PARABOLA_POINTS = 2
"""Points at each side of the highest one that the parabola is fitted to (least squares, so that noise averages)."""

LEAST_OVERLAP = 0.4
"""A delay counts only where at least this share of the frames has sound to be compared with."""


@dataclass(frozen=True)
class Curve:
    """Similarity of lips and sound summed over frames, for every delay of a symmetric range.

    Curves add: the sum of two pieces' curves is the curve of both pieces.

    Attributes:
        total: float64 (n,), similarity summed over frames; the middle entry is delay 0, entries are `STEP_MS` apart.
        count: float64 (n,), how many frames each entry sums (fewer where the sound had ended or not begun).
        frames: video frames that went in.
    """

    total: NDArray[np.float64]
    count: NDArray[np.float64]
    frames: float

    def __add__(self, other: Curve) -> Curve:
        return Curve(self.total + other.total, self.count + other.count, self.frames + other.frames)

    def weighted(self, weight: float) -> Curve:
        """The same curve, counting for ``weight`` times as many frames."""
        return Curve(self.total * weight, self.count * weight, self.frames * weight)

    def moved(self, by_ms: float) -> Curve:
        """The curve of the same piece with its sound made later by ``by_ms`` (whole points; no wrapping round)."""
        steps = round(by_ms / STEP_MS)
        return Curve(_moved(self.total, steps), _moved(self.count, steps), self.frames)

    @property
    def delays_ms(self) -> NDArray[np.float64]:
        """The delay of every entry, in milliseconds; positive: the sound is late."""
        return (np.arange(len(self.total)) - len(self.total) // 2).astype(np.float64) * STEP_MS

    @property
    def mean(self) -> NDArray[np.float64]:
        """Similarity averaged over frames (n,); NaN where too few frames had sound to say anything."""
        enough = self.count > LEAST_OVERLAP * self.frames
        return np.where(enough, self.total / np.maximum(self.count, 1e-9), np.nan)


@dataclass(frozen=True)
class Peak:
    """The highest point of a curve.

    Attributes:
        delay_ms: where, refined between the points.
        similarity: how high.
        clearness: how far above the rest of the curve (its median), in units of the rest's spread.
        margin: how far above the second best delay, in the same units.
        frames: video frames behind the curve.
    """

    delay_ms: float
    similarity: float
    clearness: float
    margin: float
    frames: float


def similarity_by_delay(similar: Floats, heard: NDArray[np.bool_] | None = None) -> Curve:
    """Add up the similarity of lips and sound for every delay.

    Args:
        similar: (T, (T + 2 S) * PHASES), of each of T frames of lips to each embedding of sound, PHASES of these a
            frame, from S frames before the first lips frame to S frames after the last: column PHASES * S is the sound
            at the first lips frame's time.
        heard: bool, one entry per column; False where there was no sound to embed (before the recording begins, after
            it ends). None: everywhere.

    Returns:
        The curve from -S to +S frames. Each frame's similarities are taken relative to that frame's mean, and each
        sound embedding's likewise, so that a frame which resembles every sound does not tilt the curve.
    """
    frames, fine = similar.shape
    reach = (fine // PHASES - frames) // 2
    if fine != (frames + 2 * reach) * PHASES:
        raise ValueError(f"{fine} sound embeddings do not surround {frames} frames of lips evenly, {PHASES} to a frame")
    heard = np.ones(fine, bool) if heard is None else heard
    relative = similar - similar.mean(axis=0, keepdims=True)
    delays = 2 * reach * PHASES + 1
    weight = _diagonals(np.broadcast_to(heard, similar.shape).astype(np.float32), delays)
    by_delay = _diagonals(relative, delays)
    level = (by_delay * weight).sum(axis=1, keepdims=True) / np.maximum(weight.sum(axis=1, keepdims=True), 1)
    total = ((by_delay - level) * weight).sum(axis=0, dtype=np.float64)
    return Curve(total, weight.sum(axis=0, dtype=np.float64), frames)


def find_peak(curve: Curve) -> Peak | None:
    """The best delay of a curve and how far it stands out; None where the curve says nothing (no sound overlaps)."""
    mean, delays = curve.mean, curve.delays_ms
    usable = np.isfinite(mean)
    if not usable.any():
        return None
    best = int(np.nanargmax(mean))
    rest = mean[usable & (np.abs(delays - delays[best]) > PEAK_HALF_WIDTH_MS)]
    if len(rest) < 2:
        return None
    middle = float(np.median(rest))
    spread = 1.4826 * float(np.median(np.abs(rest - middle)))  # the median's robust companion of a standard deviation
    spread = max(spread, 1e-6)
    height = float(mean[best])
    return Peak(
        delay_ms=float(delays[best]) + STEP_MS * _vertex(mean, best),
        similarity=height,
        clearness=(height - middle) / spread,
        margin=(height - float(rest.max())) / spread,
        frames=curve.frames,
    )


def _vertex(mean: NDArray[np.float64], best: int) -> float:
    """Where a parabola through the points about ``best`` has its vertex, in points from ``best``, within +-1."""
    half = min(PARABOLA_POINTS, best, len(mean) - 1 - best)
    around = mean[best - half : best + half + 1]
    if half == 0 or not np.isfinite(around).all():
        return 0.0
    curvature, slope, _ = np.polyfit(np.arange(-half, half + 1), around, 2)
    return float(np.clip(-slope / (2 * curvature), -1, 1)) if curvature < 0 else 0.0


def _diagonals(product: Floats, delays: int) -> Floats:
    """Row t from column PHASES * t on: (T, columns) -> (T, delays), without copying the rest."""
    product = np.ascontiguousarray(product)
    row, item = product.strides
    return np.lib.stride_tricks.as_strided(
        product, (len(product), delays), (row + PHASES * item, item), writeable=False
    )


def _moved(values: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
    moved = np.zeros_like(values)
    if steps >= 0:
        moved[steps:] = values[: len(values) - steps]
    else:
        moved[:steps] = values[-steps:]
    return moved
