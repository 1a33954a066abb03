"""The small networks on top of features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from seehear.bounds import require_at_least
from seehear.encoders.speech import SpeechEncoder
from seehear.tasks.features import at_rate
from seehear.tasks.readouts.options import TrainingOptions
from seehear.tasks.readouts.pooling import SEGMENTS, pooled


@dataclass(frozen=True)
class BGRUOptions(TrainingOptions):
    """The recurrent read-out and how a network is trained with labels.

    The papers' own: arXiv 2001.04316 reads emotion with ``cell: lstm, bidirectional: false`` and the other defaults
    here (two layers of 256, 100 epochs, lr 0.001, a tenth after every 30); 2005.01400 with ``cell: gru, lr: 0.0001,
    decay_every: 40``. On two cores ``hidden: 128, epochs: 20, decay_every: 8, lr: 0.003`` tells the
    same in a tenth of the time.

    Attributes:
        cell: gru or lstm.
        bidirectional: forwards and backwards in time; else forwards alone.
        hidden: units of each layer and direction.
        layers: how many.
        dropout: share of the units between and behind the layers that are left out.
        rate, epochs, lr, encoder_lr, decay_every, decay, batch: see `TrainingOptions`.
    """

    cell: Literal["gru", "lstm"] = "gru"
    bidirectional: bool = True
    hidden: int = 256
    layers: int = 2
    dropout: float = 0.0

    def __post_init__(self) -> None:
        require_at_least(
            "bgru", self, hidden=1, layers=1, dropout=0, epochs=1, lr=0, encoder_lr=0, decay_every=1, decay=0, batch=1
        )


class Standardise(nn.Module):
    """Each dimension with mean 0 and deviation 1, by measures that are taken once."""

    mean: Tensor
    scale: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))

    def measure(self, steps: Tensor) -> None:
        """Takes the measures of the training part's features, (steps, D)."""
        deviation, mean = torch.std_mean(steps.double(), dim=0, correction=0)
        constant = deviation <= 1e-6 * (mean.abs() + 1e-6)
        self.mean = mean.float().to(self.mean.device)
        self.scale = torch.where(constant, 0, 1 / deviation.clamp_min(1e-12)).float().to(self.mean.device)

    def forward(self, features: Tensor) -> Tensor:
        return (features - self.mean) * self.scale


class BothWays(nn.Module):
    """A recurrent layer forwards and one backwards, each recording from its own last step on.

    What a bidirectional layer over packed sequences does, without packing: under autocast that converts the weights
    anew at every step, which makes it five times as slow.
    """

    def __init__(self, kind: type[nn.GRU] | type[nn.LSTM], width: int, hidden: int) -> None:
        """Features of this width to twice ``hidden``."""
        super().__init__()
        self.forwards = kind(width, hidden, batch_first=True)
        self.backwards = kind(width, hidden, batch_first=True)

    def forward(self, features: Tensor, mirrored: Tensor) -> Tensor:
        """(B, T, D) and the `mirror` of its lengths -> (B, T, 2 hidden)."""
        later = _reordered(self.backwards(_reordered(features, mirrored))[0], mirrored)
        return torch.cat([self.forwards(features)[0], later], dim=2)


class OneWay(nn.Module):
    """A recurrent layer forwards in time."""

    def __init__(self, kind: type[nn.GRU] | type[nn.LSTM], width: int, hidden: int) -> None:
        """Features of this width to ``hidden``."""
        super().__init__()
        self.forwards = kind(width, hidden, batch_first=True)

    def forward(self, features: Tensor, mirrored: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, hidden); the order of the way back is not needed."""
        states: Tensor = self.forwards(features)[0]
        return states


def mirror(lengths: Tensor, steps: int) -> Tensor:
    """Order (B, T) that turns the first ``lengths`` steps of each recording around and leaves those behind."""
    step = torch.arange(steps, device=lengths.device).expand(len(lengths), steps)
    return torch.where(step < lengths[:, None], lengths[:, None] - 1 - step, step)


def _reordered(features: Tensor, order: Tensor) -> Tensor:
    return features.gather(1, order[..., None].expand_as(features))


class RecurrentHead(nn.Module):
    """Recurrent layers, both ways or forwards, and a linear one, over the last states or over every step."""

    def __init__(self, width: int, outputs: int, options: BGRUOptions, every_step: bool = False) -> None:
        """Features of this width to so many outputs."""
        super().__init__()
        self.every_step = every_step
        self.standardise = Standardise(width)
        kind = nn.GRU if options.cell == "gru" else nn.LSTM
        self.both = options.bidirectional
        way, wide = (BothWays, 2 * options.hidden) if self.both else (OneWay, options.hidden)
        self.layers = nn.ModuleList(way(kind, each, options.hidden) for each in [width] + [wide] * (options.layers - 1))
        self.dropout = nn.Dropout(options.dropout)
        self.linear = nn.Linear(wide, outputs)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, D) of which ``lengths`` steps count -> (B, outputs), or (B, T, outputs) of every step."""
        lengths = lengths.to(features.device)
        mirrored = mirror(lengths, features.shape[1])
        states = self.standardise(features)
        for layer in self.layers:
            states = self.dropout(layer(states, mirrored))
        if not self.every_step:  # the last states: of the way back, those at the beginning
            last = states[torch.arange(len(states), device=states.device), lengths - 1]
            if self.both:
                last = torch.cat([last.chunk(2, dim=1)[0], states[:, 0].chunk(2, dim=1)[1]], dim=1)
            states = last
        out: Tensor = self.linear(states)
        return out.float()


class PooledHead(nn.Module):
    """A linear layer over pooled features: what `PooledClassifier` is, where the encoder is trained along."""

    def __init__(self, width: int, outputs: int) -> None:
        """Features of this width to so many outputs."""
        super().__init__()
        self.standardise = Standardise(width)
        self.linear = nn.Linear(2 * SEGMENTS * width, outputs)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, D) of which ``lengths`` steps count -> (B, outputs)."""
        out: Tensor = self.linear(pooled(self.standardise(features).float(), lengths))
        return out.float()


class WholeNetwork(nn.Module):
    """Encoder and head together, from sound to outputs."""

    def __init__(self, encoder: SpeechEncoder, layer: str | None, head: nn.Module, rate: int) -> None:
        """The head is given so many features a second."""
        super().__init__()
        self.encoder, self.layer, self.head, self.rate = encoder, layer, head, rate

    def forward(self, sound: Tensor, lengths: Tensor) -> Tensor:
        """float32 (B, 640 T) of which ``lengths`` samples count -> what the head makes of it."""
        return self.head(*self.features(sound, lengths))  # type: ignore[no-any-return]

    def features(self, sound: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """What the head is given: features (B, T', D) and how many of them count."""
        seen = at_rate(self.encoder(sound, self.layer), self.encoder.rate, self.rate)
        return seen, lengths * seen.shape[1] // sound.shape[1]


MakeHead = Callable[[int], nn.Module]
"""Width of the features -> a head."""
