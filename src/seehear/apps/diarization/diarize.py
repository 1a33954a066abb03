"""`diarize`: who speaks when in a video, and who it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import overload

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
    parse_enrolments,
)
from seehear.apps.diarization.result import Diarization, SpeechTurn
from seehear.apps.embeddings import (
    MIN_SPEECH_S,
    FaceModel,
    MatchFaceModel,
    load_face_model,
    mean_voice_embedding,
)
from seehear.apps.sync.measure import FaceFinder
from seehear.apps.sync.offset import SyncEmbedder
from seehear.audio.voice_activity import PAUSE_S, true_runs
from seehear.clip import FPS
from seehear.errors import SeehearError
from seehear.machine import decoder_threads, single_thread
from seehear.media.audio_streams import AudioStreamChoice
from seehear.media.sound import read_sound
from seehear.models.interface import IdentityModel, LipSyncModel
from seehear.models.store import load_identity_model, load_sync_model, packaged_models
from seehear.parallel import PathLike, run_files
from seehear.progress import Progress

ENROLLED_VOICE_SIMILARITY = 0.57
"""Least cosine of the voice of a person in a film and a recording of somebody known: about where match-small errs as
often one way as the other."""


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
    """Find out who says something when.

    Args:
        path: any media file.
        model: of lip-sync.
        options: how to look.
        identity: knows voices; needed where a voice is known.
        known: people who have names.
        progress: called with the share of the file that is done (0..1).
        threads: of the decoder; 0: one a core.
        faces: face model; without one, people are distinguished by position within a shot. Enrolled faces need it.

    Raises:
        MediaError: the file cannot be read.
    """
    prints = TrackEmbeddings(faces) if faces else None
    film = detect_active_speakers(path, model, options, progress, threads, prints.add if prints else None)
    persons = group_tracks(film.tracks, prints) if film.tracks else []
    turns = _turns(film, persons)
    names = [f"person {number + 1}" for number in range(max(persons, default=-1) + 1)]
    if known:
        for number, who in enumerate(_who(film, persons, turns, prints, identity, known)):
            names[number] = names[number] if who is None else known[who].name
    return Diarization(film, persons, names, turns, faces.name if faces else None)


def _turns(film: ActiveSpeakers, persons: Sequence[int]) -> list[SpeechTurn]:
    """Stretches of each person's speech; a cut from one track of a person to another does not end one."""
    turns: list[SpeechTurn] = []
    for person in sorted(set(persons)):
        spoken = [
            (track.start + start, track.start + stop, track.track, float(likely[start:stop].mean()))
            for track, who, speaks, likely in zip(film.tracks, persons, film.speaks, film.probabilities, strict=True)
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


def _who(
    film: ActiveSpeakers,
    persons: Sequence[int],
    turns: Sequence[SpeechTurn],
    prints: TrackEmbeddings | None,
    identity: IdentityModel | None,
    known: Sequence[EnrolledPerson],
) -> list[int | None]:
    """Who of the known each person is, by face, or by the voice in the turns."""
    count = max(persons, default=-1) + 1
    alike = np.full((count, len(known)), -np.inf)
    wanted = film.sound.choice if film.sound else None
    sound = read_sound(film.path, wanted=wanted) if any(one.voice is not None for one in known) else None
    for person in range(count):
        own = [track.track for track, who in zip(film.tracks, persons, strict=True) if who == person]
        spans = [(turn.start_s, turn.end_s) for turn in turns if turn.person == person]
        heard = sum(stop - start for start, stop in spans) >= MIN_SPEECH_S
        voice = mean_voice_embedding(sound, spans, identity) if sound and heard and identity else None
        for column, one in enumerate(known):
            if one.face is not None and prints:
                alike[person, column] = float(prints.mean_of(own) @ one.face)
            elif one.voice is not None and voice is not None and identity:
                alike[person, column] = _similarity(identity, voice, one.voice)
    least = prints.faces.enrolment_threshold if prints else np.inf
    return assign_names(alike, [least if one.face is not None else ENROLLED_VOICE_SIMILARITY for one in known])


def _similarity(model: IdentityModel, one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float(model.similarity(torch.from_numpy(one)[None], torch.from_numpy(other)[None]))


DEFAULT_IDENTITY = "match-small"


@overload
def diarize(  # type: ignore[overload-overlap]  # a str is a sequence of str
    files: PathLike,
    *,
    model: str | Path | LipSyncModel = ...,
    identity: str | None = ...,
    enroll: Sequence[str] | Mapping[str, Path] = ...,
    delay_ms: float | None = ...,
    audio_stream: str | None = ...,
    workers: int | None = ...,
    faces: FaceFinder = ...,
    detector: Path | None = ...,
    progress: Progress | None = ...,
) -> Diarization: ...


@overload
def diarize(
    files: Sequence[PathLike],
    *,
    model: str | Path | LipSyncModel = ...,
    identity: str | None = ...,
    enroll: Sequence[str] | Mapping[str, Path] = ...,
    delay_ms: float | None = ...,
    audio_stream: str | None = ...,
    workers: int | None = ...,
    faces: FaceFinder = ...,
    detector: Path | None = ...,
    progress: Progress | None = ...,
) -> Iterator[Diarization]: ...


def diarize(
    files: PathLike | Sequence[PathLike],
    *,
    model: str | Path | LipSyncModel = "sync-small",
    identity: str | None = None,
    enroll: Sequence[str] | Mapping[str, Path] = (),
    delay_ms: float | None = None,
    audio_stream: str | None = None,
    workers: int | None = None,
    faces: FaceFinder = "yunet",
    detector: Path | None = None,
    progress: Progress | None = None,
) -> Diarization | Iterator[Diarization]:
    """Find which of the faces in a video speaks when, and who it is.

    The lips of every face are compared with the audio; where there is no speech nobody speaks. People are called person
    1, person 2, ... in order of appearance: tracks of one person are found by the face (SFace), or, without a model
    that knows faces, by their place within a shot; the result says which. Of several files, one that cannot be read
    gives a result with ``error`` set, and the others go on; a single path raises.

    Args:
        files: a video file, or a sequence of them.
        model: name or folder of a sync model, hf:owner/name on the Hugging Face hub, or a loaded model.
        identity: name or folder of a match model that distinguishes people by face instead of SFace, and knows voices:
            one trained on videos of people like these, such as match-small for those of "seehear avatars". By default
            SFace knows faces and match-small voices. "none": people are distinguished by their places.
        enroll: NAME=FILE of people to be named, FILE being a picture of the face or a recording of the voice.
        delay_ms: how late the audio is, -1000 to 1000; by default it is measured.
        audio_stream: which stream of audio, from 1, and perhaps which channel: 2 or 2:left; by default the one that
            agrees best with the lips.
        workers: processes for several files; by default one per core.
        faces: find faces with YuNet, or take the whole frame as a face crop.
        detector: YuNet's .onnx file; by default the cached one, or downloaded.
        progress: called with the share that is done, 0 to 1, and the file.

    Returns:
        One result for a path; for a sequence an iterator over results, in its order.

    Raises:
        SeehearError: an option out of range, a name without a file, or fewer than one worker.
        MediaError: the single file cannot be read.
        ModelError: there is no such model.
    """
    options = DiarizationOptions(delay_ms, faces, detector, AudioStreamChoice.parse(audio_stream))
    known = tuple(enroll.items() if isinstance(enroll, Mapping) else parse_enrolments(enroll))
    if known and identity == "none":
        raise SeehearError("--enroll needs models that know faces and voices; leave out --identity none")
    work = partial(_diarize_with, model, identity, known, options)
    with single_thread():
        _load(model, identity, known, detector)  # here, even if processes will do the work: a wrong model is one error
    return run_files(
        files,
        work,
        lambda file: Diarization.failed(file.path, file.error or "", file.code),
        1 if isinstance(model, LipSyncModel) else workers,
        progress,
    )


def _diarize_with(
    model: str | Path | LipSyncModel,
    identity: str | None,
    known: tuple[tuple[str, Path], ...],
    options: DiarizationOptions,
    path: Path,
    report: Callable[[float], None] | None = None,
) -> Diarization:
    """One file; a process loads its models once."""
    with single_thread():
        models = _load(model, identity, known, options.detector)
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


@cache
def _load(
    model: str | Path | LipSyncModel,
    identity: str | None,
    known: tuple[tuple[str, Path], ...],
    detector: Path | None,
) -> _Models:
    named = DEFAULT_IDENTITY if identity is None and DEFAULT_IDENTITY in packaged_models() else identity
    voices = load_identity_model(named) if named and named != "none" else None
    faces: FaceModel | None = None
    if identity and voices:
        faces = MatchFaceModel(voices, identity)
    elif identity != "none":
        faces = load_face_model()
    return _Models(load_sync_model(model), voices, faces, enrol(known, voices, faces, detector))
