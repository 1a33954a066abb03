"""What every read-out promises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor

Inputs = Sequence[Any]
"""Features (T, D) or sound (N,) of each recording; or where to find its pictures, for what is trained on those."""


class Examples(NamedTuple):
    """What is given, and what is to be told of it."""

    inputs: Inputs
    targets: Sequence[Any]


Predict = Callable[[Inputs], list[Any]]
"""Inputs to what a read-out says of each."""


@dataclass(frozen=True)
class Fitted:
    """A fitted read-out.

    Attributes:
        predict: inputs to what it says of each.
        score: its goal's score on the development part; more is better.
    """

    predict: Predict
    score: float

    def __call__(self, inputs: Inputs) -> list[Any]:
        """What it says of each input."""
        return self.predict(inputs)


class ReadOut(ABC):
    """Something that is fitted on the training part and chosen on the development part."""

    def keep(self, features: Tensor, rate: int) -> Tensor:
        """What it needs of features (B, T, D), so many a second: (B, ...)."""
        return features

    @abstractmethod
    def fit(self, train: Examples, dev: Examples, seed: int) -> Fitted:
        """Fits it."""
