"""Emotions, shown in brows, lids, mouth and prosody: the six of CREMA-D, surprise, and a friendly neutral."""

from __future__ import annotations

from dataclasses import dataclass, replace

from seehear.avatars.visemes import Articulation
from seehear.avatars.voices import Voice


@dataclass(frozen=True, slots=True)
class Emotion:
    """What an emotion does at full strength.

    Attributes:
        brow_inner, brow_outer: raised (> 0) or lowered ends of the brows.
        lids: opening of the lids, 1 is usual.
        smile: corners of the mouth up (> 0) or down.
        part: lips drawn apart beyond speech.
        effort: of articulation, factor.
        pitch: steps of eSpeak's scale (0.0125 octaves each) added.
        pitch_range, rate: factors.
        loud: decibels.
        restless: factor on the movement of the head.
    """

    brow_inner: float = 0.0
    brow_outer: float = 0.0
    lids: float = 1.0
    smile: float = 0.0
    part: float = 0.0
    effort: float = 1.0
    pitch: float = 0.0
    pitch_range: float = 1.0
    rate: float = 1.0
    loud: float = 0.0
    restless: float = 1.0


EMOTIONS = {
    "neutral": Emotion(),
    "happy": Emotion(0.2, 0.3, 0.85, 0.85, 0.25, 1.1, 10, 1.4, 1.06, 2, 1.4),
    "sad": Emotion(0.8, -0.4, 0.75, -0.6, 0.0, 0.8, -8, 0.55, 0.86, -4, 0.7),
    "angry": Emotion(-0.9, 0.1, 0.95, -0.35, 0.30, 1.25, 6, 1.3, 1.1, 4, 1.5),
    "fear": Emotion(0.9, 0.5, 1.3, -0.15, 0.30, 1.0, 14, 1.1, 1.15, 0, 1.2),
    "disgust": Emotion(-0.6, -0.2, 0.7, -0.5, 0.15, 0.95, -5, 0.8, 0.92, 0, 1.0),
    "surprise": Emotion(1.0, 1.0, 1.35, 0.05, 0.20, 1.15, 15, 1.6, 1.0, 2, 1.3),
}
"""By name. Neutral is drawn as often as all others together."""


def feeling_voice(voice: Voice, emotion: Emotion, strength: float) -> Voice:
    """The voice under an emotion of a strength 0..1."""
    return replace(
        voice,
        pitch=min(98.0, max(2.0, voice.pitch + strength * emotion.pitch)),
        pitch_range=min(99.0, voice.pitch_range * emotion.pitch_range**strength),
        words_per_minute=voice.words_per_minute * emotion.rate**strength,
    )


def feeling_articulation(articulation: Articulation, emotion: Emotion, strength: float) -> Articulation:
    """The articulation under an emotion of a strength 0..1."""
    return replace(articulation, effort=articulation.effort * emotion.effort**strength)
