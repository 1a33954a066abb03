"""Shot cuts and face tracks.

Each picture is shrunk to a thumbnail of its luma, and two neighbours are compared by the correlation of their
thumbnails, which a change of light or a fade hardly touches. A cut is a jump that stands out from its surroundings:
large in itself, far larger than what the shot has shown lately, larger than its neighbours in time (a quick movement
lasts longer), and not undone right afterwards (a flash is).

Faces are looked for in every k-th picture. Between two finds a face moves on a straight line, unless it moves fast or
comes or goes: then the pictures in between are looked at, too. Pairs are formed the best first over all faces and
tracks, so that two people who sit close together do not swap for being asked in the wrong order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from seehear.clip import FPS
from seehear.media.face_detector import Face, iou

THUMBNAIL = 32
"""Long side of the compared thumbnails, in pixels."""


LOOKAHEAD = 2
"""A picture's cut is decided when this many pictures after it are known: a flash lasts one or two."""


FLAT = 100.0
"""Luma variance (grey levels squared) of a thumbnail with hardly any content, to which correlation is blind."""


MIN_CUT = 0.012
"""Least dissimilarity of a cut. Two takes of one person on one set differ by 0.003 to 0.2, other shots by 0.2 to 1.3;
within a shot of a talking head neighbours differ by 0.0001, and by 0.006 at most."""


SURE_CUT = 0.1
"""Least dissimilarity of a cut while it is not known yet what is usual."""


STANDS_OUT = 6.0
"""A cut's dissimilarity is this many times what is usual, ..."""


HISTORY_FRAMES = 80
"""... this percentile of the last steps."""


REPEAT = 1e-6
"""A step of less is no step: at low frame rates the same picture comes several times."""


MIN_HISTORY = 12
"""Steps that must have been seen to know what is usual."""


NEIGHBOUR_RATIO = 3.0
"""A cut's dissimilarity is this many times that of the steps right before and after it."""


class HasLuma(Protocol):
    """What shots are found in: `seehear.media.decode.Picture`, or anything with its brightness."""

    def small_luma(self, long_side: int) -> tuple[NDArray[np.uint8], float]: ...


P = TypeVar("P", bound=HasLuma)


def split_shots(pictures: Iterable[P]) -> Iterator[tuple[P, bool]]:
    """Pass pictures on, each with whether it is the first of a shot (as the very first picture is).

    Pictures come out `LOOKAHEAD` later than they went in; memory is that of a few pictures.
    """
    finder = _CutDetector()
    waiting: deque[tuple[P, NDArray[np.float64]]] = deque()

    def decide() -> tuple[P, bool]:
        picture, thumbnail = waiting.popleft()
        return picture, finder.is_first(thumbnail, [later for _, later in waiting])

    for picture in pictures:
        waiting.append((picture, _thumbnail(picture)))
        if len(waiting) > LOOKAHEAD:
            yield decide()
    while waiting:
        yield decide()


class _CutDetector:
    """Remembers what the current shot has looked like lately, and how much pictures have differed."""

    def __init__(self) -> None:
        self.before: deque[NDArray[np.float64]] = deque(maxlen=LOOKAHEAD + 1)
        self.steps: deque[float] = deque(maxlen=FPS)

    def is_first(self, thumbnail: NDArray[np.float64], after: list[NDArray[np.float64]]) -> bool:
        """Whether a shot begins with this picture, given the `LOOKAHEAD` that follow (fewer at the end)."""
        step = _dissimilarity(self.before[-1], thumbnail) if self.before else 0.0
        first = not self.before or (step >= MIN_CUT and self._is_cut(step, thumbnail, after))
        if first:
            self.before.clear()
        elif step > REPEAT:
            self.steps.append(step)
        self.before.append(thumbnail)
        return first

    def _is_cut(self, step: float, thumbnail: NDArray[np.float64], after: list[NDArray[np.float64]]) -> bool:
        known = len(self.steps) >= MIN_HISTORY
        if step < (STANDS_OUT * float(np.percentile(self.steps, HISTORY_FRAMES)) if known else SURE_CUT):
            return False
        beside = [_dissimilarity(thumbnail, after[0])] if after else []
        beside += [self.steps[-1]] if len(self.before) > 1 and self.steps else []
        if beside and step < NEIGHBOUR_RATIO * max(beside):
            return False
        earlier = list(self.before)
        undone = [_dissimilarity(earlier[-1], later) for later in after]  # this picture begins a flash
        undone += [_dissimilarity(early, thumbnail) for early in earlier[:-1]]  # it is the first after one
        return not undone or min(undone) > step / 2


def _thumbnail(picture: HasLuma) -> NDArray[np.float64]:
    """Thumbnail of a picture as a vector of length 1, such that scalar products are correlations."""
    small = picture.small_luma(THUMBNAIL)[0].astype(np.float64).ravel()
    centred = (small - small.mean()) / np.sqrt(small.size)
    vector = np.append(centred, np.sqrt(FLAT))  # a common part, in which flat pictures agree
    return np.asarray(vector / np.linalg.norm(vector))


def _dissimilarity(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """0 for the same picture up to brightness and contrast, about 1 for unrelated ones, up to 2."""
    return 1.0 - float(a @ b)


Box = NDArray[np.float32]


MIN_AFFINITY = -0.25
"""Least `affinity` of two finds of one face: one that has moved by half of its size has about -0.15."""


SIZE_RATIO = 2.0
"""A face does not grow or shrink by more than this between two looks."""


FAST = 0.15
"""A face that moved by more than this many face sizes between two looks is looked at in between."""


JUMP = 0.35
"""One that seems to move by more from one picture to the next has not: the film was cut, or it is another face."""


MIN_FINDS = 2
"""A face that was seen in fewer pictures is a false alarm."""


MIN_SCORE = 0.7
"""So is a track with a lower mean score. (Faces score 0.85 to 0.95.)"""


class CloseLook(Protocol):
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
        return self.finds >= MIN_FINDS and self.score / self.finds >= MIN_SCORE

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

    def __init__(self, look: CloseLook, *, max_gap: int) -> None:
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
        pairs = match_faces([track.last for track in self.tracks], faces)
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
            if not taken and affinity(expected, face) >= MIN_AFFINITY:
                return face
        return None


def match_faces(known: Sequence[Face], found: Sequence[Face]) -> dict[int, int]:
    """Pair known faces with found ones, the best pairs over all first.

    Returns:
        Number of the known face -> number of the found one, for those that have a pair.
    """
    scores = {(k, f): affinity(a, b) for k, a in enumerate(known) for f, b in enumerate(found)}
    pairs: dict[int, int] = {}
    for k, f in sorted(scores, key=lambda pair: -scores[pair]):
        if scores[k, f] >= MIN_AFFINITY and k not in pairs and f not in pairs.values():
            pairs[k] = f
    return pairs


def affinity(a: Face, b: Face) -> float:
    """How likely two finds in near pictures are one face: overlap less `distance`; -inf if the sizes differ much."""
    ratio = _size(a) / _size(b)
    if not 1 / SIZE_RATIO <= ratio <= SIZE_RATIO:
        return -np.inf
    return float(iou(a.box, b.box[None])[0]) - distance(a, b)


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
