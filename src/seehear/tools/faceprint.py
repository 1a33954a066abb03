"""The face of a picture, or of a video that shows one: its crops and its embedding."""

from __future__ import annotations

from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from seehear.clip import FPS
from seehear.errors import MediaError
from seehear.media.clips import ClipOptions, ClipReader
from seehear.media.crops import face_crop, face_matrices, to_crop
from seehear.media.decode import open_media
from seehear.media.faces import load_detector
from seehear.media.still import picture_file, read_still
from seehear.pretext.identity import IdentityModel

SIDE = 128
"""Of the crops, px, as `prepare` cuts them."""

PIECES = 6
"""Pieces of a video, of up to ten seconds, that are looked at."""

STILLS = 8
"""Pictures of each of them."""

Floats = NDArray[np.float32]


def shows_pictures(path: Path) -> bool:
    """Whether a file is a picture or a video, rather than a recording of sound alone.

    Raises:
        MediaError: it is none of them.
    """
    if picture_file(path) is not None:
        return True
    with open_media(path) as media:
        return media.video is not None


def face_in(path: Path, model: IdentityModel, detector: Path | None = None) -> Floats:
    """The embedding of the one face of a picture or a video, (dim,).

    Args:
        path: of the picture or the video.
        model: whose embedding it is.
        detector: YuNet's file; see `seehear.media.faces.load_detector`.

    Raises:
        MediaError: it cannot be read, or shows no face, or more than one.
    """
    crops, _ = face_of(path, detector)
    with torch.inference_mode():
        prints = model.embed_face(torch.from_numpy(crops)).float()
    return np.asarray(model.mean(prints).numpy())


def face_of(path: Path, detector: Path | None = None) -> tuple[NDArray[np.uint8], Floats]:
    """The one face of a picture or a video, one crop or some.

    Args:
        path: of the picture or the video.
        detector: YuNet's file; see `seehear.media.faces.load_detector`.

    Returns:
        Canonical crops, RGB (N, S, S, 3), and the landmarks in them, (N, 5, 2) px.

    Raises:
        MediaError: it cannot be read, or shows no face, or more than one.
    """
    return _of_picture(path, detector) if picture_file(path) is not None else _of_video(path, detector)


def _of_picture(path: Path, detector: Path | None) -> tuple[NDArray[np.uint8], Floats]:
    finder = load_detector("yunet", detector)
    still, _ = read_still(path).upright(finder)
    found = still.faces(finder)
    if len(found) != 1:
        raise MediaError(_wrong_number(path, len(found)))
    landmarks = found[0].landmarks
    matrix = face_matrices(landmarks, SIDE)
    return face_crop(still.picture, matrix, SIDE)[None], to_crop(landmarks, matrix)[None]


def _of_video(path: Path, detector: Path | None) -> tuple[NDArray[np.uint8], Floats]:
    stills, landmarks, seen = [], [], []
    with ClipReader(path, ClipOptions(size=SIDE, detector=detector)) as reader:
        for clip in islice(reader, PIECES):
            start = round(clip.meta["start_s"] * FPS)
            seen.append((start, start + clip.frames, clip.meta["track"]))
            at = np.linspace(0, clip.frames - 1, min(STILLS, clip.frames)).round().astype(int)
            stills.append(clip.video[at])
            landmarks.append(clip.landmarks[at])
    if not stills:
        raise MediaError(_wrong_number(path, 0))
    spans = sorted(seen)
    if any(a[1] > b[0] and a[2] != b[2] for a, b in pairwise(spans)):
        raise MediaError(_wrong_number(path, 2))
    return np.concatenate(stills), np.concatenate(landmarks)


def _wrong_number(path: Path, faces: int) -> str:
    if not faces:
        return f"{path} shows no face that can be found; give a picture of a face seen from the front"
    return f"{path} shows {faces} faces where one is asked for; cut out the one that is meant"
