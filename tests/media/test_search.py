"""Where faces are looked for: which looks are taken, and that what they find is where it is."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from seehear.media.crops import TEMPLATE
from seehear.media.face_detector import ALL_SIDES_EVERY, CLOSE_SIDE, EVERYWHERE_EVERY, Face, FaceSearch

Place = tuple[float, float, float]
"""Left, top and side of a face, px."""


class Scene:
    """A picture in which faces are bright squares."""

    def __init__(self, index: int, places: Sequence[Place], shape: tuple[int, int] = (720, 1280)) -> None:
        self.index = index
        self.bgr = np.zeros((*shape, 3), np.uint8)
        for left, top, side in places:
            self.bgr[round(top) : round(top + side), round(left) : round(left + side)] = 255

    def small_bgr(self, long_side: int) -> tuple[NDArray[np.uint8], float]:
        scale = min(1.0, long_side / max(self.bgr.shape))
        return np.asarray(cv2.resize(self.bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8), scale

    def crop(self, matrix: NDArray[np.floating], size: tuple[int, int]) -> NDArray[np.uint8]:
        return np.asarray(cv2.warpAffine(self.bgr, matrix, size[::-1], flags=cv2.INTER_AREA), np.uint8)


class Squares:
    """A detector of bright squares that are large enough; notes what it was shown."""

    name = "squares"

    def __init__(self, smallest: int = 12, largest: int = 300) -> None:
        self.smallest, self.largest = smallest, largest
        self.shown: list[tuple[int, int]] = []

    def __call__(self, image: NDArray[np.uint8]) -> list[Face]:
        self.shown.append(image.shape[:2])
        _, _, stats, _ = cv2.connectedComponentsWithStats((image[..., 0] > 127).astype(np.uint8))
        faces = []
        for left, top, width, height, _ in stats[1:]:
            if self.smallest <= min(width, height) and max(width, height) <= self.largest:
                points = TEMPLATE * (width, height) + (left - 0.5, top - 0.5)
                faces.append(Face(np.array([left, top, width, height], np.float32), points.astype(np.float32), 0.9))
        return faces

    def looks(self) -> list[str]:
        """What was shown since the last call: close looks, or long sides of whole ones."""
        shown, self.shown = self.shown, []
        return ["close" if shape == (CLOSE_SIDE, CLOSE_SIDE) else str(max(shape)) for shape in shown]


def test_a_face_is_found_where_it_is() -> None:
    search = FaceSearch(Squares())
    (face,) = search.find(Scene(0, [(500, 200, 160)]), [])
    np.testing.assert_allclose(face.box, (500, 200, 160, 160), atol=5)
    np.testing.assert_allclose(face.landmarks, TEMPLATE * 160 + (499.5, 199.5), atol=5)


def test_known_faces_are_looked_at_closely_and_newcomers_found_now_and_then() -> None:
    detector = Squares()
    search, known = FaceSearch(detector), [(500.0, 200.0, 160.0)]
    (first,) = search.find(Scene(0, known), [])
    assert detector.looks() == ["320", "close"]
    boxes = [first.box]
    for index in range(5, EVERYWHERE_EVERY, 5):
        assert len(search.find(Scene(index, [*known, (900, 100, 120)]), boxes)) == 1
        assert detector.looks() == ["close"]
    assert len(search.find(Scene(EVERYWHERE_EVERY, [*known, (900, 100, 120)]), boxes)) == 2
    assert detector.looks() == ["close", "320", "close"]


def test_a_face_that_was_lost_is_looked_for_everywhere_at_once() -> None:
    detector = Squares()
    search = FaceSearch(detector)
    (face,) = search.find(Scene(0, [(100, 200, 160)]), [])
    detector.looks()
    (moved,) = search.find(Scene(5, [(900, 200, 160)]), [face.box])
    assert detector.looks() == ["close", "320", "close"]
    np.testing.assert_allclose(moved.box[:2], (900, 200), atol=5)


def test_one_lost_face_of_two_is_not_looked_for_everywhere_again_and_again() -> None:
    detector = Squares()
    search = FaceSearch(detector)
    faces = search.find(Scene(0, [(100, 200, 160), (900, 200, 160)]), [])
    detector.looks()
    boxes = [face.box for face in faces]
    search.find(Scene(5, [(100, 200, 160)]), boxes)
    assert "320" in detector.looks()
    search.find(Scene(10, [(100, 200, 160)]), boxes)
    assert detector.looks() == ["close", "close"]


def test_small_faces_are_found_in_large_pictures() -> None:
    """And the size that found them is used from then on."""
    detector = Squares(smallest=12)
    search = FaceSearch(detector)
    (face,) = search.find(Scene(0, [(640, 300, 32)]), [])
    assert detector.looks() == ["320", "640", "close"]
    np.testing.assert_allclose(face.box, (640, 300, 32, 32), atol=2)
    search.find(Scene(5, [(100, 300, 32)]), [face.box])
    assert detector.looks() == ["close", "640", "close"]


def test_faces_that_fill_the_picture_are_found() -> None:
    assert len(FaceSearch(Squares(largest=100)).find(Scene(0, [(300, 10, 690)]), [])) == 1


def test_an_empty_picture_is_not_searched_at_all_sizes_every_time() -> None:
    detector = Squares()
    search = FaceSearch(detector)
    assert search.find(Scene(0, []), []) == []
    assert detector.looks() == ["320", "640", "160"]
    for index in range(5, ALL_SIDES_EVERY, 5):
        search.find(Scene(index, []), [])
        assert detector.looks() == ["320"]
    search.find(Scene(ALL_SIDES_EVERY, []), [])
    assert detector.looks() == ["320", "640", "160"]


def test_a_small_picture_is_not_searched_twice_at_one_size() -> None:
    detector = Squares()
    FaceSearch(detector).find(Scene(0, [], (144, 200)), [])
    assert detector.looks() == ["200", "160"]


def test_a_new_shot_is_searched_anew() -> None:
    detector = Squares()
    search = FaceSearch(detector)
    search.find(Scene(0, [(640, 300, 32)]), [])
    search.new_shot()
    detector.looks()
    search.find(Scene(3, [(500, 200, 160)]), [])
    assert detector.looks() == ["320", "close"]


@pytest.mark.parametrize("shape", [(16, 16), (9, 200)])
def test_tiny_pictures_hold_no_face_and_no_trouble(shape: tuple[int, int]) -> None:
    assert FaceSearch(Squares()).find(Scene(0, [], shape), []) == []


def test_two_close_looks_at_one_face_find_it_once() -> None:
    search = FaceSearch(Squares())
    boxes = [np.array([500, 200, 160, 160], np.float32), np.array([520, 210, 150, 150], np.float32)]
    assert len(search.find_near(Scene(0, [(505, 205, 150)]), boxes)) == 1
