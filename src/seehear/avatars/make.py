"""Make folders of avatar videos, with one person or several, in parallel processes."""

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
from seehear.progress import Progress, Stage
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
    progress: Progress | None,
) -> AvatarSet:
    """Render all clips of a folder that are not finished yet.

    Args:
        out: the folder.
        asked: arguments that its clips are made from; stored in the folder.
        jobs: one job per clip.
        film: module-level function that writes one clip and returns its table row.
        workers: number of processes; by default one per core.
        progress: see `synthesize_avatars`.

    Returns:
        The folder and its files, in the order of the table.

    Raises:
        SeehearError: eSpeak NG is not installed, the folder is not writable or contains something else, or the disk is
            full.
    """
    workers = worker_count(workers)
    if is_complete(out, asked):
        return AvatarSet(out, tuple(finished_files(out)))
    require_espeak()
    with building(out, asked):
        rows: dict[int, Row] = finished(out)
        left = [(number, job) for number, job in enumerate(jobs) if number not in rows]
        stage = Stage(progress, "avatars", len(jobs), len(rows))
        running = closing(_results(left, film, min(workers, len(left))))  # on failure workers stop before the cleanup
        with running as results:
            for number, row in results:
                rows[number] = row
                remember(out, number, row)
                stage.update(len(rows), f"{len(rows)}/{len(jobs)} clips")
        write_labels(out, [rows[number] for number in range(len(jobs))])
    return AvatarSet(out, tuple(finished_files(out)))


def check_arguments(clips: int, speakers: int, seconds: float, seed: int, neutral: float) -> None:
    """Check the arguments.

    Raises:
        SeehearError: a number is out of range.
    """
    if clips < 1 or speakers < 1:
        raise SeehearError(f"avatars need at least one clip and one speaker, not {clips} and {speakers}")
    if not 0.2 <= seconds <= 600:
        raise SeehearError(f"A clip of {seconds:g} seconds is out of range; choose 0.2 to 600.")
    if seed < 0:
        raise SeehearError(f"A seed must be 0 or more, not {seed}.")
    if not 0 <= neutral <= 1:
        raise SeehearError(f"The share of neutral clips must lie between 0 and 1, not {neutral:g}.")


def alignment_json(marks: Sequence[TimedLabel]) -> str:
    """Words or phonemes for the table: a JSON list of ``[text, start_s, stop_s]``."""
    return json.dumps([[m.text, round(m.start_s, 4), round(m.stop_s, 4)] for m in marks], ensure_ascii=False)


def _results(jobs: Sequence[tuple[int, Job]], film: Callable[[Job], Row], workers: int) -> Generator[tuple[int, Row]]:
    """Yield clip numbers and table rows in the order of completion."""
    if workers <= 1:
        yield from ((number, film(job)) for number, job in jobs)
        return
    for message in run_tasks(jobs, partial(_render_job, film), workers):
        number = message.task[0]
        if message.kind == "died":
            raise SeehearError(f"the process that made clip {number} {message.value}; try fewer --workers")
        yield number, message.value


def _render_job(film: Callable[[Job], Row], numbered: tuple[int, Job], report: ReportProgress) -> Row:
    """Run one job in a worker."""
    return film(numbered[1])


MAX_PEOPLE = 6
"""Maximum number of people in a frame; more would be too wide for video codecs."""


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
    progress: Progress | None = None,
) -> AvatarSet:
    """Make a folder of videos in which people side by side take turns speaking, and a table of who speaks when.

    People who do not speak blink, look around, move the head a little, swallow or smile, unrelated to the audio, which
    is one track for all. The files are MP4s like those of `synthesize_avatars`. ``labels.csv`` has a row for each:
    ``file``; ``speakers``, ``sexes`` and ``ages`` as JSON lists, from left to right; ``turns``, a JSON list of
    ``[place, start_s, stop_s]``, where place 0 is the person at the left; ``words`` as JSON lists of
    ``[place, text, start_s, stop_s]``; and attributes of the room. No two people speak at the same time. Pauses of more
    than 0.3 s split a turn, shorter ones are part of it.

    The seed determines everything; video ``i`` depends only on the arguments and ``i``.

    Args:
        out: folder to create; it must not contain anything else.
        clips: number of videos.
        speakers: number of people from which those of each video are sampled.
        seed: determines everything.
        seconds: length of each video.
        people: number of people in each frame, 2 to 6.
        neutral: fraction of them without emotion.
        workers: number of processes; by default one per core.
        progress: called with the share of the clips that are done, 0 to 1, and a text.

    Returns:
        The folder and its files, in the order of the table.

    Raises:
        SeehearError: as for `synthesize_avatars`, or there are fewer speakers than people in a frame.
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
    """Write one file and return its table row."""
    out, seed, number, speakers, seconds, people, neutral = job
    dialogue = plan_dialogue(seed, number, speakers, seconds, people, neutral)
    name = f"d{number:06d}.mp4"
    camera = dialogue.takes[0].camera
    write_video_file(
        out / name,
        dialogue.pictures(),
        dialogue.sound,
        crf=camera.crf,
        preset=camera.preset,
        bit_rate=dialogue.room.bit_rate,
    )
    return _dialogue_row(name, dialogue)


def _dialogue_row(name: str, dialogue: Dialogue) -> Row:
    """One table row, in the order of its columns."""
    cast, room, framing = [take.person for take in dialogue.takes], dialogue.room, dialogue.takes[0].framing
    words = [
        (place, mark.text, round(mark.start_s, 4), round(mark.stop_s, 4))
        for place, take in enumerate(dialogue.takes)
        for mark in take.words
    ]
    turns = [(turn.place, round(turn.start_s, 4), round(turn.stop_s, 4)) for turn in dialogue.turns]
    return {
        "file": name,
        "speakers": json.dumps([f"s{person.number:04d}" for person in cast]),
        "sexes": json.dumps([person.sex for person in cast]),
        "ages": json.dumps([person.age for person in cast]),
        "turns": json.dumps(turns),
        "words": json.dumps(sorted(words, key=lambda word: word[2]), ensure_ascii=False),
        "width": framing.width * len(cast),
        "height": framing.height,
        "crf": dialogue.takes[0].camera.crf,
        "noise": room.noise,
        **{key: round(getattr(room, key), 2) for key in ("snr_db", "reverberation_s", "level_db", "clip_db")},
    }


PARTS = ("train", "train", "train", "dev", "test")
"""Split of the people of a seed, in turn, so that everybody who makes them has the same split."""


VOICE = ("pitch", "pitch_range", "words_per_minute", "tract")
"""Table columns of a synthetic voice; empty for a recorded one."""


def synthesize_avatars(
    out: Path | str,
    *,
    clips: int = 100,
    speakers: int = 20,
    seed: int = 0,
    seconds: float = 3.0,
    neutral: float = 0.5,
    people_per_video: int = 1,
    recordings: Path | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> AvatarSet:
    """Make a folder of video files with synthetic talking people, and a table of labels.

    The files are MP4s (H.264, 25 frames per second; AAC, 16 kHz) named ``s<speaker>_<clip>.mp4``. ``labels.csv`` has a
    row for each: ``file``, ``text`` (the words inside the clip), ``speaker``, ``part`` (train, dev or test: three
    people in five, one, and one), ``emotion``, ``language``, attributes of face, voice, room and camera, and ``words``
    and ``phonemes`` (IPA) as JSON lists of ``[text, start_s, stop_s]``.

    The seed determines everything: the same seed gives the same bytes, whatever the number of workers. Another seed
    gives other people, texts, rooms and cameras. Clip ``i`` of a seed depends only on the seed, ``i``, ``speakers``,
    ``seconds`` and ``neutral``, so that a larger run starts with the clips of a smaller one.

    A folder with the same avatars is left unchanged. After an interruption or failure finished clips are kept, and the
    same command resumes from there.

    Args:
        out: folder to create; it must not contain anything else.
        clips: number of files.
        speakers: number of people; they take turns.
        seed: determines everything.
        seconds: length of each clip, a whole number of frames.
        neutral: fraction of the clips without emotion, 0 to 1; the others have six emotions, equally often. One in
            seven balances all classes.
        people_per_video: number of people in each video; two or more take turns speaking, and labels.csv says who
            speaks when (see `synthesize_dialogues`).
        recordings: folder of English recordings, each of one voice, to use instead of a synthesiser. Each person has
            the voice of one recording; face and emotion are independent of it.
        workers: number of processes; by default one per core.
        progress: called with the share of the clips that are done, 0 to 1, and a text.

    Returns:
        The folder and its files, in the order of the table.

    Raises:
        SeehearError: eSpeak NG is not installed, the folder is not writable or contains something else, the disk is
            full, or a number is out of range.
    """
    if people_per_video != 1 and recordings:
        raise SeehearError("--recordings lets one person speak in each video; leave out --people-per-video")
    if people_per_video != 1:
        return synthesize_dialogues(
            out,
            clips=clips,
            speakers=speakers,
            seed=seed,
            seconds=seconds,
            neutral=neutral,
            people=people_per_video,
            workers=workers,
            progress=progress,
        )
    check_arguments(clips, speakers, seconds, seed, neutral)
    asked: dict[str, Any] = {"clips": clips, "speakers": speakers, "seed": seed, "seconds": seconds, "neutral": neutral}
    speech = find_recordings(recordings, seconds) if recordings else []
    if speech:
        asked["speech"] = hashlib.sha256(json.dumps(list(recording_ids(speech))).encode()).hexdigest()
    jobs = [(Path(out), seed, number, speakers, seconds, neutral, speech) for number in range(clips)]
    return render_all(Path(out), asked, jobs, render_clip, workers, progress)


ClipJob = tuple[Path, int, int, int, float, float, Sequence[Path]]


def render_clip(job: ClipJob) -> dict[str, Any]:
    """Write one file and return its table row."""
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
    """One table row, in the order of its columns."""
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
