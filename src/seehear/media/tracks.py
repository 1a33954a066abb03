"""Shot cuts and face tracks.

Each frame is shrunk to a thumbnail of its luma. Neighbours are compared by the correlation of their thumbnails, nearly
invariant to lighting changes and fades. A cut is a jump that stands out: large in itself, far larger than recent
changes in the shot, larger than its neighbours in time (a quick movement lasts longer), and not reverted right
afterwards (as a flash is).

Faces are detected in every k-th frame. Between two detections a face moves on a straight line. If it moves fast,
appears or disappears, the frames in between are searched, too. Pairs of faces and tracks are formed globally, the best
first, so that the order of processing cannot swap two people who sit close together.
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
"""Long side of the compared thumbnails, px."""


LOOKAHEAD = 2
"""Number of later frames needed to decide on a cut: a flash lasts one or two."""


FLAT = 100.0
"""Luma variance (grey levels squared) of a nearly flat thumbnail, to which correlation is blind."""


MIN_CUT = 0.012
"""Minimum dissimilarity of a cut. Two takes of one person on one set differ by 0.003 to 0.2, other shots by 0.2 to 1.3;
within a shot of a talking head neighbours typically differ by 0.0001, and by at most 0.006."""


SURE_CUT = 0.1
"""Minimum dissimilarity of a cut while the usual dissimilarity is still unknown."""


STANDS_OUT = 6.0
"""A cut's dissimilarity is at least this many times the usual one, ..."""


HISTORY_FRAMES = 80
"""... which is this percentile of the recent steps."""


REPEAT = 1e-6
"""Smaller steps are ignored: at low frame rates frames are repeated."""


MIN_HISTORY = 12
"""Number of steps needed to know the usual dissimilarity."""


NEIGHBOUR_RATIO = 3.0
"""A cut's dissimilarity is at least this many times that of the steps right before and after it."""


class HasLuma(Protocol):
    """Input of shot detection: `seehear.media.decode.Picture`, or anything with its luma."""

    def small_luma(self, long_side: int) -> tuple[NDArray[np.uint8], float]: ...


P = TypeVar("P", bound=HasLuma)


def split_shots(pictures: Iterable[P]) -> Iterator[tuple[P, bool]]:
    """Pass frames on, each with whether it is the first of a shot (as the very first frame is).

    Frames come out `LOOKAHEAD` later than they went in; only a few are held in memory.
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
    """Keeps recent thumbnails of the current shot and the recent dissimilarities."""

    def __init__(self) -> None:
        self.before: deque[NDArray[np.float64]] = deque(maxlen=LOOKAHEAD + 1)
        self.steps: deque[float] = deque(maxlen=FPS)

    def is_first(self, thumbnail: NDArray[np.float64], after: list[NDArray[np.float64]]) -> bool:
        """Whether a shot begins with this frame, given the next `LOOKAHEAD` frames (fewer at the end)."""
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
        neighbours = [_dissimilarity(thumbnail, after[0])] if after else []
        neighbours += [self.steps[-1]] if len(self.before) > 1 and self.steps else []
        if neighbours and step < NEIGHBOUR_RATIO * max(neighbours):
            return False
        earlier = list(self.before)
        undone = [_dissimilarity(earlier[-1], later) for later in after]  # this frame begins a flash
        undone += [_dissimilarity(early, thumbnail) for early in earlier[:-1]]  # the first frame after a flash
        return not undone or min(undone) > step / 2


def _thumbnail(picture: HasLuma) -> NDArray[np.float64]:
    """Return the thumbnail as a unit vector, so that dot products are correlations."""
    small = picture.small_luma(THUMBNAIL)[0].astype(np.float64).ravel()
    centred = (small - small.mean()) / np.sqrt(small.size)
    vector = np.append(centred, np.sqrt(FLAT))  # a common component makes flat frames similar
    return np.asarray(vector / np.linalg.norm(vector))


def _dissimilarity(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """0 for identical frames up to brightness and contrast, about 1 for unrelated ones, up to 2."""
    return 1.0 - float(a @ b)


Box = NDArray[np.float32]


MIN_AFFINITY = -0.25
"""Minimum `affinity` of two detections of one face: one that has moved by half of its size has about -0.15."""


SIZE_RATIO = 2.0
"""Maximum ratio of a face's sizes in two detections."""


FAST = 0.15
"""If a face moved by more than this many face sizes between two detections, the frames in between are searched."""


JUMP = 0.35
"""A larger jump from one frame to the next is not motion: the video was cut, or it is another face."""


MIN_FINDS = 2
"""A face detected in fewer frames is a false alarm."""


MIN_SCORE = 0.7
"""So is a track with a lower mean score. (Faces score 0.85 to 0.95.)"""


class CloseLook(Protocol):
    """Searches close-ups around some boxes in a frame of the last interval."""

    def __call__(self, index: int, near: Sequence[Box]) -> list[Face]: ...


@dataclass(eq=False)
class Track:
    """One face over time.

    Attributes:
        start: number of its first frame
        last: its last detection
        stop: number after its last frame so far
        finds: number of frames in which it was detected rather than interpolated
        score: sum of the detection scores
        ended: whether the track is complete
        kept_from: number of the first frame whose landmarks are kept; see `forget`
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
        """Whether it was detected often and clearly enough to be a face."""
        return self.finds >= MIN_FINDS and self.score / self.finds >= MIN_SCORE

    def add(self, index: int, face: Face) -> None:
        """Add a detection in a later frame; the frames in between are interpolated linearly."""
        steps = index - self.stop + 1
        displacement = face.landmarks - self.last.landmarks
        self._points += [self.last.landmarks + displacement * np.float32(step / steps) for step in range(1, steps)]
        self._points.append(face.landmarks)
        self.stop = index + 1
        self.finds += 1
        self.score += face.score
        self.last = face

    def add_before(self, face: Face) -> None:
        """Add a detection in the frame before the first one. (Not after `forget`.)"""
        self.start -= 1
        self.kept_from = self.start
        self._points.insert(0, face.landmarks)
        self.finds += 1
        self.score += face.score

    def landmarks(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return the landmarks (stop - start, 5, 2) of these frames."""
        return np.stack(self._points[start - self.kept_from : stop - self.kept_from])

    def forget(self, before: int) -> None:
        """Drop the landmarks of earlier frames to bound memory."""
        drop = max(0, before - self.kept_from)
        del self._points[:drop]
        self.kept_from += drop


class Tracker:
    """Joins the faces detected in successive frames into tracks.

    Attributes:
        tracks: active tracks, in order of their start. The others have been marked as ended and dropped.
    """

    def __init__(self, look: CloseLook, *, max_gap: int) -> None:
        """Start without tracks.

        Args:
            look: searches frames between the last two steps
            max_gap: a face that is missing from more frames than this has gone
        """
        self._look = look
        self._max_gap = max_gap
        self._last_step: int | None = None
        self.tracks: list[Track] = []

    def step(self, index: int, faces: Sequence[Face]) -> None:
        """Add the faces of a frame.

        Args:
            index: number of the frame, larger than in the previous step
            faces: all faces detected in it
        """
        pairs = match_faces([track.last for track in self.tracks], faces)
        started = [face for number, face in enumerate(faces) if number not in pairs.values()]
        for number, track in enumerate(self.tracks):
            if number in pairs and not self._join(track, index, faces[pairs[number]]):
                track.ended = True
                started.append(faces[pairs[number]])
        for number, track in enumerate(self.tracks):
            if number not in pairs:
                self._follow(track, index)
                track.ended = index - track.stop >= self._max_gap
        new = [Track(index, face) for face in started]
        for track in new:
            self._trace_back(track)
        self.tracks = sorted([track for track in self.tracks if not track.ended] + new, key=lambda track: track.start)
        self._last_step = index

    def cut(self) -> None:
        """End all tracks, at the end of a shot."""
        for track in self.tracks:
            track.ended = True
        self.tracks = []
        self._last_step = None

    def _join(self, track: Track, index: int, face: Face) -> bool:
        """Extend a track to a new detection; False if a search in between shows that it is another face."""
        before = track.stop - 1
        moved = distance(track.last, face)
        if index - before == 1 and moved > JUMP:
            return False
        if index - before > 1 and moved > FAST and self._last_step is not None and before >= self._last_step:
            middle = (before + index) // 2
            detected = self._look_for(_between(track.last, face), middle, track)
            if detected is not None:
                return self._join(track, middle, detected) and self._join(track, index, face)
        track.add(index, face)
        return True

    def _follow(self, track: Track, index: int) -> None:
        """Find the frame since the last step in which a face, no longer detected at ``index``, disappeared."""
        if self._last_step is None or track.stop <= self._last_step:
            return  # it disappeared earlier
        for picture in range(track.stop, index):
            detected = self._look_for(track.last, picture, track)
            if detected is None or distance(track.last, detected) > JUMP:
                return
            track.add(picture, detected)

    def _trace_back(self, track: Track) -> None:
        """Find the frame since the last step in which a new face appeared."""
        if self._last_step is None:
            return
        first = track.last
        for picture in range(track.start - 1, self._last_step, -1):
            detected = self._look_for(first, picture, track)
            if detected is None or distance(first, detected) > JUMP:
                return
            track.add_before(detected)
            first = detected

    def _look_for(self, expected: Face, index: int, track: Track) -> Face | None:
        """Return the face that probably is the expected one of this track, in a frame between two steps."""
        others = [other for other in self.tracks if other is not track and other.kept_from <= index < other.stop]
        for face in self._look(index, [expected.box]):
            is_taken = any(_moved(face, other.landmarks(index, index + 1)[0]) < FAST for other in others)
            if not is_taken and affinity(expected, face) >= MIN_AFFINITY:
                return face
        return None


def match_faces(known: Sequence[Face], found: Sequence[Face]) -> dict[int, int]:
    """Pair known faces with detected ones globally, the best pairs first.

    Returns:
        number of the known face -> number of the detected one, for those with a pair
    """
    scores = {(k, f): affinity(a, b) for k, a in enumerate(known) for f, b in enumerate(found)}
    pairs: dict[int, int] = {}
    for k, f in sorted(scores, key=lambda pair: -scores[pair]):
        if scores[k, f] >= MIN_AFFINITY and k not in pairs and f not in pairs.values():
            pairs[k] = f
    return pairs


def affinity(a: Face, b: Face) -> float:
    """Return how likely two nearby detections are one face: overlap minus `distance`; -inf if the sizes differ much."""
    ratio = _size(a) / _size(b)
    if not 1 / SIZE_RATIO <= ratio <= SIZE_RATIO:
        return -np.inf
    return float(iou(a.box, b.box[None])[0]) - distance(a, b)


def distance(a: Face, b: Face) -> float:
    """Return the mean distance between the landmarks of two faces, in units of their mean size."""
    return _moved(a, b.landmarks) * 2 * _size(a) / (_size(a) + _size(b))


def _moved(face: Face, landmarks: NDArray[np.float32]) -> float:
    return float(np.linalg.norm(face.landmarks - landmarks, axis=1).mean()) / _size(face)


def _size(face: Face) -> float:
    """Return the side of the square with the area of the face, px."""
    return float(np.sqrt(face.box[2] * face.box[3]))


def _between(a: Face, b: Face) -> Face:
    """Return the face expected halfway between two detections."""
    half = np.float32(0.5)
    return Face((a.box + b.box) * half, (a.landmarks + b.landmarks) * half, (a.score + b.score) / 2)
