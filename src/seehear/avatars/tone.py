"""The tone of a camera: what it makes of colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seehear.avatars.plane import Floats


@dataclass(frozen=True, slots=True)
class Tone:
    """Applied to gamma-coded colours, 0..1.

    Attributes:
        gamma, contrast, brightness: of the curve, in this order.
        saturation: 0 is grey, 1 leaves colours alone.
        red, blue: gains of the white balance.
    """

    gamma: float = 1.0
    contrast: float = 1.0
    brightness: float = 0.0
    saturation: float = 1.0
    red: float = 1.0
    blue: float = 1.0

    def __call__(self, picture: Floats) -> Floats:
        """The toned picture, (..., 3)."""
        grey = picture @ np.array((0.299, 0.587, 0.114), np.float32)
        colour = grey[..., None] + np.float32(self.saturation) * (picture - grey[..., None])
        curve = 0.5 + (np.clip(colour, 0, 1) ** self.gamma - 0.5) * self.contrast + self.brightness
        return np.asarray(np.clip(curve * np.array((self.red, 1.0, self.blue)), 0, 1), np.float32)


def draw_tone(rng: np.random.Generator) -> Tone:
    """Of any camera; one in sixteen is black and white."""
    return Tone(
        gamma=float(np.exp(rng.normal(0, 0.13))),
        contrast=float(np.clip(rng.normal(1.0, 0.12), 0.65, 1.35)),
        brightness=float(rng.normal(0, 0.04)),
        saturation=0.0 if rng.random() < 0.06 else float(np.clip(rng.normal(0.85, 0.2), 0.2, 1.4)),
        red=float(np.exp(rng.normal(0, 0.05))),
        blue=float(np.exp(rng.normal(0, 0.07))),
    )
