"""Rendering of a still head: skin and hair."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from seehear.avatars.camera import ColourTone
from seehear.avatars.person import FaceAppearance
from seehear.avatars.surface import (
    BROW_Y,
    NOSE_Y,
    Floats,
    Light,
    Plane,
    bump,
    bump_pair,
    chin_y,
    half_width,
    head_mask,
    mouth_y,
    relief,
    shade,
    slopes,
    smooth_noise,
    smoothstep,
    to_linear,
    to_picture,
)


def skin_colour(face: FaceAppearance, plane: Plane, rng: np.random.Generator) -> Floats:
    """Linear reflectance of the skin with make-up, brows and beard, (height, width, 3)."""
    x, y = plane.grid
    skin = np.broadcast_to(to_linear(face.skin), (plane.height, plane.width, 3)).copy()
    skin *= np.exp(_redness(face, plane, x, y, rng)[..., None] * np.array((0.02, -0.14, -0.11), np.float32))
    tone = 0.05 * face.blotches * smooth_noise(rng, plane, 0.35, 3) + 0.035 * smooth_noise(rng, plane, 0.04, 2)
    tone -= _wrinkles(face, x, y, rng) + _freckles(face, plane, rng)
    tone -= 0.18 * (0.3 + face.wrinkles) * bump_pair(x, y, (0.42, 0.17), (0.17, 0.07))  # shadows under the eyes
    skin *= np.exp(tone)[..., None]
    skin = _paint(
        skin,
        to_linear((0.35, 0.2, 0.3)) * skin.mean() * 3,
        0.5 * face.make_up * bump_pair(x, y, (0.5, -0.13), (0.2, 0.05)),
    )
    skin = _paint(skin, skin * np.array((0.10, 0.06, 0.06), np.float32), 0.85 * _nostrils(face, x, y))
    skin = _paint(skin, to_linear(face.hair) + 0.002, 0.92 * _brows(face, plane, x, y, rng))
    return _paint(skin, to_linear(face.hair) * 0.8 + 0.004, beard_cover(face, plane, rng))


def _paint(under: Floats, colour: Floats, cover: Floats) -> Floats:
    return np.asarray(under + np.clip(cover, 0, 1)[..., None] * (colour - under), np.float32)


def _redness(face: FaceAppearance, plane: Plane, x: Floats, y: Floats, rng: np.random.Generator) -> Floats:
    red = 0.9 * bump_pair(x, y, (0.62, 0.5), (0.25, 0.22)) + 0.9 * bump(x, y, (0, NOSE_Y - 0.08), (0.18, 0.14))
    red += 0.4 * bump(x, y, (0, 1.65), (0.25, 0.15)) + 0.5 * bump_pair(x, y, (0.16, NOSE_Y + 0.05), (0.08, 0.06))
    rouge = 1.2 * face.make_up * bump_pair(x, y, (0.72, 0.5), (0.2, 0.14))
    return np.asarray(face.blotches * (red + 0.3 * smooth_noise(rng, plane, 0.15, 2)) + rouge)


def _nostrils(face: FaceAppearance, x: Floats, y: Floats) -> Floats:
    tip = NOSE_Y * face.nose_length
    tilted = y - tip - 0.075 + 0.25 * (np.abs(x) - 0.11 * face.nose_width)
    return bump_pair(
        x, y + tilted - (y - tip - 0.075), (0.11 * face.nose_width, tip + 0.075), (0.045 * face.nose_width, 0.020)
    )


def _wrinkles(face: FaceAppearance, x: Floats, y: Floats, rng: np.random.Generator) -> Floats:
    """Lines as log-darkening: nasolabial folds, marionette lines, forehead and crow's feet."""
    depth = face.wrinkles
    mouth = mouth_y(face)
    side = np.abs(x)
    fold_x = 0.27 * face.nose_width + 0.26 * smoothstep(NOSE_Y - 0.05, mouth + 0.1, y)
    folds = (
        np.exp(-(((side - fold_x) / 0.042) ** 2))
        * smoothstep(NOSE_Y - 0.12, NOSE_Y + 0.1, y)
        * smoothstep(-mouth - 0.15, -mouth + 0.1, -y)
    )
    lines = (0.06 + 0.24 * depth) * folds
    marionette = np.exp(-(((side - 0.46 * face.mouth_width - 0.05 * (y - mouth)) / 0.035) ** 2))
    lines += (
        0.14
        * max(depth - 0.3, 0)
        * marionette
        * smoothstep(mouth, mouth + 0.08, y)
        * smoothstep(-mouth - 0.42, -mouth - 0.2, -y)
    )
    lines += 0.13 * (0.4 + depth) * bump(x, y, (0, mouth + 0.26), (0.22, 0.022))
    for _ in range(4):
        level = rng.uniform(-1.1, -0.55)
        wave = level + 0.05 * np.cos(x * rng.uniform(1.5, 3.0) + rng.uniform(0, 6))
        lines += 0.16 * depth * np.exp(-(((y - wave) / 0.02) ** 2)) * smoothstep(-0.8, -0.5, -side)
    crow = np.abs(np.sin(np.arctan2(y, side - 0.72) * 9))
    lines += 0.12 * depth * (1 - crow) ** 2 * bump_pair(x, y, (0.88, 0.0), (0.09, 0.12))
    return np.asarray(lines, np.float32)


def _freckles(face: FaceAppearance, plane: Plane, rng: np.random.Generator) -> Floats:
    spots = smoothstep(1.3, 2.0, smooth_noise(rng, plane, 0.035))
    moles = smoothstep(3.2, 3.5, smooth_noise(rng, plane, 0.06))
    return np.asarray(0.45 * face.freckles * spots + 0.8 * moles, np.float32)


def _brows(face: FaceAppearance, plane: Plane, x: Floats, y: Floats, rng: np.random.Generator) -> Floats:
    side = np.abs(x)
    along = np.clip((side - 0.18) / 0.58, 0.0, 1.0)
    middle = BROW_Y * face.brow_height - 0.09 * np.sin(along * 2.3) + 0.05 * along - face.eye_tilt * (along - 0.4) * 0.3
    thick = 0.052 * face.brow_weight * (1.05 - 0.75 * along**2)
    inside = (
        smoothstep(-1.0, 0.35, 1 - np.abs(y - middle) / thick - 0.35)
        * smoothstep(0.14, 0.22, side)
        * smoothstep(-0.82, -0.70, -side)
    )
    strands = 0.75 + 0.25 * smooth_noise(rng, plane, (0.05, 0.02))
    return np.asarray(inside * strands * min(1.0, 0.55 + 0.4 * face.brow_weight))


def beard_cover(face: FaceAppearance, plane: Plane, rng: np.random.Generator) -> Floats:
    """Coverage of the skin by the beard, 0..1."""
    x, y = plane.grid
    side = np.abs(x)
    mouth = mouth_y(face)
    lip_half = 0.40 * face.mouth_width
    around_mouth = smoothstep(lip_half - 0.02, lip_half + 0.1, side) + smoothstep(mouth + 0.05, mouth + 0.2, y)
    droop = 0.10 * (side / lip_half) ** 2
    lower_edge = mouth - 0.10 * face.upper_lip + droop
    upper_edge = NOSE_Y * face.nose_length + 0.13 + 0.12 * (side / lip_half) ** 1.5
    moustache = (
        smoothstep(-0.02, 0.05, y - upper_edge)
        * smoothstep(-0.02, 0.03, lower_edge - y)
        * smoothstep(-1.25, -0.85, -side / lip_half)
    )
    goatee = bump(x, y, (0, mouth + 0.5), (0.24, 0.25)) * smoothstep(mouth + 0.14, mouth + 0.24, y) * 1.3
    line = 0.72 + 0.35 * np.clip((side - 0.35) / 0.5, 0, 1) ** 2 * -1.2 + 0.25
    cheeks = (
        smoothstep(line - 0.08, line + 0.12, y)
        * smoothstep(0.30, 0.55, side + 0.6 * np.maximum(0, y - mouth))
        * np.clip(around_mouth, 0, 1)
    )
    sides = smoothstep(0.78, 0.92, side / np.maximum(half_width(face, y), 0.1)) * smoothstep(-0.1, 0.4, y)
    full = np.clip(np.maximum.reduce([moustache, goatee, cheeks, 0.9 * sides]), 0, 1)
    parts = {
        "none": 0 * full,
        "stubble": full,
        "moustache": moustache,
        "goatee": np.maximum(moustache, goatee),
        "full": full,
    }
    cover = np.clip(parts[face.beard], 0, 1)
    strands = smooth_noise(rng, plane, (0.022, 0.07), 2)
    if face.beard == "stubble":
        return np.asarray(cover * face.beard_density * (0.28 + 0.14 * smooth_noise(rng, plane, 0.02)), np.float32)
    return np.asarray(
        np.clip(cover * (0.45 + 0.5 * face.beard_density + 0.22 * strands), 0, 0.97) * (cover > 0.02), np.float32
    )


_CROWN = -0.7  # above this height the outline is half an ellipse


_NEAT = ("short", "parted", "fringe", "bun", "cropped", "cap")


def hair_cover(face: FaceAppearance, plane: Plane, rng: np.random.Generator) -> Floats:
    """Coverage of head and background by hair or headwear, 0..1, (height, width)."""
    x, y = plane.grid
    wiggle = 0.05 * smooth_noise(rng, plane, 0.12, 2)
    style = face.hair_style
    if style == "bald":
        return np.zeros_like(x)
    outer = _outer(face, x, y, style) + wiggle * (2.0 if style == "curly" else 0.7)
    line = _hairline(face, x, style) + 0.6 * wiggle
    above = smoothstep(-0.03, 0.03, line - y)
    if style in ("long", "scarf"):
        sides = smoothstep(-0.02, 0.03, np.abs(x) - _curtain(face, y, style) + 0.5 * wiggle)
        above = np.maximum(above, sides * smoothstep(-1.0, -0.5, y))
    elif style not in ("bald", "bun"):
        burns = smoothstep(-0.02, 0.02, np.abs(x) - half_width(face, y) * (0.93 - 0.04 * rng.random()))
        above = np.maximum(above, burns * smoothstep(-0.42, -0.02, -y))
    cover = above * smoothstep(-0.03, 0.03, outer)
    thin = 0.55 if style == "receding" else 1.0
    return np.asarray(np.clip(cover * (thin + (1 - thin) * smoothstep(0.3, 0.7, np.abs(x))), 0, 1), np.float32)


def _outer(face: FaceAppearance, x: Floats, y: Floats, style: str) -> Floats:
    """Signed distance to the outline of the hair, positive inside."""
    grow = {"cropped": 0.05, "receding": 0.05, "cap": 0.10, "curly": 0.34, "long": 0.22, "scarf": 0.20}.get(style, 0.16)
    head = half_width(face, np.clip(y, _CROWN, 0.0)) + grow * (0.6 if style in _NEAT else 1.0)
    top = np.sqrt(np.clip(1 - (np.minimum(y - _CROWN, 0.0) / (1.16 + grow)) ** 2, 0.0, 1.0))
    inside = (head + 0.02) * top - np.abs(x) - 0.02
    if style in ("long", "scarf"):
        inside = inside + 0.16 * smoothstep(-0.3, 0.8, y)  # hair spreads out over the shoulders
        return np.asarray(inside - 0.25 * np.maximum(y - 1.0, 0) * (style == "scarf"), np.float32)
    knot = 0.38 - np.sqrt(x**2 + (y + 2.02) ** 2) if style == "bun" else -1.0
    reach = {"curly": 0.55}.get(style, 0.32)
    return np.asarray(np.maximum(np.minimum(inside, reach - y), knot), np.float32)


def _hairline(face: FaceAppearance, x: Floats, style: str) -> Floats:
    """y of the hairline; the forehead below is bare."""
    base = {"receding": -1.45, "fringe": -0.52, "scarf": -1.02, "cap": -0.78, "cropped": -1.15}.get(style, -1.12)
    if style == "fringe":
        return np.asarray(base + 0.06 * np.abs(x), np.float32)
    if style == "parted":
        return np.asarray(base - 0.22 * np.exp(-(((x - 0.35) / 0.25) ** 2)) + 0.40 * np.abs(x) ** 2, np.float32)
    if style == "cap":
        return np.asarray(base - 0.12 * x**2, np.float32)
    return np.asarray(base + 0.38 * np.abs(x / face.width) ** 2.4, np.float32)


def _curtain(face: FaceAppearance, y: Floats, style: str) -> Floats:
    """|x| beyond which long hair or a scarf hangs next to the face."""
    face_edge = half_width(face, np.minimum(y, 0.9))
    if style == "scarf":
        inner = half_width(face, np.minimum(y, chin_y(face) - 0.12)) * 0.93
        return np.asarray(np.where(y > chin_y(face) - 0.05, 0.05, inner), np.float32)
    return np.asarray(face_edge * 0.92 + 0.05 * np.maximum(y, 0), np.float32)


def hair_colour(face: FaceAppearance, plane: Plane, light: Light, rng: np.random.Generator) -> Floats:
    """Linear radiance of the hair, (height, width, 3)."""
    x, y = plane.grid
    grain = {"curly": (0.06, 0.06), "short": (0.03, 0.14), "cropped": (0.025, 0.04)}.get(face.hair_style, (0.03, 0.35))
    strands = smooth_noise(rng, plane, grain, 2)
    if face.hair_style in ("scarf", "cap"):
        cloth = to_linear(tuple(rng.uniform(0.08, 0.9, 3)))
        strands = 0.35 * smooth_noise(rng, plane, (0.15, 0.5), 2)
        colour = np.broadcast_to(cloth, (*x.shape, 3))
    else:
        colour = np.broadcast_to(to_linear(face.hair) + 0.003, (*x.shape, 3))
    round_head = 0.75 + 0.35 * light.direction[0] * x - 0.25 * light.direction[1] * (-y - 0.9)
    crown = np.exp(-(((y + 1.45) / 0.22) ** 2)) * smoothstep(-1.0, 0.3, -np.abs(x))
    shading = np.clip(round_head, 0.25, 1.4) * np.exp(0.33 * strands) + 0.5 * crown
    irradiance = 0.55 * np.array(light.key) + 0.75 * np.array(light.around)
    return np.asarray(colour * shading[..., None] * irradiance, np.float32)


@dataclass(frozen=True, slots=True)
class Head:
    """A lit head without eyes and mouth, on its plane.

    Attributes:
        face: the appearance.
        plane: its pixel grid.
        light: the lighting.
        tone: tone of the camera.
        picture: gamma-encoded, 0..1, (height, width, 3).
        cover: opacity, 0..1, (height, width).
        height: smooth relief in units, (height, width), for the parallax when the head turns.
    """

    face: FaceAppearance
    plane: Plane
    light: Light
    tone: ColourTone
    picture: Floats
    cover: Floats
    height: Floats


def render_head(face: FaceAppearance, light: Light, tone: ColourTone, scale: float) -> Head:
    """Render a head for a light and a camera, with ``scale`` pixels between the eyes."""
    plane = Plane.of_head(scale)
    textures = [np.random.default_rng([face.texture_seed, i]) for i in range(4)]
    mask = head_mask(face, plane)
    height = relief(face, plane)
    grainy = height + (0.0022 + 0.002 * face.wrinkles) * smooth_noise(textures[0], plane, 0.05, 2)
    soft = cv2.GaussianBlur(grainy, (0, 0), max(0.6, 0.012 * scale))
    hollow = np.clip(1 + 2.6 * (soft - cv2.GaussianBlur(soft, (0, 0), 0.16 * scale)), 0.35, 1.12)
    skin = skin_colour(face, plane, textures[1])
    picture = shade(skin, slopes(soft, scale), hollow, light)
    picture = _with_ears(face, plane, light, picture, mask)
    cover = np.maximum(mask, _ears(face, plane))
    hair = hair_cover(face, plane, textures[2])[..., None]
    shadow = cv2.GaussianBlur(hair[..., 0], (0, 0), 0.06 * scale)[..., None]
    picture = picture * (1 - 0.45 * shadow)
    picture = picture + hair * (hair_colour(face, plane, light, textures[3]) - picture)
    picture = tone(_with_glasses(face, plane, to_picture(picture), light))
    cover = np.maximum(cover, hair[..., 0])
    smooth = cv2.GaussianBlur(np.where(mask > 0.5, height, 0.25 * mask), (0, 0), 0.11 * scale)
    return Head(face, plane, light, tone, picture, cover.astype(np.float32), smooth.astype(np.float32))


def _ears(face: FaceAppearance, plane: Plane) -> Floats:
    x, y = plane.grid
    tall = np.hypot((np.abs(x) - 1.07 * face.width) / 0.13, (y - 0.22) / 0.34)
    return smoothstep(-0.12, 0.0, 1 - tall)


def _with_ears(face: FaceAppearance, plane: Plane, light: Light, picture: Floats, mask: Floats) -> Floats:
    x, y = plane.grid
    shape = 0.75 - 0.4 * bump_pair(x, y, (1.10 * face.width, 0.2), (0.05, 0.15))
    irradiance = 0.35 * np.array(light.key) + 0.7 * np.array(light.around)
    ear = to_linear(face.skin) * np.array((1.0, 0.82, 0.82)) * irradiance * shape[..., None]
    return np.asarray(picture + ((1 - mask) * _ears(face, plane))[..., None] * (ear - picture), np.float32)


def _with_glasses(face: FaceAppearance, plane: Plane, picture: Floats, light: Light) -> Floats:
    if face.glasses == "none":
        return picture
    rng = np.random.default_rng([face.texture_seed, 9])
    x, y = plane.grid
    power = rng.uniform(2.0, 5.0)
    wide, tall = rng.uniform(0.36, 0.44), rng.uniform(0.24, 0.36)
    inside = 1 - (np.abs((np.abs(x) - 0.5) / wide) ** power + np.abs((y - 0.06) / tall) ** power) ** (1 / power)
    thick = {"thin": 0.045, "thick": 0.13, "rimless": 0.03}[face.glasses]
    frame = smoothstep(-thick, -thick * 0.5, inside) * smoothstep(-thick, -thick * 0.5, -inside)
    bridge = smoothstep(-0.04, -0.02, -np.abs(y + 0.03)) * smoothstep(-0.12, -0.08, -np.abs(x))
    arms = (
        smoothstep(-0.045, -0.02, -np.abs(y + 0.06))
        * smoothstep(0.88, 0.92, np.abs(x))
        * smoothstep(-1.08, -1.02, -np.abs(x))
    )
    colour = rng.uniform(0.02, 0.35) * rng.uniform(0.5, 1.5, 3) if face.glasses != "rimless" else np.full(3, 0.6)
    cover = np.clip(np.maximum.reduce([frame, bridge, arms]), 0, 1) * (0.5 if face.glasses == "rimless" else 0.95)
    glare = (
        rng.uniform(0, 0.25) * smoothstep(0.0, 0.3, inside) * smoothstep(0.0, 0.25, 0.2 + x * light.direction[0] - y)
    )
    picture = picture + glare[..., None] * 0.5 * (1 - picture)
    return np.asarray(picture + cover[..., None] * (np.clip(colour, 0, 1) - picture), np.float32)
