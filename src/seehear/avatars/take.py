"""One clip: a person says something somewhere, in pictures and sound on one clock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seehear.avatars.camera import Camera, Film, Placement, draw_camera, filmed, placing
from seehear.avatars.emotion import EMOTIONS, Emotion, feeling_articulation, feeling_room, feeling_voice
from seehear.avatars.head import draw_head
from seehear.avatars.intensity import draw_intensity
from seehear.avatars.light import draw_light
from seehear.avatars.lips import MouthShape, shapes
from seehear.avatars.motion import Motion, draw_motion
from seehear.avatars.people import Person, draw_person
from seehear.avatars.prop import draw_prop
from seehear.avatars.puppet import Puppet
from seehear.avatars.recorded import someone_speaking
from seehear.avatars.room import Room, draw_room, record
from seehear.avatars.scene import Framing, draw_background, draw_body, draw_framing
from seehear.avatars.scripts import write_script
from seehear.avatars.timbre import feeling_timbre
from seehear.avatars.visemes import PARTS, Articulation, mouth_movement
from seehear.avatars.voices import Mark, Utterance, Voice, speak
from seehear.clip import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME

_OVERSAMPLING = 1.15  # the head is drawn this much larger than it is seen: turning it costs sharpness


@dataclass(frozen=True, slots=True)
class Take:
    """Everything that is decided about a clip before it is drawn.

    Attributes:
        person: who speaks.
        text: what is asked to be said; the clip may hold a part of it.
        emotion, strength: shown and heard.
        words, phonemes: with times in the clip; only what begins or ends inside it.
        sound: float32 (frames * 640,), 16 kHz.
        mouths: shape of the mouth at each picture.
        motion: of the head.
        framing, camera, room: of the recording.
        seed: of the pictures' textures and noise.
        recording: name of the recording whose voice it is; empty where the voice is a synthesiser's.
    """

    person: Person
    text: str
    emotion: str
    strength: float
    words: tuple[Mark, ...]
    phonemes: tuple[Mark, ...]
    sound: NDArray[np.float32]
    mouths: list[MouthShape]
    motion: Motion
    framing: Framing
    camera: Camera
    room: Room
    seed: tuple[int, int, int]
    recording: str = ""

    def pictures(self) -> Iterator[NDArray[np.uint8]]:
        """The clip's pictures, RGB (height, width, 3)."""
        rng = np.random.default_rng(self.seed)
        motion, face, camera = self.motion, self.person.face, self.camera
        framing = filmed(self.framing, camera)
        yaw, pitch = float(motion.yaw.mean()), float(motion.pitch.mean())
        light = draw_light(rng, face.skin, yaw=yaw, pitch=pitch)
        head = draw_head(face, light, camera.tone, framing.scale * _OVERSAMPLING)
        puppet = Puppet(self.person, head, yaw=yaw, pitch=pitch)
        behind = camera.tone(draw_body(rng, draw_background(rng, framing), face, framing, light))
        prop = draw_prop(rng, framing, self.text)
        film = Film(rng, camera, self.framing, np.asarray(behind * 255, np.uint8), prop)
        origin = head.plane.pixels(0.0, 0.0)
        for t, mouth in enumerate(self.mouths):
            place = Placement(float(motion.roll[t]), float(motion.x[t]), float(motion.y[t]), float(motion.near[t]))
            where = placing(framing, head.plane.scale, origin, place)
            yield film.take(*puppet.draw(mouth, motion, t, where, (framing.width, framing.height)))


def plan_take(
    seed: int, number: int, speakers: int, seconds: float, neutral: float = 0.5, recordings: Sequence[Path] = ()
) -> Take:
    """Decide the ``number``-th clip of a seed; it depends on nothing but the arguments.

    Speakers take turns, so that each appears equally often. A share ``neutral`` of the clips shows no emotion. Where
    there are recordings, each speaker has the voice of one of them, which knows nothing of what the face shows.
    """
    rng = np.random.default_rng([seed, 2, number])
    person = draw_person(seed, number % speakers)
    frames = round(seconds * FPS)
    emotion, strength = draw_feeling(rng, neutral)
    feeling = EMOTIONS[emotion]
    recording = None
    if recordings:
        recording, utterance, start_s = someone_speaking(recordings, person.number, rng, seconds)
        voice = excerpt(utterance.samples, start_s, frames)
        text = " ".join(word.text for word in utterance.words)
    else:
        text = write_script(rng, person.voice.language, seconds=seconds * rng.uniform(0.5, 1.2))
        utterance = speak(voice_today(rng, feeling_voice(person.voice, feeling, strength)), text)
        start_s = _begin(rng, len(utterance.samples) / SAMPLE_RATE, seconds)
        voice = feeling_timbre(rng, excerpt(utterance.samples, start_s, frames), feeling, strength, person.voice)
    articulation = feeling_articulation(person.manner.articulation, feeling, strength)
    movement, motion = move(rng, person, articulation, feeling, strength, utterance, voice, start_s, frames)
    room, framing = feeling_room(draw_room(rng), feeling, strength, person.voice), draw_framing(rng)
    return Take(
        person=person,
        text=text,
        emotion=emotion,
        strength=strength,
        words=_inside(utterance.words, start_s, frames / FPS),
        phonemes=_inside(utterance.phonemes, start_s, frames / FPS),
        sound=record(rng, voice, room),
        mouths=shapes(movement, motion.smile),
        motion=motion,
        framing=framing,
        camera=draw_camera(rng, framing),
        room=room,
        seed=(seed, 3, number),
        recording=recording.name if recording else "",
    )


def draw_feeling(rng: np.random.Generator, neutral: float) -> tuple[str, float]:
    """An emotion and its strength, 0..1; a share ``neutral`` of the draws shows none."""
    if rng.random() < neutral:
        return "neutral", 0.0
    names = [name for name in EMOTIONS if name != "neutral"]
    return names[int(rng.integers(len(names)))], float(rng.uniform(0.4, 1.0))


def voice_today(rng: np.random.Generator, voice: Voice) -> Voice:
    """Nobody speaks the same way twice."""
    return replace(
        voice,
        pitch=float(np.clip(voice.pitch + rng.normal(0, 4), 2, 98)),
        words_per_minute=voice.words_per_minute * float(np.exp(rng.normal(0, 0.09))),
    )


def _begin(rng: np.random.Generator, spoken_s: float, seconds: float) -> float:
    """Where on the utterance's clock the clip begins: before the speech or in the middle of it."""
    slack = spoken_s - seconds
    if slack < 0:
        return float(rng.uniform(slack, 0.0))
    return float(rng.uniform(-0.3, slack + 0.3))


def excerpt(samples: NDArray[np.float32], start_s: float, frames: int) -> NDArray[np.float32]:
    """``frames`` pictures' worth of sound from ``start_s`` on, silent outside."""
    first, count = round(start_s * SAMPLE_RATE), frames * SAMPLES_PER_FRAME
    out = np.zeros(count, np.float32)
    here = samples[max(first, 0) : max(first + count, 0)]
    out[max(-first, 0) : max(-first, 0) + len(here)] = here
    return out


def _inside(marks: tuple[Mark, ...], start_s: float, seconds: float) -> tuple[Mark, ...]:
    """The marks on the clip's clock, cut at its ends; those outside are left out."""
    moved = (Mark(m.text, max(m.start_s - start_s, 0.0), min(m.stop_s - start_s, seconds)) for m in marks)
    return tuple(m for m in moved if m.stop_s - m.start_s > 0.005)


def move(
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
    """Movement of the mouth with what is not speech, and of the head."""
    movement = mouth_movement(utterance.phonemes, articulation, start_s=start_s, frames=frames)
    loudness = np.sqrt(np.mean(voice.reshape(frames, -1) ** 2, axis=1) + 1e-12)
    loudness = (loudness / max(float(np.quantile(loudness, 0.95)), 1e-4)).clip(0, 1).astype(np.float32)
    times = np.arange(frames) / FPS + start_s
    speaking = np.zeros(frames, np.float32)
    for mark in utterance.phonemes:
        if mark.text:
            speaking[(times >= mark.start_s - 0.1) & (times <= mark.stop_s + 0.1)] = 1
    felt = np.float32(strength) * draw_intensity(rng, loudness, speaking)
    motion = draw_motion(rng, person.manner, feeling, felt, loudness, speaking)
    columns = {name: movement[:, i] for i, name in enumerate(PARTS)}
    columns["jaw"] += 0.5 * motion.idle
    columns["upper"] += 0.6 * motion.part
    columns["lower"] += motion.idle * 0.3 + 0.6 * motion.part
    return movement, motion
