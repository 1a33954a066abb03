"""What every pretext promises that learns when lips and sound belong together."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from seehear.encoders import LipsEncoder, Region
from seehear.losses.similarity import Distance
from seehear.pretext.interface import Pretext


class LipSync(Pretext):
    """Embeddings of lips and of sound, 25 a second, that agree where both belong to the same moment.

    Attributes:
        lips: encoder of the pictures, which lip reading reads too.
        context: video frames lost at each end of a clip: T frames give T - 2 context embeddings.
        dim: width of an embedding.
        distance: what embeddings are compared by, ``cosine`` (they have length 1) or ``euclidean``.
    """

    lips: LipsEncoder
    context: int
    dim: int
    distance: Distance

    @abstractmethod
    def embed_lips(self, video: Tensor, region: Region = "face") -> Tensor:
        """Embeddings of pictures.

        Args:
            video: uint8 (B, T, S, S, 3) RGB or (B, T, S, S) luma.
            region: what they show: canonical face crops, or the mouth region of such.

        Returns:
            float32 (B, T - 2 context, dim).
        """

    @abstractmethod
    def embed_sound(self, audio: Tensor) -> Tensor:
        """Embeddings of sound: float32 in [-1, 1] at 16 kHz, (B, T * 640) -> float32 (B, T - 2 context, dim)."""
