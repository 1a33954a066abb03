"""`Probe`, objectives (classes, one number) and training options.

Numbers are trained and scored by the concordance with the truth (arXiv 2005.01400, section 6).
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
    """Options of all networks that are trained with labels; the defaults are those of arXiv 2001.04316.

    Attributes:
        rate: features per second; those that are computed every 10 ms are averaged
        epochs: passes over the training part; the one that is best on the development part is kept
        lr: learning rate of Adam
        encoder_lr: learning rate of the encoder's weights in fine-tuning, relative to ``lr``
        decay_every: epochs between decays of the learning rates
        decay: factor of each decay
        batch: recordings in a batch
    """

    rate: Literal[25, 50, 100] = 25
    epochs: int = 100
    lr: float = 1e-3
    encoder_lr: float = 0.1
    decay_every: int = 30
    decay: float = 0.1
    batch: int = 64


Inputs = Sequence[Any]
"""Features (T, D) or audio (N,) of each recording; for probes that are trained on frames, where to find them."""


class Examples(NamedTuple):
    """Inputs and their targets."""

    inputs: Inputs
    targets: Sequence[Any]


Predict = Callable[[Inputs], list[Any]]
"""Inputs -> a prediction for each."""


@dataclass(frozen=True)
class FittedProbe:
    """A fitted probe.

    Attributes:
        predict: inputs -> a prediction for each
        score: score on the development part; higher is better
    """

    predict: Predict
    score: float

    def __call__(self, inputs: Inputs) -> list[Any]:
        """Return a prediction for each input."""
        return self.predict(inputs)


class Probe(ABC):
    """A model that is fitted on the training part and selected on the development part."""

    def keep(self, features: Tensor, rate: int) -> Tensor:
        """Reduce features (B, T, D) at this rate to what the probe needs, (B, ...)."""
        return features

    @abstractmethod
    def fit(self, train: Examples, dev: Examples, seed: int) -> FittedProbe:
        """Fit the probe."""


class Objective(ABC):
    """Loss, decoding and score of a network's outputs.

    Attributes:
        outputs: number of outputs
        every_step: at each step rather than once for each recording
    """

    outputs: int
    every_step: bool = False

    @abstractmethod
    def loss(self, out: Tensor, lengths: Tensor, targets: Sequence[Any]) -> Tensor:
        """Return the loss of a batch."""

    @abstractmethod
    def decode(self, out: Tensor, lengths: Tensor) -> list[Any]:
        """Convert the outputs of a batch to predictions, in the form of the targets."""

    def decode_fast(self, out: Tensor, lengths: Tensor) -> list[Any]:
        """Decode at less cost, where possible; used to choose the epoch."""
        return self.decode(out, lengths)

    @abstractmethod
    def score(self, predicted: Sequence[Any], targets: Sequence[Any]) -> float:
        """Return the score of predictions; higher is better."""

    def pooled(self) -> Objective:
        """Return the objective of a probe over whole recordings, which compares layers."""
        return self

    def pooled_target(self, target: Any) -> Any:
        """Return the target of that probe; None if nothing is known of the recording."""
        return target


class ClassObjective(Objective):
    """One of several classes: cross entropy, macro F1. Targets are class numbers.

    Epochs and regularisation are chosen by F1 rather than accuracy: if half of the recordings are of one class, a weak
    model gets the highest accuracy by always predicting it.
    """

    def __init__(self, count: int) -> None:
        """Set the number of classes."""
        self.outputs = count

    def loss(self, out: Tensor, lengths: Tensor, targets: Sequence[int]) -> Tensor:
        return F.cross_entropy(out, torch.tensor(list(targets), device=out.device))

    def decode(self, out: Tensor, lengths: Tensor) -> list[int]:
        classes: list[int] = out.argmax(1).tolist()
        return classes

    def score(self, predicted: Sequence[int], targets: Sequence[int]) -> float:
        return float(f1(confusion(targets, predicted, self.outputs).sum(0)))


TINY = 1e-8


class ConcordanceObjective(Objective):
    """One number, for every step or the whole recording: loss 1 - (CCC + 1) / 2.

    Targets are float arrays (T,), NaN where unknown; or single floats.
    """

    outputs = 1

    def __init__(self, every_step: bool) -> None:
        """Set whether there is a number for every step."""
        self.every_step = every_step

    def loss(self, out: Tensor, lengths: Tensor, targets: Sequence[Any]) -> Tensor:
        """Return the loss over all steps of the batch together."""
        predicted = out[..., 0]
        if self.every_step:
            predicted = torch.cat([one[:n] for one, n in zip(predicted, lengths.tolist(), strict=True)])
        truth = torch.from_numpy(np.concatenate([np.atleast_1d(target) for target in targets])).to(predicted)
        known = truth.isfinite()
        predicted, truth = predicted[known], truth[known]
        if not len(truth):
            return out.sum() * 0
        bias = (predicted.mean() - truth.mean()).square()
        covariance = ((predicted - predicted.mean()) * (truth - truth.mean())).mean()
        spread = predicted.var(correction=0) + truth.var(correction=0) + bias
        return 1 - (2 * covariance / (spread + TINY) + 1) / 2

    def decode(self, out: Tensor, lengths: Tensor) -> list[Any]:
        numbers = out[..., 0].cpu().numpy().astype(np.float64)
        if not self.every_step:
            return list(numbers)
        return [one[:n] for one, n in zip(numbers, lengths.tolist(), strict=True)]

    def score(self, predicted: Sequence[Any], targets: Sequence[Any]) -> float:
        return float(concordance(concordance_sums_of_known(targets, predicted).sum(0)))

    def pooled(self) -> ConcordanceObjective:
        return ConcordanceObjective(every_step=False)

    def pooled_target(self, target: Any) -> float | None:
        """Return the mean of the known values."""
        known = np.atleast_1d(np.asarray(target, float))
        known = known[np.isfinite(known)]
        return float(known.mean()) if len(known) else None


def concordance_sums_of_known(truths: Sequence[Any], predicted: Sequence[Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return what each recording adds to the sums of the concordance where the truth is known, (N, 6)."""
    entries = []
    for truth, one in zip(truths, predicted, strict=True):
        true, estimated = np.atleast_1d(np.asarray(truth, float)), np.atleast_1d(np.asarray(one, float))
        known = np.isfinite(true)
        entries.append(concordance_sums(estimated[known], true[known]))
    return np.array(entries)
