"""`Probe`, goals (classes, one number), options.

A continuous number: trained and scored by the concordance with the truth (arXiv 2005.01400, section 6).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from seehear.metrics.scores import concordance, concordance_sums, confusion, f1


@dataclass(frozen=True)
class TrainingOptions:
    """What all networks that are trained with labels have in common; the defaults are those of arXiv 2001.04316.

    Attributes:
        rate: features a second that are read: those that are computed every 10 ms are averaged down to it.
        epochs: passes over the training part; the one that is best on the development part is kept.
        lr: learning rate of Adam.
        encoder_lr: learning rate of the encoder's weights, as a share of it, when it is fine-tuned.
        decay_every: epochs after which the rates fall.
        decay: to this share.
        batch: recordings in a batch.
    """

    rate: Literal[25, 50, 100] = 25
    epochs: int = 100
    lr: float = 1e-3
    encoder_lr: float = 0.1
    decay_every: int = 30
    decay: float = 0.1
    batch: int = 64


Inputs = Sequence[Any]
"""Features (T, D) or sound (N,) of each recording; or where to find its pictures, for what is trained on those."""


class Examples(NamedTuple):
    """What is given, and what is to be told of it."""

    inputs: Inputs
    targets: Sequence[Any]


Predict = Callable[[Inputs], list[Any]]
"""Inputs to what a read-out says of each."""


@dataclass(frozen=True)
class FittedProbe:
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


class Probe(ABC):
    """Something that is fitted on the training part and chosen on the development part."""

    def keep(self, features: Tensor, rate: int) -> Tensor:
        """What it needs of features (B, T, D), so many a second: (B, ...)."""
        return features

    @abstractmethod
    def fit(self, train: Examples, dev: Examples, seed: int) -> FittedProbe:
        """Fits it."""


class Objective(ABC):
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
    def decode(self, out: Tensor, lengths: Tensor) -> list[Any]:
        """What the outputs of a batch say, as the targets are said."""

    def decode_fast(self, out: Tensor, lengths: Tensor) -> list[Any]:
        """The same at less cost, where that is to be had: by which the epoch is chosen."""
        return self.decode(out, lengths)

    @abstractmethod
    def score(self, said: Sequence[Any], targets: Sequence[Any]) -> float:
        """How good that is; more is better."""

    def pooled(self) -> Objective:
        """What a probe over a whole recording is fitted to in its place, where layers are compared."""
        return self

    def pooled_target(self, target: Any) -> Any:
        """The target of that probe; None where nothing is known of the recording."""
        return target


class ClassObjective(Objective):
    """One class of several: cross entropy, macro F1. Targets are their numbers.

    F1 and not accuracy chooses among epochs and strengths: where half of the recordings are of one class, the highest
    accuracy of a weak model is that of always naming it.
    """

    def __init__(self, count: int) -> None:
        """So many classes."""
        self.outputs = count

    def loss(self, out: Tensor, lengths: Tensor, targets: Sequence[int]) -> Tensor:
        return F.cross_entropy(out, torch.tensor(list(targets), device=out.device))

    def decode(self, out: Tensor, lengths: Tensor) -> list[int]:
        classes: list[int] = out.argmax(1).tolist()
        return classes

    def score(self, said: Sequence[int], targets: Sequence[int]) -> float:
        return float(f1(confusion(targets, said, self.outputs).sum(0)))


TINY = 1e-8


class ConcordanceObjective(Objective):
    """One number, of every step or of the whole: loss 1 - (CCC + 1) / 2.

    Targets are float arrays (T,), not a number where nothing is known; or single floats.
    """

    outputs = 1

    def __init__(self, every_step: bool) -> None:
        """Of every step, or of the whole."""
        self.every_step = every_step

    def loss(self, out: Tensor, lengths: Tensor, targets: Sequence[Any]) -> Tensor:
        """Over all steps of the batch together."""
        said = out[..., 0]
        if self.every_step:
            said = torch.cat([one[:n] for one, n in zip(said, lengths.tolist(), strict=True)])
        truth = torch.from_numpy(np.concatenate([np.atleast_1d(target) for target in targets])).to(said)
        known = truth.isfinite()
        said, truth = said[known], truth[known]
        if not len(truth):
            return out.sum() * 0
        apart = (said.mean() - truth.mean()).square()
        together = ((said - said.mean()) * (truth - truth.mean())).mean()
        spread = said.var(correction=0) + truth.var(correction=0) + apart
        return 1 - (2 * together / (spread + TINY) + 1) / 2

    def decode(self, out: Tensor, lengths: Tensor) -> list[Any]:
        numbers = out[..., 0].cpu().numpy().astype(np.float64)
        if not self.every_step:
            return list(numbers)
        return [one[:n] for one, n in zip(numbers, lengths.tolist(), strict=True)]

    def score(self, said: Sequence[Any], targets: Sequence[Any]) -> float:
        return float(concordance(concordance_sums_of_known(targets, said).sum(0)))

    def pooled(self) -> ConcordanceObjective:
        return ConcordanceObjective(every_step=False)

    def pooled_target(self, target: Any) -> float | None:
        """The mean of what is known."""
        known = np.atleast_1d(np.asarray(target, float))
        known = known[np.isfinite(known)]
        return float(known.mean()) if len(known) else None


def concordance_sums_of_known(truths: Sequence[Any], said: Sequence[Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """What each recording adds to the sums of the concordance where the truth is known, (N, 6)."""
    entries = []
    for truth, one in zip(truths, said, strict=True):
        wanted, given = np.atleast_1d(np.asarray(truth, float)), np.atleast_1d(np.asarray(one, float))
        known = np.isfinite(wanted)
        entries.append(concordance_sums(given[known], wanted[known]))
    return np.array(entries)
