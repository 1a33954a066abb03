"""Who says something when in a film: people and their turns, from faces, sound and the names that are known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from seehear.clip import FPS
from seehear.media.sound import read_sound
from seehear.pretext.identity import IdentityModel
from seehear.tools.conversation import Conversation, WatchOptions, follow
from seehear.tools.face_model import FaceModel
from seehear.tools.known import Known, named
from seehear.tools.listen import LipsAndSound
from seehear.tools.people import FacePrints, people
from seehear.tools.rttm import rttm_line
from seehear.tools.turns import PAUSE_S, runs
from seehear.tools.voiceprint import LEAST_SPEECH_S, voiceprint

KNOWN_VOICE = 0.57
"""Least cosine of the voice of a person in a film and a recording of somebody known: about where match-small errs as
often one way as the other."""


@dataclass(frozen=True)
class Turn:
    """A stretch of one person's speech.

    Attributes:
        person: number, from 0.
        tracks: numbers of the face tracks that show it.
        start_s, end_s: on the file's clock.
        probability: mean over its pictures that it is this person who speaks.
    """

    person: int
    tracks: tuple[int, ...]
    start_s: float
    end_s: float
    probability: float


@dataclass(frozen=True)
class Spoken:
    """A film, its people and what they say when.

    Attributes:
        film: faces and who speaks.
        persons: number of the person of each track.
        names: of each person; ``person 1``, ``person 2``, ... where none is known.
        turns: by start.
        face_model: name of what told people apart by their faces; None where they were told apart by place.
    """

    film: Conversation
    persons: list[int]
    names: list[str]
    turns: list[Turn]
    face_model: str | None = None

    @property
    def told_apart(self) -> str:
        """By what people were told apart, in words."""
        return f"by face ({self.face_model})" if self.face_model else "by place within a shot"

    def rttm(self) -> list[str]:
        """Its turns as lines of RTTM."""
        name = self.film.path.stem
        return [rttm_line(name, turn.start_s, turn.end_s, self.names[turn.person]) for turn in self.turns]

    def to_json(self, *, moments: bool = False) -> dict[str, Any]:
        """The object that ``--json`` prints; with the probability of every moment where that is asked for."""
        film = self.film
        return {
            "file": str(film.path),
            "duration_s": round(film.duration_s, 3),
            "delay_ms": film.delay_ms,
            "reason": film.reason,
            "sound": None if film.sound is None else film.sound.to_json(),
            "cautions": list(film.cautions),
            "detector": film.detector,
            "told_apart": "face" if self.face_model else "place",
            "face_model": self.face_model,
            "people": [self._person(number) for number in range(len(self.names))],
            "turns": [
                {
                    "person": self.names[turn.person],
                    "tracks": list(turn.tracks),
                    "start_s": round(turn.start_s, 3),
                    "end_s": round(turn.end_s, 3),
                    "probability": round(turn.probability, 4),
                }
                for turn in self.turns
            ],
            "tracks": [self._track(number, moments) for number in range(len(film.tracks))],
            "unseen_s": round(float((film.unseen >= 0.5).sum()) / FPS, 2),
        }

    def _person(self, number: int) -> dict[str, Any]:
        own = [turn for turn in self.turns if turn.person == number]
        tracks = [track.track for track, person in zip(self.film.tracks, self.persons, strict=True) if person == number]
        seconds = sum(turn.end_s - turn.start_s for turn in own)
        return {"person": self.names[number], "tracks": tracks, "turns": len(own), "speaking_s": round(seconds, 2)}

    def _track(self, number: int, moments: bool) -> dict[str, Any]:
        track, speaks = self.film.tracks[number], self.film.speaks[number]
        entry: dict[str, Any] = {
            "track": track.track,
            "person": self.names[self.persons[number]],
            "start_s": round(track.start / FPS, 3),
            "end_s": round(track.stop / FPS, 3),
            "box": [round(float(edge), 1) for edge in track.boxes.mean(0)],
            "speaking_s": round(float(speaks.sum()) / FPS, 2),
        }
        if moments:
            entry["speaking"] = [bool(now) for now in speaks]
            entry["probability"] = [round(float(p), 3) for p in self.film.probabilities[number]]
        return entry


def listen_to(
    path: Path,
    model: LipsAndSound,
    options: WatchOptions | None = None,
    identity: IdentityModel | None = None,
    known: Sequence[Known] = (),
    progress: Callable[[float], None] | None = None,
    threads: int = 0,
    faces: FaceModel | None = None,
) -> Spoken:
    """Find out who says something when.

    Args:
        path: any media file.
        model: of lip-sync.
        options: how to look.
        identity: knows voices; needed where a voice is known.
        known: people who have names.
        progress: called with the share of the file that is done (0..1).
        threads: of the decoder; 0: one a core.
        faces: knows faces; without, people are told apart by their places within a shot. Needed where a face is known.

    Raises:
        MediaError: the file cannot be read.
    """
    prints = FacePrints(faces) if faces else None
    film = follow(path, model, options, progress, threads, prints.see if prints else None)
    persons = people(film.tracks, prints) if film.tracks else []
    turns = _turns(film, persons)
    names = [f"person {number + 1}" for number in range(max(persons, default=-1) + 1)]
    if known:
        for number, who in enumerate(_who(film, persons, turns, prints, identity, known)):
            names[number] = names[number] if who is None else known[who].name
    return Spoken(film, persons, names, turns, faces.name if faces else None)


def _turns(film: Conversation, persons: Sequence[int]) -> list[Turn]:
    """Stretches of each person's speech; a cut from one track of a person to another does not end one."""
    turns: list[Turn] = []
    for person in sorted(set(persons)):
        spoken = [
            (track.start + start, track.start + stop, track.track, float(likely[start:stop].mean()))
            for track, who, speaks, likely in zip(film.tracks, persons, film.speaks, film.probabilities, strict=True)
            if who == person
            for start, stop in runs(speaks)
        ]
        turns += _joined(person, sorted(spoken))
    return sorted(turns, key=lambda turn: (turn.start_s, turn.person))


def _joined(person: int, spoken: Iterable[tuple[int, int, int, float]]) -> list[Turn]:
    turns: list[Turn] = []
    for start, stop, track, likely in spoken:
        before = turns[-1] if turns else None
        if before and start / FPS - before.end_s <= PAUSE_S and track not in before.tracks:
            seconds = before.end_s - before.start_s, (stop - start) / FPS
            mean = float(np.average([before.probability, likely], weights=seconds))
            turns[-1] = Turn(person, (*before.tracks, track), before.start_s, stop / FPS, mean)
        else:
            turns.append(Turn(person, (track,), start / FPS, stop / FPS, likely))
    return turns


def _who(
    film: Conversation,
    persons: Sequence[int],
    turns: Sequence[Turn],
    prints: FacePrints | None,
    identity: IdentityModel | None,
    known: Sequence[Known],
) -> list[int | None]:
    """Who of the known each person is, by face, or by the voice in the turns."""
    count = max(persons, default=-1) + 1
    alike = np.full((count, len(known)), -np.inf)
    wanted = film.sound.wanted if film.sound else None
    sound = read_sound(film.path, wanted=wanted) if any(one.voice is not None for one in known) else None
    for person in range(count):
        own = [track.track for track, who in zip(film.tracks, persons, strict=True) if who == person]
        spans = [(turn.start_s, turn.end_s) for turn in turns if turn.person == person]
        heard = sum(stop - start for start, stop in spans) >= LEAST_SPEECH_S
        voice = voiceprint(sound, spans, identity) if sound and heard and identity else None
        for column, one in enumerate(known):
            if one.face is not None and prints:
                alike[person, column] = float(prints.of(own) @ one.face)
            elif one.voice is not None and voice is not None and identity:
                alike[person, column] = _similarity(identity, voice, one.voice)
    least = prints.faces.known if prints else np.inf
    return named(alike, [least if one.face is not None else KNOWN_VOICE for one in known])


def _similarity(model: IdentityModel, one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float(model.similarity(torch.from_numpy(one)[None], torch.from_numpy(other)[None]))
