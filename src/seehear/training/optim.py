"""Learning rate, optimizer, weight averaging, gradient check, early stopping."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from seehear.errors import ModelError
from seehear.losses import LOSSES
from seehear.models.interface import PretextModel
from seehear.training.settings import OptimOptions


def learning_rate(step: int, options: OptimOptions) -> float:
    """Learning rate of update ``step``, counted from 0: linear warm-up, then half a cosine down."""
    if step < options.warmup:
        return options.lr * (step + 1) / options.warmup
    done = (step - options.warmup) / max(1, options.steps - options.warmup)
    low = options.lr * options.final
    return low + (options.lr - low) * (1 + math.cos(math.pi * done)) / 2


def make_optimizer(model: nn.Module, options: OptimOptions) -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101); weight decay only on parameters of two or more dimensions."""
    weights = [p for p in model.parameters() if p.requires_grad]
    device = weights[0].device.type
    return torch.optim.AdamW(
        [
            {"params": [p for p in weights if p.ndim > 1], "weight_decay": options.weight_decay},
            {"params": [p for p in weights if p.ndim <= 1], "weight_decay": 0.0},
        ],
        lr=options.lr,
        betas=(options.beta1, options.beta2),
        fused=device in ("cpu", "cuda"),
    )


class ParameterAverage:
    """Exponential moving average of a model's parameters (Polyak & Juditsky 1992).

    After n updates the decay is at most (1 + n) / (10 + n), so that the average soon forgets the random initialisation.
    Buffers (batch norm statistics) are averages already and are taken from the model.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self._live = list(model.parameters())
        self._mean = [p.detach().clone() for p in self._live]

    @torch.no_grad()
    def update(self) -> None:
        """Add the weights after a step to the average."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        torch._foreach_lerp_(self._mean, [p.detach() for p in self._live], 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Use the average as the model's weights within the context."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for live, mean in zip(self._live, self._mean, strict=True):
            kept = live.detach().clone()
            live.copy_(mean)
            mean.copy_(kept)

    def state_dict(self) -> dict[str, int | list[Tensor]]:
        """State for the checkpoint."""
        return {"updates": self.updates, "mean": self._mean}

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, int | list[Tensor]]) -> None:
        """Restore the state from a checkpoint."""
        updates, mean = state["updates"], state["mean"]
        assert isinstance(updates, int)
        assert isinstance(mean, list)
        self.updates = updates
        for own, other in zip(self._mean, mean, strict=True):
            own.copy_(other)


STEPS = 10
"""Updates between checks. A last layer initialised to zero passes no gradient back in the first step."""


MIN_STEPS = 3
"""Trainings with fewer updates are not checked, for the same reason."""


NAMED = 5  # parameters listed in the message


IN_SIGHT = 2  # minimum faces in a batch for a gradient: a single one has no negatives


class GradientWatch:
    """Checks during the first updates that every trainable parameter gets a gradient, and stops the training if not.

    Frozen parameters (``requires_grad`` False) are not checked. Parts that train on video only
    (`PretextModel.by_sight`) are checked only after batches with video: an audio-only corpus is allowed, and does not
    train them.

    All processes of a training must call `look` equally often. They decide together, because a sharded parameter gets
    its gradient in only one of them.
    """

    def __init__(self, pretext: PretextModel, fabric: Fabric) -> None:
        """Record all trainable parameters."""
        self._fabric = fabric
        self._watched = {name: weight for name, weight in pretext.named_parameters() if weight.requires_grad}
        self._silent = dict(self._watched)
        self._by_sight = tuple(f"{part}." for part in pretext.video_only_modules)
        self._steps = self._sights = 0
        self._settled = False

    def check(self, batch: Mapping[str, Tensor], last: bool) -> None:
        """Check the gradients of an update before they are cleared.

        Args:
            batch: a batch of this update.
            last: whether this is the last update.

        Raises:
            ModelError: a parameter has had no gradient, or only zeros, in all updates so far.
        """
        if self._settled:
            return
        self._steps += 1
        self._sights += "seen" not in batch or int(batch["seen"].sum()) >= IN_SIGHT
        self._silent = {
            name: weight
            for name, weight in self._silent.items()
            if weight.grad is None or not bool(weight.grad.count_nonzero())
        }
        if self._steps % STEPS and not last:
            return
        silent, sights = self._gather()
        faulty = [name for name in silent if sights >= MIN_STEPS or not name.startswith(self._by_sight)]
        self._settled = not silent
        if faulty and self._steps >= MIN_STEPS:
            raise ModelError(self._message(faulty))

    def _gather(self) -> tuple[list[str], int]:
        """Parameters without gradient in every process, and number of batches with video in any."""
        if self._fabric.world_size == 1:
            return list(self._silent), self._sights
        received = [float(name not in self._silent) for name in self._watched]
        totals = torch.tensor([*received, float(self._sights)], device=self._fabric.device)
        *counts, sights = self._fabric.all_reduce(totals, reduce_op="sum").tolist()
        return [name for name, count in zip(self._watched, counts, strict=True) if not count], int(sights)

    def _message(self, silent: list[str]) -> str:
        more = f" and {len(silent) - NAMED} more" if len(silent) > NAMED else ""
        separating = [name for name, loss in LOSSES.items() if loss.separates not in (None, "none")]
        return (
            f"in {self._steps} updates no gradient has reached {len(silent)} of the {len(self._watched)} parameters "
            f"that are to learn: {', '.join(silent[:NAMED])}{more}. They would stay random. Change the options that "
            f"cut them off from the loss (with model.shared, only the losses {', '.join(separating)} train the voice "
            "encoder), or freeze them (model.freeze_voice; in Python requires_grad_(False))"
        )


@dataclass
class EarlyStopping:
    """Early stopping on one validation metric. Larger is better.

    The kept weights are the latest ones whose metric is within a tolerance of the best so far. A validation with few
    people is noisy, and its maximum is often an early lucky value.

    Attributes:
        number: name of the metric.
        patience: number of consecutive validations below the best by more than the tolerance before training stops.
        tolerance: differences up to this are considered noise.
        best: maximum so far.
        kept_step: step of the kept weights.
        waited: validations since then.
    """

    number: str
    patience: int
    tolerance: float = 0.0
    best: float = -math.inf
    kept_step: int = 0
    waited: int = 0

    def is_kept(self, step: int, numbers: Mapping[str, float]) -> bool:
        """Record a validation; return whether the weights of this step should be kept."""
        value = numbers[self.number]
        if value >= self.best - self.tolerance:
            self.best, self.kept_step, self.waited = max(self.best, value), step, 0
            return True
        self.waited += 1
        return False

    @property
    def should_stop(self) -> bool:
        """Whether training should stop."""
        return self.waited >= self.patience

    def state_dict(self) -> dict[str, float]:
        """State for the checkpoint."""
        return {"best": self.best, "kept_step": self.kept_step, "waited": self.waited}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Restore the state from a checkpoint."""
        self.best, self.kept_step, self.waited = state["best"], int(state["kept_step"]), int(state["waited"])
