"""The generator of animate: identity encoder, noise and U-Net decoder."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, cast

import torch
from torch import Generator, Tensor, nn

NormName = Literal["group", "layer", "batch"]


GROUP = 8
"""Channels per normalisation group."""


def norm_relu(norm: NormName, width: int) -> nn.Sequential:
    """Normalisation and ReLU.

    Args:
        norm: ``batch``, as in the papers: over all frames of a batch in training, and by running statistics
            afterwards. ``group`` (Wu & He 2018, arXiv 1803.08494): within each frame, so that a few stills per batch
            are enough and training and inference compute the same. ``layer``: likewise, but over all channels
            together, which makes a training step a tenth faster on a CPU.
        width: number of channels.
    """
    if norm == "batch":
        return nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(inplace=True))
    groups = 1 if norm == "layer" else max(1, width // GROUP)
    return nn.Sequential(nn.GroupNorm(groups, width), nn.ReLU(inplace=True))


class IdentityEncoder(nn.Module):
    """Strided convolutions that halve the image, one per width, then a linear layer (Shukla et al. 2020, arXiv
    2001.04316, section 2; layer table of DinoMan/speech-driven-animation).

    Attributes:
        side: side of the coarsest map in pixels.
    """

    def __init__(self, size: int, planes: int, widths: tuple[int, ...], dim: int, norm: NormName = "group") -> None:
        """Build the layers.

        Args:
            size: side of the image in pixels.
            planes: 3 for RGB, 1 for luma.
            widths: channels of the maps, from the finest, size / 2 wide, to the coarsest.
            dim: size of the identity vector.
            norm: see `norm_relu`.

        Raises:
            ValueError: the size cannot be halved that many times.
        """
        super().__init__()
        if not widths or size % 2 ** len(widths):
            raise ValueError(f"frames of {size} pixels cannot be halved {len(widths)} times; change size or widths")
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
    """Gaussian noise per frame, smoothed by a GRU (Shukla et al. 2020, arXiv 2005.01400, 3.1).

    Attributes:
        dim: values per frame; 10 in the papers, none in arXiv 2007.04134.
        variance: of the Gaussian: 0.33 as in the follow-up; arXiv 2001.04316 says 0.6.
    """

    def __init__(self, dim: int, variance: float = VARIANCE) -> None:
        super().__init__()
        self.dim, self.variance = dim, variance
        self.gru = nn.GRU(dim, dim, batch_first=True) if dim else None

    def forward(self, clips: int, frames: int, rng: Generator | None = None) -> Tensor:
        """Sample noise of shape (clips, frames, dim).

        Args:
            clips: number of sequences.
            frames: length of each.
            rng: source of the noise; without one, the noise is always the same.
        """
        if self.gru is None:
            return torch.empty(clips, frames, 0, device=None if rng is None else rng.device)
        device = cast(Tensor, self.gru.weight_hh_l0).device
        rng = rng or Generator(device).manual_seed(0)
        noise = torch.randn(clips, frames, self.dim, generator=rng, device=rng.device) * self.variance**0.5
        with torch.autocast(device.type, enabled=False):
            return cast(Tensor, self.gru(noise.to(device))[0])


class FrameDecoder(nn.Module):
    """Transposed convolutions; each level joins the feature maps of the still (Shukla et al. 2020, arXiv 2001.04316,
    section 2; layer table of DinoMan/speech-driven-animation).

    The papers repeat the still's maps for every frame and convolve both together. A convolution of concatenated maps
    is the sum of two convolutions, so the still's part is computed once per clip and added to every frame: the same
    function at half the cost.
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
        """Build the layers.

        Args:
            side: side of the coarsest map in pixels.
            planes: 3 for RGB, 1 for luma.
            widths: channels of the maps, from the finest to the coarsest, as in `IdentityEncoder`.
            identity: size of the identity vector.
            moving: size of the per-frame input: audio features and noise.
            skips: number of levels that join the still's maps, from the coarsest; by default all.
            norm: see `norm_relu`.
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
        """The level whose output is the frame."""
        return cast(Level, self.levels[-1])

    def forward(self, identity: Tensor, maps: list[Tensor], moving: Tensor) -> Tensor:
        """Render frames.

        Args:
            identity: identity of the still, (B, identity).
            maps: maps of the still, (B, width, side, side), finest first.
            moving: per-frame input, (B, F, moving).

        Returns:
            (B, F, planes, size, size), unbounded.
        """
        clips, frames = moving.shape[:2]
        bottom = self.what(moving) + self.who(identity).unsqueeze(1)
        pictures = bottom.view(clips * frames, self.width, self.side, self.side)
        pictures = self.begin(pictures.contiguous(memory_format=torch.channels_last))
        for level, still in zip(self.levels, reversed(maps), strict=True):
            pictures = level(pictures, still)
        return cast(Tensor, pictures.view(clips, frames, *pictures.shape[1:]))


class Level(nn.Module):
    """Join the still's map if this level has a skip connection, then double the resolution."""

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
"""The still (B, planes, size, size), its identity vector and its maps."""


class FrameGenerator(nn.Module):
    """Identity encoder, noise and frame decoder (Shukla et al. 2020, arXiv 2001.04316, section 2).

    Attributes:
        noise: generator of motion that does not follow from the audio.
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
        """Build the layers.

        Args:
            size: side of the frames in pixels.
            planes: 3 for RGB, 1 for luma.
            widths: channels of the maps, from the finest, size / 2 wide, to the coarsest.
            heard: width of the audio features.
            identity: size of the identity vector.
            noise: noise values per frame, for motion that does not follow from the audio; may be 0.
            skips: number of levels that join the still's maps, from the coarsest; by default all.
            residual: predict the difference from the still. The papers predict the frame itself.
            norm: see `norm_relu`.
            noise_variance: see `NoiseGRU`.
        """
        super().__init__()
        self.residual = residual
        self.identity = IdentityEncoder(size, planes, widths, identity, norm)
        self.noise = NoiseGRU(noise, noise_variance)
        self.decoder = FrameDecoder(self.identity.side, planes, widths, identity, heard + noise, skips, norm)
        if residual:  # start from the still itself
            for values in self.decoder.last.larger.parameters():
                nn.init.zeros_(values)

    def encode_still(self, still: Tensor) -> EncodedStill:
        """Encode stills (B, planes, size, size) in 0..1 once for all of their frames; see `draw`."""
        identity, maps = self.identity(still)
        return still, identity, maps

    def render(self, looked: EncodedStill, moving: Tensor) -> Tensor:
        """Render frames.

        Args:
            looked: encoded still, from `look`.
            moving: audio features and noise, concatenated, (B, F, heard + noise).

        Returns:
            (B, F, planes, size, size) in 0..1. In training a residual generator may exceed these bounds.
        """
        still, identity, maps = looked
        frames: Tensor = self.decoder(identity, maps, moving).float()
        if not self.residual:
            return frames.sigmoid()
        frames = still.unsqueeze(1) + frames.tanh()
        return frames if self.training else frames.clamp(0, 1)

    def forward(self, still: Tensor, moving: Tensor) -> Tensor:
        """Encode the still, then render."""
        return self.render(self.encode_still(still), moving)
