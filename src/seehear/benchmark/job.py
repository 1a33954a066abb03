"""Doing one cell: data, training or a measurement through the task's declaration."""

from __future__ import annotations

import hashlib
import logging
import shlex
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from seehear.atomic_io import remove_leftovers, write_text
from seehear.benchmark.arguments import evaluation_arguments, evaluation_command
from seehear.benchmark.cells import CellOutcome
from seehear.benchmark.plan import Cell, Kind
from seehear.errors import SeehearError
from seehear.evaluation import TASKS, find_score
from seehear.evaluation.result import Measurement
from seehear.models.store import init_from, save
from seehear.progress import log_to

SINGLE_THREAD = "export OMP_NUM_THREADS=1"
"""As cells are measured: sums of several threads differ in the last digits, and at times what is said of a word."""


LABELS = "labels.csv"


LENGTH = 12  # hexadecimal digits


def checksum(films: Path) -> str:
    """Of a folder of avatars: of its table, which says of every film who says what when, how, where and how filmed.

    The bytes of the films are left out on purpose: they depend on the processor and on FFmpeg's build in the last
    digits, and such a difference moves no figure that the seeds do not move as well.

    Args:
        films: what `seehear.avatars.make.synthesize_avatars` has made.

    Returns:
        The first digits of the table's SHA-256.
    """
    return hashlib.sha256((films / LABELS).read_bytes()).hexdigest()[:LENGTH]


def measure_cell(cell: Cell, model: str | Path, data: Path, device: str = "cpu") -> CellOutcome:
    """Measure a row with one seed, with one share of the labels, on one corpus, at all noise levels.

    Args:
        cell: of kind ``measure``.
        model: folder of a run, or an encoder by name, as `seehear evaluate` takes it.
        data: a prepared corpus.
        device: where networks run, as torch names it.

    Raises:
        SeehearError: the task does not have what is asked for, or cannot be measured on this corpus.
    """
    task = str(cell.spec["task"])
    given = evaluation_arguments(cell, model, data, device)
    begun = time.perf_counter()
    options = {name: value for name, value in given.items() if name not in ("model", "data", "corpus")}
    result = TASKS[task].call(given["model"], given.get("data") or given["corpus"], options)
    outcome = _outcome(cell.key, task, result)
    return replace(
        outcome, seconds=time.perf_counter() - begun, reproduce=(SINGLE_THREAD, evaluation_command(task, given))
    )


def _outcome(key: str, task: str, result: Any) -> CellOutcome:
    """The figures of a result."""
    if not hasattr(result, "measurement"):
        raise SeehearError(
            f"evaluate {task} gave {type(result).__name__}, which has no method measurement(); add it, so that "
            "benchmarks can use the task"
        )
    measured: Measurement = result.measurement()
    return CellOutcome(
        key,
        seconds=0.0,
        scores=measured.scores,
        higher_is_better=find_score(next(iter(measured.scores))).higher_is_better,
        chance=measured.chance,
        draws=_finite(measured.draws),
        by_snr={f"{snr:g}": score for snr, score in measured.by_snr.items()},
        confusion=tuple(map(tuple, measured.confusion)) if measured.confusion else None,
        classes=tuple(measured.classes),
        det=None if measured.det is None else tuple(measured.det),
        recordings=measured.recordings,
        tested=measured.tested,
        units=measured.units,
        unit_count=measured.unit_count,
        told=measured.setting,
    )


def _finite(draws: NDArray[np.float64]) -> tuple[float, ...]:
    """Those that are numbers. Whether one is depends on who was drawn alone, so that they stay the same for all."""
    return tuple(draws[np.isfinite(draws)].tolist())


MIN_SOUND_S = 0.1
"""Of sound alone: words are short, and those that are dropped would not be any, but the same ones."""


@dataclass(frozen=True)
class CellJob:
    """A cell with all that a process needs to do it; small, and the same on every machine that shares the folder.

    Attributes:
        cell: what is to be done.
        place: folder of what it makes.
        given: key of a cell that it needs -> folder of what that one has made.
        log: file that gets what it says.
        workers: processes that it may start, where it can use them.
        device: where networks run that are measured, as torch names it.
    """

    cell: Cell
    place: Path
    given: Mapping[str, Path]
    log: Path
    workers: int = 1
    device: str = "cpu"


@dataclass(frozen=True)
class JobResult:
    """What came of a job.

    Attributes:
        outcome: figures, or why there are none.
        traceback: where it failed; empty where it did not.
    """

    outcome: CellOutcome
    traceback: str = ""


def run_job(job: CellJob, tell: Callable[[Any], None] | None = None) -> JobResult:
    """Do a cell. An error of any kind is its outcome: the rest of the table stands.

    Args:
        job: the cell.
        tell: not needed; processes of a crew give it.

    Raises:
        Stopped: a training was asked to stop, and goes on from there when it is done again.
    """
    begun = time.perf_counter()
    with _logged_to(job.log):
        try:
            outcome = _RUNNERS[job.cell.kind](job)
        except Exception as error:
            trace = traceback.format_exc()
            return JobResult(CellOutcome(job.cell.key, time.perf_counter() - begun, failed=_reason(error)), trace)
    seconds = max(outcome.seconds, time.perf_counter() - begun)  # a training knows what its earlier starts took
    return JobResult(replace(outcome, seconds=seconds))


def _corpus(job: CellJob) -> CellOutcome:
    """Films to clips; a corpus that is prepared already is looked at."""
    from seehear.data.corpus import CorpusRoot
    from seehear.data.prepare import prepare

    spec = job.cell.spec
    commands: list[str] = []
    told: dict[str, Any] = {}
    source, layout = spec.get("path"), spec.get("format", "folder")
    if spec.get("avatars"):
        from seehear.avatars.make import synthesize_avatars

        source, layout = job.place.with_name(f"{job.place.name}-films"), "folder"
        synthesize_avatars(source, **spec["avatars"], workers=job.workers)
        commands.append(seehear_command("avatars", out=source, **spec["avatars"]))
        told["checksum"] = checksum(source)
    if job.place != (Path(source) if source else None):
        faces = spec.get("faces", "yunet")
        shortest: dict[str, Any] = {"min_seconds": MIN_SOUND_S} if faces == "none" else {}
        report = prepare([Path(str(source))], job.place, dataset=layout, faces=faces, workers=job.workers, **shortest)
        commands.append(seehear_command("prepare", source, out=job.place, dataset=layout, faces=faces, **shortest))
        told |= {"left out": report.empty + report.failed, "sources": report.sources}
    root = CorpusRoot(job.place)
    clips = int(root.told["clips"])
    told |= {"faces found by": root.detector} if root.detector else {}
    return CellOutcome(job.cell.key, 0.0, recordings=clips, units="clips", reproduce=tuple(commands), told=told)


def _pretrain(job: CellJob) -> CellOutcome:
    """Weights; where nothing is to be learned, those that training would begin with."""
    import torch

    from seehear.training.pretrain import pretrain

    spec = job.cell.spec
    torch.set_num_threads(1)
    preset = job.place.with_name(f"{job.place.name}.yaml")  # a preset of its own: the command below needs no more flags
    write_text(preset, yaml.safe_dump(spec["settings"], sort_keys=False))
    init = spec.get("init")
    begins_with = str(job.given.get(init, init)) if init else None
    if spec.get("untrained"):
        save_untrained_model(str(preset), begins_with, str(job.place))
        asked = ", ".join(map(repr, (str(preset), begins_with, str(job.place))))
        code = f"from seehear.benchmark.job import save_untrained_model; save_untrained_model({asked})"
        return CellOutcome(job.cell.key, 0.0, reproduce=(shlex.join(["python", "-c", code]),))
    corpora = [job.given[key] for key in spec["corpora"]]
    remove_leftovers(job.place)  # of a kill before the run said what it is: they would make it a folder of other things
    summary = pretrain(corpora, job.place, preset=str(preset), init=begins_with)
    more = {"init": begins_with} if begins_with else {}
    command = seehear_command("pretrain", *corpora, out=job.place, preset=preset, **more)
    told = {"steps": summary.steps, "parameters": summary.parameters}
    return CellOutcome(job.cell.key, summary.seconds, reproduce=(command,), told=told)


def save_untrained_model(preset: str, begins_with: str | None, place: str) -> None:
    """A run without a step: the weights that training would begin with.

    Args:
        preset: what would be trained, and the seed; a YAML file.
        begins_with: name of a model, or folder of a run, that it would begin with.
        place: folder to write the model to.

    Raises:
        ModelError: no such preset or model.
    """
    import torch

    from seehear.models import build_model
    from seehear.training.settings import read_settings

    chosen = read_settings(preset)
    torch.manual_seed(chosen.optim.seed)  # as training does, so that these are the weights that it moves away from
    model = build_model(chosen.model)
    if begins_with:
        init_from(model, begins_with)
    told = {"steps": 0, "split_by": chosen.data.split_by, "dev_every": chosen.data.dev_every}
    save(model, Path(place), told)


def _measure(job: CellJob) -> CellOutcome:
    import torch

    torch.set_num_threads(1)
    of: str = job.cell.spec["of"]
    return measure_cell(job.cell, job.given.get(of, of), job.given[job.cell.spec["data"]], job.device)


_RUNNERS: dict[Kind, Callable[[CellJob], CellOutcome]] = {"corpus": _corpus, "pretrain": _pretrain, "measure": _measure}


@contextmanager
def _logged_to(log: Path) -> Iterator[None]:
    """What is printed goes to a file: several cells at once would write over each other on the terminal."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("a", encoding="utf-8") as file,
        redirect_stdout(file),
        redirect_stderr(file),
        log_to(logging.StreamHandler(file)),
    ):
        yield


def _reason(error: Exception) -> str:
    """Why it failed, in a sentence."""
    told = " ".join(str(error).split())
    if isinstance(error, SeehearError):
        return told
    return f"an error that is not foreseen, {type(error).__name__}: {told or 'it says nothing more'}"


def seehear_command(verb: str, *inputs: object, out: object, **flags: object) -> str:
    """A command line.

    Args:
        verb: of one word.
        inputs: given by position.
        out: given as ``-o``.
        flags: parameter -> value, or a list or tuple of values.
    """
    words = ["seehear", verb, *map(str, inputs), "-o", str(out)]
    for name, value in flags.items():
        words += [f"--{name.replace('_', '-')}", *map(str, value if isinstance(value, (list, tuple)) else [value])]
    return shlex.join(words)
