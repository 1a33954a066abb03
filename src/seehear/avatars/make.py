"""`synthesize_avatars`: many clips or conversations in processes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

from seehear.avatars.dialogue import Dialogue, plan_dialogue
from seehear.avatars.files import (
    building,
    finished,
    finished_files,
    is_complete,
    remember,
    write_labels,
    write_video_file,
)
from seehear.avatars.performance import Performance, plan_performance
from seehear.avatars.script import find_recordings, recording_ids
from seehear.avatars.voice import TimedLabel, require_espeak
from seehear.errors import SeehearError
from seehear.parallel import ReportProgress, run_tasks, worker_count
from seehear.progress import ProgressReporter
from seehear.results import Result

if TYPE_CHECKING:
    from rich.console import RenderableType

Row = dict[str, Any]


@dataclass(frozen=True, repr=False)
class AvatarSet(Result, Sequence[Path]):
    """A folder of synthetic talking people; a sequence of its video files, in the order of labels.csv.

    Attributes:
        out: the folder.
        files: the videos.
    """

    out: Path
    files: tuple[Path, ...]

    def __len__(self) -> int:
        return len(self.files)

    @overload
    def __getitem__(self, index: int) -> Path: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Path]: ...

    def __getitem__(self, index: int | slice) -> Path | Sequence[Path]:
        return self.files[index]

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"out": str(self.out), "files": [str(file) for file in self.files]}

    def __rich__(self) -> RenderableType:
        return f"{len(self.files)} files written"


Job = TypeVar("Job")


def render_all(
    out: Path,
    asked: dict[str, Any],
    jobs: Sequence[Job],
    film: Callable[[Job], Row],
    workers: int | None,
    progress: bool,
) -> AvatarSet:
    """Film all clips of a folder, but for those that it holds already.

    Args:
        out: the folder.
        asked: what its clips are made from; the folder remembers it.
        jobs: one of each clip.
        film: a function of a module, that writes one clip and gives its row of the table.
        workers: processes; by default one a core.
        progress: tell how far it is.

    Returns:
        The folder and its files, in the order of the table.

    Raises:
        SeehearError: eSpeak NG is not installed, the folder cannot be written or holds something else, or the disk is
            full.
    """
    workers = worker_count(workers)
    if is_complete(out, asked):
        return AvatarSet(out, tuple(finished_files(out)))
    require_espeak()
    with building(out, asked):
        rows: dict[int, Row] = finished(out)
        left = [(number, job) for number, job in enumerate(jobs) if number not in rows]
        made = closing(_results(left, film, min(workers, len(left))))  # if it fails, nobody writes while it is cleared
        with made as results, ProgressReporter("avatars", len(jobs), len(rows), show=progress) as telling:
            for number, row in results:
                rows[number] = row
                remember(out, number, row)
                telling.update(len(rows), f"{len(rows)}/{len(jobs)} clips")
        write_labels(out, [rows[number] for number in range(len(jobs))])
    return AvatarSet(out, tuple(finished_files(out)))


def check_arguments(clips: int, speakers: int, seconds: float, seed: int, neutral: float) -> None:
    """That this many avatars can be made.

    Raises:
        SeehearError: a number is absurd.
    """
    if clips < 1 or speakers < 1:
        raise SeehearError(f"Avatars need at least one clip and one speaker, not {clips} and {speakers}.")
    if not 0.2 <= seconds <= 600:
        raise SeehearError(f"A clip of {seconds:g} seconds is out of range; choose 0.2 to 600.")
    if seed < 0:
        raise SeehearError(f"A seed must be 0 or more, not {seed}.")
    if not 0 <= neutral <= 1:
        raise SeehearError(f"The share of neutral clips must lie between 0 and 1, not {neutral:g}.")


def alignment_json(marks: Sequence[TimedLabel]) -> str:
    """Words or phonemes as the table has them: a JSON list of ``[text, start_s, stop_s]``."""
    return json.dumps([[m.text, round(m.start_s, 4), round(m.stop_s, 4)] for m in marks], ensure_ascii=False)


def _results(jobs: Sequence[tuple[int, Job]], film: Callable[[Job], Row], workers: int) -> Generator[tuple[int, Row]]:
    """Numbers of clips and their rows of the table, as they come."""
    if workers <= 1:
        yield from ((number, film(job)) for number, job in jobs)
        return
    for message in run_tasks(jobs, partial(_filmed, film), workers):
        number = message.task[0]
        if message.kind == "died":
            raise SeehearError(f"the process that made clip {number} {message.value}; try fewer --workers")
        yield number, message.value


def _filmed(film: Callable[[Job], Row], numbered: tuple[int, Job], tell: ReportProgress) -> Row:
    """What a worker does."""
    return film(numbered[1])


MAX_PEOPLE = 6
"""People in a picture: more would be too wide for what video is made of."""


DialogueJob = tuple[Path, int, int, int, float, int, float]


def synthesize_dialogues(
    out: Path | str,
    *,
    clips: int = 20,
    speakers: int = 20,
    seed: int = 0,
    seconds: float = 12.0,
    people: int = 2,
    neutral: float = 0.5,
    workers: int | None = None,
    progress: bool = True,
) -> AvatarSet:
    """Make a folder of films in which people side by side take turns to speak, and a table of who speaks when.

    Who does not speak blinks, looks, moves the head a little, swallows or smiles, and nothing of it follows the sound,
    which is one track for all. Every file is an MP4 as those of `synthesize_avatars`. ``labels.csv`` has a
    row for each: ``file``; ``speakers``, ``sexes`` and ``ages`` as JSON lists, from left to right; ``turns``, a JSON
    list of ``[place, start_s, stop_s]``, place 0 being the person at the left; ``words`` as JSON lists of
    ``[place, text, start_s, stop_s]``; and attributes of the room. No two people speak at the same time. Pauses of more
    than 0.3 s part a turn, shorter ones belong to it.

    A seed decides everything; film ``i`` depends on nothing but the arguments and ``i``.

    Args:
        out: folder to make; it must not hold anything else.
        clips: how many films.
        speakers: how many people there are; those of a film are drawn from them.
        seed: decides everything.
        seconds: length of each film.
        people: in each picture, 2 to 6.
        neutral: share of them without emotion.
        workers: processes; by default one a core.
        progress: tell how far it is, on the error stream.

    Returns:
        The folder and its files, in the order of the table.

    Raises:
        SeehearError: as `synthesize_avatars`, or there are fewer speakers than people in a picture.
    """
    check_arguments(clips, speakers, seconds, seed, neutral)
    if not 2 <= people <= MAX_PEOPLE:
        raise SeehearError(
            f"Side by side there can be 2 to {MAX_PEOPLE} people, not {people}; 1 makes films of one each."
        )
    if speakers < people:
        raise SeehearError(f"For {people} people side by side there must be as many speakers, not {speakers}.")
    asked = {"clips": clips, "speakers": speakers, "seed": seed, "seconds": seconds, "neutral": neutral}
    jobs = [(Path(out), seed, number, speakers, seconds, people, neutral) for number in range(clips)]
    return render_all(Path(out), asked | {"side by side": people}, jobs, render_dialogue, workers, progress)


def render_dialogue(job: DialogueJob) -> Row:
    """One file, and its row of the table."""
    out, seed, number, speakers, seconds, people, neutral = job
    duet = plan_dialogue(seed, number, speakers, seconds, people, neutral)
    name = f"d{number:06d}.mp4"
    camera = duet.takes[0].camera
    write_video_file(
        out / name, duet.pictures(), duet.sound, crf=camera.crf, preset=camera.preset, bit_rate=duet.room.bit_rate
    )
    return _dialogue_row(name, duet)


def _dialogue_row(name: str, duet: Dialogue) -> Row:
    """One row of the table, in the order of its columns."""
    cast, room, framing = [take.person for take in duet.takes], duet.room, duet.takes[0].framing
    words = [
        (place, mark.text, round(mark.start_s, 4), round(mark.stop_s, 4))
        for place, take in enumerate(duet.takes)
        for mark in take.words
    ]
    turns = [(turn.place, round(turn.start_s, 4), round(turn.stop_s, 4)) for turn in duet.turns]
    return {
        "file": name,
        "speakers": json.dumps([f"s{person.number:04d}" for person in cast]),
        "sexes": json.dumps([person.sex for person in cast]),
        "ages": json.dumps([person.age for person in cast]),
        "turns": json.dumps(turns),
        "words": json.dumps(sorted(words, key=lambda word: word[2]), ensure_ascii=False),
        "width": framing.width * len(cast),
        "height": framing.height,
        "crf": duet.takes[0].camera.crf,
        "noise": room.noise,
        **{key: round(getattr(room, key), 2) for key in ("snr_db", "reverberation_s", "level_db", "clip_db")},
    }


PARTS = ("train", "train", "train", "dev", "test")
"""Where the people of a seed belong, in turn: a split by people that is the same for everybody who makes them."""


VOICE = ("pitch", "pitch_range", "words_per_minute", "tract")
"""Columns of the table that tell of a synthesiser's voice; empty for a recorded one."""


def synthesize_avatars(
    out: Path | str,
    *,
    clips: int = 100,
    speakers: int = 20,
    seed: int = 0,
    seconds: float = 3.0,
    neutral: float = 0.5,
    side_by_side: int = 1,
    speech: Path | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> AvatarSet:
    """Make a folder of video files with synthetic talking people, and a table of labels.

    Every file is an MP4 (H.264, 25 pictures a second; AAC, 16 kHz) named ``s<speaker>_<clip>.mp4``. ``labels.csv`` has
    a row for each: ``file``, ``text`` (the words inside the clip), ``speaker``, ``part`` (train, dev or test: three
    people in five, one, and one), ``emotion``, ``language``, attributes of face, voice, room and camera, and ``words``
    and ``phonemes`` (IPA) as JSON lists of ``[text, start_s, stop_s]``.

    A seed decides everything: the same seed gives the same bytes, whatever the number of workers. Another seed gives
    other people, texts, rooms and cameras; clip ``i`` of a seed depends on nothing but the seed, ``i``, ``speakers``,
    ``seconds`` and ``neutral``, so that a larger run begins with the clips of a smaller one.

    A folder that holds the very same avatars is left as it is. Where the making was stopped, or failed, what was
    finished stays, and the same command goes on from there.

    Args:
        out: folder to make; it must not hold anything else.
        clips: how many files.
        speakers: how many people; they take turns.
        seed: decides everything.
        seconds: length of each clip, a whole number of pictures.
        neutral: share of the clips without emotion, 0 to 1; the others are of six emotions, equally often. One in
            seven makes all classes alike.
        side_by_side: people in each picture; two or more take turns to speak, and the table says who speaks when (see
            `seehear.avatars.make.synthesize_dialogues`).
        speech: folder of English recordings, each of one voice: the people say what these hold, instead of what a
            synthesiser reads. Each has the voice of one recording; face and feeling know nothing of it.
        workers: processes; by default one a core.
        progress: tell how far it is, on the error stream.

    Returns:
        The folder and its files, in the order of the table.

    Raises:
        SeehearError: eSpeak NG is not installed, the folder cannot be written or holds something else, the disk is
            full, or a number is absurd.
    """
    if side_by_side != 1 and speech:
        raise SeehearError("--speech lets one person speak in each picture; leave out --side-by-side")
    if side_by_side != 1:
        return synthesize_dialogues(
            out,
            clips=clips,
            speakers=speakers,
            seed=seed,
            seconds=seconds,
            neutral=neutral,
            people=side_by_side,
            workers=workers,
            progress=progress,
        )
    check_arguments(clips, speakers, seconds, seed, neutral)
    asked: dict[str, Any] = {"clips": clips, "speakers": speakers, "seed": seed, "seconds": seconds, "neutral": neutral}
    recordings = find_recordings(speech, seconds) if speech else []
    if recordings:
        asked["speech"] = hashlib.sha256(json.dumps(list(recording_ids(recordings))).encode()).hexdigest()
    jobs = [(Path(out), seed, number, speakers, seconds, neutral, recordings) for number in range(clips)]
    return render_all(Path(out), asked, jobs, render_clip, workers, progress)


ClipJob = tuple[Path, int, int, int, float, float, Sequence[Path]]


def render_clip(job: ClipJob) -> dict[str, Any]:
    """One file, and its row of the table."""
    out, seed, number, speakers, seconds, neutral, recordings = job
    take = plan_performance(seed, number, speakers, seconds, neutral, recordings)
    name = f"s{take.person.number:04d}_{number:06d}.mp4"
    write_video_file(
        out / name,
        take.pictures(),
        take.sound,
        crf=take.camera.crf,
        preset=take.camera.preset,
        bit_rate=take.room.bit_rate,
    )
    return _clip_row(name, take)


def _clip_row(name: str, take: Performance) -> dict[str, Any]:
    """One row of the table, in the order of its columns."""
    person, voice, face = take.person, take.person.voice, take.person.face
    return {
        "file": name,
        "text": " ".join(word.text for word in take.words),
        "speaker": f"s{person.number:04d}",
        "part": PARTS[person.number % len(PARTS)],
        "emotion": take.emotion,
        "strength": round(take.strength, 3),
        "language": "en" if take.recording else voice.language,
        "sex": person.sex,
        "age": person.age,
        "voice": take.recording or voice.variant,
        **{name: "" if take.recording else round(getattr(voice, name), 3) for name in VOICE},
        **{name: _hex(getattr(face, name)) for name in ("skin", "lips", "hair")},
        **{name: getattr(face, name) for name in ("hair_style", "beard", "glasses")},
        "make_up": round(face.make_up, 3),
        "effort": round(person.manner.articulation.effort, 3),
        "yaw": round(float(take.motion.yaw.mean()), 3),
        "width": take.framing.width,
        "height": take.framing.height,
        "eye_distance": round(take.framing.scale, 1),
        "crf": take.camera.crf,
        "noise": take.room.noise,
        **{name: round(getattr(take.room, name), 2) for name in ("snr_db", "reverberation_s", "level_db", "clip_db")},
        "words": alignment_json(take.words),
        "phonemes": alignment_json(take.phonemes),
    }


def _hex(colour: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in colour)
