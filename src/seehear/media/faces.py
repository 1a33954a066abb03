"""Face detection: YuNet (Wu, Peng, Yu 2023, "YuNet: a tiny millisecond-level face detector"), two ways to run it.

OpenCV runs the network from an ONNX file; the `yuface` wheel carries libfacedetection, the same family of networks
compiled with its weights inside, for machines that cannot download anything.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from ctypes import CDLL, c_int, c_void_p
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from seehear.errors import ModelError
from seehear.media.weights import find_weights

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


ANSWER_BYTES = 0x20000
"""What libfacedetection may write: a count (int32), then 16 int16 a face."""


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
    """Finds faces in a BGR picture, uint8 (H, W, 3); ``name`` says which network does it."""

    name: str

    def __call__(self, image: NDArray[np.uint8]) -> list[Face]: ...


def load_detector(kind: Literal["yunet"] = "yunet", path: str | os.PathLike[str] | None = None) -> Detector:
    """The face detector that this machine can run.

    In this order: the weights at ``path``, those that the environment variable SEEHEAR_YUNET names, those in the
    user's cache, those of the Hugging Face hub (232 kB, checked against their SHA-256), else the `yuface` wheel.
    A detector keeps buffers: use one for each thread.

    Raises:
        ModelError: weights that were asked for cannot be used, or none can be had.
    """
    if kind != "yunet":
        raise ModelError(f"there is no face detector named {kind!r}; the one there is, is named 'yunet'.")
    cv2.setNumThreads(1)  # the network is small: more threads only fight with the decoder's and other workers'
    weights = find_weights(path)
    if weights is not None:
        return YuNet(weights)
    try:
        return YuFace()
    except ImportError as error:
        raise ModelError(
            "no face detector: its weights could not be downloaded and the yuface wheel is not installed; "
            "give face_detection_yunet_2023mar.onnx with --detector PATH, or pip install 'seehear[offline]' "
            "(Python 3.11, Linux), or pass --faces whole-frame for clips that are cropped to a face already."
        ) from error


class YuNet:
    """YuNet in OpenCV. All candidates of a face vote on its landmarks, which halves their jitter."""

    name = "yunet-opencv"

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Load an ONNX file.

        Raises:
            ModelError: the file is not a YuNet.
        """
        try:
            self._net = cv2.FaceDetectorYN.create(str(path), "", (64, 64), SCORE, 1.0, MOST_CANDIDATES)
            self(np.zeros((64, 64, 3), np.uint8))
        except cv2.error as error:
            raise ModelError(
                f"{path} is not a YuNet face detector that OpenCV {cv2.__version__} can run; "
                "use face_detection_yunet_2023mar.onnx of the OpenCV model zoo."
            ) from error

    def __call__(self, image: NDArray[np.uint8]) -> list[Face]:
        height, width = image.shape[:2]
        below, beside = (max(0, SMALLEST_INPUT - side) for side in (height, width))
        if below or beside:
            image = cv2.copyMakeBorder(image, 0, below, 0, beside, cv2.BORDER_REPLICATE)
        self._net.setInputSize((width + beside, height + below))
        found = self._net.detect(image)[1]
        return [] if found is None else vote(found)


class YuFace:
    """libfacedetection, as the `yuface` wheel has it. Its coordinates are whole pixels.

    The library is called directly: the wheel's own wrapper (2023.5.1) loses 36 kB at every call.
    """

    name = "yunet-yuface"

    def __init__(self) -> None:
        """Raises ImportError where the wheel is not installed."""
        self._detect = _load_yuface()
        self._answer = np.zeros(ANSWER_BYTES, np.uint8)

    def __call__(self, image: NDArray[np.uint8]) -> list[Face]:
        image = np.ascontiguousarray(image)
        height, width = image.shape[:2]
        self._detect(self._answer.ctypes.data, image.ctypes.data, width, height, image.strides[0])
        faces = int(self._answer[:4].view(np.int32)[0])
        table = self._answer[4 : 4 + 32 * faces].view(np.int16).reshape(faces, 16)
        rows = table[table[:, 0] >= 100 * SCORE].astype(np.float32)  # score 0..100, box, landmarks, unused
        return [Face(row[1:5], row[5:15].reshape(5, 2), float(row[0]) / 100) for row in rows]


def _load_yuface() -> Callable[[int, int, int, int, int], object]:
    """The library's one function: (answer, picture, width, height, bytes of a row).

    It is held to one thread: its OpenMP reads the environment once, when it is loaded; with as many threads as cores
    in every worker process, two workers on two cores run over ten times slower than with one thread each.
    """
    package = find_spec("yuface")
    if package is None or package.origin is None:
        raise ImportError("the yuface wheel is not installed")
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        detect = CDLL(str(Path(package.origin).with_name("libfacedetection.so")))["_Z14facedetect_cnnPhS_iii"]
    except (OSError, AttributeError) as error:
        raise ImportError(f"this yuface wheel is another one than expected ({error})") from error
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before
    detect.argtypes = [c_void_p, c_void_p, c_int, c_int, c_int]
    detect.restype = c_void_p
    return detect


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
