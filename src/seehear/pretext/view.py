"""From pictures as they are kept to pictures as a lip encoder takes them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from seehear.encoders import LipsEncoder, Region
from seehear.errors import ModelError
from seehear.media.crops import MOUTH

LUMA = (0.299, 0.587, 0.114)
"""ITU-R BT.601, as every codec and OpenCV have it."""


def view(video: Tensor, region: Region, encoder: LipsEncoder) -> Tensor:
    """Cut, grey and scale pictures for an encoder.

    Args:
        video: uint8 (B, T, S, S, 3) RGB or (B, T, S, S) luma.
        region: what they show.
        encoder: whom they are for.

    Returns:
        float32 (B, 3 or 1, T, size, size) in 0..1.

    Raises:
        ModelError: the encoder needs more than the pictures show: whole faces, or colour.
    """
    if encoder.region == "face" and region == "mouth":
        raise ModelError("this model looks at whole faces, but the clips were kept as mouths only")
    if encoder.colour and video.ndim == 4:
        raise ModelError("this model looks at colours, but the clips were kept without")
    if encoder.region == "mouth" and region == "face":
        side = video.shape[2]
        left, top, half = round(MOUTH[0] * side), round(MOUTH[1] * side), side // 2  # as `media.crops.mouth_region`
        video = video[:, :, top : top + half, left : left + half]
    planes = video.permute(0, 4, 1, 2, 3) if video.ndim == 5 else video.unsqueeze(1)  # (B, C, T, S, S)
    if planes.shape[1] == 3 and not encoder.colour:
        weights = torch.tensor(LUMA, device=video.device)
        planes = (video.float() @ weights).unsqueeze(1)
    pictures = planes.float() / 255
    if pictures.shape[-1] != encoder.size:
        flat = pictures.flatten(1, 2)
        flat = F.interpolate(flat, (encoder.size, encoder.size), mode="bilinear", antialias=True)
        pictures = flat.view(*pictures.shape[:3], encoder.size, encoder.size)
    return pictures
