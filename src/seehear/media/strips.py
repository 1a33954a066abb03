"""Strips: the crops of one face track, cut while its pictures are in memory, given out in pieces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seehear.media.crops import SMOOTHING_REACH, Croppable, face_crop, shown_boxes, smooth_landmarks, to_crop
from seehear.media.tracks import Track

Matrices = Callable[[NDArray[np.float32]], NDArray[np.float64]]
"""Landmarks (T, 5, 2) in picture px to matrices (T, 2, 3), picture px -> crop px."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of one track.

    Attributes:
        track: whose face it is.
        start: number of its first picture.
        video: RGB crops, uint8 (T, S, S, 3).
        landmarks: in crop px, float32 (T, 5, 2).
        boxes: what of the picture the crops show: left, top, width, height of the square around their middle, upright,
            px of the picture, float32 (T, 4).
        shot: number of the shot, from 0.
    """

    track: Track
    start: int
    video: NDArray[np.uint8]
    landmarks: NDArray[np.float32]
    boxes: NDArray[np.float32]
    shot: int


class Strip:
    """Cuts the crops of a track as soon as its landmarks are settled.

    Attributes:
        track: what is cut along.
        next: number of the first picture that is not cut yet, and so must be kept.
        given: how many pictures have been given out in pieces.
    """

    def __init__(self, track: Track, matrices: Matrices, size: int, shortest: int, longest: int, shot: int = 0) -> None:
        """Start at the track's first picture.

        Args:
            track: may still grow.
            matrices: the way from smoothed landmarks to crops.
            size: side of the crops, px.
            shortest, longest: lengths of pieces, in pictures; ``longest`` is at least twice ``shortest``.
            shot: number of the shot that the track is in.
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
        """Number of the first picture that is not given out yet."""
        return self.track.start + self.given

    def cut(self, pictures: Mapping[int, Croppable]) -> None:
        """Cut what is settled: all of a track that has ended, else all but what the smoothing may still change."""
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
        self._landmarks += list(to_crop(smooth, matrices))
        self._boxes += list(shown_boxes(matrices, self._size))
        self.next = stop
        track.forget(stop - SMOOTHING_REACH)

    def pieces(self) -> list[Piece]:
        """Take the finished pieces out.

        A piece is finished when it has the full length and enough is left for another one; the rest of a track that
        has ended makes one piece or two. So no piece of a track of the shortest length or more is shorter.
        """
        finished = []
        while len(self._video) >= self._longest + self._shortest:
            finished.append(self._take(self._longest))
        if self.track.ended and len(self._video) > self._longest:
            finished.append(self._take((len(self._video) + 1) // 2))
        if self.track.ended and self._video:
            finished.append(self._take(len(self._video)))
        return finished

    def _take(self, frames: int) -> Piece:
        video, landmarks = np.stack(self._video[:frames]), np.stack(self._landmarks[:frames])
        boxes = np.stack(self._boxes[:frames])
        del self._video[:frames], self._landmarks[:frames], self._boxes[:frames]
        piece = Piece(self.track, self.piece_start, video, landmarks, boxes, self._shot)
        self.given += frames
        return piece
