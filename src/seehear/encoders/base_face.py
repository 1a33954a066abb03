"""`base`: a ResNet-18 for faces (He et al. 2016, arXiv 1512.03385), for one GPU."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import cast

from torch import Tensor, nn

from seehear.bounds import require_at_least
from seehear.encoders.face import FaceEncoder
from seehear.encoders.layers import conv3d
from seehear.encoders.resnet import Residual


@dataclass(frozen=True)
class BaseFaceOptions:
    """Shape of the encoder.

    Attributes:
        size: side of the picture in pixels.
        widths: channels of the four residual stages, two blocks each.
    """

    size: int = 112
    widths: tuple[int, ...] = (64, 128, 256, 512)

    def __post_init__(self) -> None:
        require_at_least("face", self, size=1)
        if not self.widths:
            raise ValueError("face.widths must be one at least")


class BaseFace(FaceEncoder):
    """The blocks of `seehear.encoders.resnet.BaseLips` over clips of one frame; the mean over all places at the end."""

    def __init__(self, options: BaseFaceOptions | None = None) -> None:
        super().__init__()
        o = options or BaseFaceOptions()
        self.size, self.dim = o.size, o.widths[-1]
        first = o.widths[0]
        blocks = [Residual(first, first, 1), Residual(first, first, 1)]
        for width, wider in pairwise(o.widths):
            blocks += [Residual(width, wider, 2), Residual(wider, wider, 1)]
        stem = (conv3d(3, first, (1, 7, 7), 2), nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)))
        self.picture = nn.Sequential(*stem, *blocks)

    def convolve(self, pictures: Tensor) -> Tensor:
        """See `FaceEncoder.convolve`."""
        return cast(Tensor, self.picture(pictures.unsqueeze(2))).mean((2, 3, 4))
