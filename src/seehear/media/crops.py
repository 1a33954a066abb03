"""Canonical face crops: template, landmark smoothing, and cutting a track while its frames are in memory.

The landmarks are smoothed over about half a second before the similarity transform is fitted. This averages out
detector jitter, which would look like lip motion. Lip motion itself is kept; a frame-by-frame fit would partly undo it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seehear.clip import FPS, mouth_slices
from seehear.media.tracks import Track

Floats = NDArray[np.floating]


TEMPLATE = np.array([(0.35, 0.36), (0.65, 0.36), (0.50, 0.53), (0.385, 0.685), (0.615, 0.685)])
"""Where the five landmarks (order of `seehear.clip.LANDMARKS`) go, in units of the crop's side."""


SMOOTHING_FRAMES = 4.0
"""Standard deviation of the smoothing, in frames (0.16 s: keeps nods, removes jitter and syllables)."""


SMOOTHING_REACH = 9
"""Radius of the smoothing window, in frames (2.25 standard deviations, 0.36 s)."""


assert SMOOTHING_REACH < FPS // 2  # the reader buffers this many frames ahead


BLOCK = 64
"""Frames per block when smoothing long tracks."""


class Croppable(Protocol):
    """Source of crops: `seehear.media.decode.Picture`, or anything with the same method."""

    def crop(self, matrix: Floats, size: tuple[int, int]) -> NDArray[np.uint8]: ...


def smooth_landmarks(landmarks: Floats) -> NDArray[np.float32]:
    """Smooth each coordinate over time by local linear regression with Gaussian weights.

    A line rather than a mean, so that the ends of a track neither lag behind nor run ahead of a moving head. Frames
    further away than `SMOOTHING_REACH` have no influence: a segment smoothed together with that many neighbours on
    either side gives the same result as its whole track.

    Args:
        landmarks: (T, ...) positions, one per frame

    Returns:
        float32 of the same shape
    """
    values = np.asarray(landmarks, dtype=np.float64)
    flat = values.reshape(len(values), -1)
    if len(flat) <= 2 * BLOCK:
        return (_lines(len(flat)) @ flat).reshape(values.shape).astype(np.float32)
    parts = []
    for start in range(0, len(flat), BLOCK):  # long tracks: the full weight matrix would be too large
        low, high = max(0, start - SMOOTHING_REACH), start + BLOCK + SMOOTHING_REACH
        part = flat[low:high]
        parts.append((_lines(len(part)) @ part)[start - low : start - low + BLOCK])
    return np.concatenate(parts).reshape(values.shape).astype(np.float32)


@lru_cache(maxsize=64)
def _lines(frames: int) -> NDArray[np.float64]:
    """(frames, frames) weights: row t, applied to the positions, gives the line fitted around t, evaluated at t."""
    offsets = np.arange(frames) - np.arange(frames)[:, None]
    weight = np.exp(-0.5 * (offsets / SMOOTHING_FRAMES) ** 2) * (np.abs(offsets) <= SMOOTHING_REACH)
    s0, s1, s2 = ((weight * offsets**power).sum(1, keepdims=True) for power in (0, 1, 2))
    spread = s0 * s2 - s1**2  # zero only for a single frame, which is left unchanged
    return np.asarray(weight * np.where(spread > 0, (s2 - s1 * offsets) / np.where(spread > 0, spread, 1), 1))


def similarity_transform(landmarks: Floats, template: Floats) -> NDArray[np.float64]:
    """Fit the rotation, uniform scale and shift that map landmarks to a template, in least squares.

    Closed form of Umeyama (1991), "Least-squares estimation of transformation parameters between two point patterns",
    for two dimensions, where a similarity without reflection is one complex multiplication and one addition.

    Args:
        landmarks: (..., P, 2) points in source pixels
        template: (P, 2) points in crop pixels

    Returns:
        (..., 2, 3) matrices, source pixels to crop pixels

    Raises:
        ValueError: all points of a face coincide, so no scale is defined
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
    """Return the template's landmarks in a crop of ``size`` x ``size``, (5, 2) px, with integer pixel centres."""
    return TEMPLATE * size - 0.5


def face_matrices(landmarks: Floats, size: int) -> NDArray[np.float64]:
    """Return matrices (..., 2, 3), source px to canonical crop px (``size`` x ``size``), for (..., 5, 2) landmarks."""
    return similarity_transform(landmarks, template_in(size))


def whole_frame_matrix(shape: tuple[int, int], size: int) -> NDArray[np.float64]:
    """Return the matrix (2, 3) that maps a whole frame of (height, width) to a crop of ``size`` x ``size``."""
    scale = size / np.array([shape[1], shape[0]], dtype=np.float64)
    return np.column_stack([np.diag(scale), (scale - 1) / 2])


def face_crop(picture: Croppable, matrix: Floats, size: int) -> NDArray[np.uint8]:
    """Cut one canonical crop, RGB uint8 (size, size, 3); areas outside the frame repeat its border."""
    return picture.crop(matrix, (size, size))


def map_to_crop(landmarks: Floats, matrices: Floats) -> NDArray[np.float32]:
    """Map landmarks (..., P, 2) from source pixels to crop pixels by (..., 2, 3) matrices."""
    moved = np.asarray(landmarks) @ np.swapaxes(matrices[..., :2], -1, -2) + matrices[..., None, :, 2]
    return np.asarray(moved, dtype=np.float32)


def crop_boxes(matrices: Floats, size: int) -> NDArray[np.float32]:
    """Return the frame area that square crops show, for matrices (T, 2, 3) from frame px to ``size`` x ``size`` crops.

    Returns:
        float32 (T, 4): left, top, width, height of the upright square with the same centre and area, px of the frame
    """
    turn = np.asarray(matrices[..., :2], np.float64)
    sides = size / np.sqrt(np.abs(np.linalg.det(turn)))[:, None]
    middles = np.linalg.solve(turn, ((size - 1) / 2 - matrices[..., 2])[..., None])[..., 0]
    return np.concatenate([middles - (sides - 1) / 2, sides, sides], axis=1).astype(np.float32)


def mouth_region(video: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the mouth of canonical crops: a view (T, S/2, S/2, 3) of video (T, S, S, 3), see `seehear.clip.MOUTH`.

    Raises:
        ValueError: the crops are not square or their side is odd
    """
    side = video.shape[-2]
    if video.shape[-3] != side or side % 2:
        raise ValueError(f"a mouth region needs square crops of even side, not {video.shape[-3]} x {side}")
    rows, columns = mouth_slices(side)
    return video[..., rows, columns, :]


def _complex(points: Floats) -> NDArray[np.complex128]:
    """(..., 2) coordinates as complex numbers."""
    points = np.asarray(points, dtype=np.float64)
    return np.asarray(points[..., 0] + 1j * points[..., 1])


Matrices = Callable[[NDArray[np.float32]], NDArray[np.float64]]
"""Landmarks (T, 5, 2) in frame px to matrices (T, 2, 3), frame px -> crop px."""


@dataclass(frozen=True, slots=True)
class TrackSegment:
    """A segment of one track.

    Attributes:
        track: the face track
        start: number of the first frame
        video: RGB crops, uint8 (T, S, S, 3)
        landmarks: float32 (T, 5, 2), crop px
        boxes: float32 (T, 4): left, top, width, height of the frame area shown by the crops, as an upright square with
            the same centre, px of the frame
        shot: number of the shot, from 0
    """

    track: Track
    start: int
    video: NDArray[np.uint8]
    landmarks: NDArray[np.float32]
    boxes: NDArray[np.float32]
    shot: int


class TrackCropper:
    """Cut the crops of a track as soon as its smoothed landmarks are final.

    Attributes:
        track: the track
        next: number of the first frame not cut yet, which must be kept
        given: number of frames returned in segments so far
    """

    def __init__(self, track: Track, matrices: Matrices, size: int, shortest: int, longest: int, shot: int = 0) -> None:
        """Start at the track's first frame.

        Args:
            track: may still grow
            matrices: computes crop matrices from smoothed landmarks
            size: side of the crops, px
            shortest, longest: limits of the segment length, in frames; ``longest`` is at least twice ``shortest``
            shot: number of the track's shot
        """
        self.track = track
        self.next = track.start
        self.given = 0
        self._matrices = matrices
        self._size = size
        self._shortest = shortest
        self._longest = longest
        self._shot = shot
        self._video: list[NDArray[np.uint8]] = []
        self._landmarks: list[NDArray[np.float32]] = []
        self._boxes: list[NDArray[np.float32]] = []

    @property
    def piece_start(self) -> int:
        """Number of the first frame not returned yet."""
        return self.track.start + self.given

    def cut(self, pictures: Mapping[int, Croppable]) -> None:
        """Cut the final part: all of a track that has ended, otherwise all but what smoothing may still change."""
        track = self.track
        stop = track.stop if track.ended else track.stop - SMOOTHING_REACH
        if stop <= self.next:
            return
        start = max(track.start, self.next - SMOOTHING_REACH)
        smooth = smooth_landmarks(track.landmarks(start, min(track.stop, stop + SMOOTHING_REACH)))
        smooth = smooth[self.next - start : stop - start]
        matrices = self._matrices(smooth)
        for number, matrix in enumerate(matrices, self.next):
            self._video.append(face_crop(pictures[number], matrix, self._size))
        self._landmarks += list(map_to_crop(smooth, matrices))
        self._boxes += list(crop_boxes(matrices, self._size))
        self.next = stop
        track.forget(stop - SMOOTHING_REACH)

    def pieces(self) -> list[TrackSegment]:
        """Remove and return the complete segments.

        A segment is complete when it has the full length and enough frames remain for another one. The rest of a track
        that has ended becomes one or two segments. So a track of the minimum length never gives a shorter segment.
        """
        finished = []
        while len(self._video) >= self._longest + self._shortest:
            finished.append(self._take(self._longest))
        if self.track.ended and len(self._video) > self._longest:
            finished.append(self._take((len(self._video) + 1) // 2))
        if self.track.ended and self._video:
            finished.append(self._take(len(self._video)))
        return finished

    def _take(self, frames: int) -> TrackSegment:
        video, landmarks = np.stack(self._video[:frames]), np.stack(self._landmarks[:frames])
        boxes = np.stack(self._boxes[:frames])
        del self._video[:frames], self._landmarks[:frames], self._boxes[:frames]
        piece = TrackSegment(self.track, self.piece_start, video, landmarks, boxes, self._shot)
        self.given += frames
        return piece
