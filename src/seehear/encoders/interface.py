"""What every pair of encoders promises, so that a pretext can use any of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal, cast

from torch import Tensor, nn

from seehear.encoders.layers import standardise

Region = Literal["mouth", "face"]
"""Part of a canonical face crop that lips look at: the fixed square around the mouth, or all of it."""

SpectrumName = Literal["logmel", "mfcc"]
"""What a sound encoder hears: `seehear.audio.logmel.LogMel`, or `seehear.audio.liftered_mfcc.LifteredMFCC`."""


class LipsEncoder(nn.Module, ABC):
    """Pictures to embeddings, 25 a second, without time padding.

    Attributes:
        region: which part of the face crop it looks at.
        size: side of the square pictures it takes, in pixels.
        colour: RGB, or luma only.
        context: video frames lost at each end of a clip.
        dim: width of an embedding.
        head: from the features of single moments to embeddings, over time.
        read: layer that lip reading reads where no other is asked for; see `seehear.encoders.padded_lips.PaddedLips`.
    """

    region: Region
    size: int
    colour: bool
    context: int
    dim: int
    head: nn.Sequential
    read: str = "embedding"

    def forward(self, video: Tensor) -> Tensor:
        """Float (B, 1 or 3, T, size, size) in 0..1 -> (B, T - 2 context, dim)."""
        return self.convolve(self.normalise(video))

    def normalise(self, video: Tensor) -> Tensor:
        """Take brightness and contrast out of each clip: neither says what is spoken."""
        return standardise(video, over=(1, 2, 3, 4), floor=0.02)

    def convolve(self, video: Tensor) -> Tensor:
        """What `forward` does to the normalised pictures: each embedding sees its 2 context + 1 frames only."""
        return cast(Tensor, self.head(self.features(video))).transpose(1, 2)

    @abstractmethod
    def features(self, video: Tensor) -> Tensor:
        """What the head gets: normalised pictures (B, 1 or 3, T, size, size) -> (B, C, T'), 25 a second."""


class SoundEncoder(nn.Module, ABC):
    """Log-mel to embeddings, 25 a second, without time padding.

    Attributes:
        hears: a log-mel, or MFCC.
        bands: how many bands of it (or cepstra) it takes.
        context: video frames lost at each end of a clip.
        dim: width of an embedding.
        head: from the features of single moments to embeddings, over time.
    """

    hears: SpectrumName = "logmel"
    bands: int
    context: int
    dim: int
    head: nn.Sequential

    def forward(self, mel: Tensor) -> Tensor:
        """Natural log-mel (B, 4 T, bands) -> (B, T - 2 context, dim)."""
        return self.convolve(self.normalise(mel))

    def normalise(self, mel: Tensor) -> Tensor:
        """Mean 0 and deviation 1 for each band of each clip: takes out loudness, microphone and room."""
        return standardise(mel, over=(1,), floor=0.5)

    def convolve(self, mel: Tensor) -> Tensor:
        """What `forward` does to the normalised log-mel: each embedding sees its own surroundings only."""
        return cast(Tensor, self.head(self.features(mel))).transpose(1, 2)

    @abstractmethod
    def features(self, mel: Tensor) -> Tensor:
        """What the head gets: normalised log-mel (B, 4 T, bands) -> (B, C, T'), 25 a second."""
