"""Canonical face crops: where the five landmarks of a face go in a square, and the move that takes them there.

The landmarks are smoothed over about half a second before the move is fitted. Detector jitter, which would look like
lip motion, is averaged away; lip motion itself, which a move fitted frame by frame would partly undo, stays.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seehear.clip import FPS, mouth_in

Floats = NDArray[np.floating]

TEMPLATE = np.array([(0.35, 0.36), (0.65, 0.36), (0.50, 0.53), (0.385, 0.685), (0.615, 0.685)])
"""Where the five landmarks (order of `seehear.clip.LANDMARKS`) go, in units of the crop's side."""

SMOOTHING_FRAMES = 4.0
"""Standard deviation of the smoothing, in frames (0.16 s: a nod passes, jitter and syllables do not)."""

SMOOTHING_REACH = 9
"""The smoothing of a frame sees this many frames before and after it (2.25 standard deviations, 0.36 s)."""
assert SMOOTHING_REACH < FPS // 2  # the reader buffers this many pictures ahead

BLOCK = 64
"""Frames that are smoothed at a time in long tracks."""


class Croppable(Protocol):
    """What a crop is cut from: `seehear.media.decode.Picture`, or anything that warps like it."""

    def crop(self, matrix: Floats, size: tuple[int, int]) -> NDArray[np.uint8]: ...


def smooth_landmarks(landmarks: Floats) -> NDArray[np.float32]:
    """Smooth each coordinate over time by local straight lines under a Gaussian weight.

    A straight line rather than a mean, so that the ends of a track neither lag behind nor run ahead of a moving head.
    Frames further away than `SMOOTHING_REACH` have no influence: a stretch that is smoothed together with that many
    neighbours on either side comes out as if its whole track had been smoothed.

    Args:
        landmarks: (T, ...) positions, one row a frame.

    Returns:
        float32 of the same shape.
    """
    values = np.asarray(landmarks, dtype=np.float64)
    flat = values.reshape(len(values), -1)
    if len(flat) <= 2 * BLOCK:
        return (_lines(len(flat)) @ flat).reshape(values.shape).astype(np.float32)
    parts = []
    for start in range(0, len(flat), BLOCK):  # long tracks: the weights of all frames for all would be large
        low, high = max(0, start - SMOOTHING_REACH), start + BLOCK + SMOOTHING_REACH
        part = flat[low:high]
        parts.append((_lines(len(part)) @ part)[start - low : start - low + BLOCK])
    return np.concatenate(parts).reshape(values.shape).astype(np.float32)


@lru_cache(maxsize=64)
def _lines(frames: int) -> NDArray[np.float64]:
    """(frames, frames) weights: row t times the positions is the value at t of the straight line fitted around t."""
    offsets = np.arange(frames) - np.arange(frames)[:, None]
    weight = np.exp(-0.5 * (offsets / SMOOTHING_FRAMES) ** 2) * (np.abs(offsets) <= SMOOTHING_REACH)
    s0, s1, s2 = ((weight * offsets**power).sum(1, keepdims=True) for power in (0, 1, 2))
    spread = s0 * s2 - s1**2  # zero only for a single frame, which stays where it is
    return np.asarray(weight * np.where(spread > 0, (s2 - s1 * offsets) / np.where(spread > 0, spread, 1), 1))


def similarity(landmarks: Floats, template: Floats) -> NDArray[np.float64]:
    """The rotation, uniform scale and shift that takes landmarks nearest to a template, in least squares.

    Closed form of Umeyama (1991), "Least-squares estimation of transformation parameters between two point patterns",
    for two dimensions, where a similarity without reflection is one complex multiplication and one addition.

    Args:
        landmarks: (..., P, 2) points in source pixels.
        template: (P, 2) points in crop pixels.

    Returns:
        (..., 2, 3) matrices, source pixels to crop pixels.

    Raises:
        ValueError: all points of a face coincide, so that no scale takes them anywhere.
    """
    source, target = _complex(landmarks), _complex(template)
    centre, target_centre = source.mean(-1, keepdims=True), target.mean()
    spread = (np.abs(source - centre) ** 2).sum(-1)
    if not (spread > 0).all():
        raise ValueError("landmarks that coincide define no face")
    turn = (np.conj(source - centre) * (target - target_centre)).sum(-1) / spread
    shift = target_centre - turn * centre[..., 0]
    rows = [turn.real, -turn.imag, shift.real, turn.imag, turn.real, shift.imag]
    return np.stack(rows, axis=-1).reshape(*turn.shape, 2, 3)


def template_in(size: int) -> NDArray[np.float64]:
    """Where the landmarks go in a crop of ``size`` x ``size``, (5, 2) px; middles of pixels are whole numbers."""
    return TEMPLATE * size - 0.5


def face_matrices(landmarks: Floats, size: int) -> NDArray[np.float64]:
    """Matrices (..., 2, 3) from source pixels to a canonical crop of ``size`` x ``size`` for (..., 5, 2) landmarks."""
    return similarity(landmarks, template_in(size))


def squash_matrix(shape: tuple[int, int], size: int) -> NDArray[np.float64]:
    """The matrix (2, 3) that takes a whole picture of (height, width) to a crop of ``size`` x ``size``."""
    scale = size / np.array([shape[1], shape[0]], dtype=np.float64)
    return np.column_stack([np.diag(scale), (scale - 1) / 2])


def face_crop(picture: Croppable, matrix: Floats, size: int) -> NDArray[np.uint8]:
    """One canonical crop, RGB uint8 (size, size, 3); what lies outside of the picture repeats its border."""
    return picture.crop(matrix, (size, size))


def to_crop(landmarks: Floats, matrices: Floats) -> NDArray[np.float32]:
    """Landmarks (..., P, 2) in source pixels, moved by (..., 2, 3) matrices to crop pixels."""
    moved = np.asarray(landmarks) @ np.swapaxes(matrices[..., :2], -1, -2) + matrices[..., None, :, 2]
    return np.asarray(moved, dtype=np.float32)


def shown_boxes(matrices: Floats, size: int) -> NDArray[np.float32]:
    """What of a picture square crops show: matrices (T, 2, 3), picture px to px of crops ``size`` x ``size``.

    Returns:
        Left, top, width, height of the upright square that has the middle and the area of what is shown, px of the
        picture, float32 (T, 4).
    """
    turn = np.asarray(matrices[..., :2], np.float64)
    sides = size / np.sqrt(np.abs(np.linalg.det(turn)))[:, None]
    middles = np.linalg.solve(turn, ((size - 1) / 2 - matrices[..., 2])[..., None])[..., 0]
    return np.concatenate([middles - (sides - 1) / 2, sides, sides], axis=1).astype(np.float32)


def mouth_region(video: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The mouth of canonical crops: a view (T, S/2, S/2, 3) of video (T, S, S, 3), the square of `seehear.clip.MOUTH`.

    Raises:
        ValueError: the crops are not square or their side is odd.
    """
    side = video.shape[-2]
    if video.shape[-3] != side or side % 2:
        raise ValueError(f"a mouth region needs square crops of even side, not {video.shape[-3]} x {side}")
    rows, columns = mouth_in(side)
    return video[..., rows, columns, :]


def _complex(points: Floats) -> NDArray[np.complex128]:
    """(..., 2) coordinates as complex numbers."""
    points = np.asarray(points, dtype=np.float64)
    return np.asarray(points[..., 0] + 1j * points[..., 1])
