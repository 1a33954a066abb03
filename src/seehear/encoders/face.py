"""What every encoder of faces promises: one still picture of a person in, what it shows of them out."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class FaceEncoder(nn.Module, ABC):
    """Still pictures of canonical face crops to features.

    Unlike a `LipsEncoder` it sees one moment, in colour and in its own light: skin, hair and shape say who it is.

    Attributes:
        size: side of the square pictures it takes, in pixels.
        dim: width of its features.
    """

    size: int
    dim: int

    def forward(self, pictures: Tensor) -> Tensor:
        """Float RGB (B, 3, size, size) in 0..1 -> (B, dim)."""
        return self.convolve(2 * pictures - 1)

    @abstractmethod
    def convolve(self, pictures: Tensor) -> Tensor:
        """What `forward` does to pictures in -1..1."""
