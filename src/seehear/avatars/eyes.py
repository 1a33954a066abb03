"""Eyes: lids, whites, iris and lashes, for any opening of the lids and direction of the look."""

from __future__ import annotations

import numpy as np

from seehear.avatars.head import Head
from seehear.avatars.light import Light, to_linear, to_picture
from seehear.avatars.people import Face
from seehear.avatars.plane import Floats, Plane, step

EYE_X = 0.5
_HALF = (0.34, 0.22)  # of the patch, in units


def eye_windows(plane: Plane) -> list[tuple[Plane, tuple[slice, slice], int]]:
    """The two patches of the plane that hold the eyes, with the side (-1 left in the picture, 1 right)."""
    return [
        (*plane.window(side * EYE_X - _HALF[0], side * EYE_X + _HALF[0], -_HALF[1], _HALF[1]), side) for side in (-1, 1)
    ]


def draw_eye(
    head: Head, window: Plane, cut: tuple[slice, slice], side: int, *, opening: float, look: tuple[float, float]
) -> Floats:
    """The eye over the skin of its patch.

    Args:
        head: whose.
        window, cut, side: of the patch, from `eye_windows`.
        opening: of the lids, 0 closed, 1 usual, 1.3 wide.
        look: of the iris to the right and down, in units.

    Returns:
        The patch, gamma-coded 0..1, (height, width, 3).
    """
    face, skin = head.face, head.picture[cut]
    x, y = window.grid
    out = (x - side * EYE_X) * side  # towards the temple
    y = y + face.eye_tilt * out * 0.6
    soft = 0.9 / window.scale
    half = 0.235 * face.eye_size
    arch = np.clip(1 - (np.abs(out + 0.02) / half) ** 2.2, 0.0, 1.0)
    up, down = 0.105 * face.eye_size, 0.062 * face.eye_size
    upper = down * 0.5 - (up + down * 0.5) * opening * arch**0.75
    lower = down * arch**0.85
    upper = np.minimum(upper, lower)
    open_ = step(-soft, soft, y - upper) * step(-soft, soft, lower - y) * step(0.0, 0.06, arch)
    ball = head.tone(_ball(face, out * side, y, head.light, look, soft))
    shadow = 1 - 0.5 * np.exp(-np.maximum(y - upper, 0) / 0.03)
    picture = skin + open_[..., None] * (ball * shadow[..., None] - skin)
    lash = np.exp(-(((y - upper + 0.006) / (0.014 + 0.012 * face.make_up)) ** 2)) * step(0.0, 0.1, arch)
    crease = np.exp(-(((y - upper + 0.055 * face.eye_size) / 0.016) ** 2)) * step(0.0, 0.3, arch)
    rim = np.exp(-(((y - lower - 0.006) / 0.012) ** 2)) * step(0.0, 0.2, arch)
    dark = (0.62 + 0.25 * face.make_up) * lash + 0.25 * crease + 0.18 * rim
    return np.asarray(picture * (1 - np.clip(dark, 0, 0.92))[..., None], np.float32)


def _ball(face: Face, x: Floats, y: Floats, light: Light, look: tuple[float, float], soft: float) -> Floats:
    """The eyeball, gamma-coded."""
    radius = np.hypot(x - look[0], y + 0.012 - look[1])
    iris = step(-soft, soft, 0.098 - radius)
    pupil = step(-soft, soft, 0.040 - radius)
    ring = 0.5 + 0.5 * step(0.105, 0.075, radius) if soft else 1.0
    white = to_linear((0.86, 0.83, 0.81)) * (1 - 0.35 * (np.abs(x) / 0.26)[..., None] ** 2)
    surface = white + iris[..., None] * (to_linear(face.iris) * np.asarray(ring)[..., None] - white)
    surface = surface * (1 - 0.97 * pupil[..., None])
    arriving = 0.75 * np.array(light.key) + 0.75 * np.array(light.around)
    glint_x, glint_y = 0.035 * light.direction[0] + look[0] * 0.5, 0.035 * light.direction[1] - 0.012
    glint = step(-soft, soft, 0.018 - np.hypot(x - glint_x, y - glint_y))
    return to_picture((surface * arriving + 0.7 * glint[..., None]).astype(np.float32))
