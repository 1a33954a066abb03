"""Filming many clips in several processes into one folder, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from seehear.avatars.folder import finished, in_the_making, is_made, made_files, remember, write_labels
from seehear.avatars.voices import Mark, require_espeak
from seehear.crew import Tell, work_through, worker_count
from seehear.errors import SeehearError
from seehear.progress import Telling

Row = dict[str, Any]
Job = TypeVar("Job")


def film_all(
    out: Path,
    asked: dict[str, Any],
    jobs: Sequence[Job],
    film: Callable[[Job], Row],
    workers: int | None,
    progress: bool,
) -> list[Path]:
    """Film all clips of a folder, but for those that it holds already.

    Args:
        out: the folder.
        asked: what its clips are made from; the folder remembers it.
        jobs: one of each clip.
        film: a function of a module, that writes one clip and gives its row of the table.
        workers: processes; by default one a core.
        progress: tell how far it is.

    Returns:
        The files, in the order of the table.

    Raises:
        SeehearError: eSpeak NG is not installed, the folder cannot be written or holds something else, or the disk is
            full.
    """
    workers = worker_count(workers)
    if is_made(out, asked):
        return made_files(out)
    require_espeak()
    with in_the_making(out, asked):
        rows: dict[int, Row] = finished(out)
        left = [(number, job) for number, job in enumerate(jobs) if number not in rows]
        made = closing(_results(left, film, min(workers, len(left))))  # if it fails, nobody writes while it is cleared
        with made as results, Telling("avatars", len(jobs), len(rows), show=progress) as telling:
            for number, row in results:
                rows[number] = row
                remember(out, number, row)
                telling.update(len(rows), f"{len(rows)}/{len(jobs)} clips")
        write_labels(out, [rows[number] for number in range(len(jobs))])
    return made_files(out)


def check_asked(clips: int, speakers: int, seconds: float, seed: int, neutral: float) -> None:
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


def marks_json(marks: Sequence[Mark]) -> str:
    """Words or phonemes as the table has them: a JSON list of ``[text, start_s, stop_s]``."""
    return json.dumps([[m.text, round(m.start_s, 4), round(m.stop_s, 4)] for m in marks], ensure_ascii=False)


def _results(jobs: Sequence[tuple[int, Job]], film: Callable[[Job], Row], workers: int) -> Generator[tuple[int, Row]]:
    """Numbers of clips and their rows of the table, as they come."""
    if workers <= 1:
        yield from ((number, film(job)) for number, job in jobs)
        return
    for message in work_through(jobs, partial(_filmed, film), workers):
        number = message.task[0]
        if message.kind == "died":
            raise SeehearError(f"the process that made clip {number} {message.value}; try fewer --workers")
        yield number, message.value


def _filmed(film: Callable[[Job], Row], numbered: tuple[int, Job], tell: Tell) -> Row:
    """What a worker does."""
    return film(numbered[1])
