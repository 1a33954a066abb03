"""Light on surfaces: what colour a surface of given slope and reflectance shows to the camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seehear.avatars.plane import Floats

GAMMA = 2.2
"""Pictures are gamma-coded; light adds up in linear values."""
_LUMA = np.array((0.2126, 0.7152, 0.0722), np.float32)


@dataclass(frozen=True, slots=True)
class Light:
    """One lamp and the light from all around.

    Attributes:
        direction: unit vector towards the lamp; x right, y down, z to the camera.
        key: strength of the lamp for red, green, blue.
        around: strength of the light from all around.
        above: how much more of it comes from above, 0..1.
        sheen: shine of oily skin, 0..1.
    """

    direction: tuple[float, float, float]
    key: tuple[float, float, float]
    around: tuple[float, float, float]
    above: float
    sheen: float


def draw_light(rng: np.random.Generator, skin: tuple[float, float, float], *, yaw: float, pitch: float) -> Light:
    """A light of any room or weather, as seen from a head turned by yaw and pitch (radians).

    Cameras expose for the face: most of the difference between skins is evened out, but not all.
    """
    side = rng.normal(0, 0.7) - yaw
    up = rng.normal(0.45, 0.35) + pitch
    direction = np.array((np.sin(side) * np.cos(up), -np.sin(up), max(0.15, np.cos(side) * np.cos(up))))
    direction /= np.linalg.norm(direction)
    share = rng.beta(2.0, 2.0)  # of the lamp in the whole light
    level = (0.40 / float(to_linear(skin) @ _LUMA)) ** 0.45 * np.exp(rng.normal(0.0, 0.2))
    warm = rng.normal(0.0, 0.055)
    lamp = level * 1.35 * share * np.array((1 + warm, 1.0, 1 - warm))
    cool = rng.normal(0.0, 0.06)
    around = level * 1.0 * (1 - 0.85 * share) * np.array((1 + cool, 1.0, 1 - cool))
    return Light(
        tuple(direction.tolist()), tuple(lamp.tolist()), tuple(around.tolist()), rng.uniform(0.1, 0.7), rng.beta(1.5, 3)
    )


def slopes(height: Floats, scale: float) -> tuple[Floats, Floats, Floats]:
    """Normals (x, y, z) of a height map given in units, ``scale`` pixels to the unit."""
    dy, dx = np.gradient(height, np.float32(1 / scale))
    length = 1 / np.sqrt(dx * dx + dy * dy + 1)
    return -dx * length, -dy * length, length


def shade(reflectance: Floats, normal: tuple[Floats, Floats, Floats], hollow: Floats, light: Light) -> Floats:
    """Linear light from a surface.

    Args:
        reflectance: linear, (..., 3).
        normal: x, y, z, each (...).
        hollow: share of the light from all around that reaches the place, (...).
    """
    nx, ny, nz = normal
    lx, ly, lz = light.direction
    facing = nx * lx + ny * ly + nz * lz
    sky = hollow * (1 - light.above * (0.5 + 0.5 * ny))
    half = np.array((lx, ly, lz + 1.0)) / np.linalg.norm((lx, ly, lz + 1.0))
    glance = np.maximum(nx * half[0] + ny * half[1] + nz * half[2], 0.0)
    shine = light.sheen * (0.20 * glance**14 + 0.25 * glance**48) * hollow
    out = np.empty_like(reflectance)
    for channel, wrap in enumerate((0.38, 0.27, 0.22)):  # light spreads under the skin, red furthest
        lit = np.maximum((facing + wrap) / (1 + wrap), 0.0) * (0.35 + 0.65 * hollow)
        arriving = light.key[channel] * lit + light.around[channel] * sky
        out[..., channel] = reflectance[..., channel] * arriving + 0.5 * shine * light.key[channel]
    return out


def to_linear(picture: Floats | tuple[float, float, float]) -> Floats:
    """Gamma-coded 0..1 to linear."""
    return np.asarray(picture, np.float32) ** GAMMA


def to_picture(linear: Floats) -> Floats:
    """Linear light to gamma-coded 0..1, with the soft shoulder of a camera instead of hard clipping."""
    coded = np.maximum(linear, 0.0) ** (1 / GAMMA)
    return np.where(coded < 0.8, coded, 0.8 + 0.2 * np.tanh((coded - 0.8) / 0.2)).astype(np.float32)
