"""The camera: puts the head into the frame and adds what lenses, sensors and editors add."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from seehear.avatars.plane import Floats
from seehear.avatars.scene import Framing
from seehear.avatars.tone import Tone, draw_tone

Picture = NDArray[np.uint8]
_GRAIN_TILE = 128


@dataclass(frozen=True, slots=True)
class Camera:
    """What a camera does to every picture of a clip.

    Attributes:
        tone: of its colours.
        blur: of the lens, in pixels.
        sharpen: overshoot at edges, 0..1.
        noise: of the sensor, deviation in grey values.
        smear: share of the picture before that stays (noise reduction of cheap cameras).
        enlarged: the picture is filmed smaller by this factor and enlarged, >= 1.
        crf, preset: quality and care of the compression (x264).
    """

    tone: Tone
    blur: float
    sharpen: float
    noise: float
    smear: float
    enlarged: float
    crf: int
    preset: str


def draw_camera(rng: np.random.Generator, framing: Framing) -> Camera:
    """From a studio camera to a poor phone."""
    poor = rng.beta(1.3, 2.2)
    enlarged = float(rng.uniform(1.2, 1.9)) if rng.random() < 0.1 + 0.25 * poor else 1.0
    return Camera(
        tone=draw_tone(rng),
        blur=min(float(rng.gamma(1.2, 0.2 + 0.4 * poor)), 0.035 * framing.scale),
        sharpen=float(rng.uniform(0.2, 1.0)) if rng.random() < 0.35 else 0.0,
        noise=float(rng.gamma(1.3, 0.5 + 2.2 * poor)),
        smear=float(rng.uniform(0.1, 0.35)) if rng.random() < 0.12 + 0.2 * poor else 0.0,
        enlarged=min(enlarged, max(1.0, framing.scale / 23)),  # fewer pixels than this are no face any more
        crf=int(np.clip(round(rng.normal(22 + 6 * poor, 3.5)), 14, 36)),
        preset=str(rng.choice(("ultrafast", "superfast"))),
    )


def filmed(framing: Framing, camera: Camera) -> Framing:
    """The framing in the pixels that the camera films before the picture is enlarged."""
    by = 1 / camera.enlarged
    size = round(framing.width * by), round(framing.height * by)
    return replace(framing, width=size[0], height=size[1], x=framing.x * by, y=framing.y * by, scale=framing.scale * by)


@dataclass(frozen=True, slots=True)
class Placement:
    """Of the head in one picture: turn in the picture's plane (radians), shift in eye distances, size."""

    roll: float
    x: float
    y: float
    near: float


class Film:
    """Takes the pictures of one clip, one after the other.

    Args:
        rng: of the clip's pictures.
        camera: that films.
        framing: of the pictures as they come out.
        background: what is behind the head in `filmed` pixels, toned.
        prop: what is in front of it, RGBA with colours multiplied by alpha; often nothing.
    """

    def __init__(
        self, rng: np.random.Generator, camera: Camera, framing: Framing, background: Picture, prop: Picture | None
    ) -> None:
        self._camera, self._framing, self._rng = camera, framing, rng
        self._size = background.shape[1::-1]
        self._background = self._lens(background)
        self._prop = None if prop is None else self._lens(prop)
        self._before: Picture | None = None
        self._grain = self._draw_grain() if camera.noise > 0.5 else None

    def take(self, over: Picture, corner: tuple[int, int]) -> Picture:
        """One picture, RGB (height, width, 3).

        Args:
            over: the head, RGBA with colours multiplied by alpha, in `filmed` pixels.
            corner: its upper left pixel, (x, y).
        """
        camera = self._camera
        frame = self._background.copy()
        _lay(frame, self._lens(over), corner)
        if self._prop is not None:
            _lay(frame, self._prop, (0, 0))
        if camera.smear:
            if self._before is not None:
                frame = cv2.addWeighted(frame, 1 - camera.smear, self._before, camera.smear, 0)
            self._before = frame
        if self._grain is not None:
            width, height = self._size
            y, x = (int(at) for at in self._rng.integers(0, _GRAIN_TILE, 2))
            frame = cv2.addWeighted(frame, 1, self._grain[y : y + height, x : x + width], 1, -128)
        if camera.enlarged > 1:
            frame = cv2.resize(frame, (self._framing.width, self._framing.height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(frame, np.uint8)

    def _lens(self, picture: Picture) -> Picture:
        camera = self._camera
        if camera.blur > 0.35:
            picture = cv2.GaussianBlur(picture, _kernel(camera.blur), camera.blur)
        if camera.sharpen:
            soft = cv2.GaussianBlur(picture, _kernel(1.2), 1.2)
            sharp = cv2.addWeighted(picture, 1 + camera.sharpen, soft, -camera.sharpen, 0)
            if picture.shape[2] == 4:
                cv2.insertChannel(picture[..., 3], sharp, 3)  # the outline stays as it is
            picture = sharp
        return picture

    def _draw_grain(self) -> Picture:
        """Noise about 128, larger than the frame: each picture uses another part of it."""
        tile = (_GRAIN_TILE, _GRAIN_TILE)
        luma = cv2.GaussianBlur(self._rng.standard_normal(tile, np.float32), (0, 0), 0.5, borderType=cv2.BORDER_REFLECT)
        grain = 1.6 * luma[..., None] + 0.35 * self._rng.standard_normal((*tile, 3), np.float32)
        grain = np.asarray(np.clip(128.5 + self._camera.noise * grain, 0, 255), np.uint8)
        width, height = self._size
        return cv2.copyMakeBorder(grain, 0, height, 0, width, cv2.BORDER_WRAP)  # type: ignore[no-any-return]


def _kernel(sigma: float) -> tuple[int, int]:
    """Twice the deviation on either side is enough for the eye."""
    size = 2 * int(np.ceil(2 * sigma)) + 1
    return size, size


def _lay(frame: Picture, over: Picture, corner: tuple[int, int]) -> None:
    """Lay a picture with alpha over a part of the frame."""
    x, y = corner
    under = frame[y : y + over.shape[0], x : x + over.shape[1]]
    through = cv2.bitwise_not(cv2.cvtColor(cv2.extractChannel(over, 3), cv2.COLOR_GRAY2RGB))
    behind = cv2.multiply(under, through, scale=1 / 255)
    cv2.add(behind, cv2.cvtColor(over, cv2.COLOR_RGBA2RGB), dst=behind)
    under[:] = behind


def placing(framing: Framing, scale: float, origin: tuple[float, float], place: Placement) -> Floats:
    """The affine map from a head's plane to the frame, (2, 3).

    ``scale`` and ``origin`` are of the plane: pixels in a unit, and the pixel midway between the eyes.
    """
    zoom = framing.scale * place.near / scale
    cos, sin = zoom * np.cos(place.roll), zoom * np.sin(place.roll)
    x = framing.x + place.x * framing.scale
    y = framing.y + place.y * framing.scale
    ox, oy = origin
    return np.array([[cos, -sin, x - cos * ox + sin * oy], [sin, cos, y - sin * ox - cos * oy]], np.float32)
