"""Blocks of a strong compression: the loss of JPEG and of every codec after it, as two matrix products."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from seehear.pretext.resample import resample

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
    """Quantise the cosine transform of 8x8 blocks, each clip with its own strength.

    Args:
        pictures: (B, planes, height, width) in 0..1, sides multiples of 8.
        rng: on the device of the pictures.
        gentlest: factor on the quantisation table; 1 is JPEG's quality 50.
        strongest: likewise.
    """
    count, _, height, width = pictures.shape
    rows, columns = (block_cosines(side, pictures.device) for side in (height, width))
    table = torch.tensor(QUANTISATION, device=pictures.device, dtype=torch.float32) / 255
    spread = math.log(strongest / gentlest)
    strength = gentlest * torch.exp(torch.rand(count, 1, 1, 1, generator=rng, device=rng.device) * spread)
    step = strength * table.repeat(height // BLOCK, width // BLOCK)
    coefficients = resample(pictures, rows, columns).div_(step).round_().mul_(step)
    return resample(coefficients, rows.mT, columns.mT).clamp_(0, 1)


def block_cosines(side: int, device: torch.device) -> Tensor:
    """(1, side, side): orthonormal cosine transform of each run of 8."""
    if side % BLOCK:
        raise ValueError(f"compression works on sides that are multiples of {BLOCK}, not {side}")
    place = torch.arange(BLOCK, device=device, dtype=torch.float32)
    cosines = torch.cos(math.pi / BLOCK * (place + 0.5) * place.view(-1, 1)) * math.sqrt(2 / BLOCK)
    cosines[0] /= math.sqrt(2)
    return torch.kron(torch.eye(side // BLOCK, device=device), cosines).unsqueeze(0)
