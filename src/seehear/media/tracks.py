"""Face tracks: which face of one looked-at picture is which face of the next.

Faces are looked for in every k-th picture. Between two finds a face moves on a straight line, unless it moves fast or
comes or goes: then the pictures in between are looked at, too. Pairs are formed the best first over all faces and
tracks, so that two people who sit close together do not swap for being asked in the wrong order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seehear.media.faces import Face, overlap

Box = NDArray[np.float32]

LEAST_AFFINITY = -0.25
"""Least `affinity` of two finds of one face: one that has moved by half of its size has about -0.15."""

SIZE_RATIO = 2.0
"""A face does not grow or shrink by more than this between two looks."""

FAST = 0.15
"""A face that moved by more than this many face sizes between two looks is looked at in between."""

JUMP = 0.35
"""One that seems to move by more from one picture to the next has not: the film was cut, or it is another face."""

LEAST_FINDS = 2
"""A face that was seen in fewer pictures is a false alarm."""

LEAST_SCORE = 0.7
"""So is a track with a lower mean score. (Faces score 0.85 to 0.95.)"""


class Look(Protocol):
    """Looks closely at a picture of the last interval, near some boxes."""

    def __call__(self, index: int, near: Sequence[Box]) -> list[Face]: ...


@dataclass(eq=False)
class Track:
    """One face over time.

    Attributes:
        start: number of its first picture.
        last: its last find.
        stop: number after its last picture so far.
        finds: number of pictures in which it was found rather than interpolated.
        score: sum of their scores.
        ended: whether nothing will be added any more.
        kept_from: number of the first picture whose landmarks are kept; see `forget`.
    """

    start: int
    last: Face
    stop: int = field(init=False)
    finds: int = field(init=False, default=1)
    score: float = field(init=False)
    ended: bool = field(init=False, default=False)
    kept_from: int = field(init=False)
    _points: list[NDArray[np.float32]] = field(init=False)

    def __post_init__(self) -> None:
        self.stop = self.start + 1
        self.score = self.last.score
        self.kept_from = self.start
        self._points = [self.last.landmarks]

    @property
    def is_face(self) -> bool:
        """Whether it was seen often and clearly enough to be believed."""
        return self.finds >= LEAST_FINDS and self.score / self.finds >= LEAST_SCORE

    def add(self, index: int, face: Face) -> None:
        """It was found again, in a later picture; in between it moved evenly."""
        steps = index - self.stop + 1
        way = face.landmarks - self.last.landmarks
        self._points += [self.last.landmarks + way * np.float32(step / steps) for step in range(1, steps)]
        self._points.append(face.landmarks)
        self.stop = index + 1
        self.finds += 1
        self.score += face.score
        self.last = face

    def add_before(self, face: Face) -> None:
        """It was found in the picture before its first, too. (Not after `forget`.)"""
        self.start -= 1
        self.kept_from = self.start
        self._points.insert(0, face.landmarks)
        self.finds += 1
        self.score += face.score

    def landmarks(self, start: int, stop: int) -> NDArray[np.float32]:
        """Landmarks (stop - start, 5, 2) of these pictures."""
        return np.stack(self._points[start - self.kept_from : stop - self.kept_from])

    def forget(self, before: int) -> None:
        """Drop the landmarks of earlier pictures, so that memory stays flat."""
        drop = max(0, before - self.kept_from)
        del self._points[:drop]
        self.kept_from += drop


class Tracker:
    """Makes tracks of the faces that are found in one picture after the other.

    Attributes:
        tracks: those that go on, in order of their start. The others have been marked as ended and dropped.
    """

    def __init__(self, look: Look, *, max_gap: int) -> None:
        """Start without tracks.

        Args:
            look: asked about pictures between the last two steps.
            max_gap: a face that is not found in more pictures than this is gone.
        """
        self._look = look
        self._max_gap = max_gap
        self._last_step: int | None = None
        self.tracks: list[Track] = []

    def step(self, index: int, faces: Sequence[Face]) -> None:
        """Take in the faces of a picture.

        Args:
            index: number of the picture, larger than in the step before.
            faces: all faces that were found in it.
        """
        pairs = match([track.last for track in self.tracks], faces)
        begun = [face for number, face in enumerate(faces) if number not in pairs.values()]
        for number, track in enumerate(self.tracks):
            if number in pairs and not self._join(track, index, faces[pairs[number]]):
                track.ended = True
                begun.append(faces[pairs[number]])
        for number, track in enumerate(self.tracks):
            if number not in pairs:
                self._follow(track, index)
                track.ended = index - track.stop >= self._max_gap
        new = [Track(index, face) for face in begun]
        for track in new:
            self._trace_back(track)
        self.tracks = sorted([track for track in self.tracks if not track.ended] + new, key=lambda track: track.start)
        self._last_step = index

    def cut(self) -> None:
        """A shot has ended, and with it all tracks."""
        for track in self.tracks:
            track.ended = True
        self.tracks = []
        self._last_step = None

    def _join(self, track: Track, index: int, face: Face) -> bool:
        """Lead a track to where it was found again; False if it turns out on the way to be another face."""
        before = track.stop - 1
        moved = distance(track.last, face)
        if index - before == 1 and moved > JUMP:
            return False
        if index - before > 1 and moved > FAST and self._last_step is not None and before >= self._last_step:
            middle = (before + index) // 2
            seen = self._look_for(_between(track.last, face), middle, track)
            if seen is not None:
                return self._join(track, middle, seen) and self._join(track, index, face)
        track.add(index, face)
        return True

    def _follow(self, track: Track, index: int) -> None:
        """A face was not found at ``index``: find out in which picture since the last step it left."""
        if self._last_step is None or track.stop <= self._last_step:
            return  # it left earlier
        for picture in range(track.stop, index):
            seen = self._look_for(track.last, picture, track)
            if seen is None or distance(track.last, seen) > JUMP:
                return
            track.add(picture, seen)

    def _trace_back(self, track: Track) -> None:
        """A face is new at the end of an interval: find out in which picture since the last step it came."""
        if self._last_step is None:
            return
        first = track.last
        for picture in range(track.start - 1, self._last_step, -1):
            seen = self._look_for(first, picture, track)
            if seen is None or distance(first, seen) > JUMP:
                return
            track.add_before(seen)
            first = seen

    def _look_for(self, expected: Face, index: int, track: Track) -> Face | None:
        """The face that is likely the expected one of this track, in a picture between two steps."""
        others = [other for other in self.tracks if other is not track and other.kept_from <= index < other.stop]
        for face in self._look(index, [expected.box]):
            taken = any(_moved(face, other.landmarks(index, index + 1)[0]) < FAST for other in others)
            if not taken and affinity(expected, face) >= LEAST_AFFINITY:
                return face
        return None


def match(known: Sequence[Face], found: Sequence[Face]) -> dict[int, int]:
    """Pair known faces with found ones, the best pairs over all first.

    Returns:
        Number of the known face -> number of the found one, for those that have a pair.
    """
    scores = {(k, f): affinity(a, b) for k, a in enumerate(known) for f, b in enumerate(found)}
    pairs: dict[int, int] = {}
    for k, f in sorted(scores, key=lambda pair: -scores[pair]):
        if scores[k, f] >= LEAST_AFFINITY and k not in pairs and f not in pairs.values():
            pairs[k] = f
    return pairs


def affinity(a: Face, b: Face) -> float:
    """How likely two finds in near pictures are one face: overlap less `distance`; -inf if the sizes differ much."""
    ratio = _size(a) / _size(b)
    if not 1 / SIZE_RATIO <= ratio <= SIZE_RATIO:
        return -np.inf
    return float(overlap(a.box, b.box[None])[0]) - distance(a, b)


def distance(a: Face, b: Face) -> float:
    """How far the landmarks of two faces lie apart, on average, in units of the faces' mean size."""
    return _moved(a, b.landmarks) * 2 * _size(a) / (_size(a) + _size(b))


def _moved(face: Face, landmarks: NDArray[np.float32]) -> float:
    return float(np.linalg.norm(face.landmarks - landmarks, axis=1).mean()) / _size(face)


def _size(face: Face) -> float:
    """Side of the square that is as large as the face, px."""
    return float(np.sqrt(face.box[2] * face.box[3]))


def _between(a: Face, b: Face) -> Face:
    """What is expected halfway between two finds."""
    half = np.float32(0.5)
    return Face((a.box + b.box) * half, (a.landmarks + b.landmarks) * half, (a.score + b.score) / 2)
