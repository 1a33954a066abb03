"""Where a head is filmed: the frame's size, the head's place in it, what is behind, and the body below."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from seehear.avatars.light import Light, to_linear, to_picture
from seehear.avatars.people import Face
from seehear.avatars.plane import Floats, Plane, noise, step
from seehear.avatars.relief import chin_y

_SIZES = ((240, 240), (256, 256), (320, 240), (360, 288), (360, 288), (384, 288), (288, 360), (320, 320), (480, 360))
_WEIGHTS = np.array((2, 2, 2, 3, 3, 2, 1, 2, 1.5))


@dataclass(frozen=True, slots=True)
class Framing:
    """Frame size in pixels, and the usual place and size of the head.

    Attributes:
        width, height: of the frame, even.
        x, y: of the point midway between the eyes.
        scale: pixels between the eyes, as if seen from the front.
    """

    width: int
    height: int
    x: float
    y: float
    scale: float


def draw_size(rng: np.random.Generator) -> tuple[int, int]:
    """Width and height of a frame, even, px."""
    return _SIZES[int(rng.choice(len(_SIZES), p=_WEIGHTS / _WEIGHTS.sum()))]


def draw_framing(rng: np.random.Generator, size: tuple[int, int] | None = None) -> Framing:
    """From a close-up to head and shoulders, in a frame of a (width, height) if given; the whole face is in it."""
    width, height = size or draw_size(rng)
    scale = float(np.clip(np.exp(rng.normal(np.log(44), 0.25)), 29, min(72, width / 3.6, height / 4.6)))
    room_x = max(0.0, width / 2 - 1.75 * scale)
    x = width / 2 + rng.uniform(-0.7, 0.7) * room_x
    top, bottom = 1.75 * scale, height - 2.5 * scale
    y = rng.uniform(min(top, bottom), max(top, bottom)) if rng.random() < 0.5 else 0.42 * height
    return Framing(width, height, float(x), float(np.clip(y, min(top, bottom), max(top, bottom))), scale)


def draw_background(rng: np.random.Generator, framing: Framing) -> Floats:
    """A wall, a studio colour, a room out of focus, or clutter, gamma-coded 0..1, (height, width, 3)."""
    height, width = framing.height, framing.width
    plane = Plane(height / 2.0, -width / height, -1.0, width, height)
    kind = rng.choice(("wall", "studio", "room", "clutter"), p=(0.3, 0.2, 0.3, 0.2))
    if kind == "studio":
        colour = np.array(
            ((0.1, 0.6, 0.8), (0.15, 0.6, 0.25), (0.5, 0.5, 0.5), (0.85, 0.85, 0.85), (0.06, 0.06, 0.07))
        )[int(rng.integers(5))]
        picture = np.broadcast_to(colour * np.exp(rng.normal(0, 0.1, 3)), (height, width, 3)).astype(np.float32)
    elif kind == "wall":
        picture = np.broadcast_to(_dull(rng), (height, width, 3)) * (1 + 0.04 * noise(rng, plane, 0.05, 3))[..., None]
    elif kind == "room":
        picture = _room(rng, framing)
    else:
        picture = rng.uniform(0.2, 0.7) + 0.13 * np.dstack(
            [noise(rng, plane, rng.uniform(0.1, 0.6), 3) for _ in range(3)]
        )
        grey = picture.mean(-1, keepdims=True)
        picture = grey + rng.uniform(0.05, 0.4) * (picture - grey)
    slope = rng.normal(0, 0.18) * plane.grid[0] + rng.normal(0, 0.18) * plane.grid[1]
    picture = picture * (1 + slope)[..., None]
    return np.asarray(np.clip(picture, 0.01, 1.0), np.float32)


def _dull(rng: np.random.Generator) -> Floats:
    grey = rng.uniform(0.15, 0.9)
    return np.asarray(np.clip(grey + rng.normal(0, 0.07, 3), 0.03, 1.0), np.float32)


def _room(rng: np.random.Generator, framing: Framing) -> Floats:
    """Rectangles of furniture, windows and lamps, out of focus."""
    height, width = framing.height, framing.width
    picture = np.empty((height, width, 3), np.float32)
    picture[:] = _dull(rng)
    for _ in range(int(rng.integers(4, 14))):
        x, y = rng.uniform(-0.2, 1.0) * width, rng.uniform(-0.2, 1.0) * height
        w, h = rng.uniform(0.05, 0.5) * width, rng.uniform(0.1, 0.8) * height
        colour = _dull(rng) if rng.random() < 0.7 else np.asarray(rng.uniform(0, 1, 3), np.float32)
        cv2.rectangle(picture, (int(x), int(y)), (int(x + w), int(y + h)), colour.tolist(), -1)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 0.03 * width)), np.float32)


def draw_body(rng: np.random.Generator, background: Floats, face: Face, framing: Framing, light: Light) -> Floats:
    """Neck, shoulders and clothes over the background, like it."""
    plane = Plane(framing.scale, -framing.x / framing.scale, -framing.y / framing.scale, framing.width, framing.height)
    x, y = plane.grid
    chin = chin_y(face)
    soft = 1.2 / plane.scale
    neck_half = (0.60 + 0.10 * face.jaw) * face.width * (1 + 0.25 * step(chin + 0.1, chin + 0.9, y))
    shoulder = chin + rng.uniform(0.22, 0.48) + 0.16 * np.abs(x) + 0.10 * np.maximum(np.abs(x) - 1.6, 0) ** 2
    neck = step(-soft, soft, neck_half - np.abs(x)) * step(0.9, 1.0, y)
    arriving = 0.5 * np.array(light.key) + 0.7 * np.array(light.around)
    shadow = 0.42 + 0.4 * step(chin - 0.05, chin + 0.5, y) + 0.25 * light.direction[0] * x
    shadow *= 1 - 0.35 * (np.abs(x) / 0.7).clip(0, 1.2) ** 2
    skin = to_linear(face.skin) * np.array((1.0, 0.92, 0.9)) * arriving * shadow.clip(0.12, 1.2)[..., None]
    picture = background + neck[..., None] * (to_picture(skin.astype(np.float32)) - background)
    grey = rng.uniform(0.03, 0.9)
    cloth = to_linear(tuple(np.clip(grey + rng.normal(0, 0.16, 3), 0.02, 0.95)))
    folds = 0.85 + 0.14 * noise(rng, plane, (0.25, 0.5), 3) + 0.2 * light.direction[0] * np.tanh(x)
    stripes = 1 + rng.choice((0.0, 0.0, 0.0, 0.3)) * np.sign(np.sin(y * rng.uniform(15, 40)))
    collar = shoulder - rng.uniform(-0.35, 0.15) * np.exp(-((x / rng.uniform(0.35, 0.7)) ** 2))
    dressed = step(-soft, soft, y - collar)
    fabric = cloth * arriving * np.clip(folds * stripes, 0.1, 1.6)[..., None]
    picture += dressed[..., None] * (to_picture(fabric.astype(np.float32)) - picture)
    return np.asarray(np.clip(picture, 0, 1), np.float32)
