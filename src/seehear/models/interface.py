"""`PretextModel` (rename: `PretextModel`), `LipSyncModel`, `IdentityModel`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from seehear.clip import FPS, SAMPLES_PER_FRAME, Region
from seehear.errors import ModelError
from seehear.losses.base import Distance, distances
from seehear.nn.embed import embed_audio, eval_mode, to_model_audio
from seehear.nn.interface import LipEncoder, SpeechEncoder


class PretextModel(nn.Module, ABC):
    """Something that is learned without labels; made from an instance of its `Options`.

    Attributes:
        name: of the pretext, the key of `PRETEXTS` and ``pretext`` in config.json.
        Options: dataclass of all that a preset's section ``model`` may say. It has a field
            ``pretext: Literal[name] = name``, by which a preset says whose options they are.
        shown: numbers of `forward` beside the loss that metrics.csv keeps, such as ``matched``.
        config: everything that its config.json says; the key ``model`` rebuilds it.
        view: name of the `seehear.data.views` that its batches show.
        stills: pictures of each window that a batch shows, drawn at random; None shows them all.
        apart: windows of one source are kept out of each other's batches, where they would be false negatives.
        needs_pictures: clips of sound alone teach it nothing, and are left out.
        by_sight: modules that learn from pictures alone, where clips of sound alone are allowed.
    """

    name: ClassVar[str]
    Options: ClassVar[type]
    logged_metrics: ClassVar[tuple[str, ...]] = ()
    stills_per_window: ClassVar[int | None] = None
    separate_sources: ClassVar[bool] = False
    needs_pictures: ClassVar[bool] = True
    video_only_modules: ClassVar[tuple[str, ...]] = ()
    config: dict[str, Any]
    input_view: str

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The model, with random weights, that a config.json describes.

        Raises:
            ModelError: an option that this version does not know.
        """
        try:
            model = cls(cls.options_from(config["model"]))
        except (KeyError, TypeError, ValueError) as error:
            kind = f"an {cls.name}" if cls.name[0] in "aeiou" else f"a {cls.name}"
            raise ModelError(f"config.json does not describe {kind} model of this version ({error})") from None
        model.config = dict(config)
        return model

    @classmethod
    def options_from(cls, given: Mapping[str, Any]) -> Any:
        """The `Options` that the key ``model`` of a config.json stands for."""
        return cls.Options(**given)

    @abstractmethod
    def __init__(self, options: Any = None) -> None:
        """Builds the networks that its `Options` describe; by default the usual ones."""
        super().__init__()

    @abstractmethod
    def forward(self, batch: Mapping[str, Tensor], rng: Generator | None = None) -> dict[str, Tensor]:
        """One training step's ``loss`` and what else there is to see.

        Args:
            batch: ``video`` uint8 (B, T, ...) as ``view`` shows it, or (B, stills, ...); ``audio`` float32 (B, 640 T);
                ``seen`` bool (B,), False where there is sound only and ``video`` is black.
            rng: where disturbances and candidates are drawn from; without one nothing is disturbed.
        """

    @property
    @abstractmethod
    def speech(self) -> SpeechEncoder:
        """The encoder of sound: what tasks read out and `seehear embed` writes."""

    def embed_audio(
        self, wave: NDArray[Any] | Tensor, sample_rate: int, layer: str | None = None
    ) -> NDArray[np.float32]:
        """Features of one recording of any length.

        Args:
            wave: one channel of sound, (N,): floats in [-1, 1], or whole numbers as files have them (int16, int32).
            sample_rate: of the wave, in Hz.
            layer: a name of ``speech.layers``; by default `SpeechEncoder.default_layer`.

        Returns:
            float32 (ceil(seconds * 25) * rate / 25, width), where rate is that of `speech`, mostly 25 a second.

        Raises:
            SeehearError: no sound, several channels, samples that are no numbers, a strange rate, or no such layer.
        """
        return embed_audio(self.speech, wave, sample_rate, layer)


class LipSyncModel(PretextModel):
    """Embeddings of lips and of sound, 25 a second, that agree where both belong to the same moment.

    Attributes:
        lips: encoder of the pictures, which lip reading reads too.
        context: video frames lost at each end of a clip: T frames give T - 2 context embeddings.
        dim: width of an embedding.
        distance: what embeddings are compared by, ``cosine`` (they have length 1) or ``euclidean``.
    """

    lips: LipEncoder
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


SEGMENT_S = 2.0
"""Sound of one embedding of a voice, as in the papers (arXiv 2005.07074, section 3: 2 s)."""


BATCH = 32  # segments at a time: memory does not grow with the recording


class IdentityModel(PretextModel):
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

    def cross_similarity(self, voices: Tensor, faces: Tensor) -> Tensor:
        """How well voices and faces go together, higher is better: (N, dim) and (M, dim) -> (N, M)."""
        return cross_similarity(voices, faces, self.distance, self.shared)

    def similarity(self, one: Tensor, other: Tensor) -> Tensor:
        """How alike embeddings of two voices, or of two faces, are, higher is more alike: (N, dim), (M, dim) -> (N, M).

        The cosine, -1 to 1; or minus the Euclidean distance, where that is what was trained.
        """
        return within_similarity(one, other, self.distance)

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
            SeehearError: see `seehear.nn.embed.embed_audio`.
        """
        heard = torch.from_numpy(to_model_audio(wave, sample_rate))
        frames = len(heard) // SAMPLES_PER_FRAME
        length = min(frames, max(1, round(seconds * FPS)))
        hop = max(1, round((seconds / 2 if hop_s is None else hop_s) * FPS))
        starts = [*range(0, frames - length, hop), frames - length]
        device = next(self.parameters()).device
        kept = []
        with eval_mode(self), torch.inference_mode():
            for first in range(0, len(starts), BATCH):
                cuts = [
                    heard[start * SAMPLES_PER_FRAME : (start + length) * SAMPLES_PER_FRAME]
                    for start in starts[first : first + BATCH]
                ]
                kept.append(self.embed_voice(torch.stack(cuts).to(device)).float().cpu().numpy())
        return np.concatenate(kept)


def within_similarity(one: Tensor, other: Tensor, distance: Distance) -> Tensor:
    """See `IdentityModel.similarity`."""
    return one @ other.mT if distance == "cosine" else -distances(one, other)


def cross_similarity(voices: Tensor, faces: Tensor, distance: Distance, shared: int | None) -> Tensor:
    """See `IdentityModel.across`; ``shared`` as there."""
    if shared is None:
        return within_similarity(voices, faces, distance)
    voices, faces = voices[..., :shared], faces[..., :shared]
    if distance == "cosine":
        voices, faces = F.normalize(voices, dim=-1), F.normalize(faces, dim=-1)
    return within_similarity(voices, faces, distance)


def check_shared_dims(name: str, shared: int | None, dim: int) -> None:
    """That voices and faces can have so many numbers of their embeddings in common.

    Raises:
        ValueError: they have not so many, or it is none at all; the option is called by its name.
    """
    if shared is not None and not 1 <= shared <= dim:
        raise ValueError(f"{name} must be 1 to {dim}, the width of an embedding, not {shared}")
