"""Further training of a sync model within a time budget."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Generator

from seehear.atomic_io import write_text
from seehear.data.batches import WindowBatches
from seehear.data.corpus import Corpus
from seehear.data.views import ClipViews
from seehear.errors import ModelError, SeehearError
from seehear.models.store import load, save
from seehear.models.sync import SyncModel
from seehear.models.validation import Validation
from seehear.progress import Progress
from seehear.training.loop import Trainer
from seehear.training.optim import EarlyStopping, make_optimizer
from seehear.training.pretrain import face_provenance, make_fabric
from seehear.training.settings import (
    DataOptions,
    EngineOptions,
    OptimOptions,
    default_preset,
    preset_names,
    read_settings,
)
from seehear.training.validation import make_validation

GENTLE = 0.5
"""Factor for the learning rate of the preset: the weights are already trained."""


EMA = 0.98
"""Decay of the weight average, over about 50 steps, that is measured and kept."""


PROBES = 10
"""Number of validations during the training."""


EARLY_STOPPING_PATIENCE, NOISE = 4, 0.03
"""Training stops after PATIENCE consecutive validations that are worse than the best by more than NOISE. Most of the
gain comes late, when the learning rate falls, so an early maximum is no reason to stop."""


PROBE_FRAMES = 250
"""Maximum length of validation clips: 10 s. They are few, so they are used in full."""


WATCHED_NUMBER = "sync_k5"


WARM, TIMED = 3, 8
"""Updates of a copy of the model, to measure the time of one; the first ones are not timed."""


MIN_STEPS = 10


MAX_EPOCHS = 100
"""Maximum number of epochs, for fast machines with a few minutes of video."""


PLAN, DONE = "plan.json", "learned.json"


@dataclass(frozen=True)
class LearnPlan:
    """The schedule, which is saved so that a resumed run continues with it.

    Attributes:
        steps: number of updates
        batch: windows per batch
        seconds_per_step: measured time; CPU seconds on a CPU, seconds elsewhere
    """

    steps: int
    batch: int
    seconds_per_step: float


@dataclass(frozen=True)
class LearningResult:
    """Result of the training.

    Attributes:
        steps: number of updates
        planned: planned number of updates
        kept: step whose weights are kept
        minutes: training time, estimated from the first updates; CPU minutes on a CPU
    """

    steps: int
    planned: int
    kept: int
    minutes: float


@dataclass(frozen=True)
class Material:
    """Clips for training and validation.

    Attributes:
        learned: for each corpus its folder, the rows to train on, and their repetitions per epoch; the first corpus is
            the user's
        watched: rows of the first corpus for early stopping; empty for none
    """

    learned: Sequence[tuple[Path, NDArray[np.int64], int]]
    watched: NDArray[np.int64]

    def views(self, view: str, progress: Progress | None) -> ClipViews:
        """Open the training clips."""
        corpora = [(Corpus(path), rows, times) for path, rows, times in self.learned if times]
        first_rows = np.cumsum([0, *(len(corpus) for corpus, _, _ in corpora)])
        rows = [np.tile(first + rows, times) for first, (_, rows, times) in zip(first_rows, corpora, strict=False)]
        joined = Corpus(*(path for path, _, times in self.learned if times)).subset(np.concatenate(rows))
        return ClipViews(joined, view, progress=progress)

    @property
    def share(self) -> float:
        """Share of the user's clips in an epoch."""
        frames = [times * int(Corpus(path).frames[rows].sum()) for path, rows, times in self.learned]
        return frames[0] / sum(frames)

    def watched_views(self, view: str) -> ClipViews | None:
        """Open the validation clips; None if there are none."""
        clips = Corpus(self.learned[0][0]).subset(self.watched)
        return ClipViews(clips, view) if len(self.watched) else None


def learn(
    model: str, material: Material, folder: Path, minutes: float, remembered: Mapping[str, Any], seed: int = 0,
    progress: Progress | None = None,
) -> LearningResult:  # fmt: skip
    """Train a sync model further. A run that was killed resumes from its last checkpoint.

    Args:
        model: name or folder of the sync model to start from
        material: training and validation clips
        folder: folder of the run; finally contains the model
        minutes: CPU time for training (on other devices: time)
        remembered: entries to add to the training record in config.json
        seed: of the order of clips and of augmentation
        progress: called with the share of a stage that is done, 0 to 1, and a text

    Raises:
        SeehearError: too little video for one batch
        ModelError: the model does not exist, or is not a sync model
        Stopped: training was stopped by a signal, after writing a checkpoint
    """
    if (folder / DONE).is_file():
        return LearningResult(**json.loads((folder / DONE).read_text(encoding="utf-8")))
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    pretext = load_to_train(model)
    preset = read_settings(preset_of(pretext.config))
    views = material.views(pretext.input_view, progress)
    watched = material.watched_views(pretext.input_view)
    fabric = make_fabric(EngineOptions(devices=1))
    fabric.launch()
    data = replace(preset.data, frames=PROBE_FRAMES, probe_clips=len(material.watched))
    probe = make_validation(watched, pretext, data) if watched else None
    plan = _planned(folder, fabric, pretext, material, views, preset.data, preset.optim, probe, minutes, seed)
    optim = _optim(preset.optim, plan.steps, seed)
    every = max(1, plan.steps // PROBES)
    early = EarlyStopping(WATCHED_NUMBER, EARLY_STOPPING_PATIENCE, NOISE) if probe else None
    before = pretext.config.get("trained") or {}
    trained = before | face_provenance(views, before) | dict(remembered)
    training = Trainer(
        fabric=fabric,
        pretext=pretext,
        batches=_batches(views, preset.data, plan.batch, seed),
        validation=probe,
        optim=optim,
        engine=EngineOptions(devices=1, log_every=min(20, every), probe_every=every, save_every=every),
        folder=folder,
        export=lambda metrics: save(pretext, folder, trained | metrics),
        early=early,
        progress=progress,
    )
    training.run()
    kept = early.kept_step if early else training.step
    learned = LearningResult(training.step, plan.steps, kept, round(training.step * plan.seconds_per_step / 60, 2))
    write_text(folder / DONE, json.dumps(asdict(learned)))
    return learned


def load_to_train(model: str) -> SyncModel:
    """Load a sync model in training mode.

    Raises:
        ModelError: the model does not exist, or is not a sync model
    """
    loaded = load(model)
    if not isinstance(loaded, SyncModel):
        raise ModelError(
            f"{model} is a model of {loaded.name}, and adapt works for sync models only; train it on your videos with "
            f"seehear prepare, and seehear pretrain CORPUS -o RUN --preset {default_preset(loaded.name)} --init {model}"
        )
    return loaded.train()


def preset_of(config: Mapping[str, Any]) -> str:
    """Return the preset that a model was trained with if it comes with the package, else sync-small."""
    name = str((config.get("trained") or {}).get("preset", ""))
    return name if name in preset_names() else "sync-small"


def steps_within(budget_s: float, step_s: float, probe_s: float, frames_per_step: float, frames: int) -> int:
    """Return how many updates fit into a budget together with `PROBES` validations, for up to `MAX_EPOCHS` epochs.

    Args:
        budget_s: time for training
        step_s: time of an update
        probe_s: time of a validation
        frames_per_step: video frames of the user's clips per update
        frames: video frames of all of the user's clips
    """
    fit = (budget_s - PROBES * probe_s) / max(step_s, 1e-6)
    return max(MIN_STEPS, int(min(fit, MAX_EPOCHS * frames / frames_per_step)))


def batch_size(windows: int, usual: int) -> int:
    """Return the number of windows per batch: the usual number, or fewer if there are not two such batches.

    Raises:
        SeehearError: there are fewer than four windows
    """
    if windows < 4:
        raise SeehearError(
            f"there is too little to learn from: {windows} stretches of speech of two seconds or more; "
            "give more videos of a face that speaks (3 minutes or more)"
        )
    return min(usual, windows // 2)


def _planned(
    folder: Path, fabric: Fabric, model: SyncModel, material: Material, views: ClipViews, data: DataOptions,
    optim: OptimOptions, probe: Validation | None, minutes: float, seed: int,
) -> LearnPlan:  # fmt: skip
    """Return the plan of an earlier run, or make one by timing a few updates of a copy of the model."""
    if (folder / PLAN).is_file():
        return LearnPlan(**json.loads((folder / PLAN).read_text(encoding="utf-8")))
    lengths = views.frames
    windows = int((lengths[lengths >= data.frames] // data.frames).sum())
    windows += int(((lengths >= data.min_frames) & (lengths < data.frames)).sum())
    batch = batch_size(windows, data.batch)
    clock = time.process_time if fabric.device.type == "cpu" else time.perf_counter
    step_s, frames = timed(model, _batches(views, data, batch, seed), optim, fabric, clock)
    probe_s = _probe_time(probe, model, fabric, clock) if probe else 0.0
    own, rows, _ = material.learned[0]
    steps = steps_within(60 * minutes, step_s, probe_s, material.share * frames, int(Corpus(own).frames[rows].sum()))
    plan = LearnPlan(steps, batch, round(step_s, 4))
    write_text(folder / PLAN, json.dumps(asdict(plan)))
    return plan


def timed(
    model: SyncModel, batches: WindowBatches, optim: OptimOptions, fabric: Fabric, clock: Callable[[], float]
) -> tuple[float, float]:
    """Measure the seconds of an update, and its number of video frames, on a copy of the model.

    Args:
        model: in training mode
        batches: training batches
        optim: options of the optimizer
        fabric: device and precision
        clock: returns seconds
    """
    trial = copy.deepcopy(model).to(fabric.device)
    optimizer, rng = make_optimizer(trial, optim), Generator(fabric.device).manual_seed(0)
    stream, seconds, frames = iter(batches), [], []
    for _ in range(WARM + TIMED):
        start = clock()
        batch = fabric.to_device(next(stream))
        with fabric.autocast():
            loss = trial(batch, rng)["loss"]
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        float(loss.detach())  # waits for the device
        seconds.append(clock() - start)
        frames.append(batch["video"].shape[0] * batch["video"].shape[1])
    return float(np.mean(seconds[WARM:])), float(np.mean(frames[WARM:]))


def _probe_time(probe: Validation, model: SyncModel, fabric: Fabric, clock: Callable[[], float]) -> float:
    trial = copy.deepcopy(model).to(fabric.device).eval()
    start = clock()
    with torch.no_grad():
        probe(trial, fabric)
    return clock() - start


def _optim(preset: OptimOptions, steps: int, seed: int) -> OptimOptions:
    warmup = max(1, steps // 10)
    return replace(preset, steps=steps, lr=GENTLE * preset.lr, warmup=warmup, ema=EMA, accumulate=1, seed=seed)


def _batches(views: ClipViews, data: DataOptions, batch: int, seed: int) -> WindowBatches:
    return WindowBatches(views, batch, frames=data.frames, min_frames=data.min_frames, seed=seed)
