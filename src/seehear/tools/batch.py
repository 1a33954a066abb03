"""Many files: each measured (and fixed) by one process with one thread; a bad one does not stop the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import cv2
import torch

from seehear.crew import work_through, worker_count
from seehear.errors import SeehearError
from seehear.os_errors import as_sentence
from seehear.tools.fix import Fixed, fix
from seehear.tools.listen import LipsAndSound
from seehear.tools.measure import MeasureOptions, measure
from seehear.tools.measurement import Measurement
from seehear.tools.verdict import Verdict
from seehear.training.run import load_sync

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Job:
    """One file to be measured, and fixed if ``fix_to`` says where to."""

    path: Path
    options: MeasureOptions = field(default_factory=MeasureOptions)
    fix_to: Path | None = None
    force: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a job: a measurement, or the sentence that says why not; both where only the fix failed.

    ``search_s`` is the job's: how far it looked, or would have.
    """

    path: Path
    measurement: Measurement | None = None
    fixed: Fixed | None = None
    error: str | None = None
    search_s: float = 1.0

    def to_json(self) -> dict[str, Any]:
        """One object of the ``--json`` output; a file that could not be read has the same keys, and ``error``."""
        measured = self.measurement or Measurement(
            self.path, Verdict.CANNOT_TELL, self.error or "", calibrated=False, search_s=self.search_s
        )
        entry = measured.to_json()
        if self.fixed:
            entry["fixed"] = self.fixed.to_json()
        if self.error:
            entry["error"] = self.error
        return entry


def run_jobs(
    jobs: list[Job], model: str, workers: int | None = None, progress: Progress | None = None
) -> Iterator[Outcome]:
    """Do the jobs, in parallel where there are several, and give their outcomes in the jobs' order as they come.

    Args:
        jobs: what to do.
        model: name or path of a sync run.
        workers: processes; by default one per core. One job, or one worker, is done in this process.
        progress: called with the share of the current file that is done; only where one process does the work.

    Raises:
        SeehearError: fewer than one worker.
        ModelError: the model cannot be loaded.
    """
    workers = min(worker_count(workers), len(jobs))
    loaded = load_sync(model)  # here, even if others will do the work: a wrong model is one error, not one a file
    if workers <= 1:
        use_one_thread()
        do = do_job if len(jobs) == 1 else do_one_of_many
        yield from (do(job, loaded, progress) for job in jobs)
        return
    del loaded
    finished: dict[int, Outcome] = {}
    following = 0
    for message in work_through(enumerate(jobs), partial(_do_in_worker, model), workers):
        number, job = message.task
        died = f"{job.path} cannot be measured: the process that did it {message.value}; leave this file out"
        finished[number] = (
            message.value if message.kind == "done" else Outcome(job.path, error=died, search_s=job.options.search_s)
        )
        while following in finished:
            yield finished.pop(following)
            following += 1


def do_job(job: Job, model: LipsAndSound, progress: Progress | None = None, threads: int = 0) -> Outcome:
    """Measure one file and fix it if asked, with so many threads to decode it (0: one a core).

    Errors that are the user's to mend become part of the outcome; any other is a bug and keeps its traceback.
    """
    measurement = None
    try:
        measurement = measure(job.path, model, job.options, progress, threads)
        same_sound = measurement.sound.wanted if measurement.sound else job.options.sound
        again = partial(measure, model=model, options=replace(job.options, sound=same_sound), threads=threads)
        fixed = fix(measurement, job.fix_to, again, force=job.force) if job.fix_to else None
        return Outcome(job.path, measurement, fixed, search_s=job.options.search_s)
    except SeehearError as error:
        return Outcome(job.path, measurement, error=str(error), search_s=job.options.search_s)
    except OSError as error:
        sentence = as_sentence(error)
        if sentence is None:
            raise
        return Outcome(job.path, measurement, error=str(sentence), search_s=job.options.search_s)


def do_one_of_many(job: Job, model: LipsAndSound, progress: Progress | None = None, threads: int = 0) -> Outcome:
    """As `do_job`; but a bug that one file brings to light costs only this file's answer, not the others'."""
    try:
        return do_job(job, model, progress, threads)
    except Exception as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())
        sentence = f"{job.path}: unforeseen {said}; measured alone, it shows the traceback that a bug report needs"
        return Outcome(job.path, error=sentence, search_s=job.options.search_s)


def use_one_thread() -> None:
    """Decoding runs beside the network: more threads than cores make both many times slower."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def _do_in_worker(model: str, numbered: tuple[int, Job], tell: object) -> Outcome:
    return do_one_of_many(numbered[1], _load_once(model), threads=1)


@cache
def _load_once(model: str) -> LipsAndSound:
    """A worker's model, kept from one job to the next."""
    use_one_thread()
    return load_sync(model)
