"""From pictures as they are kept to pictures as a lip encoder takes them."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from seehear.clip import mouth_in
from seehear.encoders import Region
from seehear.errors import ModelError

LUMA = (0.299, 0.587, 0.114)
"""ITU-R BT.601, as every codec and OpenCV have it."""


class Looking(Protocol):
    """Whoever looks at pictures: an encoder of lips, or what is to be drawn."""

    @property
    def region(self) -> Region:
        """Which part of a canonical crop."""

    @property
    def colour(self) -> bool:
        """RGB, or luma only."""


def view(video: Tensor, region: Region, encoder: Looking) -> Tensor:
    """Cut and grey pictures for an encoder.

    Args:
        video: uint8 (B, T, S, S, 3) RGB or (B, T, S, S) luma.
        region: what they show.
        encoder: whom they are for.

    Returns:
        float32 (B, 3 or 1, T, side, side) in 0..1, still in their own size.

    Raises:
        ModelError: the encoder needs more than the pictures show: whole faces, or colour.
    """
    if encoder.region == "face" and region == "mouth":
        raise ModelError("this model looks at whole faces, but the clips were kept as mouths only")
    if encoder.colour and video.ndim == 4:
        raise ModelError("this model looks at colours, but the clips were kept without")
    if encoder.region == "mouth" and region == "face":
        rows, columns = mouth_in(video.shape[2])
        video = video[:, :, rows, columns]
    planes = video.permute(0, 4, 1, 2, 3) if video.ndim == 5 else video.unsqueeze(1)  # (B, C, T, S, S)
    if planes.shape[1] == 3 and not encoder.colour:
        weights = torch.tensor(LUMA, device=video.device)
        planes = (video.float() @ weights).unsqueeze(1)
    return planes.float() / 255


def scaled(pictures: Tensor, size: int) -> Tensor:
    """Pictures (B, C, T, side, side) at another size, (B, C, T, size, size)."""
    if pictures.shape[-1] == size:
        return pictures
    flat = F.interpolate(pictures.flatten(1, 2), (size, size), mode="bilinear", antialias=True)
    return flat.view(*pictures.shape[:3], size, size)
