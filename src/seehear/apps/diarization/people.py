"""Tracks to people; enrolment of known people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seehear.apps.diarization.lip_activity import FaceTrack
from seehear.apps.embeddings import HOW_TO_GET, FaceModel, find_face, has_pictures, mean_embedding, voice_embedding
from seehear.clip import FPS
from seehear.errors import ModelError, SeehearError
from seehear.media.clips import TrackedClip
from seehear.media.face_detector import iou
from seehear.models.interface import IdentityModel

STILLS = 4
"""Pictures of every piece of a face that are looked at, evenly spaced."""


SAME_PLACE = 0.3
"""Least overlap of the boxes at the end of one track and the beginning of the next, in the same shot."""


MAX_ABSENCE_S = 10.0
"""Whoever comes back to the same place after a longer time may be somebody else."""


Floats = NDArray[np.float32]


class TrackEmbeddings:
    """The mean embedding of each track's face, collected while a video is read."""

    def __init__(self, faces: FaceModel) -> None:
        """Whose embeddings they are."""
        self.faces = faces
        self._sums: dict[int, Floats] = {}

    def add(self, sighting: TrackedClip) -> None:
        """Take in a piece of a track."""
        track, clip = int(sighting.clip.meta["track"]), sighting.clip
        at = np.linspace(0, clip.frames - 1, min(STILLS, clip.frames)).round().astype(int)
        prints = self.faces.embed(clip.video[at], clip.landmarks[at])
        self._sums[track] = self._sums.get(track, np.zeros(prints.shape[1], np.float32)) + prints.sum(0)

    def mean_of(self, tracks: Sequence[int]) -> Floats:
        """One embedding for several tracks of one person, of length 1, (dim,)."""
        return mean_embedding(np.stack([self._sums[track] for track in tracks]))


def group_tracks(tracks: Sequence[FaceTrack], prints: TrackEmbeddings | None = None) -> list[int]:
    """The number of the person of each track, from 0, in order of appearance, from left to right.

    Tracks that are seen at the same time are never one person. With embeddings, the two groups of tracks whose faces
    are most similar on average are merged, as long as they are similar enough; without, a track goes on where another
    one of its shot has ended.

    Args:
        tracks: of one video.
        prints: embeddings of their faces; their model has the threshold for one person.
    """
    if not tracks:
        return []
    groups = [[number] for number in range(len(tracks))]
    similarity = _places(tracks) if prints is None else _likeness(tracks, prints)
    similarity[_together(tracks)] = -np.inf
    threshold = 0.5 if prints is None else prints.faces.same_threshold
    while len(groups) > 1:
        best = np.unravel_index(int(similarity.argmax()), similarity.shape)
        one, other = sorted(int(number) for number in best)
        if not similarity[one, other] >= threshold:
            break
        merged = _merged(
            similarity[one], similarity[other], len(groups[one]), len(groups[other]), chained=prints is None
        )
        similarity[one], similarity[:, one] = merged, merged
        similarity[one, one] = -np.inf
        similarity = np.delete(np.delete(similarity, other, 0), other, 1)
        groups[one] += groups.pop(other)
    first = sorted(groups, key=lambda group: min(_appearance(tracks[number]) for number in group))
    numbers = {track: person for person, group in enumerate(first) for track in group}
    return [numbers[number] for number in range(len(tracks))]


def _appearance(track: FaceTrack) -> tuple[int, float]:
    """When and where a track begins."""
    return track.start, float(track.boxes[0, 0])


def _merged(
    one: NDArray[np.float64], other: NDArray[np.float64], size: int, other_size: int, *, chained: bool
) -> NDArray[np.float64]:
    """Similarity of the others to two merged groups: on average, or, for chains of places, to the nearer one.

    Minus infinity stays: none that is seen at the same time.
    """
    if chained:
        return np.where(np.isinf(one) | np.isinf(other), -np.inf, np.maximum(one, other))
    return np.asarray((size * one + other_size * other) / (size + other_size))


def _likeness(tracks: Sequence[FaceTrack], prints: TrackEmbeddings) -> NDArray[np.float64]:
    """Cosine of every two tracks' faces."""
    vectors = np.stack([prints.mean_of([track.track]) for track in tracks]).astype(np.float64)
    return np.asarray(vectors @ vectors.T)


def _places(tracks: Sequence[FaceTrack]) -> NDArray[np.float64]:
    """1 where one track goes on at the place where another one of the same shot has ended, else 0."""
    same = np.zeros((len(tracks), len(tracks)))
    for a, one in enumerate(tracks):
        for b, other in enumerate(tracks):
            soon = 0 <= other.start - one.stop <= MAX_ABSENCE_S * FPS
            if soon and one.shot == other.shot and iou(one.boxes[-1], other.boxes[:1])[0] >= SAME_PLACE:
                same[a, b] = same[b, a] = 1.0
    return same


def _together(tracks: Sequence[FaceTrack]) -> NDArray[np.bool_]:
    """Whether two tracks are seen at the same time; a track and itself are."""
    starts, stops = np.array([track.start for track in tracks]), np.array([track.stop for track in tracks])
    return np.asarray((starts[:, None] < stops[None]) & (starts[None] < stops[:, None]))


@dataclass(frozen=True)
class EnrolledPerson:
    """Somebody whose name is known.

    Attributes:
        name: as given.
        face: embedding (dim,), or None.
        voice: embedding (dim,), or None; one of the two is there.
    """

    name: str
    face: Floats | None
    voice: Floats | None


def parse_enrolments(given: Sequence[str]) -> list[tuple[str, Path]]:
    """``NAME=FILE`` as names and files.

    Raises:
        SeehearError: something else, or a name twice.
    """
    pairs: list[tuple[str, Path]] = []
    for text in given:
        name, equals, file = text.partition("=")
        if not (name.strip() and equals and file):
            raise SeehearError(f"--enroll {text} is not NAME=FILE, such as Anna=anna.jpg")
        if name.strip() in [other for other, _ in pairs]:
            raise SeehearError(f"--enroll names {name.strip()} twice; give each name one file")
        pairs.append((name.strip(), Path(file)))
    return pairs


def enrol(
    pairs: Sequence[tuple[str, Path]], model: IdentityModel | None, faces: FaceModel | None, detector: Path | None
) -> list[EnrolledPerson]:
    """What there is to know of each: the face where the file shows pictures, else the voice.

    Args:
        pairs: names and files.
        model: knows voices.
        faces: knows faces.
        detector: YuNet's file.

    Raises:
        SeehearError: a file without one face, or without speech, or there is no model that knows the like.
    """
    known = []
    for name, file in pairs:
        if has_pictures(file):
            if faces is None:
                raise ModelError(f"--enroll {name}={file} needs a model that knows faces: {HOW_TO_GET}")
            known.append(EnrolledPerson(name, mean_embedding(faces.embed(*find_face(file, detector))), None))
        elif model is None:
            raise ModelError(f"--enroll {name}={file} needs a model that knows voices; give --identity a match run")
        else:
            known.append(EnrolledPerson(name, None, voice_embedding(file, model).embedding))
    return known


def assign_names(similarity: NDArray[np.floating], threshold: Sequence[float]) -> list[int | None]:
    """Assign an enrolled person to each person, the most similar pair first, each at most once.

    Args:
        similarity: (people, known).
        threshold: minimum similarity for each of the known.

    Returns:
        Number of the known for each person, or None.
    """
    found: list[int | None] = [None] * len(similarity)
    left = np.where(similarity >= np.asarray(threshold)[None], similarity, -np.inf).astype(np.float64)
    while left.size and np.isfinite(left.max()):
        person, who = (int(number) for number in np.unravel_index(int(left.argmax()), left.shape))
        found[person] = who
        left[person], left[:, who] = -np.inf, -np.inf
    return found
