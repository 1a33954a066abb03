"""The move to the canonical crop, against slow oracles, and the smoothing in front of it."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from seehear.clip import MOUTH
from seehear.media.crops import (
    BLOCK,
    SMOOTHING_FRAMES,
    SMOOTHING_REACH,
    TEMPLATE,
    crop_boxes,
    face_crop,
    face_matrices,
    map_to_crop,
    mouth_region,
    similarity_transform,
    smooth_landmarks,
    template_in,
    whole_frame_matrix,
)

Array = NDArray[np.float64]


def umeyama(source: Array, target: Array) -> Array:
    """Umeyama (1991), equations 40 to 43, by singular values."""
    centre, target_centre = source.mean(0), target.mean(0)
    covariance = (target - target_centre).T @ (source - centre) / len(source)
    u, d, vt = np.linalg.svd(covariance)
    sign = np.diag([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = u @ sign @ vt
    scale = np.trace(np.diag(d) @ sign) / ((source - centre) ** 2).sum(1).mean()
    return np.column_stack([scale * rotation, target_centre - scale * rotation @ centre])


def moved(points: Array, angle: float, scale: float, shift: tuple[float, float]) -> Array:
    c, s = np.cos(angle), np.sin(angle)
    return scale * points @ np.array([[c, -s], [s, c]]).T + shift


@given(arrays(np.float64, (5, 2), elements=st.floats(-1000, 1000).map(lambda x: round(x, 2))))
def test_similarity_is_umeyamas(points: Array) -> None:
    if np.ptp(points, axis=0).min() < 1:
        points = points + 50 * TEMPLATE
    spread = points - points.mean(0)
    covariance = (TEMPLATE - TEMPLATE.mean(0)).T @ spread
    if abs(np.linalg.det(covariance)) < 1e-3 * np.linalg.norm(spread):  # the oracle is undecided on which way is up
        return
    np.testing.assert_allclose(similarity_transform(points, TEMPLATE * 128), umeyama(points, TEMPLATE * 128), atol=1e-6)


def test_similarity_undoes_any_move() -> None:
    face = moved(TEMPLATE * 128, 0.6, 2.5, (300.0, -40.0))
    np.testing.assert_allclose(map_to_crop(face, similarity_transform(face, TEMPLATE * 128)), TEMPLATE * 128, atol=1e-4)


def test_similarity_of_many_faces_is_that_of_each() -> None:
    faces = np.random.default_rng(0).normal(size=(3, 4, 5, 2))
    together = similarity_transform(faces, TEMPLATE)
    assert together.shape == (3, 4, 2, 3)
    for index in np.ndindex(3, 4):
        np.testing.assert_allclose(together[index], similarity_transform(faces[index], TEMPLATE))


def test_points_that_coincide_are_no_face() -> None:
    with pytest.raises(ValueError, match="coincide"):
        similarity_transform(np.ones((5, 2)), TEMPLATE)


def test_smoothing_fits_a_weighted_line_around_each_frame() -> None:
    values = np.random.default_rng(1).normal(size=(40, 5, 2))
    smooth = smooth_landmarks(values)
    for t in range(len(values)):
        near = np.arange(max(0, t - SMOOTHING_REACH), min(len(values), t + SMOOTHING_REACH + 1))
        weight = np.exp(-0.5 * ((near - t) / SMOOTHING_FRAMES) ** 2)
        line = np.polyfit(near - t, values[near].reshape(len(near), -1), 1, w=np.sqrt(weight))
        np.testing.assert_allclose(smooth[t].ravel(), line[1], atol=1e-5)


def test_smoothing_keeps_even_motion_to_the_very_ends() -> None:
    motion = np.arange(30.0)[:, None, None] * np.array([3.0, -2.0]) + np.ones((1, 5, 1))
    np.testing.assert_allclose(smooth_landmarks(motion), motion, atol=1e-4)


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_smoothing_of_next_to_nothing(frames: int) -> None:
    values = np.random.default_rng(2).normal(size=(frames, 5, 2))
    assert np.isfinite(smooth_landmarks(values)).all()
    np.testing.assert_allclose(smooth_landmarks(values[:1]), values[:1], rtol=1e-6)


@pytest.mark.parametrize("frames", [50, 5 * BLOCK + 7])
def test_a_stretch_with_its_neighbours_is_smoothed_as_in_the_whole(frames: int) -> None:
    values = np.random.default_rng(3).normal(size=(frames, 5, 2))
    whole = smooth_landmarks(values)
    for start in range(0, frames, 5):
        low = max(0, start - SMOOTHING_REACH)
        part = smooth_landmarks(values[low : start + 5 + SMOOTHING_REACH])
        np.testing.assert_allclose(part[start - low : start - low + 5], whole[start : start + 5], atol=1e-6)


def test_smoothing_takes_jitter_away_and_leaves_a_turn_of_the_head() -> None:
    time = np.arange(100) / 25
    turn = np.sin(2 * np.pi * 0.5 * time)[:, None]
    jitter = np.random.default_rng(4).normal(size=(100, 1))
    assert smooth_landmarks(jitter).std() < 0.4
    assert np.abs(smooth_landmarks(turn) - turn).max() < 0.15


class Photo:
    """A picture that warps with plain OpenCV."""

    def __init__(self, rgb: NDArray[np.uint8]) -> None:
        self.rgb = rgb

    def crop(self, matrix: Array, size: tuple[int, int]) -> NDArray[np.uint8]:
        return np.asarray(cv2.warpAffine(self.rgb, matrix, size[::-1], borderMode=cv2.BORDER_REPLICATE), np.uint8)


def test_landmarks_come_to_their_places_in_the_crop() -> None:
    rgb = np.zeros((300, 400, 3), np.uint8)
    landmarks = moved(TEMPLATE * 150, 0.3, 1.0, (120.0, 60.0))
    for x, y in landmarks:
        cv2.circle(rgb, (round(16 * x), round(16 * y)), 16 * 3, (255, 255, 255), -1, shift=4)
    crop = face_crop(Photo(rgb), face_matrices(landmarks, 128), 128)
    for x, y in template_in(128):
        spot = crop[round(y) - 5 : round(y) + 6, round(x) - 5 : round(x) + 6, 0].astype(float)
        middle = (spot.sum(0) @ np.arange(11) / spot.sum(), spot.sum(1) @ np.arange(11) / spot.sum())
        np.testing.assert_allclose(middle, (x - round(x) + 5, y - round(y) + 5), atol=0.25)


def test_the_template_is_its_own_mirror_image() -> None:
    mirrored = template_in(128) * (-1, 1) + (127, 0)
    np.testing.assert_allclose(mirrored[[1, 0, 2, 4, 3]], template_in(128))


def test_mouth_region_is_a_view_of_the_mouth() -> None:
    video = np.zeros((3, 128, 128, 3), np.uint8)
    mouth = mouth_region(video)
    assert mouth.shape == (3, 64, 64, 3)
    assert np.shares_memory(mouth, video)
    left, top, right, bottom = MOUTH
    assert (right - left, bottom - top) == (0.5, 0.5)
    assert ((TEMPLATE[3:] > (left, top)) & (TEMPLATE[3:] < (right, bottom))).all()
    for x, y in np.rint(template_in(128)[3:]).astype(int):
        video[:, y, x] = 255
    assert mouth_region(video).sum() == video.sum()


@pytest.mark.parametrize("shape", [(2, 128, 96, 3), (2, 127, 127, 3)])
def test_mouth_region_of_something_else(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="square crops"):
        mouth_region(np.zeros(shape, np.uint8))


def test_squash_takes_the_whole_picture() -> None:
    corners = np.array([(-0.5, -0.5), (359.5, 287.5)])  # outer edges of the first and the last pixel
    np.testing.assert_allclose(
        map_to_crop(corners, whole_frame_matrix((288, 360), 64)), [(-0.5, -0.5), (63.5, 63.5)], atol=1e-5
    )


def test_boxes_are_what_crops_show() -> None:
    landmarks = TEMPLATE[None] * 80 + np.array([100.0, 40.0])
    turned = (landmarks - landmarks.mean(1)) @ np.array([[0.8, -0.6], [0.6, 0.8]]) + landmarks.mean(1)
    plain, tilted = crop_boxes(face_matrices(np.concatenate([landmarks, turned]), 128), 128)
    np.testing.assert_allclose(plain, [100, 40, 80, 80], atol=0.51)
    np.testing.assert_allclose(tilted[2:], 80, atol=1e-3)
