"""Rendering of a moving head."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from seehear.avatars.emotion import Motion
from seehear.avatars.head import Head
from seehear.avatars.lips import HALF_WIDTH, LipOutline, MouthShape, eye_windows, lip_outline, render_eye
from seehear.avatars.mouth import MouthRenderer
from seehear.avatars.person import Person
from seehear.avatars.surface import BROW_Y, NOSE_Y, Floats, Plane, bump_pair, chin_y, mouth_y, smoothstep

_AXIS = 0.35  # the head rotates about a point this far behind the eyes, in units


_COARSE = 4  # warps are smooth: they are computed on every 4th pixel and interpolated


_LIDS = 8  # number of lid positions that are rendered


_LOOK = 0.012  # quantisation of the gaze, in units


Rgba = NDArray[np.uint8]


class HeadRenderer:
    """Renders one person in one light with any expression and pose.

    Pictures are premultiplied RGBA, uint8.
    """

    def __init__(self, person: Person, head: Head, *, yaw: float, pitch: float) -> None:
        self.person, self.head = person, head
        self._still = _premultiplied(head)
        self._mouth = MouthRenderer(person, head)
        self._windows = eye_windows(head.plane)
        self._eyes: dict[tuple[int, int, int, int], Rgba] = {}
        self._coarse = _coarse_plane(head.plane)
        x, y = np.meshgrid(np.arange(self._coarse.width), np.arange(self._coarse.height))
        self._rest = (np.stack((x, y), -1) * _COARSE + 0.5 * (_COARSE - 1)).reshape(-1).astype(np.float32)
        self._fields = _fields(person, head, self._coarse)
        self._pose = (yaw, pitch)
        delta = 0.05
        self._turned = _rotation_flow(head, self._coarse, yaw, pitch)
        self._by_yaw = (_rotation_flow(head, self._coarse, yaw + delta, pitch) - self._turned) / delta
        self._by_pitch = (_rotation_flow(head, self._coarse, yaw, pitch + delta) - self._turned) / delta

    def render(
        self, shape: MouthShape, motion: Motion, t: int, place: Floats, size: tuple[int, int]
    ) -> tuple[Rgba, tuple[int, int]]:
        """Render the head at frame ``t``.

        Args:
            shape: shape of the mouth.
            motion: motion of the head.
            t: index of the frame.
            place: affine map from the head's plane to the frame, (2, 3).
            size: size of the frame, (width, height).

        Returns:
            The part of the frame that the head can cover, RGBA (height, width, 4), and its upper left pixel (x, y).
        """
        lines = lip_outline(self.person.face, self.person.manner, shape, self._mouth.window.columns)
        picture = self._deform(self._with_eyes(motion, t), lines, shape, motion, t)
        cut = self._mouth.cut
        drawn = self._mouth.render(picture[cut][..., :3].astype(np.float32), shape, lines)
        picture[cut][..., :3] = np.minimum(drawn, picture[cut][..., 3:])
        return self._pose_in_frame(picture, motion, t, place, size)

    def _with_eyes(self, motion: Motion, t: int) -> Rgba:
        picture = self._still.copy()
        opening = round(float(np.clip(motion.lids[t], 0, 1.4)) * _LIDS)
        look = round(float(motion.look_x[t]) / _LOOK), round(float(motion.look_y[t]) / _LOOK)
        for window, cut, side in self._windows:
            key = (side, opening, *look)
            if key not in self._eyes:
                direction = (look[0] * _LOOK, look[1] * _LOOK)
                eye = render_eye(self.head, window, cut, side, opening=opening / _LIDS, look=direction)
                self._eyes[key] = np.asarray(np.clip(eye * self.head.cover[cut][..., None], 0, 1) * 255, np.uint8)
            picture[cut][..., :3] = self._eyes[key]
        return picture

    def _deform(self, picture: Rgba, lines: LipOutline, shape: MouthShape, motion: Motion, t: int) -> Rgba:
        """Deform the skin by jaw, lips, smile and brows."""
        wider = lines.half_width - HALF_WIDTH * self.person.face.mouth_width
        weights = np.array(
            (lines.jaw, lines.up, wider, shape.smile, motion.brow_inner[t], motion.brow_outer[t]), np.float32
        )
        flow = (self._rest - weights @ self._fields).reshape(self._coarse.height, self._coarse.width, 2)
        return _remap(picture, _upsample(flow, self.head.plane))

    def _pose_in_frame(
        self, picture: Rgba, motion: Motion, t: int, place: Floats, size: tuple[int, int]
    ) -> tuple[Rgba, tuple[int, int]]:
        """Rotate the head and place it in the frame in a single warp, as each warp reduces sharpness."""
        left, top, right, bottom = _bounds(place, self.head.plane, size)
        yaw, pitch = float(motion.yaw[t]) - self._pose[0], float(motion.pitch[t]) - self._pose[1]
        turned = self._turned + yaw * self._by_yaw + pitch * self._by_pitch
        back = cv2.invertAffineTransform(place)
        # pixel centres of a coarse grid over the part of the frame, in pixels of the coarse plane
        columns, rows = -(-(right - left) // _COARSE), -(-(bottom - top) // _COARSE)
        half = 0.5 * (_COARSE - 1)
        to_frame = np.array([[_COARSE, 0, left + half], [0, _COARSE, top + half], [0, 0, 1]])
        from_plane = np.array([[1 / _COARSE, 0, -half / _COARSE], [0, 1 / _COARSE, -half / _COARSE], [0, 0, 1]])
        grid = (from_plane @ np.vstack((back, (0, 0, 1))) @ to_frame)[:2]
        flow = cv2.warpAffine(
            turned,
            grid,
            (columns, rows),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        full = cv2.resize(flow, (columns * _COARSE, rows * _COARSE), interpolation=cv2.INTER_LINEAR)
        return _remap(picture, full[: bottom - top, : right - left]), (left, top)


def _remap(picture: Rgba, flow: Floats) -> Rgba:
    return cv2.remap(picture, flow, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)  # type: ignore[no-any-return]


def _premultiplied(head: Head) -> Rgba:
    colours = np.clip(head.picture, 0, 1) * head.cover[..., None]
    return np.asarray(np.dstack((colours, head.cover)) * 255, np.uint8)


def _coarse_plane(plane: Plane) -> Plane:
    """The same rectangle with one pixel for every 4 x 4 of the plane."""
    half = 0.5 * (_COARSE - 1) / plane.scale
    width, height = -(-plane.width // _COARSE), -(-plane.height // _COARSE)
    return Plane(plane.scale / _COARSE, plane.left + half, plane.top + half, width, height)


def _upsample(flow: Floats, plane: Plane) -> Floats:
    """Upsample from the coarse plane to the plane."""
    size = (flow.shape[1] * _COARSE, flow.shape[0] * _COARSE)
    return np.asarray(cv2.resize(flow, size, interpolation=cv2.INTER_LINEAR)[: plane.height, : plane.width])


def _bounds(place: Floats, plane: Plane, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The rectangle (left, top, right, bottom) of the frame that the placed plane can cover; never empty."""
    across, along = place[:, 0] * plane.width, place[:, 1] * plane.height
    low = place[:, 2] + np.minimum(across, 0) + np.minimum(along, 0)
    high = place[:, 2] + np.maximum(across, 0) + np.maximum(along, 0)
    left, top = (min(max(int(edge), 0), end - 1) for edge, end in zip(low, size, strict=True))
    right, bottom = (min(max(int(edge) + 1, 1), end) for edge, end in zip(high, size, strict=True))
    return left, top, max(right, left + 1), max(bottom, top + 1)


def _fields(person: Person, head: Head, plane: Plane) -> Floats:
    """Displacement of each pixel of ``plane`` per unit of each part of the expression, in pixels of the head's plane.

    (6, pixels * 2: x, y, x, y, ...); the parts are jaw, upper lip, width, smile, inner and outer brow.
    """
    face = person.face
    x, y = plane.grid
    side = np.abs(x)
    middle, chin = mouth_y(face), chin_y(face)
    zero = np.zeros_like(x)
    spread = 0.10 + 0.35 * smoothstep(0.38, 0.95, side)
    drop = smoothstep(middle + 0.04 - spread, middle + 0.06 + spread, y) * smoothstep(-1.10, -0.60, -side)
    jaw = drop * smoothstep(-chin - 0.55, -chin - 0.10, -y)
    up = (
        -smoothstep(NOSE_Y + 0.02, middle - 0.10, y)
        * smoothstep(-middle - 0.12, -middle + 0.02, -y)
        * np.exp(-((x / 0.42) ** 4))
    )
    corners = bump_pair(x, y, (0.44, middle), (0.24, 0.22)) * np.sign(x) * np.clip(side / 0.2, 0, 1)
    smile_x = 0.05 * bump_pair(x, y, (0.50, middle - 0.05), (0.20, 0.22)) * np.sign(x)
    smile_y = -0.07 * bump_pair(x, y, (0.48, middle), (0.16, 0.20)) - 0.05 * bump_pair(x, y, (0.62, 0.50), (0.22, 0.22))
    level = BROW_Y * face.brow_height
    inner = -0.075 * bump_pair(x, y, (0.26, level - 0.03), (0.15, 0.15))
    outer = -0.07 * bump_pair(x, y, (0.62, level - 0.05), (0.18, 0.15))
    pairs = ((zero, jaw), (zero, up), (corners, zero), (smile_x, smile_y), (zero, inner), (zero, outer))
    return np.stack([np.stack(field, -1).reshape(-1) for field in pairs]).astype(np.float32) * np.float32(
        head.plane.scale
    )


def _rotation_flow(head: Head, plane: Plane, yaw: float, pitch: float) -> Floats:
    """Position on the frontal head that each pixel of the rotated head comes from.

    For the pixels of ``plane``, in pixels of the head's plane, (height, width, 2).
    """
    x, y = plane.grid
    source_x, source_y = x, y
    cos_yaw, cos_pitch = np.cos(yaw), np.cos(pitch)
    for _ in range(4):  # the source depends on the height at the source: fixed-point iteration
        at = [np.asarray(part, np.float32) for part in head.plane.pixels(source_x, source_y)]
        z = cv2.remap(head.height, at[0], at[1], cv2.INTER_LINEAR) - _AXIS
        source_x = (x - z * np.sin(yaw)) / cos_yaw
        source_y = (y - z * np.sin(pitch)) / cos_pitch
    flow = np.stack(head.plane.pixels(source_x, source_y), -1)
    return cv2.GaussianBlur(flow, (0, 0), max(0.6, 0.03 * plane.scale)).astype(np.float32)  # type: ignore[no-any-return]
