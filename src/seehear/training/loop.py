"""The loop on Lightning Fabric."""

from __future__ import annotations

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
from seehear.progress import ProgressReporter
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

Metrics = dict[str, float]


CHECKPOINT = Path("checkpoints", "last.ckpt")
"""Where it is in the folder of a run."""


class Batches(Protocol):
    """An endless stream that can go on where it stopped; `seehear.data.batches.WindowBatches` is one."""

    def __iter__(self) -> Iterator[dict[str, Tensor]]: ...
    def state_dict(self) -> dict[str, int]: ...
    def load_state_dict(self, state: dict[str, int]) -> None: ...


class TrainingStopped(Stopped):
    """Training was asked to stop and has saved all that it needs to go on."""

    def __init__(self, step: int, steps: int, folder: Path, signal_number: int) -> None:
        super().__init__(
            f"stopped at step {step} of {steps} and saved to {folder}; the same command goes on from there",
            signal_number,
        )


@dataclass
class Trainer:
    """One training, from its first step or from wherever it was stopped.

    Attributes:
        fabric: launched.
        pretext: what learns: pretext(batch, rng) -> {"loss": scalar, ...}.
        batches: what it learns from.
        probe: what it is measured by; None measures nothing.
        optim, engine: options.
        folder: of the run: checkpoints/last.ckpt, metrics.csv, tb/.
        export: called with the latest numbers, the pretext's weights being those that are worth keeping, whenever a
            checkpoint is written; with ``early``, whenever that says so.
        early: ends the training when the probe's number has fallen; None trains to the last step.
        step: updates done.
        seconds: of work so far, over all starts.
        frames: video frames seen or heard.
        metrics: the latest numbers.
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
    step: int = 0
    seconds: float = 0.0
    frames: int = 0
    metrics: Metrics = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.model: nn.Module = self.fabric.setup_module(self.pretext)
        self.optimizer = self.fabric.setup_optimizers(make_optimizer(self.model, self.optim))
        self.average = ParameterAverage(self.model, self.optim.ema) if self.optim.ema else None
        self.rng = Generator(self.fabric.device).manual_seed(self.optim.seed + self.fabric.global_rank)
        self.watch = GradientWatch(self.pretext, self.fabric)
        self.checkpoint = self.folder / CHECKPOINT
        self._logged = self.frames, self.seconds

    def run(self) -> Metrics:
        """Train to the last step, or until ``early`` says that it is enough.

        Returns:
            The latest numbers: those of the last row of metrics.csv and of the last probe.

        Raises:
            Stopped: a signal asked for it; a checkpoint has been written.
            ModelError: parameters that are to learn get no gradient; see `GradientWatch`.
        """
        resumed_at = self.resume()
        name = f"training, from step {self.step}" if self.step else "training"
        show = self.fabric.is_global_zero
        self.model.train()
        with (
            self._journal(resumed_at) as journal,
            ProgressReporter(name, self.optim.steps, self.step, show) as telling,
            StopSignal.listening() as stop,
        ):
            if resumed_at is None:
                self._measure(journal, telling)  # untrained: what chance looks like
            batches = iter(self.batches)
            while not self._finished():
                self._advance(batches, journal, telling)
                if not self._finished() and self._stop_requested(stop):
                    self.save()
                    raise TrainingStopped(self.step, self.optim.steps, self.folder, stop.number)
        return self.metrics

    def resume(self) -> int | None:
        """Go to the step of the last checkpoint, if there is one, and return it."""
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
        """Write the checkpoint, and the model as others will load it."""
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

    def _advance(
        self, batches: Iterator[dict[str, Tensor]], journal: MetricsLog | None, telling: ProgressReporter
    ) -> None:
        """One update, and what is due after it."""
        begun = time.perf_counter()
        out = self._update(batches)
        self.seconds += time.perf_counter() - begun
        self.step += 1
        last = self.step == self.optim.steps
        if self.step % self.engine.log_every == 0 or last:
            self._log(out, journal, telling)
        if self.step % self.engine.probe_every == 0 or last:
            self._measure(journal, telling)
        if self.step % self.engine.save_every == 0 or last:
            self.save()

    def _update(self, batches: Iterator[dict[str, Tensor]]) -> dict[str, Tensor]:
        """Move the weights once."""
        o = self.optim
        rate = learning_rate(self.step, o)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        for part in range(o.accumulate):
            batch = self.fabric.to_device(next(batches))
            self.frames += batch["audio"].numel() // SAMPLES_PER_FRAME * self.fabric.world_size
            with self.fabric.no_backward_sync(self.model, enabled=part < o.accumulate - 1):
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

    def _log(self, out: Mapping[str, Tensor], journal: MetricsLog | None, telling: ProgressReporter) -> None:
        rate = (self.frames - self._logged[0]) / (self.seconds - self._logged[1])
        self._logged = self.frames, self.seconds
        names = [name for name in ("loss", *self.pretext.logged_metrics, "gradient") if name in out]
        values = torch.stack([out[name].detach().float() for name in names])
        row = dict(zip(names, self.fabric.all_reduce(values, reduce_op="mean").tolist(), strict=True))
        row |= {"lr": self.optimizer.param_groups[0]["lr"], "frames_per_s": rate}
        self.metrics = self.metrics | row
        if journal:
            journal.write(self.step, row)
        telling.update(self.step, self._status())

    def _measure(self, journal: MetricsLog | None, telling: ProgressReporter) -> None:
        if self.validation is None:
            return
        self.model.eval()
        with self._best_weights(), torch.no_grad():
            probed = self.validation(self.model, self.fabric)
        self.model.train()
        self.metrics = self.metrics | probed.numbers
        if journal:
            journal.write(self.step, probed.numbers)
            for name, picture in probed.pictures.items():
                journal.log_picture(self.step, name, picture)
        telling.log(f"step {self.step}: {describe_metrics(self.validation, probed.numbers)}")
        if self.early and self.early.is_kept(self.step, probed.numbers):
            self._export()

    def _status(self) -> str:
        told = f"loss {self.metrics['loss']:.3f}, {self.metrics['frames_per_s']:.0f} frames/s"
        return f"{told}, {describe_metrics(self.validation, self.metrics)}" if self.validation else told

    def _journal(self, resumed_at: int | None) -> Any:
        if not self.fabric.is_global_zero:
            return nullcontext()
        columns = ("loss", *self.pretext.logged_metrics, "lr", "gradient", "frames_per_s")
        return MetricsLog(self.folder, [*columns, *(self.validation.formats if self.validation else ())], resumed_at)

    def _best_weights(self) -> Any:
        return self.average.applied() if self.average else nullcontext()

    def _stop_requested(self, stop: StopSignal) -> bool:
        """All processes stop after the same step, whichever was asked."""
        if self.fabric.world_size == 1:
            return stop.requested
        asked = self.fabric.all_reduce(torch.tensor(float(stop.requested), device=self.fabric.device), reduce_op="sum")
        return bool(asked > 0)
