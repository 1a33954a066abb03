"""Video augmentation in training.

Parameters are sampled once per clip, for whole batches of float frames (B, planes, height, width) in 0..1; a plane is
one colour channel of one frame. All randomness comes from a generator whose state a checkpoint can store. Takes about
50 microseconds per frame of 64x64 pixels on one core.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F


def apply_separable(pictures: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Apply linear maps to the rows and columns of every image: rows @ image @ columns^T.

    Args:
        pictures: (B, planes, height, width).
        rows: (B or 1, new height, height).
        columns: (B or 1, new width, width).

    Returns:
        (B, planes, new height, new width).
    """
    across = torch.matmul(pictures.flatten(1, 2), columns.mT).view(*pictures.shape[:3], -1)
    return torch.matmul(rows.unsqueeze(1), across)


BLOCK = 8


# Luminance quantisation of the JPEG standard (ITU-T T.81, annex K.1), for pixels in 0..255.
QUANTISATION = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)


def compress(pictures: Tensor, rng: Generator, gentlest: float = 0.3, strongest: float = 2.5) -> Tensor:
    """Quantise the cosine transform of 8x8 blocks, with a random strength per clip.

    Args:
        pictures: (B, planes, height, width) in 0..1, sides multiples of 8.
        rng: generator on the device of the frames.
        gentlest: minimum factor on the quantisation table; 1 is JPEG quality 50.
        strongest: maximum factor.
    """
    count, _, height, width = pictures.shape
    rows, columns = (block_cosines(side, pictures.device) for side in (height, width))
    table = torch.tensor(QUANTISATION, device=pictures.device, dtype=torch.float32) / 255
    spread = math.log(strongest / gentlest)
    strength = gentlest * torch.exp(torch.rand(count, 1, 1, 1, generator=rng, device=rng.device) * spread)
    step = strength * table.repeat(height // BLOCK, width // BLOCK)
    coefficients = apply_separable(pictures, rows, columns).div_(step).round_().mul_(step)
    return apply_separable(coefficients, rows.mT, columns.mT).clamp_(0, 1)


def block_cosines(side: int, device: torch.device) -> Tensor:
    """(1, side, side): orthonormal cosine transform of each block of 8."""
    if side % BLOCK:
        raise ValueError(f"compression works on sides that are multiples of {BLOCK}, not {side}")
    index = torch.arange(BLOCK, device=device, dtype=torch.float32)
    cosines = torch.cos(math.pi / BLOCK * (index + 0.5) * index.view(-1, 1)) * math.sqrt(2 / BLOCK)
    cosines[0] /= math.sqrt(2)
    return torch.kron(torch.eye(side // BLOCK, device=device), cosines).unsqueeze(0)


NOISE_PLANES = 128


WARP_KNOTS = 5


@dataclass(frozen=True)
class PictureAugmentationOptions:
    """Strength of the video augmentation in training. Lengths are fractions of the frame's side.

    Attributes:
        scale: maximum change of size, as a fraction.
        rotation_deg: maximum rotation in degrees.
        shift: maximum displacement of the crop.
        shear: maximum shear and change of aspect ratio, as a fraction.
        warp: maximum displacement by a smooth random field, which turns one face into many.
        jitter: fraction of the clips whose crop jitters.
        jitter_size: standard deviation of that jitter per frame.
        held: fraction of the clips converted from another frame rate, so that frames are repeated or dropped.
        light: strength of tone curve, contrast and directional light, 0 to 1.
        blur: fraction of the clips with reduced resolution.
        compression: fraction of the clips with block artefacts of strong compression.
        noise: fraction of the clips with camera noise.
        noise_size: maximum standard deviation of the noise, where white is 1.
        occlusion: fraction of the clips with an occluded face.
        flip: fraction of the clips that are mirrored.
    """

    scale: float = 0.2
    rotation_deg: float = 10.0
    shift: float = 0.1
    shear: float = 0.1
    warp: float = 0.04
    jitter: float = 0.5
    jitter_size: float = 0.008
    held: float = 0.15
    light: float = 1.0
    blur: float = 0.4
    compression: float = 0.2
    noise: float = 0.5
    noise_size: float = 0.06
    occlusion: float = 0.1
    flip: float = 0.5


class PictureAugmentation(nn.Module):
    """All augmentations in the order in which they occur in a recording: face, light, camera, codec, crop."""

    noise: Tensor

    def __init__(self, options: PictureAugmentationOptions | None = None) -> None:
        super().__init__()
        self.options = options or PictureAugmentationOptions()
        noise = torch.randn(NOISE_PLANES, 64, 64, generator=Generator().manual_seed(0))
        self.register_buffer("noise", noise, persistent=False)

    @torch.no_grad()
    def forward(self, pictures: Tensor, frames: int, size: int, rng: Generator) -> Tensor:
        """Augment a batch.

        Args:
            pictures: (B, C T, S, S) float in 0..1, plane c T + t is colour c of frame t; not modified.
            frames: T.
            size: side of the result in pixels.
            rng: generator on the device of the frames.

        Returns:
            (B, C T, size, size) in 0..1.
        """
        o = self.options
        pictures = warp_geometry(pictures, size, o, rng)
        pictures = apply_to_share(pictures, o.held, rng, lambda x: repeat_frames(x, frames, rng))
        pictures = relight(pictures, o.light, rng) if o.light > 0 else pictures
        pictures = apply_to_share(pictures, o.occlusion, rng, lambda x: occlude(x, rng))
        pictures = apply_to_share(pictures, o.blur, rng, lambda x: reduce_resolution(x, rng))
        pictures = apply_to_share(pictures, o.noise, rng, lambda x: self.add_noise(x, rng))
        pictures = apply_to_share(pictures, o.compression, rng, lambda x: compress(x, rng))
        return apply_to_share(pictures, o.jitter, rng, lambda x: jitter_crops(x, frames, o.jitter_size, rng))

    def add_noise(self, pictures: Tensor, rng: Generator) -> Tensor:
        """Add camera noise from precomputed planes: sampling every pixel would cost as much as a convolution."""
        count, planes, height, width = pictures.shape
        which = torch.randint(NOISE_PLANES, (count * planes,), generator=rng, device=rng.device)
        stock = self.noise.repeat(1, -(-height // 64), -(-width // 64))[:, :height, :width]
        strength = sample_uniform((count, 1, 1, 1), 0.0, self.options.noise_size, rng)
        noise = stock[which].view(count, planes, height, width)
        return noise.mul_(strength).add_(pictures).clamp_(0, 1)


def sample_uniform(shape: tuple[int, ...], low: float, high: float, rng: Generator) -> Tensor:
    """Uniform samples in [low, high), on the generator's device."""
    return torch.rand(shape, generator=rng, device=rng.device) * (high - low) + low


def apply_to_share(pictures: Tensor, share: float, rng: Generator, change: Callable[[Tensor], Tensor]) -> Tensor:
    """Change a random fraction of the clips of a batch, in place."""
    chosen = (sample_uniform((len(pictures),), 0, 1, rng) < share).nonzero().flatten()
    return pictures.index_copy_(0, chosen, change(pictures[chosen])) if len(chosen) else pictures


def warp_geometry(pictures: Tensor, size: int, options: PictureAugmentationOptions, rng: Generator) -> Tensor:
    """Apply affine map, mirroring and smooth warp, the same for all frames of a clip, in a single resampling.

    The same resampling also brings the frames to the encoder's resolution.
    """
    count, o = len(pictures), options
    angle = sample_uniform((count,), -o.rotation_deg, o.rotation_deg, rng).deg2rad()
    zoom = 1 + sample_uniform((count,), -o.scale, o.scale, rng)
    across = 1 + sample_uniform((count,), -o.shear, o.shear, rng)
    shear = sample_uniform((count,), -o.shear, o.shear, rng)
    mirror = 1 - 2 * (sample_uniform((count,), 0, 1, rng) < o.flip).float()
    shift = 2 * sample_uniform((count, 2, 1), -o.shift, o.shift, rng)  # the grid's coordinates span 2
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], -1).view(count, 2, 2)
    stretch = torch.stack([across * mirror, shear, torch.zeros_like(shear), 1 / across], -1).view(count, 2, 2)
    affine = torch.cat([turn @ stretch / zoom.view(-1, 1, 1), shift], dim=2)
    grid = F.affine_grid(affine, [count, 1, size, size], align_corners=False)
    if o.warp > 0:
        knots = 2 * sample_uniform((count, 2, WARP_KNOTS, WARP_KNOTS), -o.warp, o.warp, rng)
        field = F.interpolate(knots, (size, size), mode="bicubic", align_corners=True)
        grid = grid + field.permute(0, 2, 3, 1)
    return F.grid_sample(pictures, grid, mode="bilinear", padding_mode="border", align_corners=False)


def relight(pictures: Tensor, strength: float, rng: Generator) -> Tensor:
    """Change tone curve, exposure, contrast and directional light; clips at black and white."""
    count, _, height, width = pictures.shape
    curve = sample_uniform((count, 1, 1, 1), -0.6, 0.6, rng) * strength  # x + a x (1 - x): a cheap gamma curve
    gain = 1 + sample_uniform((count, 1, 1, 1), -0.3, 0.4, rng) * strength
    offset = sample_uniform((count, 1, 1, 1), -0.15, 0.15, rng) * strength
    slope = sample_uniform((count, 2, 1, 1), -0.4, 0.4, rng) * strength
    x = torch.linspace(-1, 1, width, device=rng.device)
    y = torch.linspace(-1, 1, height, device=rng.device).view(-1, 1)
    light = gain * (1 + slope[:, :1] * x + slope[:, 1:] * y)  # (B, 1, height, width)
    toned = (pictures * curve).neg_().add_(1 + curve).mul_(pictures)
    return toned.mul_(light).add_(offset).clamp_(0, 1)


def occlude(pictures: Tensor, rng: Generator) -> Tensor:
    """Cover up to a fifth of the image with a grey rectangle, static during the clip."""
    count, _, height, width = pictures.shape
    sides = sample_uniform((count, 2, 1, 1), 0.1, 0.45, rng)
    centre = sample_uniform((count, 2, 1, 1), 0, 1, rng)
    x = torch.linspace(0, 1, width, device=rng.device)
    y = torch.linspace(0, 1, height, device=rng.device).view(-1, 1)
    inside = ((x - centre[:, :1]).abs() < sides[:, :1] / 2) & ((y - centre[:, 1:]).abs() < sides[:, 1:] / 2)
    return torch.where(inside, sample_uniform((count, 1, 1, 1), 0, 1, rng), pictures)


def reduce_resolution(pictures: Tensor, rng: Generator) -> Tensor:
    """Blur each clip to 25 to 90 % of its resolution per side, as if recorded from further away."""
    count, _, height, width = pictures.shape
    step = 1 / sample_uniform((count, 1, 1), 0.25, 0.9, rng)
    return apply_separable(pictures, triangles(step, height), triangles(step, width))


def triangles(width: Tensor, side: int) -> Tensor:
    """Blur matrices (B, side, side) for one axis: triangles of half-width (B, 1, 1) pixels, rows sum to 1."""
    position = torch.arange(side, device=width.device, dtype=torch.float32)
    matrix = F.relu(1 - (position - position.view(-1, 1)).abs() / width)
    return matrix / matrix.sum(-1, keepdim=True)


def jitter_crops(pictures: Tensor, frames: int, size: float, rng: Generator) -> Tensor:
    """Displace each frame independently by up to one pixel in each direction, like the noise of a face detector."""
    count, planes, height, _ = pictures.shape
    deviation = sample_uniform((count, 1, 1), 0, 2, rng) * size * height
    path = (torch.randn((count, 2, frames), generator=rng, device=rng.device) * deviation).clamp_(-1, 1)
    path = path.repeat(1, 1, planes // frames).unsqueeze(-1).unsqueeze(-1)  # same path for all colours of a frame
    return translate(translate(pictures, path[:, 0], axis=2), path[:, 1], axis=3)


def translate(pictures: Tensor, distance: Tensor, axis: int) -> Tensor:
    """Shift by ``distance`` (B, planes, 1, 1) in -1..1 pixels along an axis, linearly interpolated; edges repeat."""
    last = pictures.shape[axis] - 1
    moved = pictures * (1 - distance.abs())
    for step, weight in ((1, distance.clamp_min(0)), (-1, (-distance).clamp_min(0))):
        source, target, edge = (1, 0, last) if step == 1 else (0, 1, 0)
        moved.narrow(axis, target, last).addcmul_(pictures.narrow(axis, source, last), weight)
        moved.narrow(axis, edge, 1).addcmul_(pictures.narrow(axis, edge, 1), weight)
    return moved


def repeat_frames(pictures: Tensor, frames: int, rng: Generator) -> Tensor:
    """Simulate a recording of 12 to 30 frames per second that was converted to 25 by nearest neighbour."""
    count, planes = pictures.shape[:2]
    rate = sample_uniform((count, 1), 12.0, 30.0, rng) / 25
    phase = sample_uniform((count, 1), 0, 1, rng)
    positions = torch.arange(frames, device=rng.device) * rate + phase
    source = ((positions.round() - phase) / rate).round().long().clamp(0, frames - 1)  # (B, T)
    which = (source.unsqueeze(1) + frames * torch.arange(planes // frames, device=rng.device).view(-1, 1)).flatten(1)
    return pictures[torch.arange(count, device=rng.device).unsqueeze(1), which]
