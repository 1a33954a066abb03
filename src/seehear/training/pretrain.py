"""Pretraining from beginning to end: corpora in, a run folder out."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from lightning_fabric import Fabric
from lightning_fabric.strategies import FSDPStrategy

from seehear.beside import write_text
from seehear.corpus.batches import WindowBatches
from seehear.corpus.drawn import both
from seehear.corpus.split import Part
from seehear.corpus.store import Corpus
from seehear.corpus.views import ClipViews
from seehear.errors import ModelError
from seehear.hardware import native_precision
from seehear.os_errors import refusals_as_sentences
from seehear.pretext import PRETEXTS
from seehear.pretext.interface import Pretext
from seehear.training import run
from seehear.training.loop import CHECKPOINT, Metrics, Stopped, Training
from seehear.training.options import DataOptions, EngineOptions, OptimOptions
from seehear.training.presets import Settings, require_same, settings
from seehear.training.probe import Probe, in_words
from seehear.training.probes import make_probe

_DEFAULT = Settings()


@dataclass(frozen=True)
class Summary:
    """What came of a training.

    Attributes:
        out: folder of the run.
        steps: updates of the weights.
        seconds: of work, over all starts.
        frames: video frames seen or heard.
        parameters: numbers in the model.
        metrics: the last ones: loss, and what the probe measured on development clips.
        probed: the latter in words; empty where nothing was measured.
    """

    out: str
    steps: int
    seconds: float
    frames: int
    parameters: int
    metrics: Metrics
    probed: str = ""

    def __str__(self) -> str:
        rate = f"{self.frames / self.seconds:.0f} frames/s" if self.seconds else "no time"
        found = f"; development clips: {self.probed}" if self.probed else ""
        return f"{self.steps} steps in {self.seconds:.0f} s, {rate}{found}; the model is in {self.out}"


def pretrain(
    corpus: list[Path],
    out: Path,
    preset: str = "sync-small",
    model: Any = _DEFAULT.model,
    data: DataOptions = _DEFAULT.data,
    optim: OptimOptions = _DEFAULT.optim,
    engine: EngineOptions = _DEFAULT.engine,
    init: str | None = None,
) -> Summary:
    """Learn from corpora without labels.

    A run that was stopped or killed goes on from its last checkpoint when the same command is given again, and ends
    with the same weights as if it had not been stopped.

    Args:
        corpus: folders (or URLs) that `seehear prepare` has made; several are joined.
        out: folder of the run: weights, config, checkpoints, metrics.csv and TensorBoard curves.
        preset: what the sections below are when they are not given, and what is learned: sync-small, sync-base,
            match-small, animate-small, ... or a YAML file.
        model: options of what is learned, of the pretext that the preset says: encoders, loss and disturbances.
        data: clips and batches.
        optim: how the weights move.
        engine: what it runs on.
        init: what to begin with instead of random weights: the folder of a run, or the name of a model, of the same
            shape; what is disturbed and weighed may differ. Of a model that has learned something else, the encoder of
            speech alone: animate-small's for joint-small.

    Raises:
        ModelError: no such preset, a model of another shape to begin with, options that contradict each other, or a
            folder that holds another run.
        CorpusError: a corpus cannot be read, or has too few clips.
    """
    beneath = settings(preset)
    chosen = Settings(
        model=beneath.model if model is _DEFAULT.model else model,
        data=beneath.data if data is _DEFAULT.data else data,
        optim=beneath.optim if optim is _DEFAULT.optim else optim,
        engine=beneath.engine if engine is _DEFAULT.engine else engine,
    )
    require_same(preset, beneath.model.pretext, chosen.model.pretext)
    if chosen.engine.strategy == "fsdp" and chosen.optim.ema:
        raise ModelError("optim.ema needs whole weights on every device; set it to 0, or engine.strategy to ddp")
    told = {
        "corpus": [str(path) for path in corpus],
        "out": str(out),
        "preset": preset,
        "init": init,
        **chosen.to_dict(),
    }
    finished = _finished(out, told)
    if finished:
        return finished
    if chosen.engine.threads:
        torch.set_num_threads(chosen.engine.threads)
    fabric = make_fabric(chosen.engine)
    try:
        summary: Summary = fabric.launch(_train, told["corpus"], out, chosen, told)
    except Stopped as stopped:
        if fabric.is_global_zero:
            print(f"seehear: {stopped}", file=sys.stderr)  # noqa: T201
        raise SystemExit(128 + stopped.signal_number) from None
    return summary


def make_fabric(engine: EngineOptions) -> Fabric:
    """The engine, not yet launched.

    Raises:
        ModelError: this machine has not what the options ask for.
    """
    strategy = FSDPStrategy(state_dict_type="full") if engine.strategy == "fsdp" else engine.strategy
    try:
        fabric = Fabric(
            accelerator=engine.accelerator,
            devices=engine.devices,
            num_nodes=engine.num_nodes,
            strategy=strategy,
            precision=native_precision(engine.accelerator) if engine.precision == "auto" else engine.precision,
        )
    except (ValueError, RuntimeError) as error:
        raise ModelError(f"this machine cannot train as engine says: {' '.join(str(error).split())}") from error
    # Mixed precision would round the sound to 8 bits before its spectrum is taken; layers under autocast suffice.
    fabric.strategy.precision.convert_input = lambda inputs: inputs
    return fabric


def _train(fabric: Fabric, corpus: Sequence[str], out: Path, chosen: Settings, told: dict[str, Any]) -> Summary:
    """What every process does."""
    if fabric.is_global_zero:
        with refusals_as_sentences(out):
            out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(chosen.optim.seed)
    model = _model(chosen.model)
    if told["init"] and not (out / CHECKPOINT).exists():  # a run that goes on has weights of its own
        run.begin_with(model, told["init"])
    parameters = sum(p.numel() for p in model.parameters())
    batches, probe = _batches(corpus, model, chosen, fabric), _probe(corpus, model, chosen)
    if fabric.is_global_zero:  # not before: what has just been refused may be put right in the same folder
        with refusals_as_sentences(out):
            write_text(out / "config.yaml", yaml.safe_dump(told, sort_keys=False))
    remembered = _remembered(told, batches.views)
    training = Training(
        fabric=fabric,
        pretext=model,
        batches=batches,
        probe=probe,
        optim=chosen.optim,
        engine=chosen.engine,
        folder=out,
        export=lambda metrics: run.save(model, out, remembered | metrics),
    )
    metrics = training.run()
    probed = _in_words(probe, metrics) if probe else ""
    summary = Summary(str(out), training.step, training.seconds, training.frames, parameters, metrics, probed)
    if fabric.is_global_zero:
        write_text(out / "summary.json", json.dumps(asdict(summary), indent=2) + "\n")
    return summary


def _model(options: Any) -> Pretext:
    """The untrained model.

    Raises:
        ModelError: options that no network can be built from.
    """
    try:
        make: Any = PRETEXTS[options.pretext]
        model: Pretext = make(options)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ModelError(f"no network can be built from the model's options: {' '.join(str(error).split())}") from error
    return model


def _in_words(probe: Probe, metrics: Metrics) -> str:
    return in_words(probe, metrics) + (f" ({probe.beside})" if probe.beside else "")


def _remembered(told: Mapping[str, Any], views: ClipViews) -> dict[str, Any]:
    """What a model says of its training wherever it goes: names of folders, not where they are on this machine."""
    before = run.read_config(run.find(told["init"])).get("trained") or {} if told["init"] else {}
    return {
        "preset": Path(told["preset"]).name,
        "corpus": list(dict.fromkeys(Path(path).resolve().name for path in told["corpus"])),
        **met(views, before),
        "split_by": told["data"]["split_by"],
        "dev_every": told["data"]["dev_every"],
    }


def met(views: ClipViews, before: Mapping[str, Any]) -> dict[str, Any]:
    """What faces a model has met and which detectors found them: of these clips, and before.

    Args:
        views: what it learns from.
        before: what the model that it began with said of its training; empty without one.
    """
    return {
        "faces": both(before.get("faces"), views.faces),
        "detectors": sorted({*before.get("detectors", []), *views.detectors}),
    }


def _batches(corpus: Sequence[str], model: Pretext, chosen: Settings, fabric: Fabric) -> WindowBatches:
    data = chosen.data
    return WindowBatches(
        _views(corpus, model, data, "train", fabric.is_global_zero),
        data.batch,
        frames=data.frames,
        min_frames=data.min_frames,
        seed=chosen.optim.seed,
        rank=fabric.global_rank,
        world=fabric.world_size,
        stills=model.stills,
        apart=model.apart,
    )


def _probe(corpus: Sequence[str], model: Pretext, chosen: Settings) -> Probe | None:
    return make_probe(_views(corpus, model, chosen.data, "dev", progress=False), model, chosen.data)


def _views(corpus: Sequence[str], model: Pretext, data: DataOptions, part: Part, progress: bool) -> ClipViews:
    clips = Corpus(*corpus).with_faces() if model.needs_pictures else Corpus(*corpus)
    clips = clips.split(part, data.dev_every, data.split_by).with_sound()
    return ClipViews(clips, model.view, progress=progress)


def _finished(out: Path, told: dict[str, Any]) -> Summary | None:
    """What is in the folder of the run: nothing, this very run (perhaps finished), or something else.

    Raises:
        ModelError: something else.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    if not (out / "config.yaml").is_file():
        raise ModelError(f"{out} is there already and is not a run; name a new folder")
    before = yaml.safe_load((out / "config.yaml").read_text(encoding="utf-8"))
    if isinstance(before, dict) and isinstance(before.get("model"), dict):
        before["model"].setdefault("pretext", "sync")  # the only one there was when config.yaml did not say it
    for section in ("corpus", "model", "data", "optim", "init"):
        if not isinstance(before, dict) or before.get(section) != told[section]:
            raise ModelError(f"{out} holds a run with other options ({section}); name a new folder, or remove it")
    summary = out / "summary.json"
    return Summary(**json.loads(summary.read_text(encoding="utf-8"))) if summary.is_file() else None
