"""Base classes of the models: `PretextModel`, `LipSyncModel`, `IdentityModel`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from seehear.clip import FPS, SAMPLES_PER_FRAME, Region
from seehear.config import build_options
from seehear.errors import ModelError
from seehear.losses.base import Distance, distances
from seehear.models.validation import LossValidation, Validation
from seehear.nn.embed import embed_audio, eval_mode, to_model_audio
from seehear.nn.interface import LipEncoder, SpeechEncoder

if TYPE_CHECKING:
    from seehear.models.animate import AnimateModel


class PretextModel(nn.Module, ABC):
    """A model trained without labels, built from an instance of its `Options`. The class declares the model.

    Your own model is a subclass that is given to `seehear.registry.register`; all that others ask of a model is here.

    Attributes:
        name: key in `seehear.models.MODELS`, and value of ``pretext`` in config.json
        Options: dataclass of the section ``model`` of a preset; its field ``pretext: Literal[name] = name`` identifies
            the model that the options belong to
        summary: one line for the help
        paper: where the model is described, such as "van den Oord et al. 2018, arXiv 1807.03748"
        validation: how it is validated on development clips during training
        logged_metrics: outputs of `forward`, besides the loss, that are written to metrics.csv, such as ``matched``
        stills_per_window: number of random frames per window in a batch; None gives all frames
        separate_sources: keep windows of one source out of the same batch, where they would be false negatives
        needs_pictures: leave out audio-only clips, as the model learns nothing from them
        video_only_modules: modules that train on video only, if audio-only clips are allowed
        config: contents of its config.json; the key ``model`` rebuilds it
        input_view: name of the `seehear.data.views` that its batches contain
    """

    registry_kind: ClassVar[str] = "model"
    name: ClassVar[str]
    Options: ClassVar[type]
    summary: ClassVar[str] = ""
    paper: ClassVar[str] = ""
    validation: ClassVar[type[Validation]] = LossValidation
    logged_metrics: ClassVar[tuple[str, ...]] = ()
    stills_per_window: ClassVar[int | None] = None
    separate_sources: ClassVar[bool] = False
    needs_pictures: ClassVar[bool] = True
    video_only_modules: ClassVar[tuple[str, ...]] = ()
    config: dict[str, Any]
    input_view: str

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "Options" in vars(cls):
            options = fields(cls.Options) if is_dataclass(cls.Options) else ()
            names = [entry.default for entry in options if entry.name == "pretext"]
            if names != [cls.name]:
                raise ModelError(
                    f'{cls.Options.__name__} needs the field pretext: Literal["{cls.name}"] = "{cls.name}", '
                    f"because its options are for {cls.__name__}"
                )

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Build the model that a config.json describes, with random weights.

        Raises:
            ModelError: an option that this version does not know
        """
        try:
            model = cls(build_options(cls.Options, config["model"]))
        except (KeyError, TypeError, ValueError, ModelError) as error:
            code = error.code if isinstance(error, ModelError) else None
            raise ModelError(
                f"config.json does not describe {cls.with_article()} model of this version ({error})", code=code
            ) from None
        model.config = dict(config)
        return model

    @classmethod
    def with_article(cls) -> str:
        """Return the name after its article, for sentences: "an apc"."""
        return f"{'an' if cls.name[0] in 'aeiou' else 'a'} {cls.name}"

    @abstractmethod
    def __init__(self, options: Any = None) -> None:
        """Build the networks that the options describe; by default the default options."""
        super().__init__()

    @abstractmethod
    def forward(self, batch: Mapping[str, Tensor], rng: Generator | None = None) -> dict[str, Tensor]:
        """Compute ``loss`` and metrics of one training step.

        Args:
            batch: ``video`` uint8 (B, T, ...) in the model's ``view``, or (B, stills, ...); ``audio`` float32
                (B, 640 T); ``seen`` bool (B,), False for audio-only clips, whose ``video`` is black.
            rng: source of augmentation and candidates; without one there is no augmentation.
        """

    @property
    @abstractmethod
    def speech(self) -> SpeechEncoder:
        """The audio encoder, which probes and `seehear embed` use."""

    def animator(self) -> AnimateModel:
        """Return the model that generates frames with this one's weights.

        Raises:
            ModelError: this model cannot generate frames (code "cannot-draw")
        """
        raise ModelError(
            f"{self.with_article()} model cannot draw; give the folder of an animate run", code="cannot-draw"
        )

    def embed_audio(
        self, wave: NDArray[Any] | Tensor, sample_rate: int, layer: str | None = None
    ) -> NDArray[np.float32]:
        """Compute the features of one recording of any length.

        Args:
            wave: mono audio (N,): floats in [-1, 1] or signed integers as stored in files (int16, int32).
            sample_rate: of the wave, in Hz.
            layer: a key of ``speech.layers``; by default `SpeechEncoder.default_layer`.

        Returns:
            float32 (ceil(seconds * 25) * rate / 25, width), with the rate of `speech`, usually 25 per second.

        Raises:
            SeehearError: empty audio, several channels, samples that are not finite, invalid sample rate, or unknown
                layer.
        """
        return embed_audio(self.speech, wave, sample_rate, layer)


class LipSyncModel(PretextModel):
    """Embeds lips and audio, 25 per second, so that embeddings of the same time step are similar.

    Attributes:
        lips: encoder of the video, also used for lip reading.
        context: video frames lost at each end of a clip: T frames give T - 2 context embeddings.
        dim: width of an embedding.
        distance: how embeddings are compared: ``cosine`` (they have length 1) or ``euclidean``.
    """

    lips: LipEncoder
    context: int
    dim: int
    distance: Distance

    @abstractmethod
    def embed_lips(self, video: Tensor, region: Region = "face") -> Tensor:
        """Embed video.

        Args:
            video: uint8 (B, T, S, S, 3) RGB or (B, T, S, S) luma.
            region: region shown by the video: canonical face crops, or their mouth region.

        Returns:
            float32 (B, T - 2 context, dim).
        """

    @abstractmethod
    def embed_sound(self, audio: Tensor) -> Tensor:
        """Embed audio: float32 in [-1, 1] at 16 kHz, (B, T * 640) -> float32 (B, T - 2 context, dim)."""


SEGMENT_S = 2.0
"""Seconds of audio per voice embedding, as in the papers (arXiv 2005.07074, section 3)."""


BATCH = 32  # segments at a time, so that memory use does not grow with the recording


class IdentityModel(PretextModel):
    """Embeds voices and faces so that embeddings of the same person are similar.

    Attributes:
        dim: width of an embedding.
        distance: how embeddings are compared: ``cosine`` (they have length 1) or ``euclidean``.
        shared: number of leading dimensions in which voices and faces are compared; None is all.
    """

    dim: int
    distance: Distance
    shared: int | None = None

    @property
    @abstractmethod
    def matching(self) -> nn.Module:
        """The loss that compares voices and faces."""

    @abstractmethod
    def embed_voice(self, audio: Tensor) -> Tensor:
        """Embed voices: float32 in [-1, 1] at 16 kHz, (B, 640 T) with T >= 1 -> float32 (B, dim)."""

    @abstractmethod
    def embed_face(self, faces: Tensor) -> Tensor:
        """Embed faces: canonical crops, uint8 RGB (B, S, S, 3) of any size S -> float32 (B, dim)."""

    def cross_similarity(self, voices: Tensor, faces: Tensor) -> Tensor:
        """Similarity of voices and faces, higher is better: (N, dim) and (M, dim) -> (N, M)."""
        return cross_similarity(voices, faces, self.distance, self.shared)

    def similarity(self, one: Tensor, other: Tensor) -> Tensor:
        """Similarity of two sets of voices, or of faces: (N, dim), (M, dim) -> (N, M).

        The cosine, -1 to 1; or minus the Euclidean distance if the model was trained with that.
        """
        return within_similarity(one, other, self.distance)

    def mean(self, embeddings: Tensor) -> Tensor:
        """Combine embeddings of one person, (N, dim) -> (dim,): their mean, normalised like them."""
        mean = embeddings.mean(0)
        return F.normalize(mean, dim=-1) if self.distance == "cosine" else mean

    def embed_segments(
        self, wave: NDArray[Any] | Tensor, sample_rate: int, seconds: float = SEGMENT_S, hop_s: float | None = None
    ) -> NDArray[np.float32]:
        """Embed the segments of one recording of any length.

        Args:
            wave: mono audio (N,): floats in [-1, 1] or signed integers as stored in files.
            sample_rate: of the wave, in Hz.
            seconds: length of a segment. A shorter recording is one segment.
            hop_s: distance between the starts of segments; by default half a segment. The last segment ends at the end
                of the recording.

        Returns:
            float32 (segments, dim).

        Raises:
            SeehearError: see `seehear.nn.embed.embed_audio`.
        """
        audio = torch.from_numpy(to_model_audio(wave, sample_rate))
        frames = len(audio) // SAMPLES_PER_FRAME
        length = min(frames, max(1, round(seconds * FPS)))
        hop = max(1, round((seconds / 2 if hop_s is None else hop_s) * FPS))
        starts = [*range(0, frames - length, hop), frames - length]
        device = next(self.parameters()).device
        embeddings = []
        with eval_mode(self), torch.inference_mode():
            for first in range(0, len(starts), BATCH):
                cuts = [
                    audio[start * SAMPLES_PER_FRAME : (start + length) * SAMPLES_PER_FRAME]
                    for start in starts[first : first + BATCH]
                ]
                embeddings.append(self.embed_voice(torch.stack(cuts).to(device)).float().cpu().numpy())
        return np.concatenate(embeddings)


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
    """Check that voices and faces can share this many dimensions.

    Raises:
        ValueError: it is not 1 to ``dim``; the message contains the name of the option.
    """
    if shared is not None and not 1 <= shared <= dim:
        raise ValueError(f"{name} must be 1 to {dim}, the width of an embedding, not {shared}")
