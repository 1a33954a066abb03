"""`paper`: the VGG-M network for stills of 224x224 pixels, as the group of "Seeing voices and hearing voices" has it.

Layer table of the group's published code (joonson, the still-image network of arXiv 2005.07074); Chung, Kang & Chung
2020 (arXiv 2004.14326) draw one face of each video at random and bring it to 224x224 pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn

from seehear.encoders.face import FaceEncoder
from seehear.encoders.layers import conv2d
from seehear.encoders.vggm import TRUNK


@dataclass(frozen=True)
class VGGMFaceOptions:
    """The table leaves nothing to choose."""


class VGGMFace(FaceEncoder):
    """Five convolutions, one over all that is left, one fully connected layer; the last linear layer is the head's."""

    size = 224
    dim = TRUNK

    def __init__(self, options: VGGMFaceOptions | None = None) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            conv2d(3, 96, (7, 7), (2, 2), (0, 0)),  # 224 -> 109
            nn.MaxPool2d(3, 2),  # 54
            conv2d(96, 256, (5, 5), (2, 2), (1, 1)),  # 26
            nn.MaxPool2d(3, 2, 1),  # 13
            conv2d(256, 256, (3, 3), padding=(1, 1)),
            conv2d(256, 256, (3, 3), padding=(1, 1)),
            conv2d(256, 256, (3, 3), padding=(1, 1)),
            nn.MaxPool2d(3, 2),  # 6
            conv2d(256, TRUNK, (6, 6), padding=(0, 0)),  # 1
            conv2d(TRUNK, TRUNK, (1, 1)),
        )

    def convolve(self, pictures: Tensor) -> Tensor:
        """See `FaceEncoder.convolve`."""
        return cast(Tensor, self.trunk(pictures)).flatten(1)
