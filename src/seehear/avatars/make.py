"""Many clips of synthetic talking people, with labels, as ordinary video files."""

from __future__ import annotations

import csv
import json
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from seehear.avatars.reel import write_reel
from seehear.avatars.take import Take, plan_take
from seehear.avatars.voices import Mark, require_espeak
from seehear.errors import SeehearError

LABELS = "labels.csv"


def make_avatars(
    out: Path | str,
    *,
    clips: int = 100,
    speakers: int = 20,
    seed: int = 0,
    seconds: float = 3.0,
    workers: int | None = None,
) -> list[Path]:
    """Make a folder of video files with synthetic talking people, and a table of labels.

    Every file is an MP4 (H.264, 25 pictures a second; AAC, 16 kHz) named ``s<speaker>_<clip>.mp4``. ``labels.csv`` has
    a row for each: ``file``, ``text`` (the words inside the clip), ``speaker``, ``emotion``, ``language``, attributes
    of face, voice, room and camera, and ``words`` and ``phonemes`` (IPA) as JSON lists of ``[text, start_s, stop_s]``.

    A seed decides everything: the same seed gives the same bytes, whatever the number of workers. Another seed gives
    other people, texts, rooms and cameras; clip ``i`` of a seed depends on nothing but the seed, ``i``, ``speakers``
    and ``seconds``, so that a larger run begins with the clips of a smaller one.

    Args:
        out: folder to make; it must not hold anything yet.
        clips: how many files.
        speakers: how many people; they take turns.
        seed: decides everything.
        seconds: length of each clip, a whole number of pictures.
        workers: processes; as many as there are processors unless given.

    Returns:
        The files, in the order of the table.

    Raises:
        SeehearError: eSpeak NG is not installed, the folder cannot be written or is not empty, or a number is absurd.
    """
    out = Path(out)
    _check(clips, speakers, seconds)
    require_espeak()
    _make_folder(out)
    jobs = [(out, seed, number, speakers, seconds) for number in range(clips)]
    rows = []
    with Progress(
        TextColumn("avatars"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), transient=True
    ) as progress:
        progress.disable = not progress.console.is_terminal
        for row in progress.track(_results(jobs, workers or os.cpu_count() or 1), total=clips):
            rows.append(row)
    _write_labels(out / LABELS, rows)
    return [out / row["file"] for row in rows]


def _check(clips: int, speakers: int, seconds: float) -> None:
    if clips < 1 or speakers < 1:
        raise SeehearError(f"Avatars need at least one clip and one speaker, not {clips} and {speakers}.")
    if not 0.2 <= seconds <= 600:
        raise SeehearError(f"A clip of {seconds:g} seconds is out of range; choose 0.2 to 600.")


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise SeehearError(f"{out} is not empty; avatars go into a new folder.")
        probe = out / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise SeehearError(f"{out} cannot be written ({error.strerror}); choose another folder.") from error


Job = tuple[Path, int, int, int, float]


def _results(jobs: list[Job], workers: int) -> Iterator[dict[str, Any]]:
    """Rows of the table, in the order of the jobs."""
    if workers == 1 or len(jobs) == 1:
        yield from map(_make_clip, jobs)
        return
    context = multiprocessing.get_context("spawn")  # a forked copy of a program with threads may hang
    with ProcessPoolExecutor(min(workers, len(jobs)), context, initializer=_single_thread) as pool:
        yield from pool.map(_make_clip, jobs, chunksize=1)


def _single_thread() -> None:
    """Each worker is one thread: processes that share cores must not fight for them."""
    import cv2

    cv2.setNumThreads(1)


def _make_clip(job: Job) -> dict[str, Any]:
    out, seed, number, speakers, seconds = job
    take = plan_take(seed, number, speakers, seconds)
    name = f"s{take.person.number:04d}_{number:06d}.mp4"
    write_reel(
        out / name,
        take.pictures(),
        take.sound,
        crf=take.camera.crf,
        preset=take.camera.preset,
        bit_rate=take.room.bit_rate,
    )
    return _row(name, take)


def _row(name: str, take: Take) -> dict[str, Any]:
    """One row of the table, in the order of its columns."""
    person, voice, face = take.person, take.person.voice, take.person.face
    return {
        "file": name,
        "text": " ".join(word.text for word in take.words),
        "speaker": f"s{person.number:04d}",
        "emotion": take.emotion,
        "strength": round(take.strength, 3),
        "language": voice.language,
        "sex": person.sex,
        "age": person.age,
        "voice": voice.variant,
        **{name: round(getattr(voice, name), 3) for name in ("pitch", "pitch_range", "words_per_minute", "tract")},
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
        "words": _marks(take.words),
        "phonemes": _marks(take.phonemes),
    }


def _hex(colour: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in colour)


def _marks(marks: tuple[Mark, ...]) -> str:
    return json.dumps([[m.text, round(m.start_s, 4), round(m.stop_s, 4)] for m in marks], ensure_ascii=False)


def _write_labels(path: Path, rows: list[dict[str, Any]]) -> None:
    """All at once: a table is there whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    partial.replace(path)
