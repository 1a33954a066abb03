"""The verb pretrain."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import yaml
from lightning_fabric import Fabric
from lightning_fabric.strategies import FSDPStrategy

from seehear.atomic_io import write_text
from seehear.data.batches import WindowBatches
from seehear.data.corpus import Corpus, Part
from seehear.data.manifest import combine_face_kinds
from seehear.data.views import ClipViews
from seehear.errors import ModelError, os_errors_as_user_errors
from seehear.machine import default_precision
from seehear.models import MODELS
from seehear.models.interface import PretextModel
from seehear.models.store import find_model, init_from, read_config, save
from seehear.models.validation import Validation, describe_metrics
from seehear.results import Result
from seehear.training.loop import CHECKPOINT, Metrics, Trainer
from seehear.training.settings import (
    DataOptions,
    EngineOptions,
    OptimOptions,
    TrainingSettings,
    check_same_pretext,
    read_settings,
)
from seehear.training.validation import make_validation

if TYPE_CHECKING:
    from rich.console import RenderableType

_DEFAULT = TrainingSettings()


@dataclass(frozen=True, repr=False)
class PretrainResult(Result):
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

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as in summary.json."""
        return asdict(self)

    def __rich__(self) -> RenderableType:
        from rich.text import Text

        rate = f"{self.frames / self.seconds:.0f} frames/s" if self.seconds else "no time"
        found = f"; development clips: {self.probed}" if self.probed else ""
        return Text(f"{self.steps} steps in {self.seconds:.0f} s, {rate}{found}; the model is in {self.out}")


def pretrain(
    corpus: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    preset: str = "sync-small",
    model: Any = _DEFAULT.model,
    data: DataOptions = _DEFAULT.data,
    optim: OptimOptions = _DEFAULT.optim,
    engine: EngineOptions = _DEFAULT.engine,
    init: str | None = None,
) -> PretrainResult:
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
        TrainingStopped: a signal asked for it; the same call goes on from there.
    """
    out, beneath = Path(out), read_settings(preset)
    chosen = TrainingSettings(
        model=beneath.model if model is _DEFAULT.model else model,
        data=beneath.data if data is _DEFAULT.data else data,
        optim=beneath.optim if optim is _DEFAULT.optim else optim,
        engine=beneath.engine if engine is _DEFAULT.engine else engine,
    )
    check_same_pretext(preset, beneath.model.pretext, chosen.model.pretext)
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
    summary: PretrainResult = fabric.launch(_train, told["corpus"], out, chosen, told)
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
            precision=default_precision(engine.accelerator) if engine.precision == "auto" else engine.precision,
        )
    except (ValueError, RuntimeError) as error:
        raise ModelError(f"this machine cannot train as engine says: {' '.join(str(error).split())}") from error
    # Mixed precision would round the sound to 8 bits before its spectrum is taken; layers under autocast suffice.
    fabric.strategy.precision.convert_input = lambda inputs: inputs
    return fabric


def _train(
    fabric: Fabric, corpus: Sequence[str], out: Path, chosen: TrainingSettings, told: dict[str, Any]
) -> PretrainResult:
    """What every process does."""
    if fabric.is_global_zero:
        with os_errors_as_user_errors(out):
            out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(chosen.optim.seed)
    model = _model(chosen.model)
    if told["init"] and not (out / CHECKPOINT).exists():  # a run that goes on has weights of its own
        init_from(model, told["init"])
    parameters = sum(p.numel() for p in model.parameters())
    batches, probe = _batches(corpus, model, chosen, fabric), _probe(corpus, model, chosen)
    if fabric.is_global_zero:  # not before: what has just been refused may be put right in the same folder
        with os_errors_as_user_errors(out):
            write_text(out / "config.yaml", yaml.safe_dump(told, sort_keys=False))
    remembered = _remembered(told, batches.views)
    training = Trainer(
        fabric=fabric,
        pretext=model,
        batches=batches,
        validation=probe,
        optim=chosen.optim,
        engine=chosen.engine,
        folder=out,
        export=lambda metrics: save(model, out, remembered | metrics),
    )
    metrics = training.run()
    probed = _in_words(probe, metrics) if probe else ""
    summary = PretrainResult(str(out), training.step, training.seconds, training.frames, parameters, metrics, probed)
    if fabric.is_global_zero:
        write_text(out / "summary.json", json.dumps(asdict(summary), indent=2) + "\n")
    return summary


def _model(options: Any) -> PretextModel:
    """The untrained model.

    Raises:
        ModelError: options that no network can be built from.
    """
    try:
        make: Any = MODELS[options.pretext]
        model: PretextModel = make(options)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ModelError(f"no network can be built from the model's options: {' '.join(str(error).split())}") from error
    return model


def _in_words(probe: Validation, metrics: Metrics) -> str:
    return describe_metrics(probe, metrics) + (f" ({probe.reference})" if probe.reference else "")


def _remembered(told: Mapping[str, Any], views: ClipViews) -> dict[str, Any]:
    """What a model says of its training wherever it goes: names of folders, not where they are on this machine."""
    before = read_config(find_model(told["init"])).get("trained") or {} if told["init"] else {}
    return {
        "preset": Path(told["preset"]).name,
        "corpus": list(dict.fromkeys(Path(path).resolve().name for path in told["corpus"])),
        **face_provenance(views, before),
        "split_by": told["data"]["split_by"],
        "dev_every": told["data"]["dev_every"],
    }


def face_provenance(views: ClipViews, before: Mapping[str, Any]) -> dict[str, Any]:
    """What faces a model has met and which detectors found them: of these clips, and before.

    Args:
        views: what it learns from.
        before: what the model that it began with said of its training; empty without one.
    """
    return {
        "faces": combine_face_kinds(before.get("faces"), views.faces),
        "detectors": sorted({*before.get("detectors", []), *views.detectors}),
    }


def _batches(corpus: Sequence[str], model: PretextModel, chosen: TrainingSettings, fabric: Fabric) -> WindowBatches:
    data = chosen.data
    return WindowBatches(
        _views(corpus, model, data, "train", fabric.is_global_zero),
        data.batch,
        frames=data.frames,
        min_frames=data.min_frames,
        seed=chosen.optim.seed,
        rank=fabric.global_rank,
        world=fabric.world_size,
        stills=model.stills_per_window,
        apart=model.separate_sources,
    )


def _probe(corpus: Sequence[str], model: PretextModel, chosen: TrainingSettings) -> Validation | None:
    return make_validation(_views(corpus, model, chosen.data, "dev", progress=False), model, chosen.data)


def _views(corpus: Sequence[str], model: PretextModel, data: DataOptions, part: Part, progress: bool) -> ClipViews:
    clips = Corpus(*corpus).with_faces() if model.needs_pictures else Corpus(*corpus)
    clips = clips.split(part, data.dev_every, data.split_by).with_sound()
    return ClipViews(clips, model.input_view, progress=progress)


def _finished(out: Path, told: dict[str, Any]) -> PretrainResult | None:
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
    return PretrainResult(**json.loads(summary.read_text(encoding="utf-8"))) if summary.is_file() else None
