"""Rendering of the mouth."""

from __future__ import annotations

import cv2
import numpy as np

from seehear.avatars.head import Head, beard_cover
from seehear.avatars.lips import HALF_WIDTH, LipOutline, MouthShape
from seehear.avatars.person import FaceAppearance, Person
from seehear.avatars.surface import NOSE_Y, Floats, Light, Numbers, mouth_y, shade, smoothstep, to_linear, to_picture

_ROWS, _COLUMNS = 32, 96  # size of each lip's texture


_TOOTH_WIDTHS = np.array((0.135, 0.104, 0.118, 0.108, 0.10))  # from the middle outwards: 8.5, 6.5, 7.5, 7, 6.5 mm


_LOWER_WIDTHS = np.array((0.084, 0.092, 0.108, 0.108, 0.10))


class MouthRenderer:
    """Renders the mouth of one person in one light, for any shape."""

    def __init__(self, person: Person, head: Head) -> None:
        self.person = person
        face = person.face
        middle = mouth_y(face)
        self.window, self.cut = head.plane.window(-0.80, 0.80, NOSE_Y - 0.02, middle + 0.75)
        self._columns, self._rows = self.window.columns, self.window.rows
        rng = np.random.default_rng([face.texture_seed, 21])
        self._lips = _lip_textures(head, rng)
        self._pursed = _lip_textures(head, rng, pursed=True)
        self._inside = _inside_light(head.light)
        self._teeth = 255 * head.tone(to_picture(to_linear(face.teeth) * self._inside * 0.95))
        self._tongue = 255 * head.tone(to_picture(to_linear((0.66, 0.34, 0.33)) * self._inside * 0.9))
        self._cavity = 255 * head.tone(to_picture(to_linear((0.22, 0.07, 0.06)) * self._inside * 0.45))
        self._upper_teeth = _tooth_row(face, self._columns, _TOOTH_WIDTHS, rng)
        self._lower_teeth = _tooth_row(face, self._columns, _LOWER_WIDTHS, rng)
        self._moustache = self._make_moustache(head)

    def _make_moustache(self, head: Head) -> tuple[Floats, Floats] | None:
        face = head.face
        if face.beard not in ("moustache", "goatee", "full") or face.beard_density < 0.45:
            return None
        rng = np.random.default_rng([face.texture_seed, 22])
        cover = beard_cover(face, head.plane, rng)[self.cut]
        hang = 0.07 * rng.random() * face.beard_density
        half = HALF_WIDTH * face.mouth_width
        ragged = 0.02 * rng.standard_normal(self.window.width, np.float32)
        lowest = mouth_y(face) - 0.10 * face.upper_lip + hang + ragged + 0.10 * (self._columns / half) ** 2
        below = smoothstep(-0.03, 0.03, lowest - self._rows) * smoothstep(
            -half * 1.25, -half * 0.9, -np.abs(self._columns)
        )
        colour = 255 * head.tone(to_picture(to_linear(face.hair) * self._inside * 1.4 + 0.003))
        return np.asarray(cover * below, np.float32), colour

    def render(self, skin: Floats, shape: MouthShape, lines: LipOutline) -> Floats:
        """Render the mouth over the skin of the window, float32 0..255, (height, width, 3).

        ``lines`` is the `lip_outline` of ``shape`` over the window's columns.
        """
        picture = self._with_shadows(skin, lines, shape)
        cut = self._around_lips(lines)
        near = lines.of(cut[1])
        self._draw_lips(picture[cut], self._rows[cut[0]], near, shape)
        if lines.up + lines.down > 0.004:
            self._draw_inside(picture[cut], self._rows[cut[0]], near, shape)
        return self._with_moustache(picture, lines)

    def _around_lips(self, lines: LipOutline) -> tuple[slice, slice]:
        """Rows and columns that contain the lips and the opening between them."""
        columns = np.flatnonzero(np.abs(lines.u) < 1.0)
        left, right = int(columns[0]), int(columns[-1]) + 1
        ends = np.array((lines.outer_upper[left:right].min(), lines.outer_lower[left:right].max()))
        top, bottom = np.clip((ends - self.window.top) * self.window.scale + (-2, 3), 0, self.window.height).astype(int)
        return slice(int(top), int(bottom)), slice(left, right)

    def _with_shadows(self, skin: Floats, lines: LipOutline, shape: MouthShape) -> Floats:
        """Darken below the lower lip, at the corners, and in the folds of a smile."""
        x, y = self._columns, self._rows
        inside = np.clip(1 - lines.u**2, 0.0, 1.0)
        under = y - lines.outer_lower
        dark = 0.17 * inside * np.exp(-(((under - 0.035) / 0.05) ** 2)) * (under > -0.1)
        side = np.abs(x)
        corner = (side - lines.half_width - 0.005) ** 2 + (y - lines.corner_y) ** 2
        dark += (0.16 + 0.14 * abs(shape.smile)) * np.exp(-corner / (2 * 0.032**2))
        if shape.smile > 0.05 or shape.wide > 0.3:
            depth = 0.20 * max(shape.smile, 0.0) + 0.05 * max(shape.wide, 0.0)
            fold = side - (lines.half_width + 0.10 - 0.9 * (lines.corner_y - y - 0.02) * 0.45)
            dark += depth * np.exp(-((fold / 0.035) ** 2)) * np.exp(-(((y - lines.corner_y + 0.08) / 0.15) ** 2))
        return np.asarray(skin * (1 - dark[..., None]), np.float32)

    def _draw_lips(self, picture: Floats, y: Floats, lines: LipOutline, shape: MouthShape) -> None:
        """Render the lips into a part of the window."""
        soft = max(1.0 / self.window.scale, 0.012 + 0.022 * max(0.0, 1.2 - self.person.face.lip_border))
        above = y < 0.5 * (lines.inner_upper + lines.inner_lower)
        from_edge = np.where(above, y - lines.outer_upper, lines.outer_lower - y)
        thick = np.where(above, lines.inner_upper - lines.outer_upper, lines.outer_lower - lines.inner_lower)
        cover = np.clip(from_edge * (0.5 / soft) + 0.5, 0.0, 1.0)
        cover *= np.minimum((1 - np.abs(lines.u)) * 10, 1.0)  # fade out towards the corners
        depth = np.clip(from_edge / np.maximum(thick, 1e-4), 0.0, 1.0)
        map_x = np.broadcast_to((lines.u * 0.5 + 0.5) * (_COLUMNS - 1), depth.shape).astype(np.float32)
        map_y = depth * (_ROWS - 1) + np.where(above, np.float32(0), np.float32(_ROWS))
        lip = cv2.remap(self._lips, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        purse = float(np.clip(shape.round - 0.2, 0.0, 0.8))
        if purse > 0.02:
            pursed = cv2.remap(self._pursed, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            lip = cv2.addWeighted(lip, 1 - purse, pursed, purse, 0)
        picture += cover[..., None] * (lip - picture)

    def _draw_inside(self, picture: Floats, y: Floats, lines: LipOutline, shape: MouthShape) -> None:
        """Render teeth, tongue and cavity between the lips, into a part of the window."""
        edge = self.window.scale * 0.8
        open_ = np.clip((y - lines.inner_upper) * edge + 0.5, 0, 1)
        open_ *= np.clip((lines.inner_lower - y) * edge + 0.5, 0, 1)
        rows = np.flatnonzero(open_.max(1) > 0)
        columns = np.flatnonzero(open_.max(0) > 0)
        if len(rows) and len(columns):
            cut = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
            inside = self._inside_picture(y[cut[0]], lines.of(cut[1]), shape)
            picture[cut] += open_[cut][..., None] * (inside - picture[cut])

    def _inside_picture(self, y: Floats, lines: LipOutline, shape: MouthShape) -> Floats:
        """Render teeth, tongue and cavity, without the lips."""
        face = self.person.face
        edge = self.window.scale * 0.8
        x, columns = lines.u * lines.half_width, self._columns_of(lines)
        top, bottom = lines.inner_upper, lines.inner_lower
        gap = lines.up + lines.down
        upper_edge = mouth_y(face) + 0.022 + face.tooth_show + self._upper_teeth[0][columns]
        lower_edge = mouth_y(face) + 0.012 - face.lower_show + lines.jaw * 0.95 - self._lower_teeth[0][columns]
        dark = self._cavity * np.float32(0.55 + 0.45 * min(gap / 0.2, 1.0))
        out: Numbers = np.broadcast_to(dark, (len(y), len(x), 3))
        out = self._with_tongue(out, x, y, shape, float(np.mean(upper_edge)), lines)
        corner = np.clip(1.02 - (np.abs(x) / (0.92 * lines.half_width)) ** 2.5, 0.12, 1.0)
        light = corner * (0.62 + 0.38 * min(gap / 0.14, 1.0))  # the sides and a narrow opening receive less light
        light = light * (1 - 0.45 * float(np.clip(shape.round, 0.0, 1.0)))  # and so does a mouth with protruded lips
        _, tone, present = (row[columns] for row in self._lower_teeth)
        under_lip = 0.80 - 0.35 * np.exp(-(bottom - y).clip(0) / 0.03)
        cover = np.clip((y - lower_edge) * edge + 0.5, 0, 1) * present
        out = out + cover[..., None] * (self._teeth * (tone * light * under_lip)[..., None] - out)
        _, tone, present = (row[columns] for row in self._upper_teeth)
        under_lip = 1 - 0.45 * np.exp(-(y - top).clip(0) / 0.028)
        cover = np.clip((upper_edge - y) * edge + 0.5, 0, 1) * present
        out = out + cover[..., None] * (self._teeth * (tone * light * under_lip)[..., None] - out)
        if shape.tip > 1.1:
            out = self._with_tip(out, x, y, shape, upper_edge)
        return np.asarray(out, np.float32)

    def _columns_of(self, lines: LipOutline) -> slice:
        """Columns of the window that the lines cover."""
        first = round((float(lines.u[0]) * lines.half_width - self.window.left) * self.window.scale)
        return slice(first, first + len(lines.u))

    def _with_tongue(
        self, out: Numbers, x: Floats, y: Floats, shape: MouthShape, upper_edge: float, lines: LipOutline
    ) -> Floats:
        floor = mouth_y(self.person.face) + 0.10 + lines.jaw
        lifted = floor - 0.13 - 0.17 * shape.tongue
        tip = float(np.clip(shape.tip, 0.0, 1.0)) ** 2
        top = lifted + tip * (min(upper_edge + 0.01, lifted) - lifted)
        half = 0.27 - 0.06 * tip
        surface = top + 0.10 * (x / half) ** 2
        cover = np.clip((y - surface) * self.window.scale * 0.5 + 0.5, 0, 1) * (np.abs(x) < half * 1.3)
        groove = 1 - 0.12 * np.exp(-((x / 0.03) ** 2)) * (1 - tip)
        deep = np.clip(0.45 + 2.2 * (y - surface), 0.35, 0.95) * groove * (0.65 + 0.35 * min(lines.down / 0.15, 1.0))
        return np.asarray(out + cover[..., None] * (self._tongue * deep[..., None] - out), np.float32)

    def _with_tip(self, out: Numbers, x: Floats, y: Floats, shape: MouthShape, upper_edge: Floats) -> Floats:
        """Render the tip of the tongue between the teeth."""
        reach = min((shape.tip - 1.1) / 0.3, 1.0)
        cover = np.clip((y - upper_edge + 0.02 * reach - 0.06 * (x / 0.2) ** 2) * self.window.scale * 0.6 + 0.5, 0, 1)
        cover = reach * cover * np.clip((0.22 - np.abs(x)) / 0.05, 0, 1)
        return np.asarray(out + cover[..., None] * (self._tongue * 0.95 - out), np.float32)

    def _with_moustache(self, picture: Floats, lines: LipOutline) -> Floats:
        if self._moustache is None:
            return picture
        cover, colour = self._moustache
        stretch = lines.half_width / (HALF_WIDTH * self.person.face.mouth_width)
        shift = -(lines.up * 0.8) * self.window.scale
        middle = (0.0 - self.window.left) * self.window.scale
        moved = np.array([[stretch, 0, middle * (1 - stretch)], [0, 1, shift]], np.float32)
        cover = cv2.warpAffine(cover, moved, (self.window.width, self.window.height))
        return np.asarray(picture + cover[..., None] * (colour - picture), np.float32)


def _inside_light(light: Light) -> Floats:
    """Irradiance of the front teeth."""
    front = 0.35 + 0.45 * max(light.direction[2], 0.0)
    return np.asarray(front * np.array(light.key) + 0.62 * np.array(light.around), np.float32)


def _tooth_row(
    face: FaceAppearance, x: Floats, widths: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """For each column: offset of the tooth's edge from the row's line, brightness, and whether there is a tooth."""
    edges = np.concatenate(([0.0], np.cumsum(widths))) * face.tooth_size
    number = np.clip(np.searchsorted(edges, np.abs(x), side="right") - 1, 0, len(widths) - 1)
    across = np.clip((np.abs(x) - edges[number]) / (edges[number + 1] - edges[number]), 0, 1)
    which = number + len(widths) * (x > 0)
    level = face.crooked * rng.normal(0, 0.014, 2 * len(widths)) - 0.012 * (
        np.arange(2 * len(widths)) % len(widths) == 1
    )
    tint = (
        1
        + rng.normal(0, 0.03 + 0.04 * face.crooked, 2 * len(widths))
        - 0.035 * (np.arange(2 * len(widths)) % len(widths))
    )
    rounded = -0.016 * np.abs(2 * across - 1) ** 3
    between = np.exp(-((np.minimum(across, 1 - across) * widths[number] / (0.010 + 0.012 * face.tooth_gap)) ** 2))
    shade_ = tint[which] * (1 - (0.30 + 0.45 * face.tooth_gap) * between) * (0.88 + 0.12 * np.sin(np.pi * across))
    present = np.abs(x) < edges[-1]
    return (
        np.asarray(level[which] + rounded, np.float32),
        np.asarray(shade_, np.float32),
        np.asarray(present, np.float32),
    )


def _lip_textures(head: Head, rng: np.random.Generator, *, pursed: bool = False) -> Floats:
    """Textures of upper and lower lip, each from its outer (first row) to its inner edge, 0..255, (2 * 32, 96, 3).

    Shaded as two rolls: the upper one faces down and is darker, the lower one faces up and has a highlight.
    """
    face, light = head.face, head.light
    u, t = np.meshgrid(np.linspace(-1, 1, _COLUMNS), np.linspace(0, 1, _ROWS))
    bulge = 1.5 if pursed else 1.0
    pictures = []
    for lip in (-1, 1):
        # slope of the roll along y, from the skin (t = 0) over the ridge to the inside (t = 1)
        tilt = lip * (0.95 * bulge * (1 - 2.1 * t**0.9) - 0.12)
        creases = 0.22 * np.sin(u * rng.uniform(30, 50) + 2.5 * np.sin(u * 7 + rng.uniform(0, 6))) * np.sin(np.pi * t)
        wrinkled = (0.35 + 0.5 * face.wrinkles + (1.0 if pursed else 0.0)) * creases * rng.uniform(0.2, 1.0)
        nx, ny = 0.85 * u * np.abs(u) + wrinkled, tilt
        length = 1 / np.sqrt(nx**2 + ny**2 + 1)
        blotch = 1 + 0.09 * cv2.resize(
            rng.standard_normal((5, 14), np.float32), (_COLUMNS, _ROWS), interpolation=cv2.INTER_CUBIC
        )
        colour = to_linear(face.lips) * blotch[..., None] * (1 + 0.05 * wrinkled[..., None])
        hollow = np.clip(1.04 - 0.72 * t**6 - 0.10 * (1 - t) ** 4, 0.2, 1.1)
        border = np.exp(-(((t - 0.04) / 0.07) ** 2)) * 0.10 * face.lip_border
        glossy = Light(
            light.direction, light.key, light.around, light.above, min(1.0, light.sheen * 0.6 + face.lip_gloss)
        )
        normal = tuple(np.asarray(part * length, np.float32) for part in (nx, ny, np.ones_like(u)))
        shading = shade(np.asarray(colour, np.float32), normal, np.asarray(hollow, np.float32), glossy)  # type: ignore[arg-type]
        wet = np.asarray(1 + 0.15 * np.exp(-(((t - 0.8) / 0.1) ** 2)))
        pictures.append(shading * (1 - border * (lip < 0) + 0.5 * border * (lip > 0))[..., None] * wet[..., None])
    picture = head.tone(to_picture(np.concatenate(pictures).astype(np.float32))) * 255
    return np.asarray(picture, np.float32)
