"""Encoders of speech that can be run piece by piece: convolutions that see so far and no further, then recurrence."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

import torch
from torch import Tensor

from seehear.clip import SAMPLES_PER_FRAME
from seehear.encoders.speech import PIECE, SpeechEncoder

Memory = list[Tensor]
"""What recurrent layers know of the past: (1, B, hidden) each."""


class StreamedSpeech(SpeechEncoder):
    """A local part, whose features see a bounded stretch of sound, and a recurrent part, which goes left to right.

    Cut into pieces it gives the same features as in one pass: pieces overlap by ``reach`` on both sides, what lies
    there is dropped, and the recurrent part is handed its own memory.

    Attributes:
        reach: video frames of sound beyond either end of a piece that the local part sees; None where it sees the
            whole recording (statistics of the clip), so that it cannot be cut.
        context: video frames beyond either end of its own that a feature is made of; None where it knows more, as
            recurrent layers do.
        causal: whether no feature knows of sound that is later than its own video frame, but for ``reach``.
    """

    reach: int | None
    context: int | None = None
    causal: bool = False

    @abstractmethod
    def local(self, audio: Tensor) -> dict[str, Tensor]:
        """The layers of the local part, in order: (B, 640 T) -> (B, T, width) each."""

    def recur(self, features: Tensor, memory: Memory | None) -> tuple[dict[str, Tensor], Memory]:
        """The layers of the recurrent part.

        Args:
            features: the last layer of the local part, (B, T, width).
            memory: from the piece before; None at the beginning.

        Returns:
            The layers (B, T, width) each, none where nothing is recurrent; and the memory for the next piece.
        """
        return {}, []

    def forward(self, audio: Tensor, layer: str | None = None) -> Tensor:
        """See `SpeechEncoder.forward`. Long recordings go through in pieces where nothing is learned from them."""
        learning = self.training or torch.is_grad_enabled()
        if learning or self.reach is None or audio.shape[-1] <= PIECE * SAMPLES_PER_FRAME:
            return super().forward(audio, layer)
        return torch.cat(list(self.stream(audio, layer, PIECE)), dim=1)

    def states(self, audio: Tensor) -> dict[str, Tensor]:
        """See `SpeechEncoder.states`."""
        return self.finish(self.local(audio))

    def finish(self, layers: dict[str, Tensor]) -> dict[str, Tensor]:
        """The layers of the local part, and those of the recurrent part after them."""
        return layers | self.recur(layers[next(reversed(layers))], None)[0]

    def pieces(self, audio: Tensor, frames: int = PIECE) -> Iterator[dict[str, Tensor]]:
        """See `SpeechEncoder.pieces`; the memory that it takes does not grow with the recording."""
        total = audio.shape[-1] // SAMPLES_PER_FRAME
        if self.reach is None or total <= frames:
            yield self.states(audio)
            return
        memory: Memory | None = None
        for start in range(0, total, frames):
            stop = min(start + frames, total)
            first, last = max(0, start - self.reach), min(total, stop + self.reach)
            wide = self.local(audio[:, first * SAMPLES_PER_FRAME : last * SAMPLES_PER_FRAME])
            layers = {name: values[:, start - first : stop - first] for name, values in wide.items()}
            later, memory = self.recur(layers[next(reversed(layers))], memory)
            yield layers | later
