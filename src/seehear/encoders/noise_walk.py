"""What of a face moves without being heard: a random walk through a few numbers."""

from __future__ import annotations

from typing import cast

import torch
from torch import Generator, Tensor, nn

VARIANCE = 0.33


class NoiseWalk(nn.Module):
    """Gaussian numbers, drawn anew for each frame, made smooth by a GRU (Shukla et al. 2020, arXiv 2005.01400, 3.1).

    Attributes:
        dim: numbers a frame; the papers have 10.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.gru = nn.GRU(dim, dim, batch_first=True)

    def forward(self, clips: int, frames: int, rng: Generator | None = None) -> Tensor:
        """(clips, frames, dim).

        Args:
            clips: how many walks.
            frames: their length.
            rng: where they are drawn from; without one always the same.
        """
        device = next(self.parameters()).device
        rng = rng or Generator(device).manual_seed(0)
        noise = torch.randn(clips, frames, self.dim, generator=rng, device=rng.device) * VARIANCE**0.5
        with torch.autocast(device.type, enabled=False):
            return cast(Tensor, self.gru(noise.to(device))[0])
