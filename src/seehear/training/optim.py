"""Learning rate, optimizer, mean of weights, gradient watch, early stopping."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from seehear.errors import ModelError
from seehear.models.interface import PretextModel
from seehear.training.settings import OptimOptions


def learning_rate(step: int, options: OptimOptions) -> float:
    """Of the update number ``step``, counted from 0: a line up to the peak, then half a cosine down."""
    if step < options.warmup:
        return options.lr * (step + 1) / options.warmup
    done = (step - options.warmup) / max(1, options.steps - options.warmup)
    low = options.lr * options.final
    return low + (options.lr - low) * (1 + math.cos(math.pi * done)) / 2


def make_optimizer(model: nn.Module, options: OptimOptions) -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101); weight decay on what has two or more dimensions."""
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

    The mean follows more closely at first, by (1 + n) / (10 + n) after n updates, so that it does not drag the random
    start along. Buffers (the statistics of batch norms) are means already and are those of the model.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self._live = list(model.parameters())
        self._mean = [p.detach().clone() for p in self._live]

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights after a step."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        torch._foreach_lerp_(self._mean, [p.detach() for p in self._live], 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The model has the mean as its weights, as long as the context lasts."""
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
        """For the checkpoint."""
        return {"updates": self.updates, "mean": self._mean}

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, int | list[Tensor]]) -> None:
        """From the checkpoint."""
        updates, mean = state["updates"], state["mean"]
        assert isinstance(updates, int)
        assert isinstance(mean, list)
        self.updates = updates
        for own, other in zip(self._mean, mean, strict=True):
            own.copy_(other)


STEPS = 10
"""Updates before the first verdict. A last layer that begins at zero passes no gradient back in the first step."""


MIN_STEPS = 3
"""A training of fewer updates than this is not judged, for the same reason."""


NAMED = 5  # parameters in the message


IN_SIGHT = 2  # faces in a batch: one alone has nothing to be told apart from


class GradientWatch:
    """Watches the first updates of a training, and refuses to go on where a parameter has not had any gradient.

    What is frozen (``requires_grad`` False) is not watched. Parts that learn from pictures alone (`Pretext.by_sight`)
    are not judged before batches had pictures: a corpus of sound alone teaches them nothing, and is allowed.

    All processes of a training have to call `look` equally often; they judge together, so that a parameter may get
    its gradient in any of them (sharded ones do).
    """

    def __init__(self, pretext: PretextModel, fabric: Fabric) -> None:
        """Takes note of all parameters that are to learn."""
        self._fabric = fabric
        self._watched = {name: weight for name, weight in pretext.named_parameters() if weight.requires_grad}
        self._silent = dict(self._watched)
        self._by_sight = tuple(f"{part}." for part in pretext.video_only_modules)
        self._steps = self._sights = 0
        self._settled = False

    def check(self, batch: Mapping[str, Tensor], last: bool) -> None:
        """After the gradients of an update are there, before they are cleared.

        Args:
            batch: one of those that the gradients are of.
            last: no update will follow.

        Raises:
            ModelError: a parameter has had no gradient, or nothing but zeros, in any update so far.
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
        silent, sights = self._of_all()
        judged = [name for name in silent if sights >= MIN_STEPS or not name.startswith(self._by_sight)]
        self._settled = not silent
        if judged and self._steps >= MIN_STEPS:
            raise ModelError(self._message(judged))

    def _of_all(self) -> tuple[list[str], int]:
        """What is silent in every process, and batches with pictures in any of them."""
        if self._fabric.world_size == 1:
            return list(self._silent), self._sights
        heard = [float(name not in self._silent) for name in self._watched]
        told = torch.tensor([*heard, float(self._sights)], device=self._fabric.device)
        *counts, sights = self._fabric.all_reduce(told, reduce_op="sum").tolist()
        return [name for name, count in zip(self._watched, counts, strict=True) if not count], int(sights)

    def _message(self, silent: list[str]) -> str:
        more = f" and {len(silent) - NAMED} more" if len(silent) > NAMED else ""
        return (
            f"in {self._steps} updates no gradient has reached {len(silent)} of the {len(self._watched)} parameters "
            f"that are to learn: {', '.join(silent[:NAMED])}{more}. They would stay random. Change the options that "
            "cut them off from the loss (with model.shared, only the losses separate, merged and substitute train the "
            "voice encoder), or freeze them (model.freeze_voice; in Python requires_grad_(False))"
        )


@dataclass
class EarlyStopping:
    """Watches one number of the probe. Larger is better.

    The weights that are kept are the latest whose number is as good as the best one so far, to within a tolerance. A
    probe of a few people is noisy, and its highest value is often an early lucky one.

    Attributes:
        number: its name.
        patience: measurements in a row that are worse than the best by more than the tolerance, after which training
            stops.
        tolerance: differences up to this are taken for noise.
        best: the largest value so far.
        kept_step: the step whose weights are kept.
        waited: measurements since then.
    """

    number: str
    patience: int
    tolerance: float = 0.0
    best: float = -math.inf
    kept_step: int = 0
    waited: int = 0

    def is_kept(self, step: int, numbers: Mapping[str, float]) -> bool:
        """Take in a measurement. True if the weights of this step are to be kept."""
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
        """For the checkpoint."""
        return {"best": self.best, "kept_step": self.kept_step, "waited": self.waited}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """From the checkpoint."""
        self.best, self.kept_step, self.waited = state["best"], int(state["kept_step"]), int(state["waited"])
