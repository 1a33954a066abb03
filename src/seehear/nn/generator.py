"""The generator of animate: identity encoder, noise, U-Net decoder."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, cast

import torch
from torch import Generator, Tensor, nn

NormName = Literal["group", "layer", "batch"]


GROUP = 8
"""Channels that are normalised together."""


def norm_relu(norm: NormName, width: int) -> nn.Sequential:
    """Normalisation and ReLU.

    Args:
        norm: ``batch``, as the papers have it: over all pictures of a batch, in training, and by what was usual in
            training afterwards. ``group`` (Wu & He 2018, arXiv 1803.08494): over each picture by itself, so that a
            few stills a batch are enough and drawing is the same in training and afterwards. ``layer``: likewise,
            but all channels together, which makes a step of training a tenth faster on a CPU.
        width: channels.
    """
    if norm == "batch":
        return nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(inplace=True))
    groups = 1 if norm == "layer" else max(1, width // GROUP)
    return nn.Sequential(nn.GroupNorm(groups, width), nn.ReLU(inplace=True))


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
            norm: see `seehear.nn.generator`.

        Raises:
            ValueError: the size cannot be halved so often.
        """
        super().__init__()
        if not widths or size % 2 ** len(widths):
            raise ValueError(f"pictures of {size} pixels cannot be halved {len(widths)} times; change size or widths")
        self.side = size >> len(widths)
        self.halves = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, wider, 4, 2, 1, bias=False), *norm_relu(norm, wider))
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


VARIANCE = 0.33


class NoiseGRU(nn.Module):
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
            norm: see `seehear.nn.generator`.
        """
        super().__init__()
        self.side, self.width = side, widths[-1]
        bottom = widths[-1] * side**2
        self.who = nn.Linear(identity, bottom, bias=False)
        self.what = nn.Linear(moving, bottom, bias=False)
        self.begin = norm_relu(norm, widths[-1])
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
            self.joined = norm_relu(norm, inputs)
        self.larger = nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=last)
        self.after: nn.Module = nn.Identity() if last else norm_relu(norm, outputs)

    def forward(self, pictures: Tensor, still: Tensor) -> Tensor:
        """(B F, inputs, s, s) and the still's (B, inputs, s, s) -> (B F, outputs, 2 s, 2 s)."""
        if self.joins:
            own, share = self.own(pictures), self.still(still)
            own = own.unflatten(0, (len(share), -1)).add_(share.unsqueeze(1)).flatten(0, 1)
            pictures = self.joined(own)
        return cast(Tensor, self.after(self.larger(pictures)))


EncodedStill = tuple[Tensor, Tensor, list[Tensor]]
"""The still (B, planes, size, size), its identity and its maps."""


class FrameGenerator(nn.Module):
    """Identity encoder, noise and frame decoder (Shukla et al. 2020, arXiv 2001.04316, section 2).

    Attributes:
        noise: makes what is not heard.
    """

    def __init__(
        self,
        size: int,
        planes: int,
        widths: tuple[int, ...],
        *,
        heard: int,
        identity: int,
        noise: int,
        skips: int | None = None,
        residual: bool = False,
        norm: NormName = "group",
        noise_variance: float = VARIANCE,
    ) -> None:
        """Makes the layers.

        Args:
            size: side of the pictures.
            planes: 3 for RGB, 1 for luma.
            widths: channels of the maps, from the finest, size / 2 wide, to the coarsest.
            heard: width of what is heard.
            identity: numbers that say who it is.
            noise: numbers a frame that say what is not heard; may be 0.
            skips: levels at which the still's maps join in, from the coarsest; by default all.
            residual: the difference from the still is drawn. The papers draw the picture itself.
            norm: see `seehear.nn.generator`.
            noise_variance: see `NoiseGRU`.
        """
        super().__init__()
        self.residual = residual
        self.identity = IdentityEncoder(size, planes, widths, identity, norm)
        self.noise = NoiseGRU(noise, noise_variance)
        self.decoder = FrameDecoder(self.identity.side, planes, widths, identity, heard + noise, skips, norm)
        if residual:  # begin with the still itself
            for values in self.decoder.last.larger.parameters():
                nn.init.zeros_(values)

    def encode_still(self, still: Tensor) -> EncodedStill:
        """What `draw` needs of stills (B, planes, size, size) in 0..1, once for all of their frames."""
        identity, maps = self.identity(still)
        return still, identity, maps

    def render(self, looked: EncodedStill, moving: Tensor) -> Tensor:
        """Frames.

        Args:
            looked: see `look`.
            moving: what is heard and the noise, side by side, (B, F, heard + noise).

        Returns:
            (B, F, planes, size, size) in 0..1; in training a residual may leave these bounds.
        """
        still, identity, maps = looked
        drawn: Tensor = self.decoder(identity, maps, moving).float()
        if not self.residual:
            return drawn.sigmoid()
        drawn = still.unsqueeze(1) + drawn.tanh()
        return drawn if self.training else drawn.clamp(0, 1)

    def forward(self, still: Tensor, moving: Tensor) -> Tensor:
        """`look`, then `draw`."""
        return self.render(self.encode_still(still), moving)
