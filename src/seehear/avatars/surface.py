"""Coordinate plane, relief and lighting of a face.

The origin is midway between the eyes; x points to the right of the frame, y down.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from seehear.avatars.person import FaceAppearance

Floats = NDArray[np.float32]


Numbers = NDArray[np.floating]


_Place = TypeVar("_Place", float, Floats)


LEFT, RIGHT, TOP, BOTTOM = -1.75, 1.75, -2.3, 2.5


@dataclass(frozen=True, slots=True)
class Plane:
    """A rectangle of the plane as a pixel grid.

    Attributes:
        scale: pixels per unit.
        left, top: coordinates of the first pixel.
        width, height: size in pixels.
    """

    scale: float
    left: float
    top: float
    width: int
    height: int

    @classmethod
    def of_head(cls, scale: float) -> Plane:
        """The rectangle that contains a head with its hair."""
        return cls(scale, LEFT, TOP, round((RIGHT - LEFT) * scale), round((BOTTOM - TOP) * scale))

    def window(self, left: float, right: float, top: float, bottom: float) -> tuple[Plane, tuple[slice, slice]]:
        """A part of the plane on the same pixels, and the slices (rows, columns) that select it."""
        x0, x1 = (int(np.clip(round((x - self.left) * self.scale), 0, self.width)) for x in (left, right))
        y0, y1 = (int(np.clip(round((y - self.top) * self.scale), 0, self.height)) for y in (top, bottom))
        part = Plane(self.scale, self.left + x0 / self.scale, self.top + y0 / self.scale, x1 - x0, y1 - y0)
        return part, (slice(y0, y1), slice(x0, x1))

    @property
    def columns(self) -> Floats:
        """x of each column, (width,)."""
        return (self.left + np.arange(self.width) / self.scale).astype(np.float32)

    @property
    def rows(self) -> Floats:
        """y of each row, (height, 1)."""
        return (self.top + np.arange(self.height)[:, None] / self.scale).astype(np.float32)

    @property
    def grid(self) -> tuple[Floats, Floats]:
        """x and y of each pixel, two arrays (height, width)."""
        x, y = np.broadcast_arrays(self.columns, self.rows)
        return np.ascontiguousarray(x), np.ascontiguousarray(y)

    def pixels(self, x: _Place, y: _Place) -> tuple[_Place, _Place]:
        """Pixel coordinates of a point, or of many."""
        return (x - self.left) * self.scale, (y - self.top) * self.scale


def smoothstep(low: float | Numbers, high: float | Numbers, x: Numbers) -> Floats:
    """0 below ``low``, 1 above ``high``, smooth in between."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), np.float32)


def bump(x: Floats, y: Floats, at: tuple[float, float], size: tuple[float, float]) -> Floats:
    """A Gaussian of height 1."""
    return np.exp(-0.5 * (((x - at[0]) / size[0]) ** 2 + ((y - at[1]) / size[1]) ** 2)).astype(np.float32)


def bump_pair(x: Floats, y: Floats, at: tuple[float, float], size: tuple[float, float]) -> Floats:
    """A Gaussian on either side of the face."""
    return np.exp(-0.5 * (((np.abs(x) - at[0]) / size[0]) ** 2 + ((y - at[1]) / size[1]) ** 2)).astype(np.float32)


def smooth_noise(
    rng: np.random.Generator, plane: Plane, grain: float | tuple[float, float], octaves: int = 1
) -> Floats:
    """Smooth noise with mean 0 and deviation of about 1; ``grain`` is the size of its spots in units (x, y)."""
    grain_x, grain_y = grain if isinstance(grain, tuple) else (grain, grain)
    total = np.zeros((plane.height, plane.width), np.float32)
    for octave in range(octaves):
        cells_x = max(2, round(plane.width / plane.scale / grain_x * 2**octave))
        cells_y = max(2, round(plane.height / plane.scale / grain_y * 2**octave))
        cells = rng.standard_normal((cells_y, cells_x), np.float32)  # same count at any scale: same texture per person
        total += cv2.resize(cells, (plane.width, plane.height), interpolation=cv2.INTER_CUBIC) * 0.6**octave
    return total * np.float32(1.25 / np.sqrt(sum(0.36**octave for octave in range(octaves))))


MOUTH_Y = 1.12


NOSE_Y = 0.77


BROW_Y = -0.31


_OUTLINE_Y = (-1.86, -1.82, -1.72, -1.5, -1.1, -0.6, -0.1, 0.3, 0.7, 1.05, 1.35, 1.58, 1.72, 1.80, 1.84)


_OUTLINE_X = (0.0, 0.26, 0.50, 0.76, 0.97, 1.06, 1.08, 1.06, 1.00, 0.91, 0.77, 0.57, 0.38, 0.20, 0.0)


def mouth_y(face: FaceAppearance) -> float:
    """y of the line between the lips."""
    return MOUTH_Y * (0.5 + 0.5 * face.length) + face.mouth_height


def chin_y(face: FaceAppearance) -> float:
    """y of the lowest point of the chin."""
    return 1.84 * face.length


def half_width(face: FaceAppearance, y: Floats) -> Floats:
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


def head_mask(face: FaceAppearance, plane: Plane) -> Floats:
    """1 inside the head without ears and hair, with a soft edge."""
    x, y = plane.grid
    edge = 1.2 / plane.scale
    inside = half_width(face, y) - np.abs(x)
    return np.asarray(
        smoothstep(-edge, edge, inside)
        * smoothstep(-1.86, -1.84, y)
        * smoothstep(-chin_y(face) - 0.02, -chin_y(face) + 0.01, -y),
        np.float32,
    )


def relief(face: FaceAppearance, plane: Plane) -> Floats:
    """Depth of the face towards the camera, in units, (height, width)."""
    x, y = plane.grid
    width = np.maximum(half_width(face, y), 0.05)
    across = np.clip(1 - (np.abs(x) / width) ** 2.5, 0.0, 1.0) ** 0.55
    forehead = np.sqrt(np.clip(1 - (np.minimum(y + 0.35, 0.0) / 1.52) ** 2, 0.0, 1.0))
    under = np.clip((chin_y(face) - y) / 0.22, 0.0, 1.0) ** 0.5
    z = 1.15 * across * forehead * (0.55 + 0.45 * under)
    return np.asarray(z + _eyes_and_brows(face, x, y) + _nose(face, x, y) + _lower_face(face, x, y), np.float32)


def _eyes_and_brows(face: FaceAppearance, x: Floats, y: Floats) -> Floats:
    ridge = 0.05 * face.brow_weight * bump_pair(x, y, (0.42, BROW_Y * face.brow_height), (0.36, 0.09))
    sockets = -0.13 * bump_pair(x, y, (0.47, -0.04), (0.24, 0.15))
    balls = 0.07 * bump_pair(x, y, (0.50, 0.0), (0.17, 0.11))
    bags = 0.018 * (0.4 + face.wrinkles) * bump_pair(x, y, (0.48, 0.24), (0.18, 0.045))
    return np.asarray(ridge + sockets + balls + bags)


def _nose(face: FaceAppearance, x: Floats, y: Floats) -> Floats:
    tip = NOSE_Y * face.nose_length
    along = smoothstep(-0.25, tip - 0.05, y) * smoothstep(-(tip + 0.10), -(tip - 0.05), -y)
    half = (0.085 + 0.075 * smoothstep(0.1, tip, y)) * face.nose_width
    bridge = (0.10 + 0.26 * smoothstep(-0.1, tip, y)) * along * np.exp(-0.5 * (x / half) ** 2) * face.nose_height
    ball = 0.10 * bump(x, y, (0.0, tip - 0.06), (0.12 * face.nose_width, 0.10)) * face.nose_height
    wings = 0.10 * bump_pair(x, y, (0.185 * face.nose_width, tip - 0.02), (0.06 * face.nose_width, 0.07))
    nostrils = -0.07 * bump_pair(x, y, (0.10 * face.nose_width, tip + 0.065), (0.045, 0.022))
    base = -0.05 * bump_pair(x, y, (0.27 * face.nose_width, tip), (0.05, 0.12))
    return np.asarray(bridge + ball + wings + nostrils + base)


def _lower_face(face: FaceAppearance, x: Floats, y: Floats) -> Floats:
    mouth = mouth_y(face)
    cheeks = 0.08 * face.cheeks * bump_pair(x, y, (0.62, 0.42), (0.26, 0.24))
    muzzle = 0.10 * bump(x, y, (0.0, mouth - 0.02), (0.40, 0.28))
    groove = -0.022 * bump(x, y, (0.0, mouth - 0.22), (0.045, 0.10))
    ridges = 0.012 * bump_pair(x, y, (0.085, mouth - 0.20), (0.03, 0.10))
    crease = -0.055 * bump(x, y, (0.0, mouth + 0.27), (0.30, 0.065))
    chin = 0.10 * face.chin * bump(x, y, (0.0, mouth + 0.53), (0.24, 0.17))
    corners = -0.03 * bump_pair(x, y, (0.44 * face.mouth_width, mouth + 0.01), (0.06, 0.06))
    return np.asarray(cheeks + muzzle + groove + ridges + crease + chin + corners)


GAMMA = 2.2
"""Pictures are gamma-encoded; light is added in linear values."""


_LUMA = np.array((0.2126, 0.7152, 0.0722), np.float32)


@dataclass(frozen=True, slots=True)
class Light:
    """A key light and ambient light.

    Attributes:
        direction: unit vector towards the key light; x right, y down, z to the camera.
        key: intensity of the key light in red, green, blue.
        around: intensity of the ambient light.
        above: how much more of it comes from above, 0..1.
        sheen: gloss of oily skin, 0..1.
    """

    direction: tuple[float, float, float]
    key: tuple[float, float, float]
    around: tuple[float, float, float]
    above: float
    sheen: float


def sample_light(rng: np.random.Generator, skin: tuple[float, float, float], *, yaw: float, pitch: float) -> Light:
    """Sample the light of any room or weather, relative to a head with this yaw and pitch (radians).

    Cameras expose for the face, which reduces the difference between skins, but not completely.
    """
    side = rng.normal(0, 0.7) - yaw
    up = rng.normal(0.45, 0.35) + pitch
    direction = np.array((np.sin(side) * np.cos(up), -np.sin(up), max(0.15, np.cos(side) * np.cos(up))))
    direction /= np.linalg.norm(direction)
    share = rng.beta(2.0, 2.0)  # of the key light in the total light
    level = (0.40 / float(to_linear(skin) @ _LUMA)) ** 0.45 * np.exp(rng.normal(0.0, 0.2))
    warm = rng.normal(0.0, 0.055)
    lamp = level * 1.35 * share * np.array((1 + warm, 1.0, 1 - warm))
    cool = rng.normal(0.0, 0.06)
    around = level * 1.0 * (1 - 0.85 * share) * np.array((1 + cool, 1.0, 1 - cool))
    return Light(
        tuple(direction.tolist()), tuple(lamp.tolist()), tuple(around.tolist()), rng.uniform(0.1, 0.7), rng.beta(1.5, 3)
    )


def slopes(height: Floats, scale: float) -> tuple[Floats, Floats, Floats]:
    """Normals (x, y, z) of a height map in units, with ``scale`` pixels per unit."""
    dy, dx = np.gradient(height, np.float32(1 / scale))
    length = 1 / np.sqrt(dx * dx + dy * dy + 1)
    return -dx * length, -dy * length, length


def shade(reflectance: Floats, normal: tuple[Floats, Floats, Floats], hollow: Floats, light: Light) -> Floats:
    """Compute the linear radiance of a surface.

    Args:
        reflectance: linear, (..., 3).
        normal: x, y, z, each (...).
        hollow: fraction of the ambient light that reaches the point, (...).
        light: the light.
    """
    nx, ny, nz = normal
    lx, ly, lz = light.direction
    facing = nx * lx + ny * ly + nz * lz
    sky = hollow * (1 - light.above * (0.5 + 0.5 * ny))
    half = np.array((lx, ly, lz + 1.0)) / np.linalg.norm((lx, ly, lz + 1.0))
    glance = np.maximum(nx * half[0] + ny * half[1] + nz * half[2], 0.0)
    shine = light.sheen * (0.20 * glance**14 + 0.25 * glance**48) * hollow
    out = np.empty_like(reflectance)
    for channel, wrap in enumerate((0.38, 0.27, 0.22)):  # subsurface scattering, strongest in red
        diffuse = np.maximum((facing + wrap) / (1 + wrap), 0.0) * (0.35 + 0.65 * hollow)
        irradiance = light.key[channel] * diffuse + light.around[channel] * sky
        out[..., channel] = reflectance[..., channel] * irradiance + 0.5 * shine * light.key[channel]
    return out


def to_linear(picture: Floats | tuple[float, float, float]) -> Floats:
    """Gamma-encoded 0..1 to linear."""
    return np.asarray(picture, np.float32) ** GAMMA


def to_picture(linear: Floats) -> Floats:
    """Linear to gamma-encoded 0..1, with a camera's soft shoulder instead of hard clipping."""
    encoded = np.maximum(linear, 0.0) ** (1 / GAMMA)
    return np.where(encoded < 0.8, encoded, 0.8 + 0.2 * np.tanh((encoded - 0.8) / 0.2)).astype(np.float32)
