"""How a head moves beside the mouth: pose, blinks, look, brows, smiles; one value a picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seehear.avatars.curves import Curve, slow
from seehear.avatars.emotion import Emotion
from seehear.avatars.people import Manner
from seehear.clip import FPS


@dataclass(frozen=True, slots=True)
class Motion:
    """Curves over the pictures of a clip, each (frames,).

    Attributes:
        yaw, pitch, roll: of the head, radians; positive turns it to the right of the picture, down, clockwise.
        x, y: place of the head, in eye distances from where it usually is.
        near: its size, 1 is usual.
        lids: opening, 0 closed.
        look_x, look_y: of the iris, in units.
        brow_inner, brow_outer: raised, about -1..1.
        smile: corners of the mouth, about -1..1.
        part: of the lips, drawn apart beyond speech.
        idle: opening of the mouth that is not speech (breath, swallow, chewing on words), 0..1.
    """

    yaw: Curve
    pitch: Curve
    roll: Curve
    x: Curve
    y: Curve
    near: Curve
    lids: Curve
    look_x: Curve
    look_y: Curve
    brow_inner: Curve
    brow_outer: Curve
    smile: Curve
    part: Curve
    idle: Curve


def draw_motion(
    rng: np.random.Generator, manner: Manner, emotion: Emotion, felt: Curve, loudness: Curve, speaking: Curve
) -> Motion:
    """The motion of one clip.

    Args:
        rng: of the clip.
        manner: of the person.
        emotion: shown.
        felt: how much of it at each picture, about 0..1.
        loudness: of the speech at each picture, 0..1. Head and brows follow it late, early and loosely, as in people.
        speaking: 1 where a phoneme sounds, 0 in pauses; idle movements of the mouth happen there only.
    """
    frames = len(loudness)
    lively = manner.head * emotion.restless ** float(felt.mean())
    beat = _late(rng, slow(loudness, 0.12)) - loudness.mean()
    nod = rng.normal(0, 0.05) * lively * beat
    brow_beat = manner.brows * 0.35 * np.maximum(_late(rng, slow(loudness, 0.2)) - 0.45, 0) * rng.uniform(0, 1.5)
    return Motion(
        yaw=np.clip(manner.yaw + rng.normal(0, 0.05) + _drift(rng, frames, 0.045 * lively, 0.7), -0.45, 0.45),
        pitch=manner.pitch + _drift(rng, frames, 0.03 * lively, 0.6) + nod,
        roll=manner.roll + _drift(rng, frames, 0.025 * lively, 0.8),
        x=_drift(rng, frames, 0.06 * lively, 0.9),
        y=_drift(rng, frames, 0.035 * lively, 0.8) + 0.5 * nod,
        near=1 + _drift(rng, frames, 0.012 * lively, 1.0),
        lids=(1 + rng.normal(0, 0.06) + felt * (emotion.lids - 1)) * (1 - _blinks(rng, frames, manner.blinks)),
        look_x=_saccades(rng, frames, 0.03) - 0.07 * np.tanh(2 * manner.yaw),
        look_y=_saccades(rng, frames, 0.012),
        brow_inner=felt * emotion.brow_inner + brow_beat + _resting_brow(rng, frames),
        brow_outer=felt * emotion.brow_outer + brow_beat + _resting_brow(rng, frames),
        smile=_smile(rng, emotion.smile * felt),
        part=felt * np.float32(emotion.part),
        idle=_idle(rng, speaking),
    )


def _late(rng: np.random.Generator, curve: Curve) -> Curve:
    """Moved by up to a third of a second either way: head and brows are not to give the sync away."""
    return np.roll(curve, int(rng.integers(-8, 9)))


def _drift(rng: np.random.Generator, frames: int, size: float, seconds: float) -> Curve:
    """Smooth random movement, with no mean over the clip."""
    rough = rng.normal(0, 1, frames + 2 * FPS).astype(np.float32)
    smooth = slow(rough, seconds * rng.uniform(0.4, 1.3))[FPS : FPS + frames]
    return np.asarray(size * (smooth - smooth.mean()) / max(float(smooth.std()), 1e-6), np.float32)


def _blinks(rng: np.random.Generator, frames: int, a_minute: float) -> Curve:
    closed = np.zeros(frames, np.float32)
    for start in rng.uniform(0, frames, rng.poisson(a_minute / 60 * frames / FPS)):
        since = (np.arange(frames) - start) / FPS
        shape = np.interp(since, (-0.04, 0.04, 0.09, 0.26), (0, 1, 1, 0))
        closed = np.maximum(closed, shape)
    return closed.astype(np.float32)


def _saccades(rng: np.random.Generator, frames: int, size: float) -> Curve:
    places = np.zeros(frames, np.float32)
    for start in rng.uniform(0, frames, rng.poisson(0.8 * frames / FPS)):
        places[int(start) :] = rng.normal(0, size)
    return places


def _resting_brow(rng: np.random.Generator, frames: int) -> Curve:
    """Nobody's brows rest at the same height today, nor quite still: a single picture is not to give a feeling away."""
    return np.asarray(rng.normal(0, 0.15) + _drift(rng, frames, 0.04, 0.8), np.float32)


def _smile(rng: np.random.Generator, felt: Curve) -> Curve:
    """The emotion's smile, breathing a little; at times a short smile out of nowhere."""
    frames = len(felt)
    curve = felt * (1 + _drift(rng, frames, 0.15, 0.8)) + rng.normal(0, 0.08) + _drift(rng, frames, 0.05, 0.8)
    if rng.random() < 0.2:
        middle = rng.uniform(0, frames)
        curve = curve + rng.uniform(0.2, 0.7) * np.exp(-(((np.arange(frames) - middle) / (0.4 * FPS)) ** 2))
    return np.asarray(np.clip(curve, -1.2, 1.3), np.float32)


def _idle(rng: np.random.Generator, speaking: Curve) -> Curve:
    """Mouth movement that is not speech, in pauses: an opening before speech, a swallow, a parting of the lips."""
    frames = len(speaking)
    curve = np.zeros(frames, np.float32)
    for start in rng.uniform(0, frames, rng.poisson(0.35 * frames / FPS)):
        since = (np.arange(frames) - start) / FPS
        curve += rng.uniform(0.1, 0.5) * np.exp(-((since / rng.uniform(0.1, 0.35)) ** 2)).astype(np.float32)
    return np.asarray(curve * (1 - np.clip(slow(speaking, 0.06) * 2, 0, 1)), np.float32)
