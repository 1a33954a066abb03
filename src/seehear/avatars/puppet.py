"""A head that moves: the still head warped by jaw, lips, brows and pose, with eyes and mouth drawn in."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from seehear.avatars.eyes import draw_eye, eye_windows
from seehear.avatars.head import Head
from seehear.avatars.lips import HALF_WIDTH, MouthShape, outline
from seehear.avatars.motion import Motion
from seehear.avatars.mouth import Mouth
from seehear.avatars.people import Person
from seehear.avatars.plane import Floats, pair, step
from seehear.avatars.relief import BROW_Y, NOSE_Y, chin_y, mouth_y

_AXIS = 0.35  # the head turns about a point this far behind the eyes, in units


class Puppet:
    """One person in one light, ready to be drawn in any expression and pose.

    Pictures are RGBA on the head's plane, uint8, with colours multiplied by the cover (alpha).
    """

    def __init__(self, person: Person, head: Head, *, yaw: float, pitch: float) -> None:
        self.person, self.head = person, head
        plane = head.plane
        self._still = _premultiplied(head)
        self._mouth = Mouth(person, head)
        self._x, self._y = (
            np.asarray(part, np.float32) for part in np.meshgrid(np.arange(plane.width), np.arange(plane.height))
        )
        self._fields = _fields(person, head)
        self._rest = np.stack((self._x, self._y), -1).reshape(-1).astype(np.float32)
        self._eyes: dict[tuple[int, int, int, int], NDArray[np.uint8]] = {}
        self._windows = eye_windows(plane)
        self._pose = (yaw, pitch)
        self._turned = _turning(head, yaw, pitch)
        delta = 0.05
        self._by_yaw = (_turning(head, yaw + delta, pitch) - self._turned) / delta
        self._by_pitch = (_turning(head, yaw, pitch + delta) - self._turned) / delta

    def draw(self, shape: MouthShape, motion: Motion, t: int) -> NDArray[np.uint8]:
        """The head at picture ``t``, (height, width, 4)."""
        picture = self._with_eyes(self._still, motion, t)
        picture = self._expressed(picture, shape, motion, t)
        cut = self._mouth.cut
        drawn = self._mouth.draw(picture[cut][..., :3].astype(np.float32), shape)
        alpha = picture[cut][..., 3:]
        picture[cut][..., :3] = np.minimum(drawn, alpha)
        return self._posed(picture, float(motion.yaw[t]), float(motion.pitch[t]))

    def _with_eyes(self, still: NDArray[np.uint8], motion: Motion, t: int) -> NDArray[np.uint8]:
        picture = still.copy()
        opening = round(float(np.clip(motion.lids[t], 0, 1.4)) * 8)
        look = round(float(motion.look_x[t]) / 0.012), round(float(motion.look_y[t]) / 0.012)
        for window, cut, side in self._windows:
            key = (side, opening, *look)
            if key not in self._eyes:
                skin = self.head.picture[cut]
                eye = draw_eye(
                    self.person.face, window, side, skin, self.head.light,
                    opening=opening / 8, look=(look[0] * 0.012, look[1] * 0.012),
                )  # fmt: skip
                self._eyes[key] = np.asarray(np.clip(eye * self.head.cover[cut][..., None], 0, 1) * 255, np.uint8)
            picture[cut][..., :3] = self._eyes[key]
        return picture

    def _expressed(self, picture: NDArray[np.uint8], shape: MouthShape, motion: Motion, t: int) -> NDArray[np.uint8]:
        """The skin drawn along by jaw, lips, smile and brows."""
        lines = outline(self.person.face, self.person.manner, shape, np.zeros(1, np.float32))
        wider = lines.half_width - HALF_WIDTH * self.person.face.mouth_width
        weights = np.array(
            (lines.jaw, lines.up, wider, shape.smile, motion.brow_inner[t], motion.brow_outer[t]), np.float32
        )
        flow = (self._rest - weights @ self._fields).reshape(*picture.shape[:2], 2)
        return cv2.remap(picture, flow, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)  # type: ignore[no-any-return]

    def _posed(self, picture: NDArray[np.uint8], yaw: float, pitch: float) -> NDArray[np.uint8]:
        flow = self._turned + (yaw - self._pose[0]) * self._by_yaw + (pitch - self._pose[1]) * self._by_pitch
        return cv2.remap(picture, flow, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)  # type: ignore[no-any-return]


def _premultiplied(head: Head) -> NDArray[np.uint8]:
    colours = np.clip(head.picture, 0, 1) * head.cover[..., None]
    return np.asarray(np.dstack((colours, head.cover)) * 255, np.uint8)


def _fields(person: Person, head: Head) -> Floats:
    """How far one unit of each part of the expression moves each pixel, in pixels, (6, pixels * 2: x, y, x, y, ...)."""
    face, plane = person.face, head.plane
    x, y = plane.grid
    side = np.abs(x)
    middle, chin = mouth_y(face), chin_y(face)
    zero = np.zeros_like(x)
    spread = 0.10 + 0.35 * step(0.38, 0.95, side)
    falls = step(middle + 0.04 - spread, middle + 0.06 + spread, y) * step(-1.10, -0.60, -side)
    jaw = falls * step(-chin - 0.55, -chin - 0.10, -y)
    up = -step(NOSE_Y + 0.02, middle - 0.10, y) * step(-middle - 0.12, -middle + 0.02, -y) * np.exp(-((x / 0.42) ** 4))
    corners = pair(x, y, (0.44, middle), (0.24, 0.22)) * np.sign(x) * np.clip(side / 0.2, 0, 1)
    smile_x = 0.05 * pair(x, y, (0.50, middle - 0.05), (0.20, 0.22)) * np.sign(x)
    smile_y = -0.07 * pair(x, y, (0.48, middle), (0.16, 0.20)) - 0.05 * pair(x, y, (0.62, 0.50), (0.22, 0.22))
    level = BROW_Y * face.brow_height
    inner = -0.075 * pair(x, y, (0.26, level - 0.03), (0.15, 0.15))
    outer = -0.07 * pair(x, y, (0.62, level - 0.05), (0.18, 0.15))
    pairs = ((zero, jaw), (zero, up), (corners, zero), (smile_x, smile_y), (zero, inner), (zero, outer))
    return np.stack([np.stack(field, -1).reshape(-1) for field in pairs]).astype(np.float32) * np.float32(plane.scale)


def _turning(head: Head, yaw: float, pitch: float) -> Floats:
    """Where on the frontal head each pixel of the turned head comes from, (height, width, 2) in pixels."""
    plane = head.plane
    x, y = plane.grid
    source_x, source_y = x, y
    cos_yaw, cos_pitch = np.cos(yaw), np.cos(pitch)
    for _ in range(4):
        at = ((source_x - plane.left) * plane.scale, (source_y - plane.top) * plane.scale)
        z = cv2.remap(head.height, at[0].astype(np.float32), at[1].astype(np.float32), cv2.INTER_LINEAR) - _AXIS
        source_x = (x - z * np.sin(yaw)) / cos_yaw
        source_y = (y - z * np.sin(pitch)) / cos_pitch
    flow = np.stack(((source_x - plane.left) * plane.scale, (source_y - plane.top) * plane.scale), -1)
    return cv2.GaussianBlur(flow, (0, 0), max(1.0, 0.03 * plane.scale)).astype(np.float32)  # type: ignore[no-any-return]
