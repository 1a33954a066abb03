"""The colour of a face's skin: patches, freckles, wrinkles, make-up, beard and brows."""

from __future__ import annotations

import numpy as np

from seehear.avatars.light import to_linear
from seehear.avatars.people import Face
from seehear.avatars.plane import Floats, Plane, bump, noise, pair, step
from seehear.avatars.relief import BROW_Y, NOSE_Y, half_width, mouth_y


def skin_colour(face: Face, plane: Plane, rng: np.random.Generator) -> Floats:
    """Linear reflectance of the bare skin with all that grows or is painted on it, (height, width, 3)."""
    x, y = plane.grid
    skin = np.broadcast_to(to_linear(face.skin), (plane.height, plane.width, 3)).copy()
    skin *= np.exp(_redness(face, plane, x, y, rng)[..., None] * np.array((0.02, -0.14, -0.11), np.float32))
    tone = 0.05 * face.blotches * noise(rng, plane, 0.35, 3) + 0.035 * noise(rng, plane, 0.04, 2)
    tone -= _wrinkles(face, x, y, rng) + _freckles(face, plane, rng)
    tone -= 0.18 * (0.3 + face.wrinkles) * pair(x, y, (0.42, 0.17), (0.17, 0.07))  # shadows under the eyes
    skin *= np.exp(tone)[..., None]
    skin = _paint(
        skin, to_linear((0.35, 0.2, 0.3)) * skin.mean() * 3, 0.5 * face.make_up * pair(x, y, (0.5, -0.13), (0.2, 0.05))
    )
    skin = _paint(skin, skin * np.array((0.10, 0.06, 0.06), np.float32), 0.85 * _nostrils(face, x, y))
    skin = _paint(skin, to_linear(face.hair) + 0.002, 0.92 * _brows(face, plane, x, y, rng))
    return _paint(skin, to_linear(face.hair) * 0.8 + 0.004, beard_cover(face, plane, rng))


def _paint(under: Floats, colour: Floats, cover: Floats) -> Floats:
    return np.asarray(under + np.clip(cover, 0, 1)[..., None] * (colour - under), np.float32)


def _redness(face: Face, plane: Plane, x: Floats, y: Floats, rng: np.random.Generator) -> Floats:
    red = 0.9 * pair(x, y, (0.62, 0.5), (0.25, 0.22)) + 0.9 * bump(x, y, (0, NOSE_Y - 0.08), (0.18, 0.14))
    red += 0.4 * bump(x, y, (0, 1.65), (0.25, 0.15)) + 0.5 * pair(x, y, (0.16, NOSE_Y + 0.05), (0.08, 0.06))
    rouge = 1.2 * face.make_up * pair(x, y, (0.72, 0.5), (0.2, 0.14))
    return np.asarray(face.blotches * (red + 0.3 * noise(rng, plane, 0.15, 2)) + rouge)


def _nostrils(face: Face, x: Floats, y: Floats) -> Floats:
    tip = NOSE_Y * face.nose_length
    tilted = y - tip - 0.075 + 0.25 * (np.abs(x) - 0.11 * face.nose_width)
    return pair(
        x, y + tilted - (y - tip - 0.075), (0.11 * face.nose_width, tip + 0.075), (0.045 * face.nose_width, 0.020)
    )


def _wrinkles(face: Face, x: Floats, y: Floats, rng: np.random.Generator) -> Floats:
    """Lines, as darkening (log): from nose to mouth, beside the mouth, on the forehead, beside the eyes."""
    depth = face.wrinkles
    mouth = mouth_y(face)
    side = np.abs(x)
    fold_x = 0.27 * face.nose_width + 0.26 * step(NOSE_Y - 0.05, mouth + 0.1, y)
    folds = (
        np.exp(-(((side - fold_x) / 0.042) ** 2))
        * step(NOSE_Y - 0.12, NOSE_Y + 0.1, y)
        * step(-mouth - 0.15, -mouth + 0.1, -y)
    )
    lines = (0.06 + 0.24 * depth) * folds
    marionette = np.exp(-(((side - 0.46 * face.mouth_width - 0.05 * (y - mouth)) / 0.035) ** 2))
    lines += (
        0.14 * max(depth - 0.3, 0) * marionette * step(mouth, mouth + 0.08, y) * step(-mouth - 0.42, -mouth - 0.2, -y)
    )
    lines += 0.13 * (0.4 + depth) * bump(x, y, (0, mouth + 0.26), (0.22, 0.022))
    for _ in range(4):
        level = rng.uniform(-1.1, -0.55)
        wave = level + 0.05 * np.cos(x * rng.uniform(1.5, 3.0) + rng.uniform(0, 6))
        lines += 0.16 * depth * np.exp(-(((y - wave) / 0.02) ** 2)) * step(-0.8, -0.5, -side)
    crow = np.abs(np.sin(np.arctan2(y, side - 0.72) * 9))
    lines += 0.12 * depth * (1 - crow) ** 2 * pair(x, y, (0.88, 0.0), (0.09, 0.12))
    return np.asarray(lines, np.float32)


def _freckles(face: Face, plane: Plane, rng: np.random.Generator) -> Floats:
    spots = step(1.3, 2.0, noise(rng, plane, 0.035))
    moles = step(3.2, 3.5, noise(rng, plane, 0.06))
    return np.asarray(0.45 * face.freckles * spots + 0.8 * moles, np.float32)


def _brows(face: Face, plane: Plane, x: Floats, y: Floats, rng: np.random.Generator) -> Floats:
    side = np.abs(x)
    along = np.clip((side - 0.18) / 0.58, 0.0, 1.0)
    middle = BROW_Y * face.brow_height - 0.09 * np.sin(along * 2.3) + 0.05 * along - face.eye_tilt * (along - 0.4) * 0.3
    thick = 0.052 * face.brow_weight * (1.05 - 0.75 * along**2)
    inside = (
        step(-1.0, 0.35, 1 - np.abs(y - middle) / thick - 0.35) * step(0.14, 0.22, side) * step(-0.82, -0.70, -side)
    )
    strands = 0.75 + 0.25 * noise(rng, plane, (0.05, 0.02))
    return np.asarray(inside * strands * min(1.0, 0.55 + 0.4 * face.brow_weight))


def beard_cover(face: Face, plane: Plane, rng: np.random.Generator) -> Floats:
    """How much of the skin the beard hides, 0..1."""
    x, y = plane.grid
    side = np.abs(x)
    mouth = mouth_y(face)
    lip_half = 0.40 * face.mouth_width
    around_mouth = step(lip_half - 0.02, lip_half + 0.1, side) + step(mouth + 0.05, mouth + 0.2, y)
    droop = 0.10 * (side / lip_half) ** 2
    lower_edge = mouth - 0.10 * face.upper_lip + droop
    upper_edge = NOSE_Y * face.nose_length + 0.13 + 0.12 * (side / lip_half) ** 1.5
    moustache = (
        step(-0.02, 0.05, y - upper_edge) * step(-0.02, 0.03, lower_edge - y) * step(-1.25, -0.85, -side / lip_half)
    )
    goatee = bump(x, y, (0, mouth + 0.5), (0.24, 0.25)) * step(mouth + 0.14, mouth + 0.24, y) * 1.3
    line = 0.72 + 0.35 * np.clip((side - 0.35) / 0.5, 0, 1) ** 2 * -1.2 + 0.25
    cheeks = (
        step(line - 0.08, line + 0.12, y)
        * step(0.30, 0.55, side + 0.6 * np.maximum(0, y - mouth))
        * np.clip(around_mouth, 0, 1)
    )
    sides = step(0.78, 0.92, side / np.maximum(half_width(face, y), 0.1)) * step(-0.1, 0.4, y)
    full = np.clip(np.maximum.reduce([moustache, goatee, cheeks, 0.9 * sides]), 0, 1)
    parts = {
        "none": 0 * full,
        "stubble": full,
        "moustache": moustache,
        "goatee": np.maximum(moustache, goatee),
        "full": full,
    }
    cover = np.clip(parts[face.beard], 0, 1)
    strands = noise(rng, plane, (0.022, 0.07), 2)
    if face.beard == "stubble":
        return np.asarray(cover * face.beard_density * (0.28 + 0.14 * noise(rng, plane, 0.02)), np.float32)
    return np.asarray(
        np.clip(cover * (0.45 + 0.5 * face.beard_density + 0.22 * strands), 0, 0.97) * (cover > 0.02), np.float32
    )
