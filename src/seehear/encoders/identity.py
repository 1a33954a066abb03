"""Who it is: a still picture to a few numbers, and to maps that the frame decoder draws upon."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from seehear.encoders.norms import NormName, normed


class IdentityEncoder(nn.Module):
    """Convolutions that halve the picture, one for each width, and one over all that is left (Shukla et al. 2020,
    arXiv 2001.04316, section 2; layer table of DinoMan/speech-driven-animation).

    Attributes:
        side: of the last map, in pixels.
    """

    def __init__(self, size: int, planes: int, widths: tuple[int, ...], dim: int, norm: NormName = "group") -> None:
        """Makes the layers.

        Args:
            size: side of the picture.
            planes: 3 for RGB, 1 for luma.
            widths: channels of the maps, from the finest, size / 2 wide, to the coarsest.
            dim: numbers that say who it is.
            norm: see `seehear.encoders.norms`.

        Raises:
            ValueError: the size cannot be halved so often.
        """
        super().__init__()
        if not widths or size % 2 ** len(widths):
            raise ValueError(f"pictures of {size} pixels cannot be halved {len(widths)} times; change size or widths")
        self.side = size >> len(widths)
        self.halves = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, wider, 4, 2, 1, bias=False), *normed(norm, wider))
            for width, wider in pairwise((planes, *widths))
        ).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.last = nn.Linear(widths[-1] * self.side**2, dim)

    def forward(self, still: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(B, planes, size, size) in 0..1 -> (B, dim) in -1..1, and the maps (B, width, side, side), finest first."""
        maps: list[Tensor] = []
        features = (2 * still - 1).contiguous(memory_format=torch.channels_last)
        for half in self.halves:
            features = half(features)
            maps.append(features)
        return self.last(features.flatten(1)).tanh(), maps
