"""`small`: an encoder of faces that trains on two CPU cores, 14 million multiplications a picture."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from seehear.bounds import require_at_least
from seehear.encoders.face import FaceEncoder
from seehear.encoders.layers import conv2d


@dataclass(frozen=True)
class SmallFaceOptions:
    """Shape of the encoder.

    Attributes:
        size: side of the picture in pixels.
        channels: of the convolutions (5x5, then 3x3).
        strides: their strides.
    """

    size: int = 64
    channels: tuple[int, ...] = (32, 64, 96, 128)
    strides: tuple[int, ...] = (2, 2, 2, 2)

    def __post_init__(self) -> None:
        require_at_least("face", self, size=1)
        if not self.channels or len(self.channels) != len(self.strides):
            raise ValueError("face.channels and face.strides must be equally many, and one at least")


class SmallFace(FaceEncoder):
    """Plain convolutions; what is left of the places is kept side by side, since crops are canonical: where something
    is says as much as what it is."""

    def __init__(self, options: SmallFaceOptions | None = None) -> None:
        super().__init__()
        o = options or SmallFaceOptions()
        self.size = o.size
        kernels = (5, *(3 for _ in o.channels[1:]))
        widths = pairwise((3, *o.channels))
        self.picture = nn.Sequential(
            *(
                conv2d(width, wider, (kernel, kernel), (stride, stride), (kernel // 2, kernel // 2))
                for (width, wider), kernel, stride in zip(widths, kernels, o.strides, strict=True)
            )
        ).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        side = o.size
        for stride in o.strides:
            side = -(-side // stride)
        self.dim = o.channels[-1] * side**2

    def convolve(self, pictures: Tensor) -> Tensor:
        """See `FaceEncoder.convolve`."""
        return cast(Tensor, self.picture(pictures.contiguous(memory_format=torch.channels_last))).flatten(1)
