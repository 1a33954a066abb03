"""One clip: a person says something in some place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seehear.audio.recording import RecordingConditions, sample_recording_conditions, simulate_recording
from seehear.avatars.camera import (
    Camera,
    CameraPipeline,
    Framing,
    HeadPlacement,
    framing_before_upscaling,
    placement_matrix,
    render_background,
    render_body,
    render_foreground,
    sample_camera,
    sample_framing,
)
from seehear.avatars.emotion import (
    EMOTIONS,
    Emotion,
    Motion,
    emotional_articulation,
    emotional_recording,
    emotional_timbre,
    emotional_voice,
    sample_intensity,
    sample_motion,
)
from seehear.avatars.head import render_head
from seehear.avatars.lips import MouthShape, mouth_shapes
from seehear.avatars.person import Person, sample_person
from seehear.avatars.renderer import HeadRenderer
from seehear.avatars.script import someone_speaking, write_script
from seehear.avatars.surface import sample_light
from seehear.avatars.visemes import PARTS, Articulation, mouth_movement
from seehear.avatars.voice import SyntheticVoice, TimedLabel, Utterance, synthesize_speech
from seehear.clip import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME

_OVERSAMPLING = 1.15  # the head is rendered this much larger than displayed, because warping reduces sharpness


@dataclass(frozen=True, slots=True)
class Performance:
    """All decisions about a clip, before rendering.

    Attributes:
        person: the speaker.
        text: text to be spoken; the clip may contain only a part of it.
        emotion, strength: emotion of face and voice.
        words, phonemes: with times in the clip; only those that overlap it.
        sound: audio, float32 (frames * 640,), 16 kHz.
        mouths: shape of the mouth in each frame.
        motion: motion of the head.
        framing, camera, room: recording conditions.
        seed: seed of the frames' textures and noise.
        recording: name of the recording with the voice; empty for a synthetic voice.
    """

    person: Person
    text: str
    emotion: str
    strength: float
    words: tuple[TimedLabel, ...]
    phonemes: tuple[TimedLabel, ...]
    sound: NDArray[np.float32]
    mouths: list[MouthShape]
    motion: Motion
    framing: Framing
    camera: Camera
    room: RecordingConditions
    seed: tuple[int, int, int]
    recording: str = ""

    def pictures(self) -> Iterator[NDArray[np.uint8]]:
        """Yield the clip's frames, RGB (height, width, 3)."""
        rng = np.random.default_rng(self.seed)
        motion, face, camera = self.motion, self.person.face, self.camera
        framing = framing_before_upscaling(self.framing, camera)
        yaw, pitch = float(motion.yaw.mean()), float(motion.pitch.mean())
        light = sample_light(rng, face.skin, yaw=yaw, pitch=pitch)
        head = render_head(face, light, camera.tone, framing.scale * _OVERSAMPLING)
        head_renderer = HeadRenderer(self.person, head, yaw=yaw, pitch=pitch)
        background = camera.tone(render_body(rng, render_background(rng, framing), face, framing, light))
        prop = render_foreground(rng, framing, self.text)
        pipeline = CameraPipeline(rng, camera, self.framing, np.asarray(background * 255, np.uint8), prop)
        origin = head.plane.pixels(0.0, 0.0)
        for t, mouth in enumerate(self.mouths):
            placement = HeadPlacement(
                float(motion.roll[t]), float(motion.x[t]), float(motion.y[t]), float(motion.near[t])
            )
            matrix = placement_matrix(framing, head.plane.scale, origin, placement)
            yield pipeline.capture(*head_renderer.render(mouth, motion, t, matrix, (framing.width, framing.height)))


def plan_performance(
    seed: int, number: int, speakers: int, seconds: float, neutral: float = 0.5, recordings: Sequence[Path] = ()
) -> Performance:
    """Plan the ``number``-th clip of a seed; it depends only on the arguments.

    Speakers take turns, so that each appears equally often. A fraction ``neutral`` of the clips has no emotion. With
    recordings, each speaker has the voice of one of them, independent of the emotion of the face.
    """
    rng = np.random.default_rng([seed, 2, number])
    person = sample_person(seed, number % speakers)
    frames = round(seconds * FPS)
    emotion, strength = sample_emotion(rng, neutral)
    feeling = EMOTIONS[emotion]
    recording = None
    if recordings:
        recording, utterance, start_s = someone_speaking(recordings, person.number, rng, seconds)
        voice = excerpt(utterance.samples, start_s, frames)
        text = " ".join(word.text for word in utterance.words)
    else:
        text = write_script(rng, person.voice.language, seconds=seconds * rng.uniform(0.5, 1.2))
        utterance = synthesize_speech(vary_voice(rng, emotional_voice(person.voice, feeling, strength)), text)
        start_s = _sample_start(rng, len(utterance.samples) / SAMPLE_RATE, seconds)
        voice = emotional_timbre(rng, excerpt(utterance.samples, start_s, frames), feeling, strength, person.voice)
    articulation = emotional_articulation(person.manner.articulation, feeling, strength)
    movement, motion = animate_face(rng, person, articulation, feeling, strength, utterance, voice, start_s, frames)
    room, framing = (
        emotional_recording(sample_recording_conditions(rng), feeling, strength, person.voice),
        sample_framing(rng),
    )
    return Performance(
        person=person,
        text=text,
        emotion=emotion,
        strength=strength,
        words=_crop_labels(utterance.words, start_s, frames / FPS),
        phonemes=_crop_labels(utterance.phonemes, start_s, frames / FPS),
        sound=simulate_recording(rng, voice, room),
        mouths=mouth_shapes(movement, motion.smile),
        motion=motion,
        framing=framing,
        camera=sample_camera(rng, framing),
        room=room,
        seed=(seed, 3, number),
        recording=recording.name if recording else "",
    )


def sample_emotion(rng: np.random.Generator, neutral: float) -> tuple[str, float]:
    """Sample an emotion and its strength, 0..1; a fraction ``neutral`` has none."""
    if rng.random() < neutral:
        return "neutral", 0.0
    names = [name for name in EMOTIONS if name != "neutral"]
    return names[int(rng.integers(len(names)))], float(rng.uniform(0.4, 1.0))


def vary_voice(rng: np.random.Generator, voice: SyntheticVoice) -> SyntheticVoice:
    """Vary pitch and speaking rate from clip to clip."""
    return replace(
        voice,
        pitch=float(np.clip(voice.pitch + rng.normal(0, 4), 2, 98)),
        words_per_minute=voice.words_per_minute * float(np.exp(rng.normal(0, 0.09))),
    )


def _sample_start(rng: np.random.Generator, spoken_s: float, seconds: float) -> float:
    """Start of the clip on the utterance's clock: before the speech or in the middle of it."""
    slack = spoken_s - seconds
    if slack < 0:
        return float(rng.uniform(slack, 0.0))
    return float(rng.uniform(-0.3, slack + 0.3))


def excerpt(samples: NDArray[np.float32], start_s: float, frames: int) -> NDArray[np.float32]:
    """Audio of ``frames`` video frames from ``start_s`` on, silent outside."""
    first, count = round(start_s * SAMPLE_RATE), frames * SAMPLES_PER_FRAME
    out = np.zeros(count, np.float32)
    part = samples[max(first, 0) : max(first + count, 0)]
    out[max(-first, 0) : max(-first, 0) + len(part)] = part
    return out


def _crop_labels(marks: tuple[TimedLabel, ...], start_s: float, seconds: float) -> tuple[TimedLabel, ...]:
    """Labels on the clip's clock, cut at its ends, without those outside."""
    shifted = (TimedLabel(m.text, max(m.start_s - start_s, 0.0), min(m.stop_s - start_s, seconds)) for m in marks)
    return tuple(m for m in shifted if m.stop_s - m.start_s > 0.005)


def animate_face(
    rng: np.random.Generator,
    person: Person,
    articulation: Articulation,
    feeling: Emotion,
    strength: float,
    utterance: Utterance,
    voice: NDArray[np.float32],
    start_s: float,
    frames: int,
) -> tuple[NDArray[np.float32], Motion]:
    """Movement of the mouth, including idle movements, and motion of the head."""
    movement = mouth_movement(utterance.phonemes, articulation, start_s=start_s, frames=frames)
    loudness = np.sqrt(np.mean(voice.reshape(frames, -1) ** 2, axis=1) + 1e-12)
    loudness = (loudness / max(float(np.quantile(loudness, 0.95)), 1e-4)).clip(0, 1).astype(np.float32)
    times = np.arange(frames) / FPS + start_s
    speaking = np.zeros(frames, np.float32)
    for mark in utterance.phonemes:
        if mark.text:
            speaking[(times >= mark.start_s - 0.1) & (times <= mark.stop_s + 0.1)] = 1
    felt = np.float32(strength) * sample_intensity(rng, loudness, speaking)
    motion = sample_motion(rng, person.manner, feeling, felt, loudness, speaking)
    columns = {name: movement[:, i] for i, name in enumerate(PARTS)}
    columns["jaw"] += 0.5 * motion.idle
    columns["upper"] += 0.6 * motion.part
    columns["lower"] += motion.idle * 0.3 + 0.6 * motion.part
    return movement, motion
