"""The back end of lip reading: two convolutions over time and a softmax over words.

TC-5 of Chung, Chung & Kang 2019 (Perfect Match, arXiv 1809.08001, section 4.3), which Chung et al. 2020 read lips with:
five pictures make a feature, two temporal convolutions a word. Widths and kernels of the convolutions are not in the
text; those here were chosen on GRID.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seehear.bounds import require_at_least
from seehear.tasks.readouts.heads import Standardise
from seehear.tasks.readouts.options import TrainingOptions
from seehear.tasks.readouts.training import OnFeatures


@dataclass(frozen=True)
class TC5Options(TrainingOptions):
    """Two convolutions over time, and how they are trained.

    Attributes:
        hidden: channels of both.
        kernel: frames that each of them sees, odd.
        dropout: share of the channels behind each that are left out, and half as many of the features before them.
        rate, epochs, lr, encoder_lr, decay_every, decay, batch: see `TrainingOptions`.
    """

    hidden: int = 256
    kernel: int = 5
    dropout: float = 0.5
    rate: Literal[25, 50, 100] = field(default=25, init=False)  # lips are seen 25 times a second
    epochs: int = 30
    lr: float = 2e-3
    decay_every: int = 10
    decay: float = 0.3

    def __post_init__(self) -> None:
        require_at_least("tc5", self, hidden=1, kernel=1, dropout=0, epochs=1, lr=0, encoder_lr=0, decay_every=1)
        require_at_least("tc5", self, decay=0, batch=2)
        if self.kernel % 2 == 0:
            raise ValueError(f"tc5.kernel must be odd, so that a frame is in its middle, not {self.kernel}")


class TC5Head(nn.Module):
    """Convolution, batch norm and ReLU twice, the mean over the frames that count, a linear layer."""

    def __init__(self, width: int, outputs: int, options: TC5Options) -> None:
        """Features of this width to so many outputs."""
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
        """(B, T, D) of which ``lengths`` frames count -> (B, outputs)."""
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
    """Batch norm whose statistics are those of the frames that count: (B, C, T) -> (B, C, T), the others zero."""
    if not norm.training:
        return norm(states)  # type: ignore[no-any-return]
    rows = counts[:, 0].nonzero(as_tuple=True)
    known = states.transpose(1, 2)[rows]  # (frames that count, C)
    levelled = states.new_zeros(states.shape[0], states.shape[2], states.shape[1])
    return levelled.index_put(rows, norm(known).to(levelled)).transpose(1, 2)


class OnFrames(OnFeatures):
    """TC-5 on features that stay as they are, which are kept with half of their digits."""

    def keep(self, features: Tensor, rate: int) -> Tensor:
        """All of them, (B, T, D)."""
        return features.half()
