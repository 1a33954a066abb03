"""Doing one cell in this process, whatever comes of it."""

from __future__ import annotations

import shlex
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from seehear.benchmark.cell import Cell, Kind
from seehear.benchmark.doing.checksum import checksum
from seehear.benchmark.outcome import Outcome
from seehear.beside import remove_leftovers, write_text
from seehear.errors import SeehearError

SHORTEST_SOUND_S = 0.1
"""Of sound alone: words are short, and those that are dropped would not be any, but the same ones."""


@dataclass(frozen=True)
class Job:
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
class Done:
    """What came of a job.

    Attributes:
        outcome: figures, or why there are none.
        traceback: where it failed; empty where it did not.
    """

    outcome: Outcome
    traceback: str = ""


def do(job: Job, tell: Callable[[Any], None] | None = None) -> Done:
    """Do a cell. An error of any kind is its outcome: the rest of the table stands.

    Args:
        job: the cell.
        tell: not needed; processes of a crew give it.

    Raises:
        SystemExit: a training was asked to stop, and goes on from there when it is done again.
    """
    begun = time.perf_counter()
    with _heard_by(job.log):
        try:
            outcome = _WAYS[job.cell.kind](job)
        except Exception as error:
            trace = traceback.format_exc()
            return Done(Outcome(job.cell.key, time.perf_counter() - begun, failed=_reason(error)), trace)
    seconds = max(outcome.seconds, time.perf_counter() - begun)  # a training knows what its earlier starts took
    return Done(replace(outcome, seconds=seconds))


def _corpus(job: Job) -> Outcome:
    """Films to clips; a corpus that is prepared already is looked at."""
    from seehear.corpus.prepare import prepare
    from seehear.corpus.store import Root

    spec = job.cell.spec
    commands: list[str] = []
    told: dict[str, Any] = {}
    source, layout = spec.get("path"), spec.get("format", "folder")
    if spec.get("avatars"):
        from seehear.avatars.make import make_avatars

        source, layout = job.place.with_name(f"{job.place.name}-films"), "folder"
        make_avatars(source, **spec["avatars"], workers=job.workers)
        commands.append(_command("avatars", source, **spec["avatars"]))
        told["checksum"] = checksum(source)
    if job.place != (Path(source) if source else None):
        faces = spec.get("faces", "yunet")
        shortest: dict[str, Any] = {"min_seconds": SHORTEST_SOUND_S} if faces == "none" else {}
        report = prepare([Path(str(source))], job.place, format=layout, faces=faces, workers=job.workers, **shortest)
        commands.append(_command("prepare", source, job.place, format=layout, faces=faces, **shortest))
        told |= {"left out": report.empty + report.failed, "sources": report.sources}
    root = Root(job.place)
    clips = int(root.told["clips"])
    told |= {"faces found by": root.detector} if root.detector else {}
    return Outcome(job.cell.key, 0.0, recordings=clips, units="clips", reproduce=tuple(commands), told=told)


def _pretrain(job: Job) -> Outcome:
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
        save_untrained(str(preset), begins_with, str(job.place))
        asked = ", ".join(map(repr, (str(preset), begins_with, str(job.place))))
        code = f"from seehear.benchmark.doing.job import save_untrained; save_untrained({asked})"
        return Outcome(job.cell.key, 0.0, reproduce=(shlex.join(["python", "-c", code]),))
    corpora = [job.given[key] for key in spec["corpora"]]
    remove_leftovers(job.place)  # of a kill before the run said what it is: they would make it a folder of other things
    summary = pretrain(corpora, job.place, preset=str(preset), init=begins_with)
    more = {"init": begins_with} if begins_with else {}
    command = _command("pretrain", *corpora, job.place, preset=preset, **more)
    told = {"steps": summary.steps, "parameters": summary.parameters}
    return Outcome(job.cell.key, summary.seconds, reproduce=(command,), told=told)


def save_untrained(preset: str, begins_with: str | None, place: str) -> None:
    """A run without a step: the weights that training would begin with.

    Args:
        preset: what would be trained, and the seed; a YAML file.
        begins_with: name of a model, or folder of a run, that it would begin with.
        place: folder to write the model to.

    Raises:
        ModelError: no such preset or model.
    """
    import torch

    from seehear.pretext import PRETEXTS
    from seehear.training import run
    from seehear.training.presets import settings

    chosen = settings(preset)
    torch.manual_seed(chosen.optim.seed)  # as training does, so that these are the weights that it moves away from
    make: Any = PRETEXTS[chosen.model.pretext]
    model = make(chosen.model)
    if begins_with:
        run.begin_with(model, begins_with)
    told = {"steps": 0, "split_by": chosen.data.split_by, "dev_every": chosen.data.dev_every}
    run.save(model, Path(place), told)


def _measure(job: Job) -> Outcome:
    import torch

    from seehear.benchmark.doing.measuring import measured

    torch.set_num_threads(1)
    of: str = job.cell.spec["of"]
    return measured(job.cell, job.given.get(of, of), job.given[job.cell.spec["data"]], job.device)


_WAYS: dict[Kind, Callable[[Job], Outcome]] = {"corpus": _corpus, "pretrain": _pretrain, "measure": _measure}


@contextmanager
def _heard_by(log: Path) -> Iterator[None]:
    """What is printed goes to a file: several cells at once would write over each other on the terminal."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file, redirect_stdout(file), redirect_stderr(file):
        yield


def _reason(error: Exception) -> str:
    """Why it failed, in a sentence."""
    told = " ".join(str(error).split())
    if isinstance(error, SeehearError):
        return told
    return f"an error that is not foreseen, {type(error).__name__}: {told or 'it says nothing more'}"


def _command(verb: str, *places: Any, **flags: Any) -> str:
    words = ["seehear", verb, *map(str, places)]
    for name, value in flags.items():
        words += [f"--{name}", str(value)]
    return shlex.join(words)
