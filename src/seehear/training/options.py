"""What a training is told, beyond its pretext. Every field is a flag, a key of a preset and an argument."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from seehear.bounds import require_at_least
from seehear.corpus.split import By

Precision = Literal["auto", "32-true", "bf16-mixed", "16-mixed"]


@dataclass(frozen=True)
class DataOptions:
    """Which clips are learned from, and in what portions.

    Attributes:
        batch: windows of clips in a batch, for each process.
        frames: video frames of a window; 75 are 3 s.
        min_frames: shorter clips are left out; those between this and ``frames`` make shorter windows.
        split_by: what must not be on both sides of the split, sources or speakers.
        dev_every: one source (or speaker) in so many is kept for measuring.
        probe_clips: of those, how many the probe measures on while training goes on.
    """

    batch: int = 16
    frames: int = 75
    min_frames: int = 50
    split_by: By = "source"
    dev_every: int = 8
    probe_clips: int = 48

    def __post_init__(self) -> None:
        require_at_least("data", self, batch=1, frames=1, min_frames=1, dev_every=2, probe_clips=0)


@dataclass(frozen=True)
class OptimOptions:
    """How the weights move: AdamW, learning rate up in a line and down in a cosine.

    Attributes:
        steps: updates of the weights, all in all.
        lr: learning rate at its highest.
        warmup: steps until it is reached.
        final: share of it that is left at the end.
        weight_decay: of matrices and kernels; biases, norms and the loss's own numbers are left alone.
        beta1: decay of the mean of gradients.
        beta2: decay of the mean of their squares.
        clip: largest norm of a gradient; 0 does not clip.
        accumulate: batches that make one update.
        ema: decay of the running mean of the weights that is measured and kept; 0 keeps the weights themselves.
        seed: of weights, order and disturbances.
    """

    steps: int = 1500
    lr: float = 2e-3
    warmup: int = 100
    final: float = 0.02
    weight_decay: float = 0.05
    beta1: float = 0.9
    beta2: float = 0.98
    clip: float = 2.0
    accumulate: int = 1
    ema: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        require_at_least("optim", self, steps=1, accumulate=1, warmup=0, lr=0, final=0, weight_decay=0, clip=0, seed=0)
        for name in ("ema", "beta1", "beta2"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"optim.{name} must be 0 or more and less than 1, not {getattr(self, name)}")


@dataclass(frozen=True)
class EngineOptions:
    """What it runs on, and how often it tells and saves; none of it changes what is learned, but for the precision.

    Attributes:
        accelerator: cpu, cuda, mps or auto.
        devices: how many of them on each machine, or auto.
        num_nodes: machines.
        strategy: auto, ddp, fsdp, or any other name that Lightning Fabric knows.
        precision: of the arithmetic: 32-true, bf16-mixed, 16-mixed, or auto: bf16-mixed where the hardware multiplies
            in it (on a CPU of that kind the convolutions then run up to ten times as fast), 32-true elsewhere.
        threads: of each process on the CPU; by default what torch takes.
        log_every: steps between two rows of metrics.csv.
        probe_every: steps between two measurements on the development clips.
        save_every: steps between two checkpoints.
    """

    accelerator: str = "auto"
    devices: int | Literal["auto"] = "auto"
    num_nodes: int = 1
    strategy: str = "auto"
    precision: Precision = "auto"
    threads: int | None = None
    log_every: int = 20
    probe_every: int = 250
    save_every: int = 250

    def __post_init__(self) -> None:
        require_at_least("engine", self, num_nodes=1, log_every=1, probe_every=1, save_every=1)
        if self.threads is not None:
            require_at_least("engine", self, threads=1)
