"""Outline of the lips, and rendering of the eyes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seehear.avatars.head import Head
from seehear.avatars.person import FaceAppearance, SpeakingStyle
from seehear.avatars.surface import Floats, Light, Plane, mouth_y, smoothstep, to_linear, to_picture
from seehear.avatars.visemes import PARTS

HALF_WIDTH = 0.42


UPPER, LOWER = 0.122, 0.160
"""Usual half width of the mouth and thickness of the lips, in eye distances (63 mm)."""


@dataclass(frozen=True, slots=True)
class MouthShape:
    """Shape of the mouth in one frame: the movement of `visemes.PARTS` combined with the emotion.

    ``smile`` lifts (> 0) or lowers (< 0) the corners and widens the mouth; about -1..1.
    """

    jaw: float
    upper: float
    lower: float
    wide: float
    round: float
    tongue: float
    tip: float
    press: float
    tuck: float
    smile: float = 0.0


@dataclass(frozen=True, slots=True)
class LipOutline:
    """Lines of the mouth over the columns of a window, y in units; outside the corners all lines coincide.

    Attributes:
        u: position between the corners, -1..1, and beyond outside.
        outer_upper, inner_upper, inner_lower, outer_lower: from top to bottom.
        half_width: from the middle to a corner.
        corner_y: height of the corners.
        up, down: distance of the inner edges of the lips from the line where they meet, in the middle.
        jaw: drop of the lower jaw.
    """

    u: Floats
    outer_upper: Floats
    inner_upper: Floats
    inner_lower: Floats
    outer_lower: Floats
    half_width: float
    corner_y: float
    up: float
    down: float
    jaw: float

    def of(self, columns: slice) -> LipOutline:
        """The outline of a part of the columns."""
        return replace(
            self,
            u=self.u[columns],
            outer_upper=self.outer_upper[columns],
            inner_upper=self.inner_upper[columns],
            inner_lower=self.inner_lower[columns],
            outer_lower=self.outer_lower[columns],
        )


def lip_outline(face: FaceAppearance, manner: SpeakingStyle, shape: MouthShape, columns: Floats) -> LipOutline:
    """The outline of the lips at the given x (units)."""
    jaw = max(shape.jaw, 0.0) * manner.jaw_drop
    rounding = float(np.clip(shape.round, 0.0, 1.3))
    wide = float(np.clip(shape.wide, -1.2, 1.2))
    half = HALF_WIDTH * face.mouth_width * _width_factor(wide, rounding, shape.smile, shape.jaw)
    up, down = _gap(manner, shape, jaw)
    middle = mouth_y(face)
    corner_y = middle - 0.075 * shape.smile + 0.30 * max(down - up, 0.0) * 0.6
    tilt = 0.012 * face.asymmetry
    u = (columns / half).astype(np.float32)
    inside = np.clip(1 - np.abs(u), 0.0, 1.0)
    arch = 1 - inside
    meet = middle + (corner_y - middle) * arch**1.8 + tilt * u * (1 + 2 * shape.smile)
    meet = meet + 0.012 * face.upper_lip * np.exp(-((u / 0.22) ** 2)) * (1 - shape.press)
    opening = _opening(u, up + down, wide, rounding) * (1 + 0.25 * manner.skew * u)
    upper, lower = _thickness(face, shape, u, rounding, up + down)
    inner_upper = meet - up * opening
    inner_lower = meet + down * opening
    return LipOutline(
        u, inner_upper - upper, inner_upper, inner_lower, inner_lower + lower, half, corner_y, up, down, jaw
    )  # fmt: skip


def _width_factor(wide: float, rounding: float, smile: float, jaw: float) -> float:
    spread = 0.13 * max(wide, 0.0) + 0.10 * min(wide, 0.0)
    return max(
        0.45, 1 + spread - 0.30 * rounding + 0.16 * max(smile, 0.0) - 0.05 * max(-smile, 0.0) - 0.06 * max(jaw, 0.0)
    )


def _gap(manner: SpeakingStyle, shape: MouthShape, jaw: float) -> tuple[float, float]:
    """Opening upwards and downwards in the middle, never negative."""
    share = manner.articulation.lip_share**0.5
    up = 0.14 * jaw + 0.065 * share * max(shape.upper, 0.0) + 0.025 * max(shape.smile, 0.0) * min(1.0, 6 * jaw)
    down = 0.84 * jaw + 0.080 * share * max(shape.lower, 0.0)
    apart = up + down + manner.rest_gap - 0.022  # soft lips stay in contact up to this opening
    open_ = (1 - min(shape.press, 1.0)) * max(apart, 0.0) / max(up + down, 1e-6)
    up, down = up * open_, down * open_
    tuck = min(shape.tuck, 1.0)
    return up * (1 - 0.4 * tuck) + 0.040 * tuck, down * (1 - tuck) - 0.012 * tuck


def _opening(u: Floats, gap: float, wide: float, rounding: float) -> Floats:
    """Profile of the opening between the corners, 1 in the middle; a slit opens from the middle outwards."""
    reach = 0.72 + 0.28 * min(1.0, gap / 0.12) - 0.10 * rounding
    power = 2.0 + 0.9 * max(wide, 0.0) - 0.3 * rounding
    inside = np.clip(1 - np.abs(u / reach) ** power, 0.0, 1.0)
    return np.asarray(inside ** (0.85 - 0.2 * min(1.0, gap / 0.2)), np.float32)


def _thickness(
    face: FaceAppearance, shape: MouthShape, u: Floats, rounding: float, gap: float
) -> tuple[Floats, Floats]:
    """Thickness of the upper and lower vermilion at each u."""
    inside = np.clip(1 - np.abs(u) ** 1.7, 0.0, 1.0)
    peaks = (
        1
        - 0.30 * face.cupid * np.exp(-((u / 0.13) ** 2))
        + 0.10 * face.cupid * np.exp(-(((np.abs(u) - 0.27) / 0.14) ** 2))
    )
    stretch = 0.22 * max(shape.wide, 0.0) + 0.20 * max(shape.smile, 0.0) + 0.9 * min(gap, 0.25)
    pressed = min(shape.press, 1.0) ** 2
    upper = (
        UPPER
        * face.upper_lip
        * (1 - 0.50 * pressed)
        * (1 - stretch)
        * (1 + 0.35 * rounding)
        * (1 - 0.2 * max(shape.upper, 0))
    )
    lower = (
        LOWER
        * face.lower_lip
        * (1 - 0.42 * pressed)
        * (1 - 0.8 * stretch)
        * (1 + 0.30 * rounding)
        * (1 - 0.5 * shape.tuck)
    )
    full = np.clip(1 - np.abs(u) ** 2.3, 0.0, 1.0)
    return (
        np.asarray(max(upper, 0.012) * inside ** (0.95 - 0.35 * min(rounding, 1.0)) * peaks, np.float32),
        np.asarray(max(lower, 0.018) * full ** (0.85 - 0.35 * min(rounding, 1.0)), np.float32),
    )


def mouth_shapes(movement: NDArray[np.float32], smile: NDArray[np.float32]) -> list[MouthShape]:
    """One shape per frame, from the columns of `visemes.mouth_movement` and the smile."""
    return [
        MouthShape(**dict(zip(PARTS, row.tolist(), strict=True)), smile=float(lift))
        for row, lift in zip(movement, smile, strict=True)
    ]


EYE_X = 0.5


_HALF = (0.34, 0.22)  # half width and height of the patch, in units


def eye_windows(plane: Plane) -> list[tuple[Plane, tuple[slice, slice], int]]:
    """The two patches of the plane with the eyes, and their side (-1 left in the frame, 1 right)."""
    return [
        (*plane.window(side * EYE_X - _HALF[0], side * EYE_X + _HALF[0], -_HALF[1], _HALF[1]), side) for side in (-1, 1)
    ]


def render_eye(
    head: Head, window: Plane, cut: tuple[slice, slice], side: int, *, opening: float, look: tuple[float, float]
) -> Floats:
    """Render an eye over the skin of its patch.

    Args:
        head: the head.
        window, cut, side: the patch, from `eye_windows`.
        opening: opening of the lids, 0 closed, 1 neutral, 1.3 wide.
        look: displacement of the iris to the right and down, in units.

    Returns:
        The patch, gamma-encoded 0..1, (height, width, 3).
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
    open_ = smoothstep(-soft, soft, y - upper) * smoothstep(-soft, soft, lower - y) * smoothstep(0.0, 0.06, arch)
    ball = head.tone(_ball(face, out * side, y, head.light, look, soft))
    shadow = 1 - 0.5 * np.exp(-np.maximum(y - upper, 0) / 0.03)
    picture = skin + open_[..., None] * (ball * shadow[..., None] - skin)
    lash = np.exp(-(((y - upper + 0.006) / (0.014 + 0.012 * face.make_up)) ** 2)) * smoothstep(0.0, 0.1, arch)
    crease = np.exp(-(((y - upper + 0.055 * face.eye_size) / 0.016) ** 2)) * smoothstep(0.0, 0.3, arch)
    rim = np.exp(-(((y - lower - 0.006) / 0.012) ** 2)) * smoothstep(0.0, 0.2, arch)
    dark = (0.62 + 0.25 * face.make_up) * lash + 0.25 * crease + 0.18 * rim
    return np.asarray(picture * (1 - np.clip(dark, 0, 0.92))[..., None], np.float32)


def _ball(face: FaceAppearance, x: Floats, y: Floats, light: Light, look: tuple[float, float], soft: float) -> Floats:
    """Render the eyeball, gamma-encoded."""
    radius = np.hypot(x - look[0], y + 0.012 - look[1])
    iris = smoothstep(-soft, soft, 0.098 - radius)
    pupil = smoothstep(-soft, soft, 0.040 - radius)
    ring = 0.5 + 0.5 * smoothstep(0.105, 0.075, radius) if soft else 1.0
    white = to_linear((0.86, 0.83, 0.81)) * (1 - 0.35 * (np.abs(x) / 0.26)[..., None] ** 2)
    surface = white + iris[..., None] * (to_linear(face.iris) * np.asarray(ring)[..., None] - white)
    surface = surface * (1 - 0.97 * pupil[..., None])
    irradiance = 0.75 * np.array(light.key) + 0.75 * np.array(light.around)
    glint_x, glint_y = 0.035 * light.direction[0] + look[0] * 0.5, 0.035 * light.direction[1] - 0.012
    glint = smoothstep(-soft, soft, 0.018 - np.hypot(x - glint_x, y - glint_y))
    return to_picture((surface * irradiance + 0.7 * glint[..., None]).astype(np.float32))
