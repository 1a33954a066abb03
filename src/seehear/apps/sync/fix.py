"""`fix_sync`; many files, each measured and fixed in a process."""

from __future__ import annotations

import csv as csv_format
import json as json_format
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from seehear.apps.sync.drift import WRONG_SPEED_MS
from seehear.apps.sync.measure import MeasureOptions, measure_file
from seehear.apps.sync.offset import SyncEmbedder
from seehear.apps.sync.result import (
    FileMeasurement,
    FixResult,
    SyncMeasurement,
    Verdict,
    _in_place,
    describe_drift,
    format_delay,
)
from seehear.atomic_io import ENCODING_ERRORS, atomic_write
from seehear.errors import MediaError, SeehearError, as_user_error, check_writable
from seehear.machine import use_single_thread
from seehear.media.remux import container_of, suffix_for, takes_pictures
from seehear.media.shift import shift_sound
from seehear.models.store import load_sync_model
from seehear.parallel import run_tasks, worker_count


def fix_measured(
    before: SyncMeasurement, to: Path, measure: Callable[[Path], SyncMeasurement], *, force: bool = False
) -> FixResult:
    """Write ``to``: the file's picture untouched, its sound moved by the whole measured delay, and measure it.

    A file that is in sync by the verdict is shifted as well: what is left after a fix should be as little as can be
    measured, not just within what viewers tolerate. The new file is measured before it takes its name: one that cannot
    be told, or whose sound is not in place, is deleted.

    Args:
        before: what was measured on the file to be fixed.
        to: the new file; replaced if it exists.
        measure: how to measure the new file.
        force: shift by the best guess when the measurement cannot tell, and keep the file whatever it measures.

    Raises:
        MediaError: the measurement cannot tell (and no ``force``), nothing was measured, the file cannot be written, or
            what was written does not measure better (and no ``force``).
    """
    if before.delay_ms is None:
        raise MediaError(f"{before.path}: not fixed, because {before.reason}")
    if before.verdict is Verdict.CANNOT_TELL and not force:
        raise MediaError(
            f"{before.path}: not fixed, because the delay is uncertain (confidence {before.confidence:.2f}); "
            f"--force shifts by the best guess, {format_delay(before.delay_ms)}"
        )
    drift = before.drift
    if drift and abs(drift.ms_per_minute) >= 60 * WRONG_SPEED_MS and not force:
        raise MediaError(
            f"{before.path}: not fixed, because no one shift fits: {describe_drift(drift)}; "
            "change the speed of the sound first, or --force shifts by the delay in the middle"
        )
    if to.is_dir():
        raise MediaError(f"{to} is a folder; give the name of a file in it")
    trial = to.with_name(f".seehear-{os.getpid()}{to.suffix}")
    try:
        try:
            written = shift_sound(before.path, trial, earlier_s=before.delay_ms / 1000)
        except MediaError as error:
            raise MediaError(str(error).replace(str(trial), str(to))) from error
        after = replace(measure(trial), path=to)
        if not force and not _in_place(after):
            raise MediaError(f"{before.path}: not fixed, because {_still_wrong(before.delay_ms, after)}")
        trial.replace(to)
    finally:
        trial.unlink(missing_ok=True)
    return FixResult(to, before.delay_ms, after, written.left_out)


def _still_wrong(shifted_ms: float, after: SyncMeasurement) -> str:
    """What a fixed file measures that is not to be kept."""
    if after.delay_ms is None:
        return f"the shifted file could not be measured ({after.reason}); --force keeps it all the same"
    return (
        f"with the sound shifted by {format_delay(shifted_ms)} it measures {format_delay(after.delay_ms)} "
        f"(confidence {after.confidence:.2f}); --force keeps such a file"
    )


def output_paths(files: list[Path], to: Path) -> list[Path]:
    """Where each fixed file goes: ``to`` itself for one file, of the same name in the folder ``to`` for several.

    In a folder, a file whose own container cannot be written becomes one of the first kind that takes its pictures.

    Raises:
        MediaError: two files would get the same name, one would be written over its original, ``to`` has a suffix of no
            container that can be written or of one that does not take the pictures, or its folder does not exist.
    """
    into_folder = len(files) > 1 or to.is_dir()
    if into_folder:
        to.mkdir(parents=True, exist_ok=True)
    container = "" if into_folder else container_of(to)
    places = [to / _writable_name(file) if into_folder else to for file in files]
    for place in places:
        check_writable(place, "--fix")
    taken: dict[Path, Path] = {}
    for file, place in zip(files, places, strict=True):
        if place.resolve() == file.resolve():
            raise MediaError(f"{place} is the file to be fixed; give --fix another name, so that the original stays")
        if place in taken:
            raise MediaError(f"{taken[place]} and {file} would both be written to {place}; fix them one at a time")
        taken[place] = file
    if not into_folder:
        _require_taken(files[0], to, container)
    return places


def _require_taken(file: Path, to: Path, container: str) -> None:
    """That a container takes the pictures of a file; one that cannot be read is told of when it is measured.

    Raises:
        MediaError: it does not.
    """
    try:
        if takes_pictures(file, container):
            return
        suffix = suffix_for(file)
    except MediaError:
        return
    way_out = f"give --fix a name that ends in {suffix}" if suffix else "convert it to H.264 in .mp4 first"
    raise MediaError(f"{to}: this container does not take the pictures of {file}; {way_out}")


def _writable_name(file: Path) -> str:
    suffix = None
    with suppress(MediaError):
        suffix = suffix_for(file)
    return f"{file.stem}{suffix}" if suffix and suffix != file.suffix.lower() else file.name


ReportShare = Callable[[float], None]


@dataclass(frozen=True)
class SyncJob:
    """One file to be measured, and fixed if ``fix_to`` says where to."""

    path: Path
    options: MeasureOptions = field(default_factory=MeasureOptions)
    fix_to: Path | None = None
    force: bool = False


def measure_files(
    jobs: list[SyncJob], model: str, workers: int | None = None, progress: ReportShare | None = None
) -> Iterator[FileMeasurement]:
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
    loaded = load_sync_model(model)  # here, even if others will do the work: a wrong model is one error, not one a file
    if workers <= 1:
        use_single_thread()
        do = measure_and_fix if len(jobs) == 1 else measure_and_fix_safely
        yield from (do(job, loaded, progress) for job in jobs)
        return
    del loaded
    finished: dict[int, FileMeasurement] = {}
    following = 0
    for message in run_tasks(enumerate(jobs), partial(_do_in_worker, model), workers):
        number, job = message.task
        died = f"{job.path} cannot be measured: the process that did it {message.value}; leave this file out"
        finished[number] = (
            message.value
            if message.kind == "done"
            else FileMeasurement(job.path, error=died, search_s=job.options.search_s)
        )
        while following in finished:
            yield finished.pop(following)
            following += 1


def measure_and_fix(
    job: SyncJob, model: SyncEmbedder, progress: ReportShare | None = None, threads: int = 0
) -> FileMeasurement:
    """Measure one file and fix it if asked, with so many threads to decode it (0: one a core).

    Errors that are the user's to mend become part of the outcome; any other is a bug and keeps its traceback.
    """
    measurement = None
    try:
        measurement = measure_file(job.path, model, job.options, progress, threads)
        same_sound = measurement.sound.wanted if measurement.sound else job.options.sound
        again = partial(measure_file, model=model, options=replace(job.options, sound=same_sound), threads=threads)
        fixed = fix_measured(measurement, job.fix_to, again, force=job.force) if job.fix_to else None
        return FileMeasurement(job.path, measurement, fixed, search_s=job.options.search_s)
    except SeehearError as error:
        return FileMeasurement(job.path, measurement, error=str(error), search_s=job.options.search_s)
    except OSError as error:
        sentence = as_user_error(error)
        if sentence is None:
            raise
        return FileMeasurement(job.path, measurement, error=str(sentence), search_s=job.options.search_s)


def measure_and_fix_safely(
    job: SyncJob, model: SyncEmbedder, progress: ReportShare | None = None, threads: int = 0
) -> FileMeasurement:
    """As `measure_and_fix`; but a bug that one file brings to light costs only this file's answer, not the others'."""
    try:
        return measure_and_fix(job, model, progress, threads)
    except Exception as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())
        sentence = f"{job.path}: unforeseen {said}; measured alone, it shows the traceback that a bug report needs"
        return FileMeasurement(job.path, error=sentence, search_s=job.options.search_s)


def _do_in_worker(model: str, numbered: tuple[int, SyncJob], tell: object) -> FileMeasurement:
    return measure_and_fix_safely(numbered[1], _load_once(model), threads=1)


@cache
def _load_once(model: str) -> SyncEmbedder:
    """A worker's model, kept from one job to the next."""
    use_single_thread()
    return load_sync_model(model)


CSV_COLUMNS = (
    "file",
    "verdict",
    "delay_ms",
    "confidence",
    "reason",
    "drift_ms_per_minute",
    "fixed_file",
    "fixed_delay_ms",
    "audio_stream",
    "detector",
)


def sync(
    files: list[Path],
    *,
    model: str = "sync-small",
    fix: Path | None = None,
    force: bool = False,
    json: bool = False,
    csv: Path | None = None,
    plot: Path | None = None,
    search_s: float = 1.0,
    audio_stream: str | None = None,
    workers: int | None = None,
    faces: Literal["yunet", "whole-frame"] = "yunet",
    detector: Path | None = None,
) -> int:
    """Is the sound in sync with the lips, by how much is it early or late, and fix it.

    Prints a block for one file and a line each for several. The delay is positive when the sound is late. The exit code
    is 0 when every file was measured (also when the answer is "cannot tell"), 2 when one could not be read or fixed.

    Args:
        files: Video files to measure.
        model: Name or folder of a trained sync model, or hf:owner/name on the Hugging Face hub.
        fix: Write the file with its sound shifted into place here; a folder when there are several files.
        force: Fix by the best guess even when the verdict is "cannot tell".
        json: Print one JSON object per file and line instead.
        csv: Also write a table of all files here.
        plot: Also draw agreement against delay here, as PNG; one file only.
        search_s: Look at delays up to this many seconds, early and late.
        audio_stream: Which stream of sound to measure, from 1, and perhaps which channel: 2 or 2:left; by default the
            one that agrees best with the lips. --fix moves all of them.
        workers: Processes for several files; by default one per core.
        faces: Find faces with YuNet, or take the whole frame to be a face crop already.
        detector: YuNet's .onnx file; by default the cached one, or fetched.
    """
    if not 0.1 <= search_s <= 30:
        raise SeehearError(f"--search-s must be from 0.1 to 30 seconds, not {search_s:g}")
    if plot and len(files) > 1:
        raise SeehearError("--plot draws one file; give one file, or leave --plot out")
    check_writable(csv, "--csv")
    check_writable(plot, "--plot")
    from seehear.apps.sync.measure import MeasureOptions
    from seehear.apps.sync.result import show_line, show_one
    from seehear.media.audio_streams import AudioStreamChoice

    options = MeasureOptions(search_s, faces, detector, AudioStreamChoice.parse(audio_stream))
    places = output_paths(files, fix) if fix else [None] * len(files)
    jobs = [SyncJob(file, options, place, force) for file, place in zip(files, places, strict=True)]
    out, err = Console(highlight=False), Console(stderr=True, highlight=False)
    _say_other_containers(err, jobs)
    outcomes: list[FileMeasurement] = []
    with _progress(err, len(files)) as bar:
        task = bar.add_task("measuring", total=len(files))
        for outcome in measure_files(
            jobs, model, workers, lambda share: bar.update(task, completed=len(outcomes) + share)
        ):
            outcomes.append(outcome)
            bar.update(task, completed=len(outcomes))
            if json:
                print(json_format.dumps(outcome.to_json(), ensure_ascii=False), flush=True)  # noqa: T201
            elif len(files) > 1:
                show_line(out, outcome)
    if not json and len(files) == 1:
        show_one(out, outcomes[0])
    if csv:
        _write_csv(csv, (outcome.to_json() for outcome in outcomes))
    if plot and outcomes[0].measurement:
        _draw(plot, outcomes[0])
    return _failures(err, outcomes, said=not json and len(files) > 1)


def _say_other_containers(err: Console, jobs: Iterable[Any]) -> None:
    """Which files will be fixed as another kind of file, because their own cannot be written."""
    for job in jobs:
        if job.fix_to and job.fix_to.parent != job.path.parent and job.path.suffix.lower() != job.fix_to.suffix.lower():
            said = f"seehear: {job.path} cannot be written as the kind of file it is; it is fixed as {job.fix_to}"
            err.print(said, markup=False, soft_wrap=True)


def _progress(console: Console, files: int) -> Progress:
    """A bar on the terminal's error stream; nothing where that is a file or a pipe."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:.0f}%"),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty())


def _failures(err: Console, outcomes: Iterable[Any], said: bool) -> int:
    """Print the sentences of what went wrong, and give the exit code."""
    failed = [outcome for outcome in outcomes if outcome.error]
    for outcome in failed:
        if not (said and outcome.measurement is None):
            err.print(f"seehear: {outcome.error}", markup=False, soft_wrap=True)
    return 2 if failed else 0


def _write_csv(path: Path, entries: Iterable[dict[str, Any]]) -> None:
    """All outcomes as one table."""
    with (
        atomic_write(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8", errors=ENCODING_ERRORS) as stream,
    ):
        writer = csv_format.DictWriter(stream, CSV_COLUMNS)
        writer.writeheader()
        for entry in entries:
            drift, fixed = entry["drift"] or {}, entry.get("fixed") or {}
            row = {column: entry.get(column) for column in CSV_COLUMNS[:5]}
            row["drift_ms_per_minute"] = drift.get("ms_per_minute")
            row["fixed_file"], row["fixed_delay_ms"] = fixed.get("file"), fixed.get("delay_ms")
            sound = entry["sound"] or {}
            row["audio_stream"] = ":".join(str(sound[key]) for key in ("stream", "channel") if sound.get(key))
            row["detector"] = entry.get("detector")
            writer.writerow(row)


def _draw(path: Path, outcome: Any) -> None:
    from seehear.apps.sync.result import sync_figure
    from seehear.report.plots import save_png

    save_png(sync_figure(outcome.measurement), path)
