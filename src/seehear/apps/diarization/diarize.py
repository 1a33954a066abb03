"""`diarize` and its result: turns, names, RTTM.

Who spoke when, as RTTM: a line for each turn, which scoring tools of diarisation read (NIST 2009).
"""

from __future__ import annotations

import json as json_format
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from rich.text import Text

from seehear.apps.diarization.active_speaker import ActiveSpeakers, DiarizationOptions, detect_active_speakers
from seehear.apps.diarization.people import EnrolledPerson, TrackEmbeddings, assign_names, group_tracks
from seehear.apps.embeddings import HOW_TO_GET, MIN_SPEECH_S, FaceModel, mean_voice_embedding
from seehear.apps.sync.offset import SyncEmbedder
from seehear.apps.sync.result import format_delay
from seehear.atomic_io import write_text
from seehear.audio.voice_activity import PAUSE_S, true_runs
from seehear.clip import FPS
from seehear.errors import SeehearError, check_writable, os_errors_as_user_errors
from seehear.media.sound import read_sound
from seehear.media.weights import SFACE, find_weights
from seehear.models.interface import IdentityModel
from seehear.parallel import FileResult


def rttm_line(film: str, start_s: float, stop_s: float, name: str) -> str:
    """One turn: ``SPEAKER film 1 start duration <NA> <NA> name <NA> <NA>``; blanks in names become ``_``."""
    return f"SPEAKER {_word(film)} 1 {start_s:.3f} {stop_s - start_s:.3f} <NA> <NA> {_word(name)} <NA> <NA>"


def write_rttm(path: Path, lines: Iterable[str]) -> None:
    """A file of such lines, whole or not at all.

    Raises:
        SeehearError: it cannot be written.
    """
    with os_errors_as_user_errors(path):
        write_text(path, "".join(f"{line}\n" for line in lines))


def _word(text: str) -> str:
    return re.sub(r"\s+", "_", text.strip()) or "_"


TURNS_SHOWN = 60


def show_turns(console: Console, spoken: Diarization) -> None:
    """One film: its people, and every turn with its times."""
    film = spoken.film
    if film.reason:
        console.print(Text(f"{film.path}: nobody is seen to speak: {film.reason}"), soft_wrap=True)
        return
    people = Table(box=None, padding=(0, 2), pad_edge=False)
    for title in ("who", "speaks", "turns", "track numbers"):
        people.add_column(title, justify="left" if title in ("who", "track numbers") else "right")
    for person in spoken.to_json()["people"]:
        tracks = ", ".join(map(str, person["tracks"]))
        people.add_row(Text(person["person"]), f"{person['speaking_s']:.1f} s", str(person["turns"]), tracks)
    console.print(people)
    console.print()
    turns = Table(box=None, padding=(0, 2), pad_edge=False)
    for title in ("from", "to", "who", "probability"):
        turns.add_column(title, justify="left" if title == "who" else "right")
    for turn in spoken.turns[:TURNS_SHOWN]:
        name = Text(spoken.names[turn.person])
        turns.add_row(_clock(turn.start_s), _clock(turn.end_s), name, f"{turn.probability:.2f}")
    console.print(turns)
    if len(spoken.turns) > TURNS_SHOWN:
        console.print(f"and {len(spoken.turns) - TURNS_SHOWN} more (--json and --rttm have them all)")
    console.print(f"{_aside(spoken)}Pauses of up to 0.3 s belong to a turn.", style="dim")
    advice = "" if spoken.face_model or find_weights(SFACE) else f"; to tell them apart by face, {HOW_TO_GET}"
    console.print(Text(f"People are told apart {spoken.told_apart}{advice}.", style="dim"), soft_wrap=True)


def show_film(console: Console, tried: FileResult[Diarization]) -> None:
    """One film of many on one line."""
    if tried.value is None:
        console.print(Text.assemble((f"{'failed':<12}", "bold red"), tried.error or ""), soft_wrap=True)
        return
    spoken = tried.value
    if spoken.film.reason:
        console.print(Text(f"{'nobody':<12}{spoken.film.path} ({spoken.film.reason})"), soft_wrap=True)
        return
    said = ", ".join(f"{who['person']} {who['speaking_s']:.1f} s" for who in spoken.to_json()["people"])
    count = f"{len(spoken.turns)} turn{'s' * (len(spoken.turns) != 1)}"
    console.print(Text(f"{count:<12}{spoken.film.path}: {said}"), soft_wrap=True)


def _aside(spoken: Diarization) -> str:
    """What else there is to know."""
    film, said = spoken.film, ""
    if film.sound and (film.sound.of > 1 or film.sound.channel):
        said += f"Listened to: {film.sound}. "
    said += "".join(f"Caution: {caution}. " for caution in film.cautions)
    unseen_s = float((film.unseen >= 0.5).sum()) / FPS
    if unseen_s >= 0.5:
        said += f"For {unseen_s:.1f} s somebody speaks who is not seen. "
    if film.delay_ms:
        said += f"The sound is about {format_delay(film.delay_ms)}, which is allowed for. "
    return said


def _clock(seconds: float) -> str:
    """Minutes, seconds and hundredths."""
    minutes, rest = divmod(round(seconds, 2), 60)
    return f"{int(minutes)}:{rest:05.2f}"


ENROLLED_VOICE_SIMILARITY = 0.57
"""Least cosine of the voice of a person in a film and a recording of somebody known: about where match-small errs as
often one way as the other."""


@dataclass(frozen=True)
class SpeechTurn:
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
class Diarization:
    """A film, its people and what they say when.

    Attributes:
        film: faces and who speaks.
        persons: number of the person of each track.
        names: of each person; ``person 1``, ``person 2``, ... where none is known.
        turns: by start.
        face_model: name of what told people apart by their faces; None where they were told apart by place.
    """

    film: ActiveSpeakers
    persons: list[int]
    names: list[str]
    turns: list[SpeechTurn]
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
        faces: knows faces; without, people are told apart by their places within a shot. Needed where a face is known.

    Raises:
        MediaError: the file cannot be read.
    """
    prints = TrackEmbeddings(faces) if faces else None
    film = detect_active_speakers(path, model, options, progress, threads, prints.see if prints else None)
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
    wanted = film.sound.wanted if film.sound else None
    sound = read_sound(film.path, wanted=wanted) if any(one.voice is not None for one in known) else None
    for person in range(count):
        own = [track.track for track, who in zip(film.tracks, persons, strict=True) if who == person]
        spans = [(turn.start_s, turn.end_s) for turn in turns if turn.person == person]
        heard = sum(stop - start for start, stop in spans) >= MIN_SPEECH_S
        voice = mean_voice_embedding(sound, spans, identity) if sound and heard and identity else None
        for column, one in enumerate(known):
            if one.face is not None and prints:
                alike[person, column] = float(prints.of(own) @ one.face)
            elif one.voice is not None and voice is not None and identity:
                alike[person, column] = _similarity(identity, voice, one.voice)
    least = prints.faces.known if prints else np.inf
    return assign_names(alike, [least if one.face is not None else ENROLLED_VOICE_SIMILARITY for one in known])


def _similarity(model: IdentityModel, one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float(model.similarity(torch.from_numpy(one)[None], torch.from_numpy(other)[None]))


DEFAULT_IDENTITY = "match-small"


def diarize(
    files: list[Path],
    *,
    model: str = "sync-small",
    identity: str | None = None,
    known: list[str] = [],  # noqa: B006  # read only; the command line needs a list
    json: bool = False,
    moments: bool = False,
    rttm: Path | None = None,
    video: Path | None = None,
    delay_ms: float | None = None,
    audio_stream: str | None = None,
    workers: int | None = None,
    faces: Literal["yunet", "whole-frame"] = "yunet",
    detector: Path | None = None,
) -> int:
    """Which of the faces in a video speaks at each moment, and who it is.

    The lips of every face are compared with the sound; where there is no speech nobody speaks. People are called
    person 1, person 2, ... in order of appearance: tracks of one person are found by the face (SFace), or, without a
    model that knows faces, by their place within a shot; the output says which. Prints a table of turns for one file
    and a line each for several. The exit code is 0 when every file was read, 2 when one could not be.

    Args:
        files: Video files.
        model: Name or folder of a trained sync model, or hf:owner/name on the Hugging Face hub.
        identity: Name or folder of a match model that tells people apart by face instead of SFace, and knows voices:
            one that has learned from films of people like these, such as match-small for those of "seehear avatars".
            By default SFace knows faces and match-small voices. "none": people are told apart by their places.
        known: NAME=FILE of people to be named, FILE being a picture of the face or a recording of the voice.
        json: Print one JSON object per file and line instead.
        moments: With --json, also say of every face and picture whether it speaks, and how probably.
        rttm: Also write the turns of all files here, in the format that diarisation is scored in.
        video: Also write an MP4 with a frame around every face, green while it speaks; one file only.
        delay_ms: How late the sound is, -1000 to 1000; by default it is measured.
        audio_stream: Which stream of sound, from 1, and perhaps which channel: 2 or 2:left; by default the one that
            agrees best with the lips.
        workers: Processes for several files; by default one per core.
        faces: Find faces with YuNet, or take the whole frame to be a face crop already.
        detector: YuNet's .onnx file; by default the cached one, or fetched.
    """
    if video and len(files) > 1:
        raise SeehearError("--video draws one file; give one file, or leave --video out")
    if moments and not json:
        raise SeehearError("--moments belongs to --json; give both")
    _check_place("--rttm", rttm)
    stems = Counter(file.stem for file in files)
    if rttm and (twice := [stem for stem, count in stems.items() if count > 1]):
        raise SeehearError(f"RTTM tells films apart by name, and several are called {twice[0]}; rename all but one")
    _check_place("--video", video, files[0])
    from seehear.apps.diarization.active_speaker import DiarizationOptions
    from seehear.apps.diarization.people import parse_enrolments
    from seehear.media.audio_streams import AudioStreamChoice
    from seehear.parallel import worker_count

    options, names = (
        DiarizationOptions(delay_ms, faces, detector, AudioStreamChoice.parse(audio_stream)),
        tuple(parse_enrolments(known)),
    )
    if names and identity == "none":
        raise SeehearError("--known needs models that know faces and voices; leave out --identity none")
    _loaded(model, identity, names, detector)  # here, even if others do the work: a wrong model is one error
    work = partial(_work, model, identity, names, options)
    out, err = Console(highlight=False), Console(stderr=True, highlight=False)
    done: list[FileResult[Diarization]] = []
    for tried in _through(files, work, min(worker_count(workers), len(files))):
        done.append(tried)
        if json and tried.value:
            print(json_format.dumps(tried.value.to_json(moments=moments), ensure_ascii=False), flush=True)  # noqa: T201
        elif json:
            print(json_format.dumps({"file": str(tried.path), "error": tried.error}, ensure_ascii=False), flush=True)  # noqa: T201
        elif len(files) > 1:
            show_film(out, tried)
        elif tried.value:
            show_turns(out, tried.value)
    _write(done, rttm, video)
    failed = [tried for tried in done if tried.error]
    for tried in failed if json or len(files) == 1 else []:
        err.print(f"seehear: {tried.error}", markup=False, soft_wrap=True)
    return 2 if failed else 0


def _check_place(flag: str, path: Path | None, source: Path | None = None) -> None:
    """Before anything is computed, that a file can be written there."""
    check_writable(path, flag)
    if path is None:
        return
    if flag == "--video" and path.suffix.lower() not in (".mp4", ".m4v", ".mov"):
        raise SeehearError(f"{flag} {path} would be an MP4 file; give it a name that ends in .mp4")
    if source and path.exists() and source.exists() and path.samefile(source):
        raise SeehearError(f"{flag} {path} is the film itself; give it another name")


def _through(files: list[Path], work: Callable[[Path], Diarization], workers: int) -> Iterator[FileResult[Diarization]]:
    from seehear.parallel import parallel_map, try_file

    if workers > 1:
        yield from parallel_map(files, work, workers)
        return
    for file in files:
        yield try_file(file, work, among_others=len(files) > 1)


def _work(
    model: str, identity: str | None, known: tuple[tuple[str, Path], ...], options: DiarizationOptions, path: Path
) -> Diarization:
    """One file; a process loads its models once."""

    models = _loaded(model, identity, known, options.detector)
    return diarize_file(path, models.sync, options, models.voices, models.known, threads=1, faces=models.faces)


@dataclass(frozen=True)
class _Models:
    """All that a film is listened to with."""

    sync: SyncEmbedder
    voices: IdentityModel | None
    faces: FaceModel | None
    known: list[EnrolledPerson]


@cache
def _loaded(model: str, identity: str | None, known: tuple[tuple[str, Path], ...], detector: Path | None) -> _Models:
    from seehear.apps.diarization.people import enrol
    from seehear.apps.embeddings import MatchFaceModel, load_face_model
    from seehear.machine import use_single_thread
    from seehear.models.store import load_identity_model, load_sync_model, packaged_models

    use_single_thread()
    named = DEFAULT_IDENTITY if identity is None and DEFAULT_IDENTITY in packaged_models() else identity
    voices = load_identity_model(named) if named and named != "none" else None
    faces: FaceModel | None = None
    if identity and voices:
        faces = MatchFaceModel(voices, identity)
    elif identity != "none":
        faces = load_face_model()
    return _Models(load_sync_model(model), voices, faces, enrol(known, voices, faces, detector))


def _write(done: list[FileResult[Diarization]], rttm: Path | None, video: Path | None) -> None:
    from seehear.apps.diarization.annotate import write_annotated_video

    if rttm:
        write_rttm(rttm, (line for tried in done if tried.value for line in tried.value.rttm()))
    if video and done[0].value:
        write_annotated_video(done[0].value, video)
