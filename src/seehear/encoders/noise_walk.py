"""What of a face moves without being heard: a random walk through a few numbers."""

from __future__ import annotations

from typing import cast

import torch
from torch import Generator, Tensor, nn

VARIANCE = 0.33


class NoiseWalk(nn.Module):
    """Gaussian numbers, drawn anew for each frame, made smooth by a GRU (Shukla et al. 2020, arXiv 2005.01400, 3.1).

    Attributes:
        dim: numbers a frame; the papers have 10, arXiv 2007.04134 none.
        variance: of what is drawn: 0.33, as in the follow-up; arXiv 2001.04316 says 0.6.
    """

    def __init__(self, dim: int, variance: float = VARIANCE) -> None:
        super().__init__()
        self.dim, self.variance = dim, variance
        self.gru = nn.GRU(dim, dim, batch_first=True) if dim else None

    def forward(self, clips: int, frames: int, rng: Generator | None = None) -> Tensor:
        """(clips, frames, dim).

        Args:
            clips: how many walks.
            frames: their length.
            rng: where they are drawn from; without one always the same.
        """
        if self.gru is None:
            return torch.empty(clips, frames, 0, device=None if rng is None else rng.device)
        device = cast(Tensor, self.gru.weight_hh_l0).device
        rng = rng or Generator(device).manual_seed(0)
        noise = torch.randn(clips, frames, self.dim, generator=rng, device=rng.device) * self.variance**0.5
        with torch.autocast(device.type, enabled=False):
            return cast(Tensor, self.gru(noise.to(device))[0])
