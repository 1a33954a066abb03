"""Agreement of every face with the sound.

The evidence of one picture of one face is its agreement with the sound (`seehear.apps.sync.offset`) at every delay
up to a
second either way. Of a face that speaks, it is high at the file's own delay and low elsewhere; of one that does not, it
is about 0 everywhere. Beside it stands how much the mouth moves. Every piece of a face is compared together with a few
pictures of the pieces before and after it, so that nothing is lost where pieces meet; at its two ends a face stands
still for as long.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.apps.sync.offset import STILL, SoundSource, SyncEmbedder, agreement_by_frame, embedding_similarity
from seehear.clip import FPS, SAMPLES_PER_FRAME
from seehear.media.clips import TrackedClip
from seehear.media.crops import mouth_region

REACH = FPS
"""Frames: delays up to a second, early and late, are what the file's own delay is compared with."""


PIECES_UNDER_WAY = 2
"""Pieces waiting for the network while the next is decoded."""


MOUTH_SIDE = 32
"""Pixels of a mouth whose motion is measured."""


Floats = NDArray[np.float32]


@dataclass(frozen=True)
class FaceTrack:
    """The evidence of one face, or of a piece of its track.

    Attributes:
        track: number of the face in the file.
        shot: number of the shot.
        start: number of the first picture, at 25 a second.
        agreement: float16 (T, 2 `REACH` + 1); the middle column is delay 0, the columns are 40 ms apart, positive
            delays (sound late) last.
        boxes: float32 (T, 4): left, top, width, height of the face in the picture, px.
        motion: float32 (T,): change of the mouth's pixels from picture to picture, relative to its contrast; None
            where it is not known.
    """

    track: int
    shot: int
    start: int
    agreement: NDArray[np.float16]
    boxes: Floats
    motion: Floats | None = None

    @property
    def stop(self) -> int:
        """Number of the picture after its last."""
        return self.start + len(self.agreement)


def track_agreement(model: SyncEmbedder, sightings: Iterable[TrackedClip], sound: SoundSource) -> Iterator[FaceTrack]:
    """The evidence of every piece of every face, as the pieces come; see `track_agreements`."""
    for (piece,) in track_agreements(model, sightings, [sound]):
        yield piece


def track_agreements(
    model: SyncEmbedder, sightings: Iterable[TrackedClip], sounds: Sequence[SoundSource]
) -> Iterator[list[FaceTrack]]:
    """The evidence of every piece of every face for each of several sounds, as the pieces come.

    Decoding stays in this thread, the network runs in another: both release the interpreter while they compute.

    Args:
        model: gives embeddings of lips and sound.
        sightings: of one file, in order of their start (`seehear.media.clips.ClipReader.sightings`).
        sounds: of the file.
    """
    waiting: deque[Future[list[FaceTrack]]] = deque()
    with ThreadPoolExecutor(1) as network:
        for sighting, video in with_neighbours(sightings, model.context):
            if len(waiting) >= PIECES_UNDER_WAY:
                yield waiting.popleft().result()
            waiting.append(network.submit(_compare, model, sighting, video, sounds))
        while waiting:
            yield waiting.popleft().result()


def join_pieces(pieces: Iterable[FaceTrack]) -> list[FaceTrack]:
    """The pieces of each face as one, in order of their tracks' numbers."""
    by_track: dict[int, list[FaceTrack]] = {}
    for piece in pieces:
        by_track.setdefault(piece.track, []).append(piece)
    return [
        FaceTrack(
            track,
            own[0].shot,
            own[0].start,
            np.concatenate([piece.agreement for piece in own]),
            np.concatenate([piece.boxes for piece in own]),
            _motion(own),
        )
        for track, own in sorted(by_track.items())
    ]


def _motion(pieces: Sequence[FaceTrack]) -> Floats | None:
    """Of all pieces; None where that of one is not known."""
    known = [piece.motion for piece in pieces if piece.motion is not None]
    return np.concatenate(known) if len(known) == len(pieces) else None


def with_neighbours(sightings: Iterable[TrackedClip], context: int) -> Iterator[tuple[TrackedClip, NDArray[np.uint8]]]:
    """Every piece, and its pictures with ``context`` more before and after it: (T + 2 context, S, S, 3).

    A piece is held back until the next one of its track has come, or one that shows that there is none: pieces come in
    order of their start, and those of a track follow on each other.
    """
    held: dict[int, tuple[TrackedClip, NDArray[np.uint8]]] = {}
    for sighting in sightings:
        start = first_picture(sighting)
        track, video = int(sighting.clip.meta["track"]), sighting.clip.video
        for other in [number for number, (piece, _) in held.items() if _stop(piece) < start]:
            yield _ended(*held.pop(other), context)
        before = np.repeat(video[:1], context, axis=0)
        if track in held:
            piece, pictures = held.pop(track)
            yield piece, np.concatenate([pictures, _first(video, context)])
            before = pictures[len(pictures) - context :]
        held[track] = sighting, np.concatenate([before, video])
    for piece, pictures in held.values():
        yield _ended(piece, pictures, context)


def first_picture(sighting: TrackedClip) -> int:
    """Number of a piece's first picture."""
    return round(float(sighting.clip.meta["start_s"]) * FPS)


def _stop(sighting: TrackedClip) -> int:
    return first_picture(sighting) + sighting.clip.frames


def _first(video: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """The first pictures; of a piece that has fewer, the last of them again and again."""
    return video[np.minimum(np.arange(count), len(video) - 1)]


def _ended(piece: TrackedClip, pictures: NDArray[np.uint8], context: int) -> tuple[TrackedClip, NDArray[np.uint8]]:
    return piece, np.concatenate([pictures, np.repeat(pictures[-1:], context, axis=0)])


def _compare(
    model: SyncEmbedder, sighting: TrackedClip, video: NDArray[np.uint8], sounds: Sequence[SoundSource]
) -> list[FaceTrack]:
    """One piece against each sound up to `REACH` frames before and after each of its pictures."""
    clip = sighting.clip
    frames, start, track = clip.frames, first_picture(sighting), int(clip.meta["track"])
    with torch.inference_mode():
        lips = model.embed_lips(torch.from_numpy(video)[None])[0]
    moved = mouth_motion(video)[model.context :][:frames]
    return [
        FaceTrack(track, sighting.shot, start, _agreement(model, lips, start, sound), sighting.boxes, moved)
        for sound in sounds
    ]


def _agreement(model: SyncEmbedder, lips: Tensor, start: int, sound: SoundSource) -> NDArray[np.float16]:
    """Of lips (T, dim) from picture ``start`` on with a sound, (T, 2 `REACH` + 1)."""
    frames = len(lips)
    around = sound.between(start / FPS - (REACH + model.context) / FPS, (start + frames + REACH + model.context) / FPS)
    similar, audible = np.zeros((frames, frames + 2 * REACH), np.float32), np.zeros(frames + 2 * REACH, bool)
    first, last = _sounding(around)
    if last - first > 2 * model.context:
        with torch.inference_mode():
            whole = torch.from_numpy(around[first * SAMPLES_PER_FRAME : last * SAMPLES_PER_FRAME])
            similarity = embedding_similarity(lips, model.embed_sound(whole[None])[0], model.distance)
        covered = slice(first, last - 2 * model.context)
        similar[:, covered], audible[covered] = similarity.float().cpu().numpy(), True
    agreement, _ = agreement_by_frame(similar, audible, phases=1)
    return np.asarray(agreement, np.float16)


def mouth_motion(video: NDArray[np.uint8]) -> Floats:
    """How much the mouth moves at each picture of canonical crops (T, S, S, 3): (T,).

    The mean change of its pixels' brightness from the picture before and to the picture after, relative to how bright
    and dark they are.
    """
    small = np.stack([_small_mouth(picture) for picture in video])
    changed = np.abs(np.diff(small, axis=0)).mean((1, 2)) if len(small) > 1 else np.zeros(1, np.float32)
    before, after = np.append(changed[:1], changed), np.append(changed, changed[-1:])
    contrast = max(float(small.std((1, 2)).mean()), 1.0)
    return np.asarray((before + after)[: len(video)] / (2 * contrast), np.float32)


def _small_mouth(picture: NDArray[np.uint8]) -> Floats:
    """The mouth's luma, so small and soft that noise of the camera does not move."""
    luma = cv2.cvtColor(np.ascontiguousarray(mouth_region(picture[None])[0]), cv2.COLOR_RGB2GRAY)
    small = cv2.resize(luma, (MOUTH_SIDE, MOUTH_SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), 1.0), np.float32)


def _sounding(audio: Floats) -> tuple[int, int]:
    """First and last (exclusive) whole video frame between the silences that pad the ends of a segment."""
    sounding = np.flatnonzero(np.abs(audio) > STILL)
    if not len(sounding):
        return 0, 0
    return int(sounding[0]) // SAMPLES_PER_FRAME, -(-(int(sounding[-1]) + 1) // SAMPLES_PER_FRAME)
