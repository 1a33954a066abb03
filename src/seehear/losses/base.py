"""What every loss between sound and lips has in common: one call, and float32 inside whatever the precision."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from seehear.losses.candidates import Candidates, candidates
from seehear.losses.similarity import Distance


class Loss(nn.Module, ABC):
    """A loss over G groups of N candidates, whose positive pairs are those of the same index.

    Attributes:
        exclude: neighbours in time that are no negatives of each other (see `candidates`).
        distance: what embeddings trained by this loss are compared by.
        normalised: whether embeddings trained by this loss are L2-normalised.
        shared: how many numbers of an embedding, from the first on, are compared across the modalities; None compares
            all of them. The others tell apart within a modality only.
    """

    distance: Distance = "euclidean"
    normalised: bool = False
    shared: int | None = None

    def __init__(self, exclude: int = 0) -> None:
        super().__init__()
        if exclude < 0:
            raise ValueError(f"exclude must be 0 or more neighbours, not {exclude}")
        self.exclude = exclude

    def forward(
        self,
        sound: Tensor,
        lips: Tensor,
        sound2: Tensor | None = None,
        lips2: Tensor | None = None,
        valid: Tensor | None = None,
        times: Tensor | None = None,
        seen: Tensor | None = None,
    ) -> Tensor:
        """The loss, a float32 scalar.

        Args:
            sound: (G, N, D) embeddings of the sound.
            lips: (G, N, D) embeddings of the picture.
            sound2: (G, N, D) second embeddings of the same things heard another time (another cut of the same
                voice): the positives within the modality. Only the separation losses look at them.
            lips2: likewise for the picture.
            valid: (G, N) bool, False where a candidate is padding.
            times: (G, N) place of each candidate in its clip, in frames; 0, 1, 2, ... by default.
            seen: (G, N) bool, False where a candidate has sound only, whatever ``lips`` holds for it. It stands among
                sounds then, where a loss compares those with each other, and nowhere else. All by default.
        """
        with torch.autocast(sound.device.type, enabled=False):
            sound, lips = sound.float(), lips.float()
            sound2 = sound if sound2 is None else sound2.float()
            lips2 = lips if lips2 is None else lips2.float()
            return self.compare(sound, lips, sound2, lips2, candidates(sound, valid, times, self.exclude, seen))

    @abstractmethod
    def compare(self, sound: Tensor, lips: Tensor, sound2: Tensor, lips2: Tensor, among: Candidates) -> Tensor:
        """The loss itself, on float32 tensors; ``sound2`` is ``sound`` where there are no second embeddings."""
