"""The verb ``seehear sync``: measure files, say what was found, plot it, write it down, fix it."""

from __future__ import annotations

import csv as csv_format
import json as json_format
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from seehear.beside import NOT_UTF8, written_beside
from seehear.errors import SeehearError
from seehear.os_errors import require_place

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
    require_place(csv, "--csv")
    require_place(plot, "--plot")
    from seehear.media.sound_part import Wanted
    from seehear.tools.batch import Job, Outcome, run_jobs
    from seehear.tools.fix import destinations
    from seehear.tools.measure import MeasureOptions
    from seehear.tools.show import show_line, show_one

    options = MeasureOptions(search_s, faces, detector, Wanted.parse(audio_stream))
    places = destinations(files, fix) if fix else [None] * len(files)
    jobs = [Job(file, options, place, force) for file, place in zip(files, places, strict=True)]
    out, err = Console(highlight=False), Console(stderr=True, highlight=False)
    _say_other_containers(err, jobs)
    outcomes: list[Outcome] = []
    with _progress(err, len(files)) as bar:
        task = bar.add_task("measuring", total=len(files))
        for outcome in run_jobs(jobs, model, workers, lambda share: bar.update(task, completed=len(outcomes) + share)):
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
        written_beside(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8", errors=NOT_UTF8) as stream,
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
    from seehear.report.plots import save_png
    from seehear.tools.plot import sync_figure

    save_png(sync_figure(outcome.measurement), path)
