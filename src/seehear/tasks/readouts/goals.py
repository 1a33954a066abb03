"""What a network is trained for: its loss, what its outputs mean, and how good that is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from seehear.tasks.scores import confusion, f1


class Goal(ABC):
    """Loss, meaning and score of a network's outputs.

    Attributes:
        outputs: how many numbers it is to give.
        every_step: at each step rather than once a recording.
    """

    outputs: int
    every_step: bool = False

    @abstractmethod
    def loss(self, out: Tensor, lengths: Tensor, targets: Sequence[Any]) -> Tensor:
        """What training makes small, of a batch."""

    @abstractmethod
    def meaning(self, out: Tensor, lengths: Tensor) -> list[Any]:
        """What the outputs of a batch say, as the targets are said."""

    def quick(self, out: Tensor, lengths: Tensor) -> list[Any]:
        """The same at less cost, where that is to be had: by which the epoch is chosen."""
        return self.meaning(out, lengths)

    @abstractmethod
    def score(self, said: Sequence[Any], targets: Sequence[Any]) -> float:
        """How good that is; more is better."""

    def pooled(self) -> Goal:
        """What a probe over a whole recording is fitted to in its place, where layers are compared."""
        return self

    def whole(self, target: Any) -> Any:
        """The target of that probe; None where nothing is known of the recording."""
        return target


class Classes(Goal):
    """One class of several: cross entropy, macro F1. Targets are their numbers.

    F1 and not accuracy chooses among epochs and strengths: where half of the recordings are of one class, the highest
    accuracy of a weak model is that of always naming it.
    """

    def __init__(self, count: int) -> None:
        """So many classes."""
        self.outputs = count

    def loss(self, out: Tensor, lengths: Tensor, targets: Sequence[int]) -> Tensor:
        return F.cross_entropy(out, torch.tensor(list(targets), device=out.device))

    def meaning(self, out: Tensor, lengths: Tensor) -> list[int]:
        classes: list[int] = out.argmax(1).tolist()
        return classes

    def score(self, said: Sequence[int], targets: Sequence[int]) -> float:
        return float(f1(confusion(targets, said, self.outputs).sum(0)))
