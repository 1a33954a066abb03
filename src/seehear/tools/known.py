"""People whose names are given, each with a picture of the face or a recording of the voice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seehear.errors import ModelError, SeehearError
from seehear.pretext.identity import IdentityModel
from seehear.tools.face_model import HOW_TO_GET, FaceModel, mean_face
from seehear.tools.faceprint import face_of, shows_pictures
from seehear.tools.voiceprint import voice_in

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Known:
    """Somebody whose name is known.

    Attributes:
        name: as given.
        face: embedding (dim,), or None.
        voice: embedding (dim,), or None; one of the two is there.
    """

    name: str
    face: Floats | None
    voice: Floats | None


def pairs_of(given: Sequence[str]) -> list[tuple[str, Path]]:
    """``NAME=FILE`` as names and files.

    Raises:
        SeehearError: something else, or a name twice.
    """
    pairs: list[tuple[str, Path]] = []
    for text in given:
        name, equals, file = text.partition("=")
        if not (name.strip() and equals and file):
            raise SeehearError(f"--known {text} is not NAME=FILE, such as Anna=anna.jpg")
        if name.strip() in [other for other, _ in pairs]:
            raise SeehearError(f"--known names {name.strip()} twice; give each name one file")
        pairs.append((name.strip(), Path(file)))
    return pairs


def learn_known(
    pairs: Sequence[tuple[str, Path]], model: IdentityModel | None, faces: FaceModel | None, detector: Path | None
) -> list[Known]:
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
        if shows_pictures(file):
            if faces is None:
                raise ModelError(f"--known {name}={file} needs a model that knows faces: {HOW_TO_GET}")
            known.append(Known(name, mean_face(faces.embed(*face_of(file, detector))), None))
        elif model is None:
            raise ModelError(f"--known {name}={file} needs a model that knows voices; give --identity a match run")
        else:
            known.append(Known(name, None, voice_in(file, model).embedding))
    return known


def named(alike: NDArray[np.floating], least: Sequence[float]) -> list[int | None]:
    """Who of the known each person is, the most alike pair over all first; nobody is two people, nor two are one.

    Args:
        alike: (people, known).
        least: of each of the known, how alike a person must be.

    Returns:
        Number of the known for each person, or None.
    """
    found: list[int | None] = [None] * len(alike)
    left = np.where(alike >= np.asarray(least)[None], alike, -np.inf).astype(np.float64)
    while left.size and np.isfinite(left.max()):
        person, who = (int(number) for number in np.unravel_index(int(left.argmax()), left.shape))
        found[person] = who
        left[person], left[:, who] = -np.inf, -np.inf
    return found
