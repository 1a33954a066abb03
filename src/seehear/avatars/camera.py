"""The camera: puts the head into the frame and adds what lenses, sensors and editors add."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from seehear.avatars.scene import Framing

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Camera:
    """What a camera does to every picture of a clip.

    Attributes:
        blur: of the lens, in pixels.
        sharpen: overshoot at edges, 0..1.
        noise: of the sensor, deviation in grey values.
        smear: share of the picture before that stays (noise reduction of cheap cameras).
        enlarged: the picture was filmed smaller by this factor and enlarged, >= 1.
        contrast, brightness, gamma, saturation: of the tone curve.
        balance: gains of red and blue.
        crf: quality of the compression.
    """

    blur: float
    sharpen: float
    noise: float
    smear: float
    enlarged: float
    contrast: float
    brightness: float
    gamma: float
    saturation: float
    balance: tuple[float, float]
    crf: int


def draw_camera(rng: np.random.Generator, framing: Framing) -> Camera:
    """From a studio camera to a poor phone."""
    poor = rng.beta(1.3, 2.2)
    enlarged = float(rng.uniform(1.2, 1.9)) if rng.random() < 0.1 + 0.25 * poor else 1.0
    return Camera(
        blur=float(rng.gamma(1.2, 0.2 + 0.4 * poor)),
        sharpen=float(rng.uniform(0.2, 1.0)) if rng.random() < 0.35 else 0.0,
        noise=float(rng.gamma(1.3, 0.5 + 2.2 * poor)),
        smear=float(rng.uniform(0.1, 0.35)) if rng.random() < 0.12 + 0.2 * poor else 0.0,
        enlarged=min(enlarged, max(1.0, framing.scale / 23)),
        contrast=float(np.clip(rng.normal(1.0, 0.12), 0.65, 1.35)),
        brightness=float(rng.normal(0, 0.04)),
        gamma=float(np.exp(rng.normal(0, 0.13))),
        saturation=float(0.0 if rng.random() < 0.06 else np.clip(rng.normal(0.95, 0.22), 0.2, 1.6)),
        balance=(float(np.exp(rng.normal(0, 0.06))), float(np.exp(rng.normal(0, 0.08)))),
        crf=int(np.clip(round(rng.normal(22 + 6 * poor, 3.5)), 14, 36)),
    )


class Film:
    """Takes the pictures of one clip, one after the other."""

    def __init__(self, rng: np.random.Generator, camera: Camera, framing: Framing, background: Picture) -> None:
        self._camera, self._framing, self._background = camera, framing, background
        self._rng = rng
        self._before: Picture | None = None
        self._tone = _tone_curves(camera)
        self._colour = _saturation_matrix(camera.saturation)
        self._grain = self._draw_grain()

    def _draw_grain(self) -> Picture:
        """Noise about 128, larger than the frame: each picture uses another part of it."""
        size = (self._framing.height + 64, self._framing.width + 64)
        luma = self._rng.standard_normal((*size, 1), np.float32)
        chroma = self._rng.standard_normal((*size, 3), np.float32)
        grain = cv2.GaussianBlur(luma, (0, 0), 0.5)[..., None] * 1.6 + 0.35 * chroma
        return np.asarray(np.clip(128 + self._camera.noise * grain, 0, 255), np.uint8)

    def take(self, head: Picture, plane_scale: float, origin: tuple[float, float], place: Placement) -> Picture:
        """The picture of a head (RGBA, colours multiplied by alpha) in the scene, RGB (height, width, 3).

        ``origin`` is the pixel of the head's plane that lies midway between the eyes.
        """
        camera, framing = self._camera, self._framing
        frame = self._background.copy()
        _paste(frame, head, _placing(framing, plane_scale, origin, place))
        if camera.enlarged > 1:
            small = (round(framing.width / camera.enlarged), round(framing.height / camera.enlarged))
            frame = cv2.resize(
                cv2.resize(frame, small, interpolation=cv2.INTER_AREA),
                (framing.width, framing.height), interpolation=cv2.INTER_LINEAR,
            )  # fmt: skip
        if camera.blur > 0.35:
            frame = cv2.GaussianBlur(frame, (0, 0), camera.blur)
        if camera.sharpen:
            frame = cv2.addWeighted(frame, 1 + camera.sharpen, cv2.GaussianBlur(frame, (0, 0), 1.2), -camera.sharpen, 0)
        if self._colour is not None:
            frame = cv2.transform(frame, self._colour)
        frame = cv2.LUT(frame, self._tone)
        if camera.smear:
            if self._before is not None:
                frame = cv2.addWeighted(frame, 1 - camera.smear, self._before, camera.smear, 0)
            self._before = frame
        if camera.noise > 0.5:
            y, x = (int(v) for v in self._rng.integers(0, 64, 2))
            frame = cv2.addWeighted(frame, 1, self._grain[y : y + framing.height, x : x + framing.width], 1, -128)
        return np.asarray(frame, np.uint8)


@dataclass(frozen=True, slots=True)
class Placement:
    """Of the head in one picture: turn in the picture's plane (radians), shift in eye distances, size."""

    roll: float
    x: float
    y: float
    near: float


def _placing(
    framing: Framing, plane_scale: float, origin: tuple[float, float], place: Placement
) -> NDArray[np.float64]:
    """The affine map from the head's plane to the frame, (2, 3)."""
    zoom = framing.scale * place.near / plane_scale
    cos, sin = zoom * np.cos(place.roll), zoom * np.sin(place.roll)
    x = framing.x + place.x * framing.scale
    y = framing.y + place.y * framing.scale
    ox, oy = origin
    return np.array([[cos, -sin, x - cos * ox + sin * oy], [sin, cos, y - sin * ox - cos * oy]])


def _paste(frame: Picture, head: Picture, placing: NDArray[np.float64]) -> None:
    """Lay the head over the frame, touching only the rectangle it can cover."""
    height, width = head.shape[:2]
    corners = placing @ np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]])
    x0, y0 = np.maximum(np.floor(corners.min(1)), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(corners.max(1)), (frame.shape[1], frame.shape[0])).astype(int)
    if x1 <= x0 or y1 <= y0:
        return
    moved = placing.copy()
    moved[:, 2] -= (x0, y0)
    over = cv2.warpAffine(head, moved, (int(x1 - x0), int(y1 - y0)), flags=cv2.INTER_LINEAR)
    alpha = cv2.cvtColor(over[..., 3], cv2.COLOR_GRAY2RGB)
    under = frame[y0:y1, x0:x1]
    through = cv2.multiply(under, cv2.bitwise_not(alpha), scale=1 / 255)
    cv2.add(through, np.ascontiguousarray(over[..., :3]), dst=through)
    frame[y0:y1, x0:x1] = through


def _tone_curves(camera: Camera) -> Picture:
    values = np.linspace(0, 1, 256) ** camera.gamma
    values = 0.5 + (values - 0.5) * camera.contrast + camera.brightness
    gains = np.array((camera.balance[0], 1.0, camera.balance[1]))
    return np.asarray(np.clip(values[:, None] * gains, 0, 1) * 255 + 0.5, np.uint8)[:, None, :]


def _saturation_matrix(saturation: float) -> NDArray[np.float32] | None:
    if abs(saturation - 1) < 0.03:
        return None
    grey = np.tile(np.array((0.299, 0.587, 0.114)), (3, 1))
    return np.asarray(grey + saturation * (np.eye(3) - grey), np.float32)
