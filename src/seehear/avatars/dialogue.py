"""Several people who take turns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seehear.audio.recording import RecordingConditions, Samples, sample_recording_conditions, simulate_recording
from seehear.avatars.camera import sample_camera, sample_frame_size, sample_framing
from seehear.avatars.emotion import EMOTIONS, Emotion, emotional_articulation, emotional_timbre, emotional_voice
from seehear.avatars.lips import mouth_shapes
from seehear.avatars.performance import Performance, animate_face, excerpt, sample_emotion, vary_voice
from seehear.avatars.person import Person, sample_person
from seehear.avatars.script import write_script
from seehear.avatars.voice import SyntheticVoice, TimedLabel, Utterance, synthesize_speech
from seehear.clip import FPS, SAMPLE_RATE

MIN_TURN_S, MAX_TURN_S = 0.8, 4.0
"""About how long a turn is meant to be: from "yes, of course" to a sentence or two."""


MAX_GAP_S = 1.0
"""Silence between two turns; half of the gaps are shorter than 0.3 s."""


PAUSE_S = 0.3
"""Shorter pauses inside a turn count as speaking, as in NIST's scoring of who spoke when; longer ones part it."""


LOUDER_DB = 4.0
"""Some are up to so much louder, or nearer to the microphone, than the usual, and some softer."""


TRIES = 4
"""Sentences that are tried for what is left of a film before it stays silent."""


@dataclass(frozen=True, slots=True)
class DialogueTurn:
    """A stretch of one person's speech.

    Attributes:
        place: of the person in the picture, from 0 at the left.
        start_s, stop_s: from the first to the last sound.
    """

    place: int
    start_s: float
    stop_s: float


@dataclass(frozen=True, slots=True)
class Dialogue:
    """Everything that is decided about a film of several people before it is drawn.

    Attributes:
        takes: a film of each person, from left to right, all of one size and length; the sound of each is that of all.
        turns: who speaks when, in order. No two overlap.
        room: that all are heard in.
    """

    takes: tuple[Performance, ...]
    turns: tuple[DialogueTurn, ...]
    room: RecordingConditions

    @property
    def sound(self) -> Samples:
        """Of all of them, float32 (frames * 640,)."""
        return self.takes[0].sound

    def pictures(self) -> Iterator[NDArray[np.uint8]]:
        """RGB (height, people * width, 3)."""
        for side_by_side in zip(*(take.pictures() for take in self.takes), strict=True):
            yield np.hstack(side_by_side)

    def speakers(self) -> NDArray[np.int64]:
        """The place of who speaks in the middle of each picture, (frames,); -1: nobody does."""
        return active_speakers(self.turns, len(self.takes[0].mouths))


def active_speakers(turns: Sequence[DialogueTurn], frames: int) -> NDArray[np.int64]:
    """Turns as the place of who speaks in the middle of each of so many pictures, (frames,); -1: nobody does."""
    middles = (np.arange(frames) + 0.5) / FPS
    speaking = np.full(frames, -1)
    for turn in turns:
        speaking[(middles >= turn.start_s) & (middles < turn.stop_s)] = turn.place
    return speaking


@dataclass(frozen=True, slots=True)
class _Participant:
    """One person of a film: how he or she feels and so speaks today, and what is heard of it."""

    person: Person
    emotion: str
    strength: float
    voice: SyntheticVoice
    said: list[tuple[float, Utterance]]

    @property
    def feeling(self) -> Emotion:
        return EMOTIONS[self.emotion]

    def utterance(self, frames: int) -> Utterance:
        """All that is said, on the film's clock, silent in between."""
        samples = np.zeros(frames * (SAMPLE_RATE // FPS), np.float32)
        for start_s, one in self.said:
            samples += excerpt(one.samples, -start_s, frames)
        words = tuple(moved for start_s, one in self.said for moved in _moved(one.words, start_s))
        phonemes = tuple(moved for start_s, one in self.said for moved in _moved(one.phonemes, start_s))
        return Utterance(samples, words, phonemes)


def plan_dialogue(
    seed: int, number: int, speakers: int, seconds: float, people: int = 2, neutral: float = 0.5
) -> Dialogue:
    """Decide the ``number``-th film of a seed; it depends on nothing but the arguments.

    Args:
        seed, number: of the film.
        speakers: people that the seed has; those of a film differ.
        seconds: length of the film.
        people: in the picture.
        neutral: share of them without emotion.
    """
    rng = np.random.default_rng([seed, 4, number])
    frames = round(seconds * FPS)
    cast = [sample_person(seed, int(who)) for who in rng.choice(speakers, people, replace=False)]
    roles = [_draw_role(rng, person, neutral) for person in cast]
    turns = _converse(rng, roles, frames / FPS)
    utterances = [role.utterance(frames) for role in roles]
    heard = [_voice_of(rng, role, frames) for role in roles]
    room, size = sample_recording_conditions(rng), sample_frame_size(rng)
    together = simulate_recording(rng, np.sum(heard, axis=0, dtype=np.float32), room)
    takes = tuple(
        _film(rng, role, utterance, voice, together, room, size, (seed, 5, number * people + place))
        for place, (role, utterance, voice) in enumerate(zip(roles, utterances, heard, strict=True))
    )
    return Dialogue(takes, tuple(turns), room)


def _draw_role(rng: np.random.Generator, person: Person, neutral: float) -> _Participant:
    emotion, strength = sample_emotion(rng, neutral)
    voice = vary_voice(rng, emotional_voice(person.voice, EMOTIONS[emotion], strength))
    return _Participant(person, emotion, strength, voice, [])


def _converse(rng: np.random.Generator, roles: list[_Participant], seconds: float) -> list[DialogueTurn]:
    """Let people speak in turn until the time is over; what they say is put into their roles."""
    turns: list[DialogueTurn] = []
    clock = rng.uniform(0.1, 1.0)
    place = int(rng.integers(len(roles)))
    while True:
        utterance = _fitting(rng, roles[place].voice, seconds - 0.1 - clock)
        if utterance is None:
            return turns
        first, last = _utterances(utterance.phonemes)
        start_s = clock - first
        roles[place].said.append((start_s, utterance))
        turns += [DialogueTurn(place, max(0.0, a + start_s), b + start_s) for a, b in _stretches(utterance.phonemes)]
        clock += last - first + MAX_GAP_S * rng.random() ** 1.75
        place = (place + int(rng.integers(1, len(roles)))) % len(roles)


def _fitting(rng: np.random.Generator, voice: SyntheticVoice, left_s: float) -> Utterance | None:
    """Something to say that takes no longer than what is left; None where nothing is found."""
    for _ in range(TRIES):
        if left_s < MIN_TURN_S / 2:
            return None
        wanted = rng.uniform(MIN_TURN_S, min(MAX_TURN_S, max(MIN_TURN_S, left_s)))
        utterance = synthesize_speech(voice, write_script(rng, voice.language, seconds=wanted))
        first, last = _utterances(utterance.phonemes)
        if last - first <= left_s:
            return utterance
    return None


def _utterances(phonemes: Sequence[TimedLabel]) -> tuple[float, float]:
    """When the first sound begins and the last one ends."""
    sounding = [mark for mark in phonemes if mark.text]
    return sounding[0].start_s, sounding[-1].stop_s


def _stretches(phonemes: Sequence[TimedLabel]) -> list[tuple[float, float]]:
    """From sound to sound with no pause of more than `PAUSE_S` in between."""
    stretches: list[tuple[float, float]] = []
    for mark in phonemes:
        if not mark.text:
            continue
        if stretches and mark.start_s - stretches[-1][1] <= PAUSE_S:
            stretches[-1] = (stretches[-1][0], mark.stop_s)
        else:
            stretches.append((mark.start_s, mark.stop_s))
    return stretches


def _voice_of(rng: np.random.Generator, role: _Participant, frames: int) -> Samples:
    """What a microphone hears of one person before it hears the room."""
    heard = np.zeros(frames * (SAMPLE_RATE // FPS), np.float32)
    for start_s, one in role.said:  # each by itself: a tremor that went on all film long would move the sound
        samples = emotional_timbre(rng, one.samples, role.feeling, role.strength, role.voice)
        heard += excerpt(samples, -start_s, frames)
    spoken = heard[np.abs(heard) > 0.02 * np.abs(heard).max(initial=0)]
    loud = np.sqrt(np.mean(spoken**2)) if len(spoken) else 1.0
    return np.asarray(heard * (10 ** (rng.uniform(-LOUDER_DB, LOUDER_DB) / 20) / loud), np.float32)


def _film(
    rng: np.random.Generator,
    role: _Participant,
    utterance: Utterance,
    voice: Samples,
    together: Samples,
    room: RecordingConditions,
    size: tuple[int, int],
    seed: tuple[int, int, int],
) -> Performance:
    """One person's film. While the others speak it has all that a pause has: blinks, looks, a swallow, a smile."""
    frames = len(together) // (SAMPLE_RATE // FPS)
    articulation = emotional_articulation(role.person.manner.articulation, role.feeling, role.strength)
    movement, motion = animate_face(
        rng, role.person, articulation, role.feeling, role.strength, utterance, voice, 0.0, frames
    )
    framing = sample_framing(rng, size)
    return Performance(
        person=role.person,
        text=" ".join(word.text for word in utterance.words),
        emotion=role.emotion,
        strength=role.strength,
        words=utterance.words,
        phonemes=tuple(mark for mark in utterance.phonemes if mark.text),
        sound=together,
        mouths=mouth_shapes(movement, motion.smile),
        motion=motion,
        framing=framing,
        camera=sample_camera(rng, framing),
        room=room,
        seed=seed,
    )


def _moved(marks: Sequence[TimedLabel], by_s: float) -> list[TimedLabel]:
    return [TimedLabel(mark.text, mark.start_s + by_s, mark.stop_s + by_s) for mark in marks]
