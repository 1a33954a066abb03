"""The training loop, on Lightning Fabric."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from lightning_fabric import Fabric
from torch import Generator, Tensor, nn

from seehear.clip import SAMPLES_PER_FRAME
from seehear.errors import Stopped
from seehear.models.interface import PretextModel
from seehear.models.validation import Validation, describe_metrics
from seehear.nn.sync_batch_norm import synchronise_batch_norms
from seehear.progress import Progress, Stage
from seehear.training.checkpoint import (
    MetricsLog,
    StopSignal,
    load_checkpoint,
    random_states,
    save_checkpoint,
    set_random_states,
)
from seehear.training.optim import EarlyStopping, GradientWatch, ParameterAverage, learning_rate, make_optimizer
from seehear.training.settings import EngineOptions, OptimOptions

_log = logging.getLogger(__name__)

Metrics = dict[str, float]


CHECKPOINT = Path("checkpoints", "last.ckpt")
"""Path of the checkpoint in the folder of a run."""


class Batches(Protocol):
    """An endless, resumable stream of batches, such as `seehear.data.batches.WindowBatches`."""

    def __iter__(self) -> Iterator[dict[str, Tensor]]: ...
    def state_dict(self) -> dict[str, int]: ...
    def load_state_dict(self, state: dict[str, int]) -> None: ...


class TrainingStopped(Stopped):
    """Training was asked to stop and has saved its checkpoint."""

    def __init__(self, step: int, steps: int, folder: Path, signal_number: int) -> None:
        super().__init__(
            f"stopped at step {step} of {steps} and saved to {folder}; the same command goes on from there",
            signal_number,
        )


@dataclass
class Trainer:
    """One training, new or resumed.

    Attributes:
        fabric: launched Fabric.
        pretext: model to train: pretext(batch, rng) -> {"loss": scalar, ...}.
        batches: training batches.
        probe: validation; None skips it.
        optim, engine: options.
        folder: folder of the run: checkpoints/last.ckpt, metrics.csv, tb/.
        export: called with the latest metrics while the model holds the weights to keep: whenever a checkpoint is
            written, or, with ``early``, whenever that keeps the weights.
        early: ends the training when a validation metric has declined; None trains to the last step.
        progress: callback for the progress; called in the first process only.
        step: completed updates.
        seconds: training time, over all starts.
        frames: processed video frames.
        metrics: latest metrics.
    """

    fabric: Fabric
    pretext: PretextModel
    batches: Batches
    validation: Validation | None
    optim: OptimOptions
    engine: EngineOptions
    folder: Path
    export: Callable[[Metrics], None]
    early: EarlyStopping | None = None
    progress: Progress | None = None
    step: int = 0
    seconds: float = 0.0
    frames: int = 0
    metrics: Metrics = field(default_factory=dict)

    def __post_init__(self) -> None:
        pretext = self.fabric.to_device(self.pretext)
        if self.fabric.world_size > 1:
            synchronise_batch_norms(pretext)
        self.model: nn.Module = self.fabric.setup_module(pretext)
        self.optimizer = self.fabric.setup_optimizers(make_optimizer(self.model, self.optim))
        self.average = ParameterAverage(self.model, self.optim.ema) if self.optim.ema else None
        self.rng = Generator(self.fabric.device).manual_seed(self.optim.seed + self.fabric.global_rank)
        self.watch = GradientWatch(self.pretext, self.fabric)
        self.checkpoint = self.folder / CHECKPOINT
        self._logged = self.frames, self.seconds

    def run(self) -> Metrics:
        """Train to the last step, or until ``early`` ends the training.

        Returns:
            The latest metrics: those of the last row of metrics.csv and of the last validation.

        Raises:
            TrainingStopped: a signal has arrived; a checkpoint has been written.
            ModelError: trainable parameters get no gradient; see `GradientWatch`.
        """
        resumed_at = self.resume()
        name = f"training, from step {self.step}" if self.step else "training"
        self.model.train()
        with (
            StopSignal.listening() as stop,  # before the log, which is slow to open
            self._open_log(resumed_at) as log,
        ):
            progress = Stage(self.progress if self.fabric.is_global_zero else None, name, self.optim.steps, self.step)
            if resumed_at is None:
                self._validate(log)  # untrained: the chance level
            batches = iter(self.batches)
            while not self._finished():
                self._advance(batches, log, progress)
                if not self._finished() and self._stop_requested(stop):
                    self.save()
                    raise TrainingStopped(self.step, self.optim.steps, self.folder, stop.number)
        return self.metrics

    def resume(self) -> int | None:
        """Restore the last checkpoint, if there is one, and return its step."""
        if not self.checkpoint.exists():
            return None
        rest = load_checkpoint(self.fabric, self.checkpoint, {"model": self.model, "optimizer": self.optimizer})
        if self.average:
            self.average.load_state_dict(rest["average"])
        if self.early:
            self.early.load_state_dict(rest["early"])
        set_random_states(self.fabric, self.rng, rest["random"])
        self.batches.load_state_dict(rest["batches"])
        self.step, self.seconds, self.frames = rest["step"], rest["seconds"], rest["frames"]
        self.metrics, self._logged = rest["metrics"], (self.frames, self.seconds)
        return self.step

    def save(self) -> None:
        """Write the checkpoint, and export the model."""
        state = {
            "model": self.model,
            "optimizer": self.optimizer,
            "average": self.average.state_dict() if self.average else {},
            "early": self.early.state_dict() if self.early else {},
            "batches": self.batches.state_dict(),
            "random": random_states(self.fabric, self.rng),
            "step": self.step,
            "seconds": self.seconds,
            "frames": self.frames,
            "metrics": self.metrics,
        }
        save_checkpoint(self.fabric, self.checkpoint, state)
        if not self.early:
            self._export()

    def _export(self) -> None:
        with self._best_weights():
            if self.fabric.is_global_zero:
                self.export(self.metrics)

    def _finished(self) -> bool:
        return self.step >= self.optim.steps or (self.early is not None and self.early.should_stop)

    def _advance(self, batches: Iterator[dict[str, Tensor]], log: MetricsLog | None, progress: Stage) -> None:
        """Do one update, and whatever is due after it."""
        start = time.perf_counter()
        out = self._update(batches)
        self.seconds += time.perf_counter() - start
        self.step += 1
        last = self.step == self.optim.steps
        if self.step % self.engine.log_every == 0 or last:
            self._log(out, log, progress)
        if self.step % self.engine.probe_every == 0 or last:
            self._validate(log)
        if self.step % self.engine.save_every == 0 or last:
            self.save()

    def _update(self, batches: Iterator[dict[str, Tensor]]) -> dict[str, Tensor]:
        """Update the weights once."""
        o = self.optim
        rate = learning_rate(self.step, o)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        for index in range(o.accumulate):
            batch = self.fabric.to_device(next(batches))
            self.frames += batch["audio"].numel() // SAMPLES_PER_FRAME * self.fabric.world_size
            with self.fabric.no_backward_sync(self.model, enabled=index < o.accumulate - 1):
                out: dict[str, Tensor] = self.model(batch, self.rng)
                self.fabric.backward(out["loss"] / o.accumulate)
        self.watch.check(batch, last=self.step + 1 == o.steps)
        if o.clip:
            norm = self.fabric.clip_gradients(self.model, self.optimizer, max_norm=o.clip, error_if_nonfinite=False)
            out["gradient"] = norm
        self.optimizer.step()
        self.optimizer.zero_grad()
        if self.average:
            self.average.update()
        return out

    def _log(self, out: Mapping[str, Tensor], log: MetricsLog | None, progress: Stage) -> None:
        rate = (self.frames - self._logged[0]) / (self.seconds - self._logged[1])
        self._logged = self.frames, self.seconds
        names = [name for name in ("loss", *self.pretext.logged_metrics, "gradient") if name in out]
        values = torch.stack([out[name].detach().float() for name in names])
        row = dict(zip(names, self.fabric.all_reduce(values, reduce_op="mean").tolist(), strict=True))
        row |= {"lr": self.optimizer.param_groups[0]["lr"], "frames_per_s": rate}
        self.metrics = self.metrics | row
        if log:
            log.write(self.step, row)
        progress.update(self.step, self._status())

    def _validate(self, log: MetricsLog | None) -> None:
        if self.validation is None:
            return
        self.model.eval()
        with self._best_weights(), torch.no_grad():
            result = self.validation(self.model, self.fabric)
        self.model.train()
        self.metrics = self.metrics | result.numbers
        if log:
            log.write(self.step, result.numbers)
            for name, picture in result.pictures.items():
                log.log_picture(self.step, name, picture)
        if self.fabric.is_global_zero:
            _log.info("step %d: %s", self.step, describe_metrics(self.validation, result.numbers))
        if self.early and self.early.is_kept(self.step, result.numbers):
            self._export()

    def _status(self) -> str:
        text = f"loss {self.metrics['loss']:.3f}, {self.metrics['frames_per_s']:.0f} frames/s"
        return f"{text}, {describe_metrics(self.validation, self.metrics)}" if self.validation else text

    def _open_log(self, resumed_at: int | None) -> Any:
        if not self.fabric.is_global_zero:
            return nullcontext()
        columns = ("loss", *self.pretext.logged_metrics, "lr", "gradient", "frames_per_s")
        return MetricsLog(self.folder, [*columns, *(self.validation.formats if self.validation else ())], resumed_at)

    def _best_weights(self) -> Any:
        return self.average.applied() if self.average else nullcontext()

    def _stop_requested(self, stop: StopSignal) -> bool:
        """Whether any process was asked to stop; all stop after the same step."""
        if self.fabric.world_size == 1:
            return stop.requested
        asked = self.fabric.all_reduce(torch.tensor(float(stop.requested), device=self.fabric.device), reduce_op="sum")
        return bool(asked > 0)
