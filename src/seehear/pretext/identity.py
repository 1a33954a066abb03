"""What every pretext promises that learns who it is: voices and faces that can be compared with each other."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from seehear.clip import FPS, SAMPLES_PER_FRAME
from seehear.encoders.embed import as_heard, evaluating
from seehear.losses.similarity import Distance, distances
from seehear.pretext.interface import Pretext

SEGMENT_S = 2.0
"""Sound of one embedding of a voice, as in the papers (arXiv 2005.07074, section 3: 2 s)."""

BATCH = 32  # segments at a time: memory does not grow with the recording


class IdentityModel(Pretext):
    """A voice and a face encoder whose embeddings agree where both are of the same person.

    Attributes:
        dim: width of an embedding.
        distance: what embeddings are compared by, ``cosine`` (they have length 1) or ``euclidean``.
        shared: how many numbers of an embedding, from the first on, a voice and a face have in common; None is all.
    """

    dim: int
    distance: Distance
    shared: int | None = None

    @property
    @abstractmethod
    def matching(self) -> nn.Module:
        """The loss by which voices and faces learned to find each other."""

    @abstractmethod
    def embed_voice(self, audio: Tensor) -> Tensor:
        """Embeddings of voices: float32 in [-1, 1] at 16 kHz, (B, 640 T) with T >= 1 -> float32 (B, dim)."""

    @abstractmethod
    def embed_face(self, faces: Tensor) -> Tensor:
        """Embeddings of faces: canonical crops, uint8 RGB (B, S, S, 3) of any size S -> float32 (B, dim)."""

    def across(self, voices: Tensor, faces: Tensor) -> Tensor:
        """How well voices and faces go together, higher is better: (N, dim) and (M, dim) -> (N, M)."""
        return across(voices, faces, self.distance, self.shared)

    def similarity(self, one: Tensor, other: Tensor) -> Tensor:
        """How alike embeddings of two voices, or of two faces, are, higher is more alike: (N, dim), (M, dim) -> (N, M).

        The cosine, -1 to 1; or minus the Euclidean distance, where that is what was trained.
        """
        return alike(one, other, self.distance)

    def mean(self, embeddings: Tensor) -> Tensor:
        """One embedding for several of the same person, (N, dim) -> (dim,): their mean, of their length."""
        together = embeddings.mean(0)
        return F.normalize(together, dim=-1) if self.distance == "cosine" else together

    def embed_segments(
        self, wave: NDArray[Any] | Tensor, sample_rate: int, seconds: float = SEGMENT_S, hop_s: float | None = None
    ) -> NDArray[np.float32]:
        """Embeddings of the segments of one recording of any length.

        Args:
            wave: one channel of sound, (N,): floats in [-1, 1], or whole numbers as files have them.
            sample_rate: of the wave, in Hz.
            seconds: length of a segment. A shorter recording is one segment.
            hop_s: from the beginning of one segment to that of the next; by default half a segment. The last
                segment ends where the recording ends.

        Returns:
            float32 (segments, dim).

        Raises:
            SeehearError: see `seehear.encoders.embed.embed_audio`.
        """
        heard = torch.from_numpy(as_heard(wave, sample_rate))
        frames = len(heard) // SAMPLES_PER_FRAME
        length = min(frames, max(1, round(seconds * FPS)))
        hop = max(1, round((seconds / 2 if hop_s is None else hop_s) * FPS))
        starts = [*range(0, frames - length, hop), frames - length]
        device = next(self.parameters()).device
        kept = []
        with evaluating(self), torch.inference_mode():
            for first in range(0, len(starts), BATCH):
                cuts = [
                    heard[start * SAMPLES_PER_FRAME : (start + length) * SAMPLES_PER_FRAME]
                    for start in starts[first : first + BATCH]
                ]
                kept.append(self.embed_voice(torch.stack(cuts).to(device)).float().cpu().numpy())
        return np.concatenate(kept)


def alike(one: Tensor, other: Tensor, distance: Distance) -> Tensor:
    """See `IdentityModel.similarity`."""
    return one @ other.mT if distance == "cosine" else -distances(one, other)


def across(voices: Tensor, faces: Tensor, distance: Distance, shared: int | None) -> Tensor:
    """See `IdentityModel.across`; ``shared`` as there."""
    if shared is None:
        return alike(voices, faces, distance)
    voices, faces = voices[..., :shared], faces[..., :shared]
    if distance == "cosine":
        voices, faces = F.normalize(voices, dim=-1), F.normalize(faces, dim=-1)
    return alike(voices, faces, distance)


def require_part(name: str, shared: int | None, dim: int) -> None:
    """That voices and faces can have so many numbers of their embeddings in common.

    Raises:
        ValueError: they have not so many, or it is none at all; the option is called by its name.
    """
    if shared is not None and not 1 <= shared <= dim:
        raise ValueError(f"{name} must be 1 to {dim}, the width of an embedding, not {shared}")
