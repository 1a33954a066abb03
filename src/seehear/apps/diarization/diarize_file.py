"""Diarize one video: tracks to persons, speech to turns, names of enrolled people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from seehear.apps.diarization.active_speaker import ActiveSpeakers, DiarizationOptions, detect_active_speakers
from seehear.apps.diarization.people import (
    EnrolledPerson,
    TrackEmbeddings,
    assign_names,
    enrol,
    group_tracks,
)
from seehear.apps.diarization.result import Diarization, SpeechTurn
from seehear.apps.embeddings import (
    MIN_SPEECH_S,
    FaceModel,
    MatchFaceModel,
    load_face_model,
    mean_voice_embedding,
)
from seehear.apps.sync.offset import SyncEmbedder
from seehear.audio.voice_activity import PAUSE_S, true_runs
from seehear.clip import FPS
from seehear.machine import decoder_threads, single_thread
from seehear.media.sound import read_sound
from seehear.models.interface import IdentityModel, LipSyncModel
from seehear.models.store import (
    ModelVersion,
    file_version,
    load_identity_model,
    load_sync_model,
    model_version,
    packaged_models,
)
from seehear.parallel_files import PathLike, run_files
from seehear.progress import Progress

ENROLLED_VOICE_SIMILARITY = 0.57
"""Minimum cosine of the voice of a person in a video and a recording of an enrolled one: about the equal error rate of
match-small."""


def diarize_file(
    path: Path,
    model: SyncEmbedder,
    options: DiarizationOptions | None = None,
    identity: IdentityModel | None = None,
    known: Sequence[EnrolledPerson] = (),
    progress: Callable[[float], None] | None = None,
    threads: int = 0,
    faces: FaceModel | None = None,
) -> Diarization:
    """Find who speaks when in one file.

    Args:
        path: any media file.
        model: of lip-sync.
        options: of the diarization.
        identity: match model; needed if a voice is enrolled.
        known: enrolled people.
        progress: called with the share of the file that is done (0..1).
        threads: of the decoder; 0: one a core.
        faces: face model; without one, people are distinguished by position within a shot. Enrolled faces need it.

    Raises:
        MediaError: the file cannot be read.
    """
    prints = TrackEmbeddings(faces) if faces else None
    active = detect_active_speakers(path, model, options, progress, threads, prints.add if prints else None)
    persons = group_tracks(active.tracks, prints) if active.tracks else []
    turns = _turns(active, persons)
    names = [f"person {number + 1}" for number in range(max(persons, default=-1) + 1)]
    if known:
        for number, who in enumerate(_match_enrolled(active, persons, turns, prints, identity, known)):
            names[number] = names[number] if who is None else known[who].name
    return Diarization(active, persons, names, turns, faces.name if faces else None)


def _turns(active: ActiveSpeakers, persons: Sequence[int]) -> list[SpeechTurn]:
    """Segments of each person's speech; a cut from one track of a person to another does not end one."""
    turns: list[SpeechTurn] = []
    for person in sorted(set(persons)):
        spoken = [
            (track.start + start, track.start + stop, track.track, float(likely[start:stop].mean()))
            for track, who, speaks, likely in zip(
                active.tracks, persons, active.speaks, active.probabilities, strict=True
            )
            if who == person
            for start, stop in true_runs(speaks)
        ]
        turns += _joined(person, sorted(spoken))
    return sorted(turns, key=lambda turn: (turn.start_s, turn.person))


def _joined(person: int, spoken: Iterable[tuple[int, int, int, float]]) -> list[SpeechTurn]:
    turns: list[SpeechTurn] = []
    for start, stop, track, likely in spoken:
        before = turns[-1] if turns else None
        if before and start / FPS - before.end_s <= PAUSE_S and track not in before.tracks:
            seconds = before.end_s - before.start_s, (stop - start) / FPS
            mean = float(np.average([before.probability, likely], weights=seconds))
            turns[-1] = SpeechTurn(person, (*before.tracks, track), before.start_s, stop / FPS, mean)
        else:
            turns.append(SpeechTurn(person, (track,), start / FPS, stop / FPS, likely))
    return turns


def _match_enrolled(
    active: ActiveSpeakers,
    persons: Sequence[int],
    turns: Sequence[SpeechTurn],
    prints: TrackEmbeddings | None,
    identity: IdentityModel | None,
    known: Sequence[EnrolledPerson],
) -> list[int | None]:
    """Find the enrolled person that each person is, by face, or by the voice in the turns."""
    count = max(persons, default=-1) + 1
    similarity = np.full((count, len(known)), -np.inf)
    choice = active.sound.choice if active.sound else None
    sound = read_sound(active.path, wanted=choice) if any(one.voice is not None for one in known) else None
    for person in range(count):
        own = [track.track for track, who in zip(active.tracks, persons, strict=True) if who == person]
        spans = [(turn.start_s, turn.end_s) for turn in turns if turn.person == person]
        enough_speech = sum(stop - start for start, stop in spans) >= MIN_SPEECH_S
        voice = mean_voice_embedding(sound, spans, identity) if sound and enough_speech and identity else None
        for column, one in enumerate(known):
            if one.face is not None and prints:
                similarity[person, column] = float(prints.mean_of(own) @ one.face)
            elif one.voice is not None and voice is not None and identity:
                similarity[person, column] = _similarity(identity, voice, one.voice)
    threshold = prints.faces.enrolment_threshold if prints else np.inf
    return assign_names(similarity, [threshold if one.face is not None else ENROLLED_VOICE_SIMILARITY for one in known])


def _similarity(model: IdentityModel, one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float(model.similarity(torch.from_numpy(one)[None], torch.from_numpy(other)[None]))


DEFAULT_IDENTITY = "match-small"


@dataclass(frozen=True)
class ModelNames:
    """Names of the models and of the files of enrolled people.

    Attributes:
        sync: name or folder of a sync model, or a loaded model
        identity: name or folder of a match model; "none" for none, None for the default
        enrolled: name and file of each person
    """

    sync: str | Path | LipSyncModel
    identity: str | None = None
    enrolled: tuple[tuple[str, Path], ...] = ()

    @property
    def voices(self) -> str | None:
        """Name of the match model, if any."""
        if self.identity is None:
            return DEFAULT_IDENTITY if DEFAULT_IDENTITY in packaged_models() else None
        return None if self.identity == "none" else self.identity

    def versions(self) -> tuple[ModelVersion, ...]:
        """Return what changes when a file changes."""
        files = tuple(file_version(path) for _, path in self.enrolled)
        return (model_version(self.sync), model_version(self.voices) if self.voices else (), *files)


def diarize_files(
    files: PathLike | Sequence[PathLike],
    names: ModelNames,
    options: DiarizationOptions,
    workers: int | None = None,
    progress: Progress | None = None,
    sandbox: bool = False,
) -> Diarization | Iterator[Diarization]:
    """Diarize a file, or a sequence of files in worker processes; see `diarize`."""
    versions = names.versions()
    with single_thread():
        _load(names, versions, options.detector)  # here, even if processes will do the work: a wrong model is one error
    return run_files(
        files,
        partial(_diarize_with, names, versions, options),
        lambda file: Diarization.failed(file.path, file.error or "", file.code),
        workers,
        progress,
        here=isinstance(names.sync, LipSyncModel),
        sandbox=sandbox,
    )


def _diarize_with(
    names: ModelNames,
    versions: tuple[ModelVersion, ...],
    options: DiarizationOptions,
    path: Path,
    report: Callable[[float], None] | None = None,
) -> Diarization:
    """Diarize one file; a process loads its models once."""
    with single_thread():
        models = _load(names, versions, options.detector)
        return diarize_file(
            path, models.sync, options, models.voices, models.enrolled, report, decoder_threads(), models.faces
        )


@dataclass(frozen=True)
class _Models:
    """All that a video is diarized with."""

    sync: SyncEmbedder
    voices: IdentityModel | None
    faces: FaceModel | None
    enrolled: list[EnrolledPerson]


@lru_cache(maxsize=2)
def _load(names: ModelNames, versions: tuple[ModelVersion, ...], detector: Path | None) -> _Models:
    """Load all models, or return those loaded last if no file has changed: loading takes seconds."""
    voices = load_identity_model(names.voices) if names.voices else None
    faces: FaceModel | None = None
    if names.identity and voices:
        faces = MatchFaceModel(voices, names.identity)
    elif names.identity != "none":
        faces = load_face_model()
    return _Models(load_sync_model(names.sync), voices, faces, enrol(names.enrolled, voices, faces, detector))
