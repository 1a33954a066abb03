"""Training of networks with labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from seehear.clip import SAMPLES_PER_FRAME
from seehear.evaluation.features import at_rate, device_of
from seehear.evaluation.probes.heads import MakeHead, WholeNetwork
from seehear.evaluation.probes.interface import Examples, FittedProbe, Inputs, Objective, Probe, TrainingOptions
from seehear.machine import default_precision
from seehear.nn.interface import SpeechEncoder

GRADIENT = 5.0  # maximum norm


SORTED_TOGETHER = 8  # batches among which recordings are sorted by length, to reduce padding


@dataclass(frozen=True)
class HeadProbe(Probe):
    """A head that is trained on frozen features.

    Attributes:
        make_head: builds a head, given the number of features
        goal: loss and score
        options: how it is trained
        device: where it is trained
    """

    make_head: MakeHead
    goal: Objective
    options: TrainingOptions
    device: torch.device

    def keep(self, features: Tensor, rate: int) -> Tensor:
        """Return features at the rate of the options, (B, T', D)."""
        return at_rate(features, rate, self.options.rate)

    def fit(self, train: Examples, dev: Examples, seed: int) -> FittedProbe:
        """Train a head."""
        with fixed_seed(seed):
            head = self.make_head(train.inputs[0].shape[-1]).to(self.device)
            head.standardise.measure(torch.from_numpy(np.concatenate(list(train.inputs))))  # type: ignore[union-attr,operator]
            groups = [{"params": list(head.parameters()), "lr": self.options.lr}]
            return train_network(head, groups, train, dev, self.goal, self.options)


@dataclass(frozen=True)
class FineTunedProbe(Probe):
    """A head that is trained together with a copy of the encoder below it. Inputs are audio, (N,).

    Attributes:
        encoder: its weights are the initial ones
        layer: layer whose features the head takes
        make_head: builds a head, given the number of features
        goal: loss and score
        options: how it is trained
        encoder_lr: learning rate of the encoder's weights, relative to that of the head
        device: where it is trained
    """

    encoder: SpeechEncoder
    layer: str | None
    make_head: MakeHead
    goal: Objective
    options: TrainingOptions
    encoder_lr: float
    device: torch.device

    def fit(self, train: Examples, dev: Examples, seed: int) -> FittedProbe:
        """Train both."""
        with fixed_seed(seed):
            encoder = deepcopy(self.encoder)
            head = self.make_head(encoder.layers[self.layer or encoder.default_layer])
            network = WholeNetwork(encoder, self.layer, head, self.options.rate).to(self.device)
            head.standardise.measure(_first_look(network, train.inputs, self.options.batch))  # type: ignore[union-attr,operator]
            groups = [
                {"params": list(head.parameters()), "lr": self.options.lr},
                {"params": list(encoder.parameters()), "lr": self.options.lr * self.encoder_lr},
            ]
            return train_network(network, groups, train, dev, self.goal, self.options)


def train_network(
    network: nn.Module,
    groups: Sequence[dict[str, Any]],
    train: Examples,
    dev: Examples,
    goal: Objective,
    options: TrainingOptions,
) -> FittedProbe:
    """Train with Adam and step decay; keep the weights of the epoch that is best on the development part.

    Args:
        network: takes padded inputs and their lengths
        groups: groups of parameters, each with its learning rate
        train: training part
        dev: development part
        goal: loss and score
        options: epochs, batch size, learning rates
    """
    device = device_of(network)
    quick = partial(_predict, network, goal.decode_fast, options.batch)

    def losses() -> Iterator[Tensor]:
        for rows in _shuffled([len(x) for x in train.inputs], options.batch):
            inputs, lengths = padded_inputs([train.inputs[row] for row in rows])
            with bf16_autocast(device.type):
                out = network(inputs.to(device), lengths.to(device))
            yield goal.loss(out, _steps(out, inputs, lengths), [train.targets[row] for row in rows])

    best = train_keep_best(network, groups, losses, lambda: goal.score(quick(dev.inputs), dev.targets), options)
    return FittedProbe(partial(_predict, network, goal.decode, options.batch), best)


def train_keep_best(
    network: nn.Module,
    groups: Sequence[dict[str, Any]],
    losses: Callable[[], Iterator[Tensor]],
    score: Callable[[], float],
    options: TrainingOptions,
) -> float:
    """Train with Adam and step decay; leave the network with the weights of the epoch with the best score.

    Args:
        network: the network; ``score`` may put it into evaluation mode
        groups: groups of parameters, each with its learning rate
        losses: yields the losses of the batches of one epoch
        score: returns the score on the development part; higher is better
        options: epochs and learning rates

    Returns:
        The best score.
    """
    optimiser = torch.optim.Adam(groups)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, options.decay_every, options.decay)
    best, kept = -float("inf"), deepcopy(network.state_dict())
    for _ in range(options.epochs):
        network.train()
        for loss in losses():
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(network.parameters(), GRADIENT)
            optimiser.step()
        schedule.step()
        reached = score()
        if reached > best:
            best, kept = reached, deepcopy(network.state_dict())
    network.load_state_dict(kept)
    return best


def padded_inputs(inputs: Inputs) -> tuple[Tensor, Tensor]:
    """Pad inputs (length, ...) with zeros to one batch, and return their lengths.

    Audio, (N,), is first padded to whole video frames, as for frozen encoders, and these zeros count.
    """
    sound = inputs[0].ndim == 1
    whole = SAMPLES_PER_FRAME if sound else 1
    lengths = [-(-len(x) // whole) * whole for x in inputs]
    batch = torch.zeros(len(inputs), max(lengths), *inputs[0].shape[1:])
    for place, x in zip(batch, inputs, strict=True):
        place[: len(x)] = torch.from_numpy(x)
    return batch, torch.tensor(lengths)


@contextmanager
def fixed_seed(seed: int) -> Iterator[None]:
    """Seed weights, order and dropout; the caller's random state is restored."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


@torch.inference_mode()
def _predict(
    network: nn.Module, meaning: Callable[[Tensor, Tensor], list[Any]], batch: int, inputs: Inputs
) -> list[Any]:
    """Return the predictions of a network for each input."""
    network.eval()
    device = device_of(network)
    order = sorted(range(len(inputs)), key=lambda row: len(inputs[row]))
    predictions: dict[int, Any] = {}
    for first in range(0, len(order), batch):
        rows = order[first : first + batch]
        padded, lengths = padded_inputs([inputs[row] for row in rows])
        with bf16_autocast(device.type):
            out = network(padded.to(device), lengths.to(device))
        predictions |= zip(rows, meaning(out.float(), _steps(out, padded, lengths)), strict=True)
    return [predictions[row] for row in range(len(inputs))]


def _steps(out: Tensor, inputs: Tensor, lengths: Tensor) -> Tensor:
    """Return how many steps of the outputs are valid, given those of the inputs; the same if there are no steps."""
    return lengths * out.shape[1] // inputs.shape[1] if out.ndim == 3 else lengths


def _first_look(network: WholeNetwork, inputs: Inputs, batch: int) -> Tensor:
    """Return features of the training part before any training, (steps, D)."""
    network.eval()
    device = device_of(network)
    steps = []
    with torch.inference_mode():
        for first in range(0, len(inputs), batch):
            sound, lengths = padded_inputs(inputs[first : first + batch])
            features, counts = network.features(sound.to(device), lengths)
            steps += [one[:count].float().cpu() for one, count in zip(features, counts.tolist(), strict=True)]
    return torch.cat(steps).clone()


def _shuffled(lengths: Sequence[int], batch: int) -> Iterator[list[int]]:
    """Yield batches of rows in random order, of similar lengths within a batch."""
    order = torch.randperm(len(lengths)).tolist()
    together = batch * SORTED_TOGETHER
    batches = []
    for first in range(0, len(order), together):
        near = sorted(order[first : first + together], key=lambda row: lengths[row])
        batches += [near[i : i + batch] for i in range(0, len(near), batch)]
    yield from (batches[i] for i in torch.randperm(len(batches)).tolist())


def bf16_autocast(device: str) -> torch.autocast:
    """Autocast to bf16 if the hardware supports it natively."""
    return torch.autocast(device, torch.bfloat16, enabled=_multiplies_bf16(device))


@lru_cache
def _multiplies_bf16(device: str) -> bool:
    return default_precision(device) == "bf16-mixed"


class FrameProbe(HeadProbe):
    """TC-5 on frozen features, which are kept in half precision."""

    def keep(self, features: Tensor, rate: int) -> Tensor:
        """Return all features, (B, T, D)."""
        return features.half()
