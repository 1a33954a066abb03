"""What every encoder of speech promises, learned or not, so that any of them can be read out, embedded and compared."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from seehear.clip import FPS, SAMPLES_PER_FRAME

PIECE = 500
"""Video frames of a piece of a long recording: 20 s, beyond which nothing is gained by longer ones."""


class SpeechEncoder(nn.Module, ABC):
    """Sound to features, a fixed number of them a second, in one pass whose cost is linear in the length.

    Unlike `SoundEncoder`, which pads no time so that sync cannot cheat, it gives features for the whole of the sound:
    T video frames of sound (640 T samples) give T * rate / 25 of them, and feature i belongs to i / rate seconds.

    Attributes:
        rate: features a second: 25, or 100 for those that are computed and not learned.
        layers: width of each layer that can be read, by name, from the sound to the last.
    """

    rate: int = FPS
    layers: dict[str, int]

    @property
    def dim(self) -> int:
        """Width of the last layer."""
        return self.layers[self.last]

    @property
    def last(self) -> str:
        """Name of the last layer: what the pretext reads."""
        return next(reversed(self.layers))

    @property
    def read(self) -> str:
        """Name of the layer that tasks and tools read where no other is asked for: the papers read the last."""
        return self.last

    @property
    def per_frame(self) -> int:
        """Features in one video frame."""
        return self.rate // FPS

    def forward(self, audio: Tensor, layer: str | None = None) -> Tensor:
        """Features of a batch.

        Args:
            audio: float32 in [-1, 1] at 16 kHz, (B, 640 T).
            layer: whose; by default `read`.

        Returns:
            (B, T * rate / 25, width of the layer).

        Raises:
            KeyError: no such layer.
            ValueError: the sound is no whole number of video frames.
        """
        if audio.shape[-1] % SAMPLES_PER_FRAME:
            raise ValueError(f"{audio.shape[-1]} samples are no whole number of video frames of {SAMPLES_PER_FRAME}")
        return self.states(audio)[layer or self.read]

    def every_layer(self, audio: Tensor) -> dict[str, Tensor]:
        """What `forward` gives of each layer, in one pass: to compare layers costs no more than to read one.

        Args:
            audio: (B, 640 T), of any length.
        """
        pieces = list(self.pieces(audio))
        return {name: torch.cat([piece[name] for piece in pieces], dim=1) for name in self.layers}

    def stream(self, audio: Tensor, layer: str | None = None, frames: int = PIECE) -> Iterator[Tensor]:
        """Features of a recording of any length, in pieces where the encoder can be cut.

        Args:
            audio: (B, 640 T).
            layer: whose; by default `read`.
            frames: video frames of a piece.

        Yields:
            (B, t, width), pieces that joined are what `forward` gives.

        Raises:
            KeyError: no such layer.
            ValueError: the sound is no whole number of video frames.
        """
        if audio.shape[-1] % SAMPLES_PER_FRAME:
            raise ValueError(f"{audio.shape[-1]} samples are no whole number of video frames of {SAMPLES_PER_FRAME}")
        for piece in self.pieces(audio, frames):
            yield piece[layer or self.read]

    def pieces(self, audio: Tensor, frames: int = PIECE) -> Iterator[dict[str, Tensor]]:
        """The pieces that `stream` gives, of every layer; here, all in one."""
        yield self.states(audio)

    @abstractmethod
    def states(self, audio: Tensor) -> dict[str, Tensor]:
        """The features of every layer, in the order of ``layers``."""
