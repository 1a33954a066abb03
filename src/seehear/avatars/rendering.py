"""Render the clips of a folder of avatars in worker processes, and their table rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

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
from seehear.avatars.make import AvatarSet
from seehear.avatars.performance import Performance, plan_performance
from seehear.avatars.voice import TimedLabel, require_espeak
from seehear.errors import SeehearError
from seehear.parallel import ReportProgress, run_tasks, worker_count
from seehear.progress import Progress, Stage

if TYPE_CHECKING:
    pass

Row = dict[str, Any]


Job = TypeVar("Job")


def render_all(
    out: Path,
    asked: dict[str, Any],
    jobs: Sequence[Job],
    render: Callable[[Job], Row],
    workers: int | None,
    progress: Progress | None,
) -> AvatarSet:
    """Render all clips of a folder that are not finished yet.

    Args:
        out: the folder.
        asked: arguments that its clips are made from; stored in the folder.
        jobs: one job per clip.
        render: module-level function that writes one clip and returns its table row.
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
        running = closing(_results(left, render, min(workers, len(left))))  # on failure workers stop before the cleanup
        with running as results:
            for number, row in results:
                rows[number] = row
                remember(out, number, row)
                stage.update(len(rows), f"{len(rows)}/{len(jobs)} clips")
        write_labels(out, [rows[number] for number in range(len(jobs))])
    return AvatarSet(out, tuple(finished_files(out)))


def alignment_json(marks: Sequence[TimedLabel]) -> str:
    """Words or phonemes for the table: a JSON list of ``[text, start_s, stop_s]``."""
    return json.dumps([[m.text, round(m.start_s, 4), round(m.stop_s, 4)] for m in marks], ensure_ascii=False)


def _results(jobs: Sequence[tuple[int, Job]], render: Callable[[Job], Row], workers: int) -> Generator[tuple[int, Row]]:
    """Yield clip numbers and table rows in the order of completion."""
    if workers <= 1:
        yield from ((number, render(job)) for number, job in jobs)
        return
    for message in run_tasks(jobs, partial(_render_job, render), workers):
        number = message.task[0]
        if message.kind == "died":
            raise SeehearError(f"the process that made clip {number} {message.value}; try fewer --workers")
        yield number, message.value


def _render_job(render: Callable[[Job], Row], numbered: tuple[int, Job], report: ReportProgress) -> Row:
    """Run one job in a worker."""
    return render(numbered[1])


DialogueJob = tuple[Path, int, int, int, float, int, float]


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
