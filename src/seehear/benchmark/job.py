"""Run one cell: prepare data, train, or measure through the declaration of its task."""

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
"""As cells are measured: multi-threaded sums differ in the last digits, which can change the prediction for a word."""


LABELS = "labels.csv"


CHECKSUM_LENGTH = 12  # hexadecimal digits


def checksum(avatars: Path) -> str:
    """Return the checksum of a folder of avatars: that of its table, which describes every video.

    The video files are excluded on purpose: in the last digits they depend on the processor and the FFmpeg build, and
    such differences are smaller than those between seeds.

    Args:
        avatars: output folder of `seehear.avatars.make.synthesize_avatars`

    Returns:
        The first hexadecimal digits of the table's SHA-256.
    """
    return hashlib.sha256((avatars / LABELS).read_bytes()).hexdigest()[:CHECKSUM_LENGTH]


def measure_cell(cell: Cell, model: str | Path, data: Path, device: str = "cpu") -> CellOutcome:
    """Measure a row with one seed and fraction of the labels, on one corpus, at all noise levels.

    Args:
        cell: a cell of kind ``measure``
        model: folder of a run, or name of an encoder, as for ``seehear evaluate``
        data: a prepared corpus
        device: device of the networks, as torch names it

    Raises:
        SeehearError: the task has no such option, or cannot be measured on this corpus.
    """
    task = str(cell.spec["task"])
    given = evaluation_arguments(cell, model, data, device)
    start = time.perf_counter()
    options = {name: value for name, value in given.items() if name not in ("model", "data", "corpus")}
    result = TASKS[task].call(given["model"], given.get("data") or given["corpus"], options)
    outcome = _outcome(cell.key, task, result)
    return replace(
        outcome, seconds=time.perf_counter() - start, reproduce=(SINGLE_THREAD, evaluation_command(task, given))
    )


def _outcome(key: str, task: str, result: Any) -> CellOutcome:
    """Return the outcome of a result."""
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
    """Return the finite scores. Which are finite depends only on the sampled units, so samples remain paired."""
    return tuple(draws[np.isfinite(draws)].tolist())


MIN_AUDIO_S = 0.1
"""Minimum duration of a clip without video: dropping short words would bias the vocabulary."""


@dataclass(frozen=True)
class CellJob:
    """A cell with all that a process needs to run it; small, and valid on every machine that shares the folder.

    Attributes:
        cell: the cell
        output: folder of its corpus or run
        inputs: key of each cell that it needs -> the output folder of that cell
        log: file that receives its output
        workers: number of processes that it may start
        device: device of the networks that are evaluated, as torch names it
    """

    cell: Cell
    output: Path
    inputs: Mapping[str, Path]
    log: Path
    workers: int = 1
    device: str = "cpu"


@dataclass(frozen=True)
class JobResult:
    """The result of a job.

    Attributes:
        outcome: the scores, or the reason of the failure
        traceback: traceback of the failure; empty if there was none
    """

    outcome: CellOutcome
    traceback: str = ""


def run_job(job: CellJob, report: Callable[[Any], None] | None = None) -> JobResult:
    """Run a cell. An error of any kind becomes its outcome and does not affect the other cells.

    Args:
        job: the cell
        report: not used; worker processes pass it

    Raises:
        Stopped: a training was stopped; it resumes when the cell is run again.
    """
    start = time.perf_counter()
    with _logged_to(job.log):
        try:
            outcome = _RUNNERS[job.cell.kind](job)
        except Exception as error:
            trace = traceback.format_exc()
            return JobResult(CellOutcome(job.cell.key, time.perf_counter() - start, failed=_reason(error)), trace)
    seconds = max(outcome.seconds, time.perf_counter() - start)  # a resumed training counts its earlier time too
    return JobResult(replace(outcome, seconds=seconds))


def _corpus(job: CellJob) -> CellOutcome:
    """Prepare a corpus; one that is already prepared is only opened."""
    from seehear.data.corpus import CorpusRoot
    from seehear.data.prepare import prepare

    spec = job.cell.spec
    commands: list[str] = []
    details: dict[str, Any] = {}
    source, layout = spec.get("path"), spec.get("format", "folder")
    if spec.get("avatars"):
        from seehear.avatars.make import synthesize_avatars

        source, layout = job.output.with_name(f"{job.output.name}-films"), "folder"
        synthesize_avatars(source, **spec["avatars"], workers=job.workers)
        commands.append(seehear_command("avatars", out=source, **spec["avatars"]))
        details["checksum"] = checksum(source)
    if job.output != (Path(source) if source else None):
        faces = spec.get("faces", "yunet")
        minimum: dict[str, Any] = {"min_seconds": MIN_AUDIO_S} if faces == "none" else {}
        report = prepare([Path(str(source))], job.output, dataset=layout, faces=faces, workers=job.workers, **minimum)
        commands.append(seehear_command("prepare", source, out=job.output, dataset=layout, faces=faces, **minimum))
        details |= {"left out": report.empty + report.failed, "sources": report.sources}
    root = CorpusRoot(job.output)
    clips = int(root.info["clips"])
    details |= {"faces found by": root.detector} if root.detector else {}
    return CellOutcome(job.cell.key, 0.0, recordings=clips, units="clips", reproduce=tuple(commands), told=details)


def _pretrain(job: CellJob) -> CellOutcome:
    """Train a model, or save the initial weights of an untrained one."""
    import torch

    from seehear.training.pretrain import pretrain

    spec = job.cell.spec
    torch.set_num_threads(1)
    preset = job.output.with_name(f"{job.output.name}.yaml")  # with all settings, so that the command needs no flags
    write_text(preset, yaml.safe_dump(spec["settings"], sort_keys=False))
    init = spec.get("init")
    initial_model = str(job.inputs.get(init, init)) if init else None
    if spec.get("untrained"):
        save_untrained_model(str(preset), initial_model, str(job.output))
        arguments = ", ".join(map(repr, (str(preset), initial_model, str(job.output))))
        code = f"from seehear.benchmark.job import save_untrained_model; save_untrained_model({arguments})"
        return CellOutcome(job.cell.key, 0.0, reproduce=(shlex.join(["python", "-c", code]),))
    corpora = [job.inputs[key] for key in spec["corpora"]]
    remove_leftovers(
        job.output
    )  # of a run killed before it wrote its options: pretrain refuses a folder of other files
    summary = pretrain(corpora, job.output, preset=str(preset), init=initial_model)
    more = {"init": initial_model} if initial_model else {}
    command = seehear_command("pretrain", *corpora, out=job.output, preset=preset, **more)
    details = {"steps": summary.steps, "parameters": summary.parameters}
    return CellOutcome(job.cell.key, summary.seconds, reproduce=(command,), told=details)


def save_untrained_model(preset: str, initial_model: str | None, folder: str) -> None:
    """Save a model with the weights that training would start from.

    Args:
        preset: YAML file with the settings of the training, including the seed
        initial_model: name of a model, or folder of a run, that the training would start from
        folder: output folder

    Raises:
        ModelError: there is no such preset or model.
    """
    import torch

    from seehear.models import build_model
    from seehear.training.settings import read_settings

    settings = read_settings(preset)
    torch.manual_seed(settings.optim.seed)  # as training does, so that these are its initial weights
    model = build_model(settings.model)
    if initial_model:
        init_from(model, initial_model)
    training = {"steps": 0, "split_by": settings.data.split_by, "dev_every": settings.data.dev_every}
    save(model, Path(folder), training)


def _measure(job: CellJob) -> CellOutcome:
    import torch

    torch.set_num_threads(1)
    of: str = job.cell.spec["of"]
    return measure_cell(job.cell, job.inputs.get(of, of), job.inputs[job.cell.spec["data"]], job.device)


_RUNNERS: dict[Kind, Callable[[CellJob], CellOutcome]] = {"corpus": _corpus, "pretrain": _pretrain, "measure": _measure}


@contextmanager
def _logged_to(log: Path) -> Iterator[None]:
    """Redirect all output to a file, as cells run in parallel would mix theirs on the terminal."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("a", encoding="utf-8") as file,
        redirect_stdout(file),
        redirect_stderr(file),
        log_to(logging.StreamHandler(file)),
    ):
        yield


def _reason(error: Exception) -> str:
    """Return the reason of a failure as one sentence."""
    message = " ".join(str(error).split())
    if isinstance(error, SeehearError):
        return message
    return f"unexpected {type(error).__name__}: {message or 'no message'}"


def seehear_command(verb: str, *inputs: object, out: object, **flags: object) -> str:
    """Return a command line.

    Args:
        verb: a verb of one word
        inputs: positional arguments
        out: value of ``-o``
        flags: parameter -> value, or a list or tuple of values
    """
    words = ["seehear", verb, *map(str, inputs), "-o", str(out)]
    for name, value in flags.items():
        words += [f"--{name.replace('_', '-')}", *map(str, value if isinstance(value, (list, tuple)) else [value])]
    return shlex.join(words)
