"""Several people who take turns speaking."""

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
"""Target range of a turn's length in seconds: from "yes, of course" to a sentence or two."""


MAX_GAP_S = 1.0
"""Maximum silence between two turns in seconds; half of the gaps are below 0.3 s."""


PAUSE_S = 0.3
"""Shorter pauses within a turn count as speech, as in NIST's diarisation scoring; longer ones split the turn."""


LOUDER_DB = 4.0
"""Maximum deviation of a person's level from the average, due to loudness or distance to the microphone."""


TRIES = 4
"""Number of sentences to try for the remaining time before the rest of the video stays silent."""


@dataclass(frozen=True, slots=True)
class DialogueTurn:
    """A segment of one person's speech.

    Attributes:
        place: index of the person in the frame, from 0 at the left.
        start_s, stop_s: start of the first and end of the last phoneme.
    """

    place: int
    start_s: float
    stop_s: float


@dataclass(frozen=True, slots=True)
class Dialogue:
    """All decisions about a video of several people, before rendering.

    Attributes:
        takes: performance of each person, from left to right, all of the same size and length; each has the audio of
            all.
        turns: who speaks when, in order, without overlap.
        room: shared recording conditions.
    """

    takes: tuple[Performance, ...]
    turns: tuple[DialogueTurn, ...]
    room: RecordingConditions

    @property
    def sound(self) -> Samples:
        """Audio of all people, float32 (frames * 640,)."""
        return self.takes[0].sound

    def pictures(self) -> Iterator[NDArray[np.uint8]]:
        """Yield frames, RGB (height, people * width, 3)."""
        for side_by_side in zip(*(take.pictures() for take in self.takes), strict=True):
            yield np.hstack(side_by_side)

    def speakers(self) -> NDArray[np.int64]:
        """Index of the person who speaks in the middle of each frame, (frames,); -1 if nobody does."""
        return active_speakers(self.turns, len(self.takes[0].mouths))


def active_speakers(turns: Sequence[DialogueTurn], frames: int) -> NDArray[np.int64]:
    """Index of the person who speaks in the middle of each frame, (frames,); -1 if nobody does."""
    middles = (np.arange(frames) + 0.5) / FPS
    speaking = np.full(frames, -1)
    for turn in turns:
        speaking[(middles >= turn.start_s) & (middles < turn.stop_s)] = turn.place
    return speaking


@dataclass(frozen=True, slots=True)
class _Participant:
    """One person of a video, with emotion, voice and utterances."""

    person: Person
    emotion: str
    strength: float
    voice: SyntheticVoice
    said: list[tuple[float, Utterance]]

    @property
    def feeling(self) -> Emotion:
        return EMOTIONS[self.emotion]

    def utterance(self, frames: int) -> Utterance:
        """All utterances of the person on the video's clock, with silence in between."""
        samples = np.zeros(frames * (SAMPLE_RATE // FPS), np.float32)
        for start_s, one in self.said:
            samples += excerpt(one.samples, -start_s, frames)
        words = tuple(shifted for start_s, one in self.said for shifted in _shifted(one.words, start_s))
        phonemes = tuple(shifted for start_s, one in self.said for shifted in _shifted(one.phonemes, start_s))
        return Utterance(samples, words, phonemes)


def plan_dialogue(
    seed: int, number: int, speakers: int, seconds: float, people: int = 2, neutral: float = 0.5
) -> Dialogue:
    """Plan the ``number``-th video of a seed; it depends only on the arguments.

    Args:
        seed, number: identify the video.
        speakers: number of people of the seed; those of a video are distinct.
        seconds: length of the video.
        people: number of people in the frame.
        neutral: fraction of them without emotion.
    """
    rng = np.random.default_rng([seed, 4, number])
    frames = round(seconds * FPS)
    cast = [sample_person(seed, int(who)) for who in rng.choice(speakers, people, replace=False)]
    roles = [_sample_participant(rng, person, neutral) for person in cast]
    turns = _sample_turns(rng, roles, frames / FPS)
    utterances = [role.utterance(frames) for role in roles]
    voices = [_voice_track(rng, role, frames) for role in roles]
    room, size = sample_recording_conditions(rng), sample_frame_size(rng)
    audio = simulate_recording(rng, np.sum(voices, axis=0, dtype=np.float32), room)
    takes = tuple(
        _perform(rng, role, utterance, voice, audio, room, size, (seed, 5, number * people + place))
        for place, (role, utterance, voice) in enumerate(zip(roles, utterances, voices, strict=True))
    )
    return Dialogue(takes, tuple(turns), room)


def _sample_participant(rng: np.random.Generator, person: Person, neutral: float) -> _Participant:
    emotion, strength = sample_emotion(rng, neutral)
    voice = vary_voice(rng, emotional_voice(person.voice, EMOTIONS[emotion], strength))
    return _Participant(person, emotion, strength, voice, [])


def _sample_turns(rng: np.random.Generator, roles: list[_Participant], seconds: float) -> list[DialogueTurn]:
    """Let people take turns until the time is over; their utterances are added to ``roles``."""
    turns: list[DialogueTurn] = []
    clock = rng.uniform(0.1, 1.0)
    place = int(rng.integers(len(roles)))
    while True:
        utterance = _utterance_that_fits(rng, roles[place].voice, seconds - 0.1 - clock)
        if utterance is None:
            return turns
        first, last = _speech_bounds(utterance.phonemes)
        start_s = clock - first
        roles[place].said.append((start_s, utterance))
        turns += [
            DialogueTurn(place, max(0.0, a + start_s), b + start_s) for a, b in _speech_segments(utterance.phonemes)
        ]
        clock += last - first + MAX_GAP_S * rng.random() ** 1.75
        place = (place + int(rng.integers(1, len(roles)))) % len(roles)


def _utterance_that_fits(rng: np.random.Generator, voice: SyntheticVoice, left_s: float) -> Utterance | None:
    """An utterance no longer than the remaining time; None if none is found."""
    for _ in range(TRIES):
        if left_s < MIN_TURN_S / 2:
            return None
        target_s = rng.uniform(MIN_TURN_S, min(MAX_TURN_S, max(MIN_TURN_S, left_s)))
        utterance = synthesize_speech(voice, write_script(rng, voice.language, seconds=target_s))
        first, last = _speech_bounds(utterance.phonemes)
        if last - first <= left_s:
            return utterance
    return None


def _speech_bounds(phonemes: Sequence[TimedLabel]) -> tuple[float, float]:
    """Start of the first and end of the last phoneme."""
    sounding = [mark for mark in phonemes if mark.text]
    return sounding[0].start_s, sounding[-1].stop_s


def _speech_segments(phonemes: Sequence[TimedLabel]) -> list[tuple[float, float]]:
    """Segments of phonemes without pauses above `PAUSE_S`."""
    segments: list[tuple[float, float]] = []
    for mark in phonemes:
        if not mark.text:
            continue
        if segments and mark.start_s - segments[-1][1] <= PAUSE_S:
            segments[-1] = (segments[-1][0], mark.stop_s)
        else:
            segments.append((mark.start_s, mark.stop_s))
    return segments


def _voice_track(rng: np.random.Generator, role: _Participant, frames: int) -> Samples:
    """Audio of one person, before the room acoustics."""
    track = np.zeros(frames * (SAMPLE_RATE // FPS), np.float32)
    for start_s, one in role.said:  # separately: a tremor over the whole video would shift the audio
        samples = emotional_timbre(rng, one.samples, role.feeling, role.strength, role.voice)
        track += excerpt(samples, -start_s, frames)
    spoken = track[np.abs(track) > 0.02 * np.abs(track).max(initial=0)]
    loud = np.sqrt(np.mean(spoken**2)) if len(spoken) else 1.0
    return np.asarray(track * (10 ** (rng.uniform(-LOUDER_DB, LOUDER_DB) / 20) / loud), np.float32)


def _perform(
    rng: np.random.Generator,
    role: _Participant,
    utterance: Utterance,
    voice: Samples,
    audio: Samples,
    room: RecordingConditions,
    size: tuple[int, int],
    seed: tuple[int, int, int],
) -> Performance:
    """Plan one person's performance. While others speak it contains blinks, gaze, swallowing and smiles."""
    frames = len(audio) // (SAMPLE_RATE // FPS)
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
        sound=audio,
        mouths=mouth_shapes(movement, motion.smile),
        motion=motion,
        framing=framing,
        camera=sample_camera(rng, framing),
        room=room,
        seed=seed,
    )


def _shifted(marks: Sequence[TimedLabel], by_s: float) -> list[TimedLabel]:
    return [TimedLabel(mark.text, mark.start_s + by_s, mark.stop_s + by_s) for mark in marks]
