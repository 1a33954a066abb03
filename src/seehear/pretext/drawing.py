"""Frames of clips, drawn from what is heard and from a still, and how far they are from the real ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from seehear.bounds import require_at_least
from seehear.clip import mouth_in
from seehear.encoders import Region
from seehear.encoders.generator import Generator as FrameGenerator
from seehear.encoders.norms import NormName
from seehear.pretext.augment import PictureAugment, PictureAugmentOptions
from seehear.pretext.view import scaled, view


def gentle() -> PictureAugmentOptions:
    """What still and frames are disturbed by together: who it is, where and in what light, but nothing that moves."""
    return PictureAugmentOptions(
        scale=0.08,
        rotation_deg=5.0,
        shift=0.04,
        shear=0.05,
        warp=0.03,
        jitter=0.0,
        held=0.0,
        light=0.5,
        blur=0.0,
        compression=0.0,
        noise=0.0,
        occlusion=0.0,
    )


@dataclass(frozen=True)
class DrawingOptions:
    """What is drawn, by which networks, and from clips disturbed how.

    Attributes:
        region: what is drawn: the whole face crop, or the mouth's part of it.
        size: side of the pictures in pixels.
        colour: RGB, or luma only.
        widths: channels of the maps of still and frame, from the finest (half of the size) to the coarsest.
        skips: levels at which the still's maps join in, from the coarsest; by default all.
        identity: numbers that say who it is.
        noise: numbers a frame that say what is not heard; 0 leaves them out.
        noise_variance: of those numbers, before they are made smooth. arXiv 2001.04316: 0.6; 2005.01400: 0.33.
        norm: what keeps the maps in range: each picture by itself, eight channels (``group``) or all of
            them (``layer``) together; or the batch (``batch``, the papers).
        residual: the difference from the still is drawn, not the picture itself.
        still: which frame of a clip is the still.
        averaged: share of the clips whose still is the mean of all their frames instead. How the mouth stood at one
            moment is then no part of what is to be guessed: half as many steps teach the encoder as much.
        frames: frames of each clip that are drawn and compared, at random; 0 draws all. The papers: 1.
        mouth_weight: what a difference in the mouth's square costs, against 1 elsewhere, where faces are drawn.
        video_weight: factor on the L1 of pictures in 0..1, whatever the loss is made of beside. 2 gives the L1 of
            pictures in -1..1, as the papers' group has them; 10 is that of the small presets, with an L1 of some .03
            where `odd` begins at .56.
        pictures: disturbance of the pictures; still and frames get the same.
    """

    region: Region = "face"
    size: int = 64
    colour: bool = True
    widths: tuple[int, ...] = (32, 64, 128, 128)
    skips: int | None = None
    identity: int = 64
    noise: int = 10
    noise_variance: float = 0.33
    norm: NormName = "group"
    residual: bool = True
    still: Literal["first", "random"] = "random"
    averaged: float = 0.0
    frames: int = 8
    mouth_weight: float = 4.0
    video_weight: float = 1.0
    pictures: PictureAugmentOptions = field(default_factory=gentle)

    def __post_init__(self) -> None:
        require_at_least("model", self, size=8, identity=1, noise=0, noise_variance=0, frames=0)
        require_at_least("model", self, mouth_weight=0, video_weight=0)
        if not 0 <= self.averaged <= 1:
            raise ValueError(f"model.averaged must be 0 to 1, not {self.averaged}")
        if self.size % 2 or self.size % 2 ** len(self.widths):
            raise ValueError(
                f"model.size {self.size} cannot be halved once for each of {len(self.widths)} model.widths"
            )
        if self.pictures.held or self.pictures.jitter:
            raise ValueError(
                "model.pictures.held and .jitter must be 0: frames are drawn one by one, from a clean still"
            )


def make_generator(options: DrawingOptions, heard: int) -> FrameGenerator:
    """The networks that draw, from features of speech that are ``heard`` wide."""
    o = options
    return FrameGenerator(
        o.size,
        3 if o.colour else 1,
        o.widths,
        heard=heard,
        identity=o.identity,
        noise=o.noise,
        noise_variance=o.noise_variance,
        skips=o.skips,
        residual=o.residual,
        norm=o.norm,
    )


class Drawing(nn.Module):
    """The comparison of drawn frames and real ones. It has no numbers that learn: the generator is handed in."""

    weights: Tensor

    def __init__(self, options: DrawingOptions) -> None:
        super().__init__()
        self.options = options
        self.picture_augment = PictureAugment(options.pictures)
        self.register_buffer("weights", _weights(options), persistent=False)

    def forward(
        self,
        generator: FrameGenerator,
        video: Tensor,
        features: Tensor,
        rng: torch.Generator | None = None,
        seen: Region | None = None,
    ) -> dict[str, Tensor]:
        """Some frames of each clip, and how far they are from the real ones.

        Args:
            generator: what draws.
            video: uint8 (B, T, S, S, 3) or (B, T, S, S).
            features: of the sound, (B, T, heard).
            rng: where stills, frames, noise and disturbances are drawn from. Without one the first frame is the still,
                all frames are drawn, and nothing is disturbed.
            seen: what the video shows; by default what is drawn.

        Returns:
            ``video``, the loss; ``l1``, the mean difference of drawn and real pictures, in 0..1; ``copied``, that of
            the still and the same real pictures; ``drawn`` and ``real``, (B, F, planes, size, size) in 0..1.
        """
        o = self.options
        clips, length = video.shape[:2]
        which = self._choose(clips, length, rng)  # (B, 1 + F): the still, then the frames
        rows = torch.arange(clips, device=video.device).unsqueeze(1)
        pictures = self._shown(video[rows, which], seen)  # (B, C, 1 + F, S, S), colour by colour as it is disturbed
        if rng is not None and o.averaged > 0:
            chosen = torch.rand(clips, generator=rng, device=rng.device).to(video.device) < o.averaged
            pictures[chosen, :, 0] = self._shown(video[chosen], seen).mean(2)
        if rng is not None:
            with torch.autocast(video.device.type, enabled=False):
                flat = self.picture_augment(pictures.flatten(1, 2), which.shape[1], o.size, rng)
                pictures = flat.view(clips, -1, which.shape[1], *flat.shape[2:])
        still, real = pictures[:, :, 0], pictures[:, :, 1:].transpose(1, 2)
        noise = generator.noise(clips, length, rng)
        moving = torch.cat([features, noise.to(features)], dim=-1)[rows, which[:, 1:]]
        drawn = generator(still, moving).float()
        off, stood = (drawn - real).abs(), (still.unsqueeze(1) - real).abs()
        loss = o.video_weight * (off * self.weights).mean()
        return {"video": loss, "l1": off.mean(), "copied": stood.mean(), "drawn": drawn, "real": real}

    def _shown(self, video: Tensor, seen: Region | None) -> Tensor:
        """uint8 pictures as they are drawn: float (B, planes, T, size, size) in 0..1."""
        o = self.options
        return scaled(view(video, seen or o.region, o), o.size)

    def _choose(self, clips: int, length: int, rng: torch.Generator | None) -> Tensor:
        """(B, 1 + F) frames: the still, then those that are drawn, none of them twice."""
        device = rng.device if rng else torch.device("cpu")
        still = torch.zeros(clips, 1, dtype=torch.long, device=device)
        if rng is None or not self.options.frames:
            drawn = torch.arange(length, device=device).expand(clips, -1)
        else:
            drawn = torch.rand(clips, length, generator=rng, device=device).argsort(1)[:, : self.options.frames]
        if rng is not None and self.options.still == "random":
            still = torch.randint(length, (clips, 1), generator=rng, device=device)
        return torch.cat([still, drawn], dim=1).to(self.weights.device)


def _weights(options: DrawingOptions) -> Tensor:
    """What a difference costs, (size, size), 1 on average."""
    weights = torch.ones(options.size, options.size)
    if options.region == "face":
        weights[mouth_in(options.size)] = options.mouth_weight
    return weights / weights.mean()
