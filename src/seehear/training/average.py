"""A running mean of the weights: what is measured and kept when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
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
    def in_place(self) -> Iterator[None]:
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
