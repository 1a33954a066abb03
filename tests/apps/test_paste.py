"""Drawn crops in a picture: where nothing is drawn nothing changes, and luma alone leaves colours their hue."""

import numpy as np

from seehear.apps.talking_face import FaceCompositor

SIDE, SKIN = 32, (199, 116, 96)
WHERE = np.array([[1.0, 0, -16], [0, 1, -16]])  # the crop lies 16 pixels into the picture


def skin(planes: int) -> tuple[FaceCompositor, np.ndarray]:
    picture = np.full((64, 64, 3), SKIN, np.uint8)
    colour = np.array(SKIN, np.float32) / 255
    seen = colour if planes == 3 else (colour @ np.float32([0.299, 0.587, 0.114])).reshape(1)
    return FaceCompositor(picture, WHERE, np.full((SIDE, SIDE, planes), seen, np.float32)), picture


def test_the_still_itself_changes_nothing() -> None:
    for planes in (1, 3):
        paste, picture = skin(planes)
        assert np.array_equal(paste(paste.still), picture)


def test_luma_darkens_without_turning_skin_grey() -> None:
    paste, _ = skin(1)
    dark = paste(paste.still * 0.4)[30:34, 30:34].reshape(-1, 3).mean(0)
    np.testing.assert_allclose(dark / dark.sum(), np.array(SKIN) / sum(SKIN), atol=0.02)
    assert dark.sum() < 0.6 * sum(SKIN)


def test_luma_brightens_towards_white() -> None:
    paste, _ = skin(1)
    bright = paste(paste.still + 0.2)[32, 32].astype(int)
    assert np.ptp(bright - np.array(SKIN)) <= 2
    assert (bright > SKIN).all()


def test_what_is_outside_stays() -> None:
    paste, picture = skin(1)
    out = paste(paste.still * 0.4)
    assert np.array_equal(out[:15], picture[:15])
    assert np.array_equal(out[:, 50:], picture[:, 50:])
