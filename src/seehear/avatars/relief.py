"""The relief of a face: outline and height over the plane, from which shading and turning of the head follow."""

from __future__ import annotations

import numpy as np

from seehear.avatars.people import Face
from seehear.avatars.plane import Floats, Plane, bump, pair, step

MOUTH_Y = 1.12
NOSE_Y = 0.77
BROW_Y = -0.31
_OUTLINE_Y = (-1.86, -1.82, -1.72, -1.5, -1.1, -0.6, -0.1, 0.3, 0.7, 1.05, 1.35, 1.58, 1.72, 1.80, 1.84)
_OUTLINE_X = (0.0, 0.26, 0.50, 0.76, 0.97, 1.06, 1.08, 1.06, 1.00, 0.91, 0.77, 0.57, 0.38, 0.20, 0.0)


def mouth_y(face: Face) -> float:
    """Height of the line between the lips."""
    return MOUTH_Y * (0.5 + 0.5 * face.length) + face.mouth_height


def chin_y(face: Face) -> float:
    """The lowest point of the chin."""
    return 1.84 * face.length


def half_width(face: Face, y: Floats) -> Floats:
    """Half the width of the head at each height; 0 above and below it."""
    ys = np.where(np.array(_OUTLINE_Y) > 0, np.array(_OUTLINE_Y) * face.length, np.array(_OUTLINE_Y))
    lower = np.interp(ys, (0.2, 1.2), (0.0, 1.0)) * np.interp(ys, (1.5, 1.84 * face.length), (1.0, 0.4))
    xs = np.array(_OUTLINE_X) * face.width * (1 + (face.jaw - 1) * lower)
    dense = np.linspace(ys[0], ys[-1], 400)
    smooth = np.interp(dense, ys, xs)
    kernel = np.hanning(25)
    inner = np.convolve(np.pad(smooth, 12, mode="edge"), kernel / kernel.sum(), "valid")
    inner[[0, -1]] = 0.0
    return np.interp(y, dense, inner, left=0.0, right=0.0).astype(np.float32)


def head_mask(face: Face, plane: Plane) -> Floats:
    """1 inside the head without ears and hair, soft at the edge."""
    x, y = plane.grid
    edge = 1.2 / plane.scale
    inside = half_width(face, y) - np.abs(x)
    return np.asarray(
        step(-edge, edge, inside) * step(-1.86, -1.84, y) * step(-chin_y(face) - 0.02, -chin_y(face) + 0.01, -y),
        np.float32,
    )


def relief(face: Face, plane: Plane) -> Floats:
    """Height of the face towards the camera, in units, (height, width)."""
    x, y = plane.grid
    width = np.maximum(half_width(face, y), 0.05)
    across = np.clip(1 - (np.abs(x) / width) ** 2.5, 0.0, 1.0) ** 0.55
    forehead = np.sqrt(np.clip(1 - (np.minimum(y + 0.35, 0.0) / 1.52) ** 2, 0.0, 1.0))
    under = np.clip((chin_y(face) - y) / 0.22, 0.0, 1.0) ** 0.5
    z = 1.15 * across * forehead * (0.55 + 0.45 * under)
    return np.asarray(z + _eyes_and_brows(face, x, y) + _nose(face, x, y) + _lower_face(face, x, y), np.float32)


def _eyes_and_brows(face: Face, x: Floats, y: Floats) -> Floats:
    ridge = 0.05 * face.brow_weight * pair(x, y, (0.42, BROW_Y * face.brow_height), (0.36, 0.09))
    sockets = -0.13 * pair(x, y, (0.47, -0.04), (0.24, 0.15))
    balls = 0.07 * pair(x, y, (0.50, 0.0), (0.17, 0.11))
    bags = 0.018 * (0.4 + face.wrinkles) * pair(x, y, (0.48, 0.24), (0.18, 0.045))
    return np.asarray(ridge + sockets + balls + bags)


def _nose(face: Face, x: Floats, y: Floats) -> Floats:
    tip = NOSE_Y * face.nose_length
    along = step(-0.25, tip - 0.05, y) * step(-(tip + 0.10), -(tip - 0.05), -y)
    half = (0.085 + 0.075 * step(0.1, tip, y)) * face.nose_width
    bridge = (0.10 + 0.26 * step(-0.1, tip, y)) * along * np.exp(-0.5 * (x / half) ** 2) * face.nose_height
    ball = 0.10 * bump(x, y, (0.0, tip - 0.06), (0.12 * face.nose_width, 0.10)) * face.nose_height
    wings = 0.10 * pair(x, y, (0.185 * face.nose_width, tip - 0.02), (0.06 * face.nose_width, 0.07))
    nostrils = -0.07 * pair(x, y, (0.10 * face.nose_width, tip + 0.065), (0.045, 0.022))
    base = -0.05 * pair(x, y, (0.27 * face.nose_width, tip), (0.05, 0.12))
    return np.asarray(bridge + ball + wings + nostrils + base)


def _lower_face(face: Face, x: Floats, y: Floats) -> Floats:
    mouth = mouth_y(face)
    cheeks = 0.08 * face.cheeks * pair(x, y, (0.62, 0.42), (0.26, 0.24))
    muzzle = 0.10 * bump(x, y, (0.0, mouth - 0.02), (0.40, 0.28))
    groove = -0.022 * bump(x, y, (0.0, mouth - 0.22), (0.045, 0.10))
    ridges = 0.012 * pair(x, y, (0.085, mouth - 0.20), (0.03, 0.10))
    crease = -0.055 * bump(x, y, (0.0, mouth + 0.27), (0.30, 0.065))
    chin = 0.10 * face.chin * bump(x, y, (0.0, mouth + 0.53), (0.24, 0.17))
    corners = -0.03 * pair(x, y, (0.44 * face.mouth_width, mouth + 0.01), (0.06, 0.06))
    return np.asarray(cheeks + muzzle + groove + ridges + crease + chin + corners)
