"""Stills of faces as an encoder of faces takes them."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from seehear.pretext.augment import PictureAugment
from seehear.pretext.view import scaled


def still_pictures(stills: Tensor, size: int, augment: PictureAugment, rng: Generator | None = None) -> Tensor:
    """Pictures for a face tower, disturbed each by itself if there is a generator.

    Args:
        stills: canonical face crops, uint8 RGB (B, S, S, 3).
        size: side of the pictures that are wanted.
        augment: what disturbs them.
        rng: where disturbances are drawn from.

    Returns:
        float32 (B, 3, size, size) in 0..1.
    """
    with torch.autocast(stills.device.type, enabled=False):
        pictures = stills.permute(0, 3, 1, 2).float() / 255
        if rng is not None:
            return augment(pictures, 1, size, rng)  # type: ignore[no-any-return]
        return scaled(pictures.unsqueeze(2), size).squeeze(2)
