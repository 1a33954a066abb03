"""From embeddings to a delay: how well lips and sound agree at every delay, and where that peaks.

Lips are embedded 25 times a second and sound 100 times a second (four phases, 10 ms apart: the log-mel hop), so the
curve of agreement against delay has a point every 10 ms. Its peak, refined by a parabola, is the delay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seehear.clip import FPS

Floats = NDArray[np.float32]

PHASES = 4
"""Sound embeddings to one video frame: 40 ms / 10 ms, the hop of the log-mel that the sound encoder reads."""

STEP_MS = 1000 / FPS / PHASES
"""Distance between two points of a curve, in milliseconds."""

SHARPNESS = 2.0
"""Logits of a frame's choice among delays, per standard deviation of the similarities. Encoders that were trained by a
softmax learn about this themselves; in units of the spread it fits models trained by any loss."""

OUTLIERS = 0.3
"""Share of frames that say nothing about the delay: silence, a turned head, somebody else speaking. It bounds what one
frame can say against a delay. 0.1 to 0.3 measure equally well on single speakers; more helps where faces listen."""

PEAK_HALF_WIDTH_MS = 120.0
"""Nearer than this to the peak a curve still belongs to it: an encoder sees about 200 ms of lips and of sound."""

PARABOLA_POINTS = 2
"""Points at each side of the highest one that the parabola is fitted to (least squares, so that noise averages)."""


@dataclass(frozen=True)
class Curve:
    """Agreement of lips and sound for every delay of a symmetric range, summed over frames.

    One frame's agreement with a delay is the logarithm of how much more likely than by chance the frame chooses the
    sound at that delay, less its mean over delays: 0 on average where nothing matches. Where there is no sound to
    choose it is 0, too. Curves add: the sum of two pieces' curves is the curve of both pieces.

    Attributes:
        total: float64 (n,), agreement summed over frames; the middle entry is delay 0, entries are `STEP_MS` apart.
        frames: video frames that had sound to be compared with.
    """

    total: NDArray[np.float64]
    frames: float

    def __add__(self, other: Curve) -> Curve:
        return Curve(self.total + other.total, self.frames + other.frames)

    def weighted(self, weight: float) -> Curve:
        """The same curve, counting for ``weight`` times as many frames."""
        return Curve(self.total * weight, self.frames * weight)

    def moved(self, by_ms: float) -> Curve:
        """The curve of the same piece with its sound made later by ``by_ms`` (whole points; no wrapping round)."""
        longest = len(self.total)
        steps = min(max(round(by_ms / STEP_MS), -longest), longest)  # nothing is left of a curve moved by its length
        moved = np.zeros_like(self.total)
        if steps >= 0:
            moved[steps:] = self.total[: len(moved) - steps]
        else:
            moved[:steps] = self.total[-steps:]
        return Curve(moved, self.frames)

    @property
    def delays_ms(self) -> NDArray[np.float64]:
        """The delay of every entry, in milliseconds; positive: the sound is late."""
        return (np.arange(len(self.total)) - len(self.total) // 2).astype(np.float64) * STEP_MS

    @property
    def mean(self) -> NDArray[np.float64]:
        """Agreement a frame (n,)."""
        return self.total / max(self.frames, 1e-9)


@dataclass(frozen=True)
class Peak:
    """The highest point of a curve.

    Attributes:
        delay_ms: where, refined between the points.
        agreement: how high, a frame.
        margin: how far above the second best delay, in units of the spread of the rest of the curve.
        evidence: how far above the second best delay in all frames together, as the logarithm of a ratio of
            probabilities: it grows with every frame, while the margin says how plain the answer is.
        frames: video frames behind the curve.
    """

    delay_ms: float
    agreement: float
    margin: float
    evidence: float
    frames: float


def agreement_by_delay(similar: Floats, heard: NDArray[np.bool_] | None = None) -> Curve:
    """Add up over frames how well lips agree with the sound at every delay.

    Args:
        similar: (T, (T + 2 S) * PHASES), similarity of each of T frames of lips to each embedding of sound, PHASES of
            these a frame, from S frames before the first lips frame to S frames after the last: column PHASES * S is
            the sound at the first lips frame's time.
        heard: bool, one entry per column; False where there was no sound to embed (before the recording begins, after
            it ends). None: everywhere.

    Returns:
        The curve from -S to +S frames. Similarities are taken relative to the mean of their sound embedding, so that
        sound which resembles all lips does not tilt the curve.
    """
    agreement, known = agreement_by_frame(similar, heard)
    return Curve(agreement.sum(axis=0, dtype=np.float64), float(known.sum()))


def agreement_by_frame(
    similar: Floats, heard: NDArray[np.bool_] | None = None, phases: int = PHASES
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """How well the lips of each frame agree with the sound at every delay.

    Args:
        similar: (T, (T + 2 S) * phases), as `agreement_by_delay` takes it.
        heard: as there.
        phases: embeddings of sound to a frame.

    Returns:
        Agreement (T, 2 S * phases + 1) as `Curve` defines it, and which frames (T,) had sound to be compared with.
    """
    frames, fine = similar.shape
    reach = (fine // phases - frames) // 2
    if fine != (frames + 2 * reach) * phases:
        raise ValueError(f"{fine} sound embeddings do not surround {frames} frames of lips evenly, {phases} to a frame")
    delays = 2 * reach * phases + 1
    heard = np.ones(fine, bool) if heard is None else heard
    if not heard.any():
        return np.zeros((frames, delays)), np.zeros(frames, bool)
    relative = similar - similar.mean(axis=0, keepdims=True)
    logits = relative * (SHARPNESS / max(float(relative[:, heard].std()), 1e-6))
    known = _diagonals(np.broadcast_to(heard, similar.shape), delays, phases)
    choices = np.maximum(known.sum(axis=1, keepdims=True), 1)
    chosen = np.where(known, np.exp(_diagonals(logits - logits.max(axis=1, keepdims=True), delays, phases)), 0)
    chosen *= choices / np.maximum(chosen.sum(axis=1, keepdims=True), 1e-12)  # probability, in units of chance
    agreement = np.where(known, np.log(OUTLIERS + (1 - OUTLIERS) * chosen), 0)
    agreement = np.where(known, agreement - agreement.sum(axis=1, keepdims=True) / choices, 0)
    compared: NDArray[np.bool_] = np.any(known, axis=1)
    return agreement, compared


def find_peak(curve: Curve) -> Peak | None:
    """The best delay of a curve and how far it stands out; None where the curve says nothing (no sound overlaps)."""
    mean, delays = curve.mean, curve.delays_ms
    best = int(mean.argmax())
    rest = mean[np.abs(delays - delays[best]) > PEAK_HALF_WIDTH_MS]
    known = rest[rest != 0]  # where no sound was to be compared it is 0: in short files that is most of the curve
    if curve.frames == 0 or len(known) < 2:
        return None
    # median absolute deviation: the robust companion of a standard deviation
    spread = max(1.4826 * float(np.median(np.abs(known - np.median(known)))), 1e-6)
    lead = float(mean[best] - rest.max())
    return Peak(
        delay_ms=float(delays[best]) + STEP_MS * _vertex(mean, best),
        agreement=float(mean[best]),
        margin=lead / spread,
        evidence=lead * curve.frames,
        frames=curve.frames,
    )


def _vertex(mean: NDArray[np.float64], best: int) -> float:
    """Where a parabola through the points about ``best`` has its vertex, in points from ``best``, within +-1."""
    half = min(PARABOLA_POINTS, best, len(mean) - 1 - best)
    around = mean[best - half : best + half + 1]
    if half == 0:
        return 0.0
    curvature, slope, _ = np.polyfit(np.arange(-half, half + 1), around, 2)
    return float(np.clip(-slope / (2 * curvature), -1, 1)) if curvature < 0 else 0.0


def _diagonals(product: NDArray[Any], delays: int, phases: int) -> NDArray[Any]:
    """Row t from column phases * t on: (T, columns) -> (T, delays), without copying the rest."""
    product = np.ascontiguousarray(product)
    row, item = product.strides
    return np.lib.stride_tricks.as_strided(
        product, (len(product), delays), (row + phases * item, item), writeable=False
    )
