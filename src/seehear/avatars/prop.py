"""What at times is in front of a face: a microphone, a caption."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from seehear.avatars.plane import Floats, Plane, step
from seehear.avatars.scene import Framing

_USUAL = 0.92  # share of clips with nothing in the way


def draw_prop(rng: np.random.Generator, framing: Framing, text: str) -> NDArray[np.uint8] | None:
    """What is in front of the head, RGBA with colours multiplied by alpha, (height, width, 4); mostly nothing."""
    if rng.random() < _USUAL:
        return None
    plane = Plane(framing.scale, -framing.x / framing.scale, -framing.y / framing.scale, framing.width, framing.height)
    cover, colour = _microphone(rng, plane) if rng.random() < 0.6 else _caption(rng, plane, text)
    return np.asarray(np.dstack((colour * cover[..., None], cover)).clip(0, 1) * 255, np.uint8)


def _microphone(rng: np.random.Generator, plane: Plane) -> tuple[Floats, Floats]:
    """A ball on a stick below the mouth; it may hide the chin and a corner of the lower lip."""
    x, y = plane.grid
    at_x, at_y = rng.normal(0, 0.45), rng.uniform(1.55, 2.1)
    size, lean = rng.uniform(0.18, 0.34), rng.normal(0, 0.35)
    soft = 1.2 / plane.scale
    far = np.hypot(x - at_x, (y - at_y) / rng.uniform(0.9, 1.3))
    ball = step(-soft, soft, size - far)
    stick = step(-soft, soft, 0.10 - np.abs(x - at_x - lean * (y - at_y))) * step(at_y, at_y + 0.05, y)
    tone = rng.uniform(0.03, 0.5)
    mesh = 1 + 0.25 * np.sin(x * plane.scale * 1.6) * np.sin(y * plane.scale * 1.6)
    round_ = tone * mesh * (1.15 - 0.5 * (far / size).clip(0, 1) ** 2) * (1 - 0.3 * np.tanh(2 * (x - at_x)))
    grey = np.where(ball > 0.5, round_, 0.5 * tone * (1 - 0.5 * np.abs(x - at_x)))
    return np.maximum(ball, stick), np.repeat(grey[..., None], 3, 2).astype(np.float32)


def _caption(rng: np.random.Generator, plane: Plane, text: str) -> tuple[Floats, Floats]:
    """What is said, as editors put it into the lower part of the picture; letters that the font lacks are left out."""
    layer = np.zeros((plane.height, plane.width), np.uint8)
    letters = "".join(letter for letter in text if letter.isascii())[:36]
    place = (int(rng.uniform(0, 0.3) * plane.width), int(rng.uniform(0.8, 0.97) * plane.height))
    size = float(rng.uniform(0.3, 0.5) * plane.height / 280)
    cv2.putText(layer, letters, place, cv2.FONT_HERSHEY_DUPLEX, size, 255, 1, cv2.LINE_AA)
    colour = np.broadcast_to(np.array((1.0, 1.0, rng.choice((1.0, 0.2))), np.float32), (*layer.shape, 3))
    return np.asarray(layer / np.float32(255), np.float32), colour
