"""Background, framing, foreground objects, the camera and its tone."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from seehear.avatars.person import FaceAppearance
from seehear.avatars.surface import Floats, Light, Plane, chin_y, smooth_noise, smoothstep, to_linear, to_picture

_SIZES = ((240, 240), (256, 256), (320, 240), (360, 288), (360, 288), (384, 288), (288, 360), (320, 320), (480, 360))


_WEIGHTS = np.array((2, 2, 2, 3, 3, 2, 1, 2, 1.5))


@dataclass(frozen=True, slots=True)
class Framing:
    """Frame size in pixels, and the head's usual position and size.

    Attributes:
        width, height: size of the frame, even.
        x, y: midpoint between the eyes.
        scale: distance between the eyes in a frontal view.
    """

    width: int
    height: int
    x: float
    y: float
    scale: float


def sample_frame_size(rng: np.random.Generator) -> tuple[int, int]:
    """Sample width and height of a frame, even, in pixels."""
    return _SIZES[int(rng.choice(len(_SIZES), p=_WEIGHTS / _WEIGHTS.sum()))]


def sample_framing(rng: np.random.Generator, size: tuple[int, int] | None = None) -> Framing:
    """Sample a framing from close-up to head and shoulders, optionally of a given size; the whole face is visible."""
    width, height = size or sample_frame_size(rng)
    scale = float(np.clip(np.exp(rng.normal(np.log(44), 0.25)), 29, min(72, width / 3.6, height / 4.6)))
    room_x = max(0.0, width / 2 - 1.75 * scale)
    x = width / 2 + rng.uniform(-0.7, 0.7) * room_x
    top, bottom = 1.75 * scale, height - 2.5 * scale
    y = rng.uniform(min(top, bottom), max(top, bottom)) if rng.random() < 0.5 else 0.42 * height
    return Framing(width, height, float(x), float(np.clip(y, min(top, bottom), max(top, bottom))), scale)


def render_background(rng: np.random.Generator, framing: Framing) -> Floats:
    """Render a wall, studio colour, blurred room or clutter, gamma-encoded 0..1, (height, width, 3)."""
    height, width = framing.height, framing.width
    plane = Plane(height / 2.0, -width / height, -1.0, width, height)
    kind = rng.choice(("wall", "studio", "room", "clutter"), p=(0.3, 0.2, 0.3, 0.2))
    if kind == "studio":
        colour = np.array(
            ((0.1, 0.6, 0.8), (0.15, 0.6, 0.25), (0.5, 0.5, 0.5), (0.85, 0.85, 0.85), (0.06, 0.06, 0.07))
        )[int(rng.integers(5))]
        picture = np.broadcast_to(colour * np.exp(rng.normal(0, 0.1, 3)), (height, width, 3)).astype(np.float32)
    elif kind == "wall":
        picture = (
            np.broadcast_to(_muted_colour(rng), (height, width, 3))
            * (1 + 0.04 * smooth_noise(rng, plane, 0.05, 3))[..., None]
        )
    elif kind == "room":
        picture = _room(rng, framing)
    else:
        picture = rng.uniform(0.2, 0.7) + 0.13 * np.dstack(
            [smooth_noise(rng, plane, rng.uniform(0.1, 0.6), 3) for _ in range(3)]
        )
        grey = picture.mean(-1, keepdims=True)
        picture = grey + rng.uniform(0.05, 0.4) * (picture - grey)
    slope = rng.normal(0, 0.18) * plane.grid[0] + rng.normal(0, 0.18) * plane.grid[1]
    picture = picture * (1 + slope)[..., None]
    return np.asarray(np.clip(picture, 0.01, 1.0), np.float32)


def _muted_colour(rng: np.random.Generator) -> Floats:
    grey = rng.uniform(0.15, 0.9)
    return np.asarray(np.clip(grey + rng.normal(0, 0.07, 3), 0.03, 1.0), np.float32)


def _room(rng: np.random.Generator, framing: Framing) -> Floats:
    """Out-of-focus rectangles of furniture, windows and lamps."""
    height, width = framing.height, framing.width
    picture = np.empty((height, width, 3), np.float32)
    picture[:] = _muted_colour(rng)
    for _ in range(int(rng.integers(4, 14))):
        x, y = rng.uniform(-0.2, 1.0) * width, rng.uniform(-0.2, 1.0) * height
        w, h = rng.uniform(0.05, 0.5) * width, rng.uniform(0.1, 0.8) * height
        colour = _muted_colour(rng) if rng.random() < 0.7 else np.asarray(rng.uniform(0, 1, 3), np.float32)
        cv2.rectangle(picture, (int(x), int(y)), (int(x + w), int(y + h)), colour.tolist(), -1)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 0.03 * width)), np.float32)


def render_body(
    rng: np.random.Generator, background: Floats, face: FaceAppearance, framing: Framing, light: Light
) -> Floats:
    """Render neck, shoulders and clothes over the background, in the same format."""
    plane = Plane(framing.scale, -framing.x / framing.scale, -framing.y / framing.scale, framing.width, framing.height)
    x, y = plane.grid
    chin = chin_y(face)
    soft = 1.2 / plane.scale
    neck_half = (0.60 + 0.10 * face.jaw) * face.width * (1 + 0.25 * smoothstep(chin + 0.1, chin + 0.9, y))
    shoulder = chin + rng.uniform(0.22, 0.48) + 0.16 * np.abs(x) + 0.10 * np.maximum(np.abs(x) - 1.6, 0) ** 2
    neck = smoothstep(-soft, soft, neck_half - np.abs(x)) * smoothstep(0.9, 1.0, y)
    irradiance = 0.5 * np.array(light.key) + 0.7 * np.array(light.around)
    shadow = 0.42 + 0.4 * smoothstep(chin - 0.05, chin + 0.5, y) + 0.25 * light.direction[0] * x
    shadow *= 1 - 0.35 * (np.abs(x) / 0.7).clip(0, 1.2) ** 2
    skin = to_linear(face.skin) * np.array((1.0, 0.92, 0.9)) * irradiance * shadow.clip(0.12, 1.2)[..., None]
    picture = background + neck[..., None] * (to_picture(skin.astype(np.float32)) - background)
    grey = rng.uniform(0.03, 0.9)
    cloth = to_linear(tuple(np.clip(grey + rng.normal(0, 0.16, 3), 0.02, 0.95)))
    folds = 0.85 + 0.14 * smooth_noise(rng, plane, (0.25, 0.5), 3) + 0.2 * light.direction[0] * np.tanh(x)
    stripes = 1 + rng.choice((0.0, 0.0, 0.0, 0.3)) * np.sign(np.sin(y * rng.uniform(15, 40)))
    collar = shoulder - rng.uniform(-0.35, 0.15) * np.exp(-((x / rng.uniform(0.35, 0.7)) ** 2))
    dressed = smoothstep(-soft, soft, y - collar)
    fabric = cloth * irradiance * np.clip(folds * stripes, 0.1, 1.6)[..., None]
    picture += dressed[..., None] * (to_picture(fabric.astype(np.float32)) - picture)
    return np.asarray(np.clip(picture, 0, 1), np.float32)


_NONE_SHARE = 0.92  # fraction of clips without foreground objects


def render_foreground(rng: np.random.Generator, framing: Framing, text: str) -> NDArray[np.uint8] | None:
    """Render objects in front of the head, premultiplied RGBA (height, width, 4); mostly None."""
    if rng.random() < _NONE_SHARE:
        return None
    plane = Plane(framing.scale, -framing.x / framing.scale, -framing.y / framing.scale, framing.width, framing.height)
    cover, colour = _microphone(rng, plane) if rng.random() < 0.6 else _caption(rng, plane, text)
    return np.asarray(np.dstack((colour * cover[..., None], cover)).clip(0, 1) * 255, np.uint8)


def _microphone(rng: np.random.Generator, plane: Plane) -> tuple[Floats, Floats]:
    """A microphone below the mouth; it may occlude the chin and a corner of the lower lip."""
    x, y = plane.grid
    at_x, at_y = rng.normal(0, 0.45), rng.uniform(1.55, 2.1)
    size, lean = rng.uniform(0.18, 0.34), rng.normal(0, 0.35)
    soft = 1.2 / plane.scale
    far = np.hypot(x - at_x, (y - at_y) / rng.uniform(0.9, 1.3))
    ball = smoothstep(-soft, soft, size - far)
    stick = smoothstep(-soft, soft, 0.10 - np.abs(x - at_x - lean * (y - at_y))) * smoothstep(at_y, at_y + 0.05, y)
    tone = rng.uniform(0.03, 0.5)
    mesh = 1 + 0.25 * np.sin(x * plane.scale * 1.6) * np.sin(y * plane.scale * 1.6)
    round_ = tone * mesh * (1.15 - 0.5 * (far / size).clip(0, 1) ** 2) * (1 - 0.3 * np.tanh(2 * (x - at_x)))
    grey = np.where(ball > 0.5, round_, 0.5 * tone * (1 - 0.5 * np.abs(x - at_x)))
    return np.maximum(ball, stick), np.repeat(grey[..., None], 3, 2).astype(np.float32)


def _caption(rng: np.random.Generator, plane: Plane, text: str) -> tuple[Floats, Floats]:
    """A caption with the spoken text in the lower part of the frame; characters missing in the font are dropped."""
    layer = np.zeros((plane.height, plane.width), np.uint8)
    letters = "".join(letter for letter in text if letter.isascii())[:36]
    origin = (int(rng.uniform(0, 0.3) * plane.width), int(rng.uniform(0.8, 0.97) * plane.height))
    size = float(rng.uniform(0.3, 0.5) * plane.height / 280)
    cv2.putText(layer, letters, origin, cv2.FONT_HERSHEY_DUPLEX, size, 255, 1, cv2.LINE_AA)
    colour = np.broadcast_to(np.array((1.0, 1.0, rng.choice((1.0, 0.2))), np.float32), (*layer.shape, 3))
    return np.asarray(layer / np.float32(255), np.float32), colour


@dataclass(frozen=True, slots=True)
class ColourTone:
    """Colour adjustment of gamma-encoded colours, 0..1.

    Attributes:
        gamma, contrast, brightness: parameters of the tone curve, applied in this order.
        saturation: 0 is grey, 1 leaves colours unchanged.
        red, blue: gains of the white balance.
    """

    gamma: float = 1.0
    contrast: float = 1.0
    brightness: float = 0.0
    saturation: float = 1.0
    red: float = 1.0
    blue: float = 1.0

    def __call__(self, picture: Floats) -> Floats:
        """Adjust the colours of a picture, (..., 3)."""
        grey = picture @ np.array((0.299, 0.587, 0.114), np.float32)
        colour = grey[..., None] + np.float32(self.saturation) * (picture - grey[..., None])
        curve = 0.5 + (np.clip(colour, 0, 1) ** self.gamma - 0.5) * self.contrast + self.brightness
        return np.asarray(np.clip(curve * np.array((self.red, 1.0, self.blue)), 0, 1), np.float32)


def sample_tone(rng: np.random.Generator) -> ColourTone:
    """Sample the tone of a camera; one in sixteen is black and white."""
    return ColourTone(
        gamma=float(np.exp(rng.normal(0, 0.13))),
        contrast=float(np.clip(rng.normal(1.0, 0.12), 0.65, 1.35)),
        brightness=float(rng.normal(0, 0.04)),
        saturation=0.0 if rng.random() < 0.06 else float(np.clip(rng.normal(0.85, 0.2), 0.2, 1.4)),
        red=float(np.exp(rng.normal(0, 0.05))),
        blue=float(np.exp(rng.normal(0, 0.07))),
    )


Picture = NDArray[np.uint8]


_GRAIN_TILE = 128


@dataclass(frozen=True, slots=True)
class Camera:
    """What a camera does to every frame of a clip.

    Attributes:
        tone: colour adjustment.
        blur: lens blur in pixels.
        sharpen: overshoot at edges, 0..1.
        noise: standard deviation of the sensor noise in grey levels.
        smear: weight of the previous frame (noise reduction of cheap cameras).
        enlarged: upscaling factor: frames are recorded smaller by it, >= 1.
        crf, preset: quality and speed of the x264 compression.
    """

    tone: ColourTone
    blur: float
    sharpen: float
    noise: float
    smear: float
    enlarged: float
    crf: int
    preset: str


def sample_camera(rng: np.random.Generator, framing: Framing) -> Camera:
    """Sample a camera, from a studio camera to a poor phone."""
    poor = rng.beta(1.3, 2.2)
    enlarged = float(rng.uniform(1.2, 1.9)) if rng.random() < 0.1 + 0.25 * poor else 1.0
    return Camera(
        tone=sample_tone(rng),
        blur=min(float(rng.gamma(1.2, 0.2 + 0.4 * poor)), 0.035 * framing.scale),
        sharpen=float(rng.uniform(0.2, 1.0)) if rng.random() < 0.35 else 0.0,
        noise=float(rng.gamma(1.3, 0.5 + 2.2 * poor)),
        smear=float(rng.uniform(0.1, 0.35)) if rng.random() < 0.12 + 0.2 * poor else 0.0,
        enlarged=min(enlarged, max(1.0, framing.scale / 23)),  # with fewer pixels a face is not recognisable
        crf=int(np.clip(round(rng.normal(22 + 6 * poor, 3.5)), 14, 36)),
        preset=str(rng.choice(("ultrafast", "superfast"))),
    )


def framing_before_upscaling(framing: Framing, camera: Camera) -> Framing:
    """The framing in the pixels of the camera, before upscaling."""
    factor = 1 / camera.enlarged
    size = round(framing.width * factor), round(framing.height * factor)
    return replace(
        framing, width=size[0], height=size[1], x=framing.x * factor, y=framing.y * factor, scale=framing.scale * factor
    )


@dataclass(frozen=True, slots=True)
class HeadPlacement:
    """Pose of the head in one frame: in-plane rotation (radians), shift in eye distances, and relative size."""

    roll: float
    x: float
    y: float
    near: float


class CameraPipeline:
    """Composes the frames of one clip in order.

    Args:
        rng: random source of the clip's frames.
        camera: the camera.
        framing: framing of the output.
        background: what is behind the head, in `framing_before_upscaling` pixels, tone-adjusted.
        prop: what is in front of it, premultiplied RGBA; often None.
    """

    def __init__(
        self, rng: np.random.Generator, camera: Camera, framing: Framing, background: Picture, prop: Picture | None
    ) -> None:
        self._camera, self._framing, self._rng = camera, framing, rng
        self._size = background.shape[1::-1]
        self._background = self._lens(background)
        self._prop = None if prop is None else self._lens(prop)
        self._previous: Picture | None = None
        self._grain = self._make_grain() if camera.noise > 0.5 else None

    def capture(self, over: Picture, corner: tuple[int, int]) -> Picture:
        """Compose one frame, RGB (height, width, 3).

        Args:
            over: the head, premultiplied RGBA, in `framing_before_upscaling` pixels.
            corner: its upper left pixel, (x, y).
        """
        camera = self._camera
        frame = self._background.copy()
        _blend(frame, self._lens(over), corner)
        if self._prop is not None:
            _blend(frame, self._prop, (0, 0))
        if camera.smear:
            if self._previous is not None:
                frame = cv2.addWeighted(frame, 1 - camera.smear, self._previous, camera.smear, 0)
            self._previous = frame
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
                cv2.insertChannel(picture[..., 3], sharp, 3)  # alpha is not sharpened
            picture = sharp
        return picture

    def _make_grain(self) -> Picture:
        """Noise around 128, larger than the frame: each frame uses a different part of it."""
        tile = (_GRAIN_TILE, _GRAIN_TILE)
        luma = cv2.GaussianBlur(self._rng.standard_normal(tile, np.float32), (0, 0), 0.5, borderType=cv2.BORDER_REFLECT)
        grain = 1.6 * luma[..., None] + 0.35 * self._rng.standard_normal((*tile, 3), np.float32)
        grain = np.asarray(np.clip(128.5 + self._camera.noise * grain, 0, 255), np.uint8)
        width, height = self._size
        return cv2.copyMakeBorder(grain, 0, height, 0, width, cv2.BORDER_WRAP)  # type: ignore[no-any-return]


def _kernel(sigma: float) -> tuple[int, int]:
    """Kernel size of a Gaussian blur; two standard deviations on either side are visually sufficient."""
    size = 2 * int(np.ceil(2 * sigma)) + 1
    return size, size


def _blend(frame: Picture, over: Picture, corner: tuple[int, int]) -> None:
    """Blend a premultiplied RGBA picture over a part of the frame."""
    x, y = corner
    under = frame[y : y + over.shape[0], x : x + over.shape[1]]
    transparency = cv2.bitwise_not(cv2.cvtColor(cv2.extractChannel(over, 3), cv2.COLOR_GRAY2RGB))
    behind = cv2.multiply(under, transparency, scale=1 / 255)
    cv2.add(behind, cv2.cvtColor(over, cv2.COLOR_RGBA2RGB), dst=behind)
    under[:] = behind


def placement_matrix(framing: Framing, scale: float, origin: tuple[float, float], place: HeadPlacement) -> Floats:
    """Affine map from a head's plane to the frame, (2, 3).

    ``scale`` and ``origin`` describe the plane: pixels per unit, and the pixel midway between the eyes.
    """
    zoom = framing.scale * place.near / scale
    cos, sin = zoom * np.cos(place.roll), zoom * np.sin(place.roll)
    x = framing.x + place.x * framing.scale
    y = framing.y + place.y * framing.scale
    ox, oy = origin
    return np.array([[cos, -sin, x - cos * ox + sin * oy], [sin, cos, y - sin * ox - cos * oy]], np.float32)
