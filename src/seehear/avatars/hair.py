"""Hair, headscarves and caps: their outline, and their colour with strands."""

from __future__ import annotations

import numpy as np

from seehear.avatars.light import Light, to_linear
from seehear.avatars.people import Face
from seehear.avatars.plane import Floats, Plane, noise, step
from seehear.avatars.relief import chin_y, half_width

_CROWN = -0.7  # above this the outline is half an ellipse
_NEAT = ("short", "parted", "fringe", "bun", "cropped", "cap")


def hair_cover(face: Face, plane: Plane, rng: np.random.Generator) -> Floats:
    """Where hair (or what covers it) hides head and background, 0..1, (height, width)."""
    x, y = plane.grid
    wiggle = 0.05 * noise(rng, plane, 0.12, 2)
    style = face.hair_style
    if style == "bald":
        return np.zeros_like(x)
    outer = _outer(face, x, y, style) + wiggle * (2.0 if style == "curly" else 0.7)
    line = _hairline(face, x, style) + 0.6 * wiggle
    above = step(-0.03, 0.03, line - y)
    if style in ("long", "scarf"):
        sides = step(-0.02, 0.03, np.abs(x) - _curtain(face, y, style) + 0.5 * wiggle)
        above = np.maximum(above, sides * step(-1.0, -0.5, y))
    elif style not in ("bald", "bun"):
        burns = step(-0.02, 0.02, np.abs(x) - half_width(face, y) * (0.93 - 0.04 * rng.random()))
        above = np.maximum(above, burns * step(-0.42, -0.02, -y))
    cover = above * step(-0.03, 0.03, outer)
    thin = 0.55 if style == "receding" else 1.0
    return np.asarray(np.clip(cover * (thin + (1 - thin) * step(0.3, 0.7, np.abs(x))), 0, 1), np.float32)


def _outer(face: Face, x: Floats, y: Floats, style: str) -> Floats:
    """Positive inside the outline of the hair."""
    grow = {"cropped": 0.05, "receding": 0.05, "cap": 0.10, "curly": 0.34, "long": 0.22, "scarf": 0.20}.get(style, 0.16)
    head = half_width(face, np.clip(y, _CROWN, 0.0)) + grow * (0.6 if style in _NEAT else 1.0)
    top = np.sqrt(np.clip(1 - (np.minimum(y - _CROWN, 0.0) / (1.16 + grow)) ** 2, 0.0, 1.0))
    inside = (head + 0.02) * top - np.abs(x) - 0.02
    if style in ("long", "scarf"):
        inside = inside + 0.16 * step(-0.3, 0.8, y)  # hair falls outwards on the shoulders
        return np.asarray(inside - 0.25 * np.maximum(y - 1.0, 0) * (style == "scarf"), np.float32)
    knot = 0.38 - np.sqrt(x**2 + (y + 2.02) ** 2) if style == "bun" else -1.0
    reach = {"curly": 0.55}.get(style, 0.32)
    return np.asarray(np.maximum(np.minimum(inside, reach - y), knot), np.float32)


def _hairline(face: Face, x: Floats, style: str) -> Floats:
    """y below which the forehead is bare."""
    base = {"receding": -1.45, "fringe": -0.52, "scarf": -1.02, "cap": -0.78, "cropped": -1.15}.get(style, -1.12)
    if style == "fringe":
        return np.asarray(base + 0.06 * np.abs(x), np.float32)
    if style == "parted":
        return np.asarray(base - 0.22 * np.exp(-(((x - 0.35) / 0.25) ** 2)) + 0.40 * np.abs(x) ** 2, np.float32)
    if style == "cap":
        return np.asarray(base - 0.12 * x**2, np.float32)
    return np.asarray(base + 0.38 * np.abs(x / face.width) ** 2.4, np.float32)


def _curtain(face: Face, y: Floats, style: str) -> Floats:
    """|x| outside which long hair or a scarf hangs beside the face."""
    face_edge = half_width(face, np.minimum(y, 0.9))
    if style == "scarf":
        inner = half_width(face, np.minimum(y, chin_y(face) - 0.12)) * 0.93
        return np.asarray(np.where(y > chin_y(face) - 0.05, 0.05, inner), np.float32)
    return np.asarray(face_edge * 0.92 + 0.05 * np.maximum(y, 0), np.float32)


def hair_colour(face: Face, plane: Plane, light: Light, rng: np.random.Generator) -> Floats:
    """Linear light from the hair, (height, width, 3)."""
    x, y = plane.grid
    grain = {"curly": (0.06, 0.06), "short": (0.03, 0.14), "cropped": (0.025, 0.04)}.get(face.hair_style, (0.03, 0.35))
    strands = noise(rng, plane, grain, 2)
    if face.hair_style in ("scarf", "cap"):
        cloth = to_linear(tuple(rng.uniform(0.08, 0.9, 3)))
        strands = 0.35 * noise(rng, plane, (0.15, 0.5), 2)
        colour = np.broadcast_to(cloth, (*x.shape, 3))
    else:
        colour = np.broadcast_to(to_linear(face.hair) + 0.003, (*x.shape, 3))
    round_head = 0.75 + 0.35 * light.direction[0] * x - 0.25 * light.direction[1] * (-y - 0.9)
    crown = np.exp(-(((y + 1.45) / 0.22) ** 2)) * step(-1.0, 0.3, -np.abs(x))
    lit = np.clip(round_head, 0.25, 1.4) * np.exp(0.33 * strands) + 0.5 * crown
    arriving = 0.55 * np.array(light.key) + 0.75 * np.array(light.around)
    return np.asarray(colour * lit[..., None] * arriving, np.float32)
