"""Recurrent, pooled and TC-5 heads.

TC-5 is from Chung, Chung & Kang 2019 (Perfect Match, arXiv 1809.08001, section 4.3) and used for lip reading by Chung
et al. 2020: five frames make a feature, two temporal convolutions a word. The paper does not give widths and kernels of
the convolutions; those here were chosen on GRID.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seehear.config import check_minimums
from seehear.evaluation.features import at_rate
from seehear.evaluation.probes.interface import TrainingOptions
from seehear.evaluation.probes.linear import SEGMENTS, pooled
from seehear.nn.interface import SpeechEncoder


@dataclass(frozen=True)
class BGRUOptions(TrainingOptions):
    """The recurrent probe, and how a network is trained with labels.

    In the papers: arXiv 2001.04316 has ``cell: lstm, bidirectional: false`` for emotion and otherwise the defaults
    here (two layers of 256, 100 epochs, lr 0.001, decay to a tenth every 30 epochs); 2005.01400 has ``cell: gru, lr:
    0.0001, decay_every: 40``. On two cores ``hidden: 128, epochs: 20, decay_every: 8, lr: 0.003`` gives the same
    scores in a tenth of the time.

    Attributes:
        cell: gru or lstm
        bidirectional: forwards and backwards in time; else forwards only
        hidden: units of each layer and direction
        layers: number of layers
        dropout: dropout between and after the layers
        rate, epochs, lr, encoder_lr, decay_every, decay, batch: see `TrainingOptions`
    """

    cell: Literal["gru", "lstm"] = "gru"
    bidirectional: bool = True
    hidden: int = 256
    layers: int = 2
    dropout: float = 0.0

    def __post_init__(self) -> None:
        check_minimums(
            "bgru", self, hidden=1, layers=1, dropout=0, epochs=1, lr=0, encoder_lr=0, decay_every=1, decay=0, batch=1
        )


class Standardise(nn.Module):
    """Scale each dimension to mean 0 and deviation 1, by statistics that are computed once."""

    mean: Tensor
    scale: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))

    def measure(self, steps: Tensor) -> None:
        """Compute the statistics from the features of the training part, (steps, D)."""
        deviation, mean = torch.std_mean(steps.double(), dim=0, correction=0)
        constant = deviation <= 1e-6 * (mean.abs() + 1e-6)
        self.mean = mean.float().to(self.mean.device)
        self.scale = torch.where(constant, 0, 1 / deviation.clamp_min(1e-12)).float().to(self.mean.device)

    def forward(self, features: Tensor) -> Tensor:
        return (features - self.mean) * self.scale


class BidirectionalLayer(nn.Module):
    """A forward and a backward recurrent layer; the backward one starts at each recording's own last step.

    Equal to a bidirectional layer over packed sequences, which under autocast converts the weights at every step and is
    five times as slow.
    """

    def __init__(self, kind: type[nn.GRU] | type[nn.LSTM], width: int, hidden: int) -> None:
        """Build a layer from this width to twice ``hidden``."""
        super().__init__()
        self.forwards = kind(width, hidden, batch_first=True)
        self.backwards = kind(width, hidden, batch_first=True)

    def forward(self, features: Tensor, mirrored: Tensor) -> Tensor:
        """Map (B, T, D) and the `reverse_order` of its lengths to (B, T, 2 hidden)."""
        later = _reordered(self.backwards(_reordered(features, mirrored))[0], mirrored)
        return torch.cat([self.forwards(features)[0], later], dim=2)


class ForwardLayer(nn.Module):
    """A forward recurrent layer."""

    def __init__(self, kind: type[nn.GRU] | type[nn.LSTM], width: int, hidden: int) -> None:
        """Build a layer from this width to ``hidden``."""
        super().__init__()
        self.forwards = kind(width, hidden, batch_first=True)

    def forward(self, features: Tensor, mirrored: Tensor) -> Tensor:
        """Map (B, T, D) to (B, T, hidden); the reverse order is not needed."""
        states: Tensor = self.forwards(features)[0]
        return states


def reverse_order(lengths: Tensor, steps: int) -> Tensor:
    """Return the order (B, T) that reverses the first ``lengths`` steps of each recording and keeps the others."""
    step = torch.arange(steps, device=lengths.device).expand(len(lengths), steps)
    return torch.where(step < lengths[:, None], lengths[:, None] - 1 - step, step)


def _reordered(features: Tensor, order: Tensor) -> Tensor:
    return features.gather(1, order[..., None].expand_as(features))


class RecurrentHead(nn.Module):
    """Recurrent layers, bidirectional or forward, and a linear one over the last states or over every step."""

    def __init__(self, width: int, outputs: int, options: BGRUOptions, every_step: bool = False) -> None:
        """Build a head from this width to this number of outputs."""
        super().__init__()
        self.every_step = every_step
        self.standardise = Standardise(width)
        kind = nn.GRU if options.cell == "gru" else nn.LSTM
        self.both = options.bidirectional
        way, wide = (BidirectionalLayer, 2 * options.hidden) if self.both else (ForwardLayer, options.hidden)
        self.layers = nn.ModuleList(way(kind, each, options.hidden) for each in [width] + [wide] * (options.layers - 1))
        self.dropout = nn.Dropout(options.dropout)
        self.linear = nn.Linear(wide, outputs)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Map (B, T, D) with ``lengths`` valid steps to (B, outputs), or to (B, T, outputs) for every step."""
        lengths = lengths.to(features.device)
        mirrored = reverse_order(lengths, features.shape[1])
        states = self.standardise(features)
        for layer in self.layers:
            states = self.dropout(layer(states, mirrored))
        if not self.every_step:  # the last states; of the backward layer, those at the beginning
            last = states[torch.arange(len(states), device=states.device), lengths - 1]
            if self.both:
                last = torch.cat([last.chunk(2, dim=1)[0], states[:, 0].chunk(2, dim=1)[1]], dim=1)
            states = last
        out: Tensor = self.linear(states)
        return out.float()


class PooledHead(nn.Module):
    """A linear layer over pooled features: like `PooledClassifier`, for encoders that are trained."""

    def __init__(self, width: int, outputs: int) -> None:
        """Build a head from this width to this number of outputs."""
        super().__init__()
        self.standardise = Standardise(width)
        self.linear = nn.Linear(2 * SEGMENTS * width, outputs)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Map (B, T, D) with ``lengths`` valid steps to (B, outputs)."""
        out: Tensor = self.linear(pooled(self.standardise(features).float(), lengths))
        return out.float()


class WholeNetwork(nn.Module):
    """Encoder and head together, from audio to outputs."""

    def __init__(self, encoder: SpeechEncoder, layer: str | None, head: nn.Module, rate: int) -> None:
        """Join them; ``rate`` is that of the head's inputs, features per second."""
        super().__init__()
        self.encoder, self.layer, self.head, self.rate = encoder, layer, head, rate

    def forward(self, sound: Tensor, lengths: Tensor) -> Tensor:
        """Map float32 (B, 640 T) with ``lengths`` valid samples to the outputs of the head."""
        return self.head(*self.features(sound, lengths))  # type: ignore[no-any-return]

    def features(self, sound: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return the inputs of the head: features (B, T', D) and the number of valid ones."""
        features = at_rate(self.encoder(sound, self.layer), self.encoder.rate, self.rate)
        return features, lengths * features.shape[1] // sound.shape[1]


MakeHead = Callable[[int], nn.Module]
"""Number of features -> a head."""


@dataclass(frozen=True)
class TC5Options(TrainingOptions):
    """Two temporal convolutions, and how they are trained.

    Attributes:
        hidden: channels of both
        kernel: frames of each, odd
        dropout: channel dropout after each convolution; half of it before the first
        rate, epochs, lr, encoder_lr, decay_every, decay, batch: see `TrainingOptions`
    """

    hidden: int = 256
    kernel: int = 5
    dropout: float = 0.5
    rate: Literal[25, 50, 100] = field(default=25, init=False)  # frame rate of lip features
    epochs: int = 30
    lr: float = 2e-3
    decay_every: int = 10
    decay: float = 0.3

    def __post_init__(self) -> None:
        check_minimums("tc5", self, hidden=1, kernel=1, dropout=0, epochs=1, lr=0, encoder_lr=0, decay_every=1)
        check_minimums("tc5", self, decay=0, batch=2)
        if self.kernel % 2 == 0:
            raise ValueError(f"tc5.kernel must be odd, so that a frame is in its middle, not {self.kernel}")


class TC5Head(nn.Module):
    """Twice convolution, batch norm and ReLU, then the mean over the valid frames and a linear layer."""

    def __init__(self, width: int, outputs: int, options: TC5Options) -> None:
        """Build a head from this width to this number of outputs."""
        super().__init__()
        self.standardise = Standardise(width)
        widths = (width, options.hidden)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(inputs, options.hidden, options.kernel, padding=options.kernel // 2, bias=False)
            for inputs in widths
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(options.hidden) for _ in widths)
        self.before, self.behind = nn.Dropout(options.dropout / 2), nn.Dropout(options.dropout)
        self.linear = nn.Linear(options.hidden, outputs)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Map (B, T, D) with ``lengths`` valid frames to (B, outputs)."""
        lengths = lengths.to(features.device)
        counts = (torch.arange(features.shape[1], device=features.device) < lengths[:, None])[:, None]  # (B, 1, T)
        states = self.before(self.standardise(features)).transpose(1, 2) * counts
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            states = convolution(states)
            states = F.relu(_among(norm, states, counts)) * counts
            states = self.behind(states)
        out: Tensor = self.linear(states.sum(2) / lengths[:, None])
        return out.float()


def _among(norm: nn.Module, states: Tensor, counts: Tensor) -> Tensor:
    """Batch norm with the statistics of the valid frames: (B, C, T) -> (B, C, T), zero elsewhere."""
    if not norm.training:
        return norm(states)  # type: ignore[no-any-return]
    rows = counts[:, 0].nonzero(as_tuple=True)
    known = states.transpose(1, 2)[rows]  # (valid frames, C)
    levelled = states.new_zeros(states.shape[0], states.shape[2], states.shape[1])
    return levelled.index_put(rows, norm(known).to(levelled)).transpose(1, 2)
