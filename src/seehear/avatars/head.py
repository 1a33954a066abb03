"""A still head: everything of a person's picture that does not change while he or she speaks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from seehear.avatars.hair import hair_colour, hair_cover
from seehear.avatars.light import Light, shade, slopes, to_linear, to_picture
from seehear.avatars.people import Face
from seehear.avatars.plane import Floats, Plane, noise, pair, step
from seehear.avatars.relief import head_mask, relief
from seehear.avatars.skin import skin_colour
from seehear.avatars.tone import Tone


@dataclass(frozen=True, slots=True)
class Head:
    """A head without eyes and mouth, lit, on its plane.

    Attributes:
        face: whose.
        plane: its grid.
        light: on it.
        tone: of the camera that sees it.
        picture: gamma-coded, 0..1, (height, width, 3).
        cover: where the head hides what is behind it, 0..1, (height, width).
        height: relief in units, smooth, (height, width): near parts move more when the head turns.
    """

    face: Face
    plane: Plane
    light: Light
    tone: Tone
    picture: Floats
    cover: Floats
    height: Floats


def draw_head(face: Face, light: Light, tone: Tone, scale: float) -> Head:
    """Draw the head of a face in a light for a camera, ``scale`` pixels between the eyes."""
    plane = Plane.of_head(scale)
    textures = [np.random.default_rng([face.texture_seed, i]) for i in range(4)]
    mask = head_mask(face, plane)
    height = relief(face, plane)
    grainy = height + (0.0022 + 0.002 * face.wrinkles) * noise(textures[0], plane, 0.05, 2)
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


def _ears(face: Face, plane: Plane) -> Floats:
    x, y = plane.grid
    tall = np.hypot((np.abs(x) - 1.07 * face.width) / 0.13, (y - 0.22) / 0.34)
    return step(-0.12, 0.0, 1 - tall)


def _with_ears(face: Face, plane: Plane, light: Light, picture: Floats, mask: Floats) -> Floats:
    x, y = plane.grid
    shape = 0.75 - 0.4 * pair(x, y, (1.10 * face.width, 0.2), (0.05, 0.15))
    arriving = 0.35 * np.array(light.key) + 0.7 * np.array(light.around)
    ear = to_linear(face.skin) * np.array((1.0, 0.82, 0.82)) * arriving * shape[..., None]
    return np.asarray(picture + ((1 - mask) * _ears(face, plane))[..., None] * (ear - picture), np.float32)


def _with_glasses(face: Face, plane: Plane, picture: Floats, light: Light) -> Floats:
    if face.glasses == "none":
        return picture
    rng = np.random.default_rng([face.texture_seed, 9])
    x, y = plane.grid
    power = rng.uniform(2.0, 5.0)
    wide, tall = rng.uniform(0.36, 0.44), rng.uniform(0.24, 0.36)
    inside = 1 - (np.abs((np.abs(x) - 0.5) / wide) ** power + np.abs((y - 0.06) / tall) ** power) ** (1 / power)
    thick = {"thin": 0.045, "thick": 0.13, "rimless": 0.03}[face.glasses]
    frame = step(-thick, -thick * 0.5, inside) * step(-thick, -thick * 0.5, -inside)
    bridge = step(-0.04, -0.02, -np.abs(y + 0.03)) * step(-0.12, -0.08, -np.abs(x))
    arms = step(-0.045, -0.02, -np.abs(y + 0.06)) * step(0.88, 0.92, np.abs(x)) * step(-1.08, -1.02, -np.abs(x))
    colour = rng.uniform(0.02, 0.35) * rng.uniform(0.5, 1.5, 3) if face.glasses != "rimless" else np.full(3, 0.6)
    cover = np.clip(np.maximum.reduce([frame, bridge, arms]), 0, 1) * (0.5 if face.glasses == "rimless" else 0.95)
    glare = rng.uniform(0, 0.25) * step(0.0, 0.3, inside) * step(0.0, 0.25, 0.2 + x * light.direction[0] - y)
    picture = picture + glare[..., None] * 0.5 * (1 - picture)
    return np.asarray(picture + cover[..., None] * (np.clip(colour, 0, 1) - picture), np.float32)
