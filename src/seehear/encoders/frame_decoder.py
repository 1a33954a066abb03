"""From what is heard and who it is to a picture: a U-Net whose bottom is the sound."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from seehear.encoders.norms import NormName, normed


class FrameDecoder(nn.Module):
    """Transposed convolutions upwards; at each level the maps of the still picture join in (Shukla et al. 2020, arXiv
    2001.04316, section 2; layer table of DinoMan/speech-driven-animation).

    The papers repeat the still's maps for every frame and convolve both together. A convolution of joined maps is
    the sum of two, so the still's share is computed once a clip and added to every frame: the same function for
    half the work.
    """

    def __init__(
        self,
        side: int,
        planes: int,
        widths: tuple[int, ...],
        identity: int,
        moving: int,
        skips: int | None = None,
        norm: NormName = "group",
    ) -> None:
        """Makes the layers.

        Args:
            side: of the coarsest map.
            planes: 3 for RGB, 1 for luma.
            widths: channels of the maps, from the finest to the coarsest, as `IdentityEncoder` has them.
            identity: numbers that say who it is.
            moving: numbers that a frame has of its own: sound and noise.
            skips: levels at which the still joins in, from the coarsest; by default all.
            norm: see `seehear.encoders.norms`.
        """
        super().__init__()
        self.side, self.width = side, widths[-1]
        bottom = widths[-1] * side**2
        self.who = nn.Linear(identity, bottom, bias=False)
        self.what = nn.Linear(moving, bottom, bias=False)
        self.begin = normed(norm, widths[-1])
        depth = len(widths)
        joined = depth if skips is None else skips
        self.levels = nn.ModuleList(
            Level(width, narrower, norm, joins=number <= joined, last=number == depth)
            for number, (width, narrower) in enumerate(pairwise((*reversed(widths), planes)), 1)
        )
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def last(self) -> Level:
        """The level whose output is the picture."""
        return cast(Level, self.levels[-1])

    def forward(self, identity: Tensor, maps: list[Tensor], moving: Tensor) -> Tensor:
        """Draw.

        Args:
            identity: (B, identity), of the still.
            maps: (B, width, side, side), of the still, finest first.
            moving: (B, F, moving).

        Returns:
            (B, F, planes, size, size), without bounds.
        """
        clips, frames = moving.shape[:2]
        bottom = self.what(moving) + self.who(identity).unsqueeze(1)
        pictures = bottom.view(clips * frames, self.width, self.side, self.side)
        pictures = self.begin(pictures.contiguous(memory_format=torch.channels_last))
        for level, still in zip(self.levels, reversed(maps), strict=True):
            pictures = level(pictures, still)
        return cast(Tensor, pictures.view(clips, frames, *pictures.shape[1:]))


class Level(nn.Module):
    """Join the still's map, if it does here; then twice the size."""

    def __init__(self, inputs: int, outputs: int, norm: NormName, *, joins: bool, last: bool) -> None:
        super().__init__()
        self.joins = joins
        if joins:
            self.own = nn.Conv2d(inputs, inputs, 3, padding=1, bias=False)
            self.still = nn.Conv2d(inputs, inputs, 3, padding=1, bias=False)
            self.joined = normed(norm, inputs)
        self.larger = nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=last)
        self.after: nn.Module = nn.Identity() if last else normed(norm, outputs)

    def forward(self, pictures: Tensor, still: Tensor) -> Tensor:
        """(B F, inputs, s, s) and the still's (B, inputs, s, s) -> (B F, outputs, 2 s, 2 s)."""
        if self.joins:
            own, share = self.own(pictures), self.still(still)
            own = own.unflatten(0, (len(share), -1)).add_(share.unsqueeze(1)).flatten(0, 1)
            pictures = self.joined(own)
        return cast(Tensor, self.after(self.larger(pictures)))
