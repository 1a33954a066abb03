"""Emotions, shown in the face and heard in the voice: the six of CREMA-D, surprise, and a friendly neutral.

What the voice does follows the literature on vocal affect: directions of pitch, range, rate, loudness, high-frequency
energy and tremor as in Banse & Scherer 1996 and Juslin & Laukka 2003, formants of smiled speech as in Tartter 1980,
roughness of anger as in Arnal et al. 2015. Sizes at full strength are meant to be those of acted speech.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from seehear.avatars.room import Room
from seehear.avatars.visemes import Articulation
from seehear.avatars.voices import PITCH_STEP, Voice


@dataclass(frozen=True, slots=True, kw_only=True)
class Emotion:
    """What an emotion does at full strength.

    Attributes:
        brow_inner, brow_outer: raised (> 0) or lowered ends of the brows.
        lids: opening of the lids, 1 is usual.
        smile: corners of the mouth up (> 0) or down.
        part: lips drawn apart beyond speech.
        effort: of articulation, factor.
        restless: factor on the movement of the head.
        pitch: of the voice, octaves added.
        pitch_range, rate, tract: factors; tract is on the formants, up with a smile, down with lips pushed forward.
        loud: decibels.
        tilt: rise of the voice's spectrum, decibels an octave: pressed voices are bright, slack ones dull.
        breath: of the noise in the voice, decibels added.
        tremor: trembling of pitch and loudness, 4 to 7 times a second, 0..1.
        rough: irregularity from one beat of the vocal folds to the next, 0..1.
    """

    brow_inner: float = 0.0
    brow_outer: float = 0.0
    lids: float = 1.0
    smile: float = 0.0
    part: float = 0.0
    effort: float = 1.0
    restless: float = 1.0
    pitch: float = 0.0
    pitch_range: float = 1.0
    rate: float = 1.0
    tract: float = 1.0
    loud: float = 0.0
    tilt: float = 0.0
    breath: float = 0.0
    tremor: float = 0.0
    rough: float = 0.0


# fmt: off
EMOTIONS = {
    "neutral": Emotion(),
    "happy": Emotion(
        brow_inner=0.2, brow_outer=0.35, lids=0.85, smile=1.2, part=0.5,
        effort=1.1, restless=1.4,
        pitch=0.42, pitch_range=1.6, rate=1.12, tract=1.08,
        loud=4.0, tilt=1.5, breath=-2.0,
    ),
    "sad": Emotion(
        brow_inner=0.9, brow_outer=-0.45, lids=0.72, smile=-0.9,
        effort=0.75, restless=0.7,
        pitch=-0.25, pitch_range=0.4, rate=0.77, tract=0.95,
        loud=-7.0, tilt=-4.0, breath=9.0, tremor=0.15,
    ),
    "angry": Emotion(
        brow_inner=-1.0, brow_outer=0.15, lids=0.95, smile=-0.5, part=0.6,
        effort=1.3, restless=1.5,
        pitch=0.45, pitch_range=1.35, rate=1.15,
        loud=8.0, tilt=4.5, breath=-6.0, rough=0.8,
    ),
    "fear": Emotion(
        brow_inner=1.0, brow_outer=0.5, lids=1.32, smile=-0.3, part=0.6,
        effort=0.95, restless=1.2,
        pitch=0.6, pitch_range=0.75, rate=1.25,
        tilt=1.5, breath=6.0, tremor=1.0,
    ),
    "disgust": Emotion(
        brow_inner=-0.65, brow_outer=-0.25, lids=0.65, smile=-0.7, part=0.4,
        effort=0.9,
        pitch=-0.2, pitch_range=0.8, rate=0.85, tract=0.93,
        breath=2.0, rough=0.7,
    ),
    "surprise": Emotion(
        brow_inner=1.1, brow_outer=1.1, lids=1.38, smile=0.05, part=0.7,
        effort=1.2, restless=1.3,
        pitch=0.5, pitch_range=1.9, rate=0.97, tract=1.02,
        loud=4.0, tilt=2.0, breath=3.0,
    ),
}
# fmt: on


def feeling_voice(voice: Voice, emotion: Emotion, strength: float) -> Voice:
    """The voice under an emotion of a strength 0..1; what eSpeak can do of it."""
    return replace(
        voice,
        pitch=min(98.0, max(2.0, voice.pitch + strength * emotion.pitch / PITCH_STEP)),
        pitch_range=min(99.0, voice.pitch_range * emotion.pitch_range**strength),
        words_per_minute=voice.words_per_minute * emotion.rate**strength,
        tract=voice.tract * emotion.tract**strength,
    )


def feeling_articulation(articulation: Articulation, emotion: Emotion, strength: float) -> Articulation:
    """The articulation under an emotion of a strength 0..1."""
    return replace(articulation, effort=articulation.effort * emotion.effort**strength)


def feeling_room(room: Room, emotion: Emotion, strength: float, voice: Voice | None = None) -> Room:
    """The recording of a voice under an emotion of a strength 0..1: what is louder stands out of the same noise.

    What the ``voice`` itself has of breath is added.
    """
    loud = strength * emotion.loud
    return replace(
        room,
        level_db=min(-10.0, room.level_db + loud),
        snr_db=room.snr_db + loud,
        breath_db=min(-8.0, room.breath_db + strength * emotion.breath + (voice.breath if voice else 0.0)),
    )
