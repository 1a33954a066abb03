"""What is drawn is where the detector looks for it, and moves as the shape says."""

from pathlib import Path

import numpy as np
import pytest

from seehear.avatars.camera import ColourTone, Framing, HeadPlacement, placement_matrix
from seehear.avatars.emotion import EMOTIONS, Motion, sample_motion
from seehear.avatars.head import render_head
from seehear.avatars.lips import MouthShape, lip_outline
from seehear.avatars.person import Person, sample_person
from seehear.avatars.renderer import HeadRenderer
from seehear.avatars.surface import sample_light
from seehear.media.face_detector import load_detector

FRAMING = Framing(width=240, height=260, x=120.0, y=110.0, scale=48.0)
REST = MouthShape(jaw=0, upper=0, lower=0, wide=0, round=0, tongue=0.4, tip=0.1, press=0, tuck=0)
OPEN = MouthShape(jaw=0.9, upper=0.2, lower=0.4, wide=0, round=0, tongue=0.2, tip=0.1, press=0, tuck=0)


def still(person: Person) -> Motion:
    """A second without any movement, eyes open, looking into the camera."""
    nothing = np.zeros(25, np.float32)
    motion = sample_motion(np.random.default_rng(0), person.manner, EMOTIONS["neutral"], nothing, nothing, nothing)
    for name in ("yaw", "pitch", "roll", "look_x", "look_y", "brow_inner", "brow_outer", "smile"):
        getattr(motion, name)[:] = 0
    motion.lids[:] = 1
    return motion


def draw(person: Person, shape: MouthShape) -> np.ndarray:
    """RGB picture of a person seen from the front."""
    light = sample_light(np.random.default_rng(person.number), person.face.skin, yaw=0, pitch=0)
    head = render_head(person.face, light, ColourTone(), FRAMING.scale)
    place = placement_matrix(FRAMING, head.plane.scale, head.plane.pixels(0.0, 0.0), HeadPlacement(0, 0, 0, 1))
    puppet = HeadRenderer(person, head, yaw=0.0, pitch=0.0)
    over, (x, y) = puppet.render(shape, still(person), 0, place, (FRAMING.width, FRAMING.height))
    frame = np.full((FRAMING.height, FRAMING.width, 3), 110.0)
    alpha = over[..., 3:] / 255
    part = frame[y : y + over.shape[0], x : x + over.shape[1]]
    part[:] = over[..., :3] + part * (1 - alpha)
    return frame.astype(np.uint8)


@pytest.mark.parametrize("shape", [REST, OPEN])
def test_the_detector_finds_eyes_and_mouth_corners_where_they_are_drawn(shape: MouthShape, shared: Path) -> None:
    detector = load_detector(path=shared / "models" / "yunet_n_640_640.onnx")
    away = []
    for number in range(16):
        person = sample_person(2, number)
        (face,) = detector(np.ascontiguousarray(draw(person, shape)[..., ::-1]))
        lines = lip_outline(person.face, person.manner, shape, np.zeros(1, np.float32))
        drawn = [(-0.5, 0), (0.5, 0), (-lines.half_width, lines.corner_y), (lines.half_width, lines.corner_y)]
        at = np.array(drawn) * FRAMING.scale + (FRAMING.x, FRAMING.y)
        away.append(np.linalg.norm(face.landmarks[[0, 1, 3, 4]] - at, axis=1))
    assert np.median(away) < 5  # pixels, of 48 between the eyes
    assert np.quantile(away, 0.9) < 10


def test_an_open_mouth_is_darker_inside_and_lowers_the_chin_but_not_the_eyes() -> None:
    person = sample_person(2, 3)
    rest, opened = (draw(person, shape).astype(float).mean(-1) for shape in (REST, OPEN))
    change = np.abs(opened - rest)
    eyes, mouth = slice(95, 125), slice(155, 200)
    assert change[eyes].max() < 3
    assert change[mouth, 105:135].mean() > 10
    lines = lip_outline(person.face, person.manner, OPEN, np.zeros(1, np.float32))
    inside = round(FRAMING.y + FRAMING.scale * float(lines.inner_upper[0] + 0.7 * (lines.up + lines.down)))
    assert opened[inside, 120] < 0.8 * rest[inside, 120]
