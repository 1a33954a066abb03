"""The command ``pretrain``."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
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
from seehear.models import build_model
from seehear.models.interface import PretextModel
from seehear.models.store import find_model, init_from, read_config, save
from seehear.models.validation import Validation, describe_metrics
from seehear.progress import Progress
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
    """Result of a training.

    Attributes:
        out: folder of the run.
        steps: number of updates.
        seconds: training time, over all starts.
        frames: processed video frames.
        parameters: number of parameters of the model.
        metrics: final metrics: loss and validation on development clips.
        probed: the latter as text; empty without validation.
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
        validation = f"; development clips: {self.probed}" if self.probed else ""
        return Text(f"{self.steps} steps in {self.seconds:.0f} s, {rate}{validation}; the model is in {self.out}")


def pretrain(
    corpus: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    preset: str = "sync-small",
    model: Any = _DEFAULT.model,
    data: DataOptions = _DEFAULT.data,
    optim: OptimOptions = _DEFAULT.optim,
    engine: EngineOptions = _DEFAULT.engine,
    init: str | None = None,
    progress: Progress | None = None,
) -> PretrainResult:
    """Train a model on corpora without labels.

    If a run was stopped or killed, the same command resumes it from its last checkpoint. The final weights are the same
    as without the interruption.

    Args:
        corpus: folders (or URLs) made by `seehear prepare`; several are combined.
        out: folder of the run: weights, config, checkpoints, metrics.csv and TensorBoard curves.
        preset: the model to train and the defaults of the sections below: a preset such as sync-small or match-base;
            a model such as joint, with its default options; or a YAML file.
        model: options of the preset's model: encoders, loss and augmentation.
        data: clips and batches.
        optim: optimizer and schedule.
        engine: hardware, logging and checkpoints.
        init: initial weights instead of random ones: the folder of a run, or the name of a model, with the same
            architecture; augmentation and loss weights may differ. Of a model of another kind only the speech encoder
            is used, such as animate-small's for joint-small.
        progress: called with the share of a stage that is done, 0 to 1, and a text.

    Raises:
        ModelError: unknown preset, initial model with another architecture, contradictory options, or a folder that
            contains another run.
        CorpusError: a corpus cannot be read, or has too few clips.
        TrainingStopped: a signal asked for it; the same call goes on from there.
    """
    out, defaults = Path(out), read_settings(preset)
    settings = TrainingSettings(
        model=defaults.model if model is _DEFAULT.model else model,
        data=defaults.data if data is _DEFAULT.data else data,
        optim=defaults.optim if optim is _DEFAULT.optim else optim,
        engine=defaults.engine if engine is _DEFAULT.engine else engine,
    )
    check_same_pretext(preset, defaults.model.pretext, settings.model.pretext)
    if settings.engine.strategy == "fsdp" and settings.optim.ema:
        raise ModelError("optim.ema needs whole weights on every device; set it to 0, or engine.strategy to ddp")
    arguments = {
        "corpus": [str(path) for path in corpus],
        "out": str(out),
        "preset": preset,
        "init": init,
        **settings.to_dict(),
    }
    finished = _finished(out, arguments)
    if finished:
        return finished
    if settings.engine.threads:
        torch.set_num_threads(settings.engine.threads)
    fabric = make_fabric(settings.engine)
    with _locked(out):
        summary: PretrainResult = fabric.launch(_train, arguments["corpus"], out, settings, arguments, progress)
    return summary


RANK_VARIABLES = ("RANK", "LOCAL_RANK", "SLURM_PROCID")
"""Environment variables of launchers, and of Fabric's own processes, with the number of a process."""


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Lock the folder of a run against a second training, in the first process of this one.

    Raises:
        ModelError: another process trains in it
    """
    if next((os.environ[name] for name in RANK_VARIABLES if name in os.environ), "0") != "0":
        yield
        return
    with os_errors_as_user_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        folder = os.open(out, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ModelError(f"another seehear is training in {out}; wait for it, or name another folder") from None
        yield
    finally:
        os.close(folder)


def make_fabric(engine: EngineOptions) -> Fabric:
    """Create the Fabric, not yet launched.

    Raises:
        ModelError: this machine cannot provide what the options request.
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
    # Mixed precision would round the audio to 8 bits before its spectrum is computed; autocast in the layers suffices.
    fabric.strategy.precision.convert_input = lambda inputs: inputs
    return fabric


def _train(
    fabric: Fabric,
    corpus: Sequence[str],
    out: Path,
    settings: TrainingSettings,
    arguments: dict[str, Any],
    progress: Progress | None,
) -> PretrainResult:
    """Train; runs in every process."""
    if fabric.is_global_zero:
        with os_errors_as_user_errors(out):
            out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(settings.optim.seed)
    model = build_model(settings.model)
    if arguments["init"] and not (out / CHECKPOINT).exists():  # a resumed run has its own weights
        init_from(model, arguments["init"])
    parameters = sum(p.numel() for p in model.parameters())
    batches, probe = _batches(corpus, model, settings, fabric, progress), _probe(corpus, model, settings)
    if fabric.is_global_zero:  # not earlier: if an option was rejected above, the folder must stay usable
        with os_errors_as_user_errors(out):
            write_text(out / "config.yaml", yaml.safe_dump(arguments, sort_keys=False))
    trained = _training_record(arguments, batches.views)
    training = Trainer(
        fabric=fabric,
        pretext=model,
        batches=batches,
        validation=probe,
        optim=settings.optim,
        engine=settings.engine,
        folder=out,
        export=lambda metrics: save(model, out, trained | metrics),
        progress=progress,
    )
    metrics = training.run()
    probed = _describe(probe, metrics) if probe else ""
    summary = PretrainResult(str(out), training.step, training.seconds, training.frames, parameters, metrics, probed)
    if fabric.is_global_zero:
        write_text(out / "summary.json", json.dumps(asdict(summary), indent=2) + "\n")
    return summary


def _describe(probe: Validation, metrics: Metrics) -> str:
    return describe_metrics(probe, metrics) + (f" ({probe.reference})" if probe.reference else "")


def _training_record(arguments: Mapping[str, Any], views: ClipViews) -> dict[str, Any]:
    """What the model stores about its training: names of folders, not their paths on this machine."""
    earlier = read_config(find_model(arguments["init"])).get("trained") or {} if arguments["init"] else {}
    return {
        "preset": Path(arguments["preset"]).name,
        "corpus": list(dict.fromkeys(Path(path).resolve().name for path in arguments["corpus"])),
        **face_provenance(views, earlier),
        "split_by": arguments["data"]["split_by"],
        "dev_every": arguments["data"]["dev_every"],
    }


def face_provenance(views: ClipViews, before: Mapping[str, Any]) -> dict[str, Any]:
    """Kinds of faces and detectors in the training data of a model, including its initial model.

    Args:
        views: training data.
        before: the training record of the initial model; empty without one.
    """
    return {
        "faces": combine_face_kinds(before.get("faces"), views.faces),
        "detectors": sorted({*before.get("detectors", []), *views.detectors}),
    }


def _batches(
    corpus: Sequence[str], model: PretextModel, settings: TrainingSettings, fabric: Fabric, progress: Progress | None
) -> WindowBatches:
    data = settings.data
    return WindowBatches(
        _views(corpus, model, data, "train", progress if fabric.is_global_zero else None),
        data.batch,
        frames=data.frames,
        min_frames=data.min_frames,
        seed=settings.optim.seed,
        rank=fabric.global_rank,
        world=fabric.world_size,
        stills=model.stills_per_window,
        apart=model.separate_sources,
    )


def _probe(corpus: Sequence[str], model: PretextModel, settings: TrainingSettings) -> Validation | None:
    return make_validation(_views(corpus, model, settings.data, "dev", progress=None), model, settings.data)


def _views(
    corpus: Sequence[str], model: PretextModel, data: DataOptions, part: Part, progress: Progress | None
) -> ClipViews:
    clips = Corpus(*corpus).with_faces() if model.needs_pictures else Corpus(*corpus)
    clips = clips.split(part, data.dev_every, data.split_by).with_sound()
    return ClipViews(clips, model.input_view, progress=progress)


def _finished(out: Path, arguments: dict[str, Any]) -> PretrainResult | None:
    """Check the folder of the run: return the result if this run is finished, else None.

    Raises:
        ModelError: the folder contains something else.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    if not (out / "config.yaml").is_file():
        raise ModelError(f"{out} is there already and is not a run; name a new folder")
    previous = yaml.safe_load((out / "config.yaml").read_text(encoding="utf-8"))
    if isinstance(previous, dict) and isinstance(previous.get("model"), dict):
        previous["model"].setdefault("pretext", "sync")  # the only one when config.yaml had no such key
    summary = out / "summary.json"
    wanted = dict(arguments)
    if not summary.is_file() and isinstance(previous, dict) and isinstance(previous.get("data"), dict):
        # with another number of processes each has another batch; WindowBatches checks that of all together
        wanted["data"] = arguments["data"] | {"batch": previous["data"].get("batch")}
    for section in ("corpus", "model", "data", "optim", "init"):
        if not isinstance(previous, dict) or previous.get(section) != wanted[section]:
            raise ModelError(f"{out} holds a run with other options ({section}); name a new folder, or remove it")
    return PretrainResult(**json.loads(summary.read_text(encoding="utf-8"))) if summary.is_file() else None
