"""The sync model: lips and audio, alone (`SyncModel`) and as an objective of joint (`SyncObjective`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Generator, Tensor, nn

from seehear.audio.augmentation import SoundAugmentation, SoundAugmentationOptions
from seehear.clip import SAMPLES_PER_FRAME, Region
from seehear.config import check_minimums, check_names, options_to_dict
from seehear.errors import ModelError
from seehear.losses import AngularLoss, LossName, build_loss, check_loss
from seehear.losses.base import SimilarityName
from seehear.models.inputs import align_embeddings, augmented_spectrum, lip_input, sync_loss
from seehear.models.interface import LipSyncModel
from seehear.models.picture_augmentation import PictureAugmentation, PictureAugmentationOptions
from seehear.models.validation import SyncValidation
from seehear.nn import (
    EncoderName,
    LipsName,
    build_encoder,
    complete_options,
)
from seehear.nn.embed import PaddedSpeechEncoder
from seehear.nn.interface import StreamedSpeech, make_spectrum
from seehear.nn.layers import lips_context
from seehear.nn.small import head


@dataclass(frozen=True)
class SyncObjectiveOptions:
    """Options of the sync objective.

    Attributes:
        encoder: family of the lip encoder.
        lips: options of the lip encoder that differ from the family's.
        temporal: odd kernels of the temporal layers between the speech features and the embedding.
        loss: loss that pulls matching time steps together, by cosine similarity.
        symmetric: average the losses of both directions, audio to lips and lips to audio.
        exclude: other time steps within this many frames are not negatives of each other.
        weight: weight of the separation within the modalities, in the loss `separate`.
        candidates: random time steps per clip that take part; by default all.
        spacing: minimum distance between two of them in frames.
        loss_options: other options of the loss.
        pictures: augmentation of the video.
    """

    encoder: LipsName = "small"
    lips: dict[str, Any] = field(default_factory=dict)
    temporal: tuple[int, ...] = (3,)
    loss: AngularLoss = "multiway"
    symmetric: bool = True
    exclude: int = 1
    weight: float = 1.0
    candidates: int | None = None
    spacing: int = 1
    loss_options: dict[str, Any] = field(default_factory=dict)
    pictures: PictureAugmentationOptions = field(default_factory=PictureAugmentationOptions)

    def __post_init__(self) -> None:
        check_names(self)
        check_minimums("model.sync", self, exclude=0, weight=0, spacing=1)
        if self.candidates is not None:
            check_minimums("model.sync", self, candidates=2)
        check_loss(self, "model.sync", second_embeddings=False)


class SyncObjective(nn.Module):
    """A lip encoder, and a temporal head on the features of a speech encoder.

    A speech encoder pads the ends of a clip. Features that depend on padding could reveal their position, so they are
    cut off. An encoder with unbounded context could count frames, and is rejected.

    Attributes:
        context: video frames lost at each end of a clip.
    """

    def __init__(self, options: SyncObjectiveOptions, speech: StreamedSpeech, dim: int) -> None:
        """Build the layers.

        Args:
            options: options of the objective.
            speech: the speech encoder, of which the last layer is used; it is not registered here.
            dim: width of an embedding.

        Raises:
            ModelError: the speech encoder is recurrent, or uses statistics of whole clips.
        """
        super().__init__()
        if speech.context is None:
            raise ModelError(
                "sync needs features of single frames, but this speech encoder has a wider context: "
                "set model.sync_weight to 0, or choose a model.encoder without recurrent layers and clip statistics"
            )
        self.options = o = options
        self.edge = speech.context
        self.lips = build_encoder("lips", o.encoder, {**o.lips, "dim": dim})
        self.head = head(speech.dim, o.temporal, dim)
        self.around = lips_context([self.head])
        self.context = max(self.lips.context, self.edge + self.around)
        self.loss = build_loss(o)
        self.augment = PictureAugmentation(o.pictures)
        self.lips.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]  # a third faster on a CPU

    def forward(self, features: Tensor, video: Tensor, rng: Generator | None = None) -> dict[str, Tensor]:
        """Compare speech features (B, T, width) with face crops (B, T, S, S, 3); see `sync_loss`."""
        sound, lips = self.embed_sound(features), self.embed_lips(video, "face", rng)
        return sync_loss(self.loss, sound, lips, self.options.candidates, self.options.spacing, rng)

    def embed_lips(self, video: Tensor, region: Region, rng: Generator | None = None) -> Tensor:
        """See `LipSyncModel.embed_lips`; augmented if there is a generator."""
        with torch.autocast(video.device.type, enabled=False):
            pictures = lip_input(video, region, self.lips, self.augment, rng)
        return align_embeddings(self.lips(pictures), self.context - self.lips.context, self.loss.normalised)

    def embed_sound(self, features: Tensor) -> Tensor:
        """Speech features (B, T, width) -> (B, T - 2 context, dim)."""
        inner = features[:, self.edge : features.shape[1] - self.edge]
        embeddings = self.head(inner.transpose(1, 2)).transpose(1, 2)
        return align_embeddings(embeddings, self.context - self.edge - self.around, self.loss.normalised)


@dataclass(frozen=True)
class SyncOptions:
    """Options of the sync model: encoders, loss and augmentation.

    Attributes:
        pretext: the model that these options belong to.
        encoder: family of the encoders.
        lips: options of the lip encoder that differ from the family's.
        sound: options of the audio encoder that differ from the family's.
        loss: loss that pulls matching time steps together.
        similarity: similarity of the multi-way losses.
        symmetric: for multi-way losses: average the losses of both directions, audio to lips and lips to audio.
        exclude: other time steps within this many frames are not negatives of each other.
        margin: margin of the contrastive loss.
        weight: weight of the separation within the modalities, in the loss `separate`.
        candidates: random time steps per clip that take part; by default all.
        spacing: minimum distance between two of them in frames. Perfect Match samples 40 that do not overlap: spacing
            5.
        loss_options: other options of the loss, which a loss of a plug-in may have.
        pictures: augmentation of the video.
        sounds: augmentation of the audio.
    """

    pretext: Literal["sync"] = "sync"
    encoder: EncoderName = "small"
    lips: dict[str, Any] = field(default_factory=dict)
    sound: dict[str, Any] = field(default_factory=dict)
    loss: LossName = "separate"
    similarity: SimilarityName = "angular"
    symmetric: bool = True
    exclude: int = 1
    margin: float = 20.0
    weight: float = 1.0
    candidates: int | None = None
    spacing: int = 1
    loss_options: dict[str, Any] = field(default_factory=dict)
    pictures: PictureAugmentationOptions = field(default_factory=PictureAugmentationOptions)
    sounds: SoundAugmentationOptions = field(default_factory=SoundAugmentationOptions)

    def __post_init__(self) -> None:
        check_names(self)
        check_minimums("model", self, exclude=0, margin=0, weight=0, spacing=1)
        if self.candidates is not None:
            check_minimums("model", self, candidates=2)
        check_loss(self, "model", second_embeddings=False)


class SyncModel(LipSyncModel):
    """A lip and an audio encoder whose embeddings are similar if video and audio are in sync.

    Attributes:
        options: options of the model.
        config: contents of its config.json; the key ``model`` rebuilds it.
        view: the smallest data view that its lip encoder can use.
    """

    name = "sync"
    Options = SyncOptions
    summary = "embeddings of lips and audio that are similar at the same time step"
    paper = "Chung, Kang & Chung 2020, arXiv 2004.14326"
    validation = SyncValidation
    logged_metrics = ("matched",)

    def __init__(self, options: SyncOptions | None = None) -> None:
        super().__init__()
        self.options = options = options or SyncOptions()
        encoders = {
            "lips": complete_options("lips", options.encoder, options.lips),
            "sound": complete_options("sound", options.encoder, options.sound),
        }
        self.config: dict[str, Any] = {"pretext": "sync", "model": options_to_dict(options) | encoders}
        self.lips = build_encoder("lips", options.encoder, options.lips)
        self.sound = build_encoder("sound", options.encoder, options.sound)
        if self.lips.dim != self.sound.dim:
            raise ModelError(
                f"lip embeddings have {self.lips.dim} dimensions but audio embeddings have {self.sound.dim}"
            )
        self.dim = self.lips.dim
        self.context = max(self.lips.context, self.sound.context)
        self.input_view = "face" if self.lips.region == "face" else "mouth" if self.lips.colour else "mouth-luma"
        self.spectrum = make_spectrum(self.sound)
        self.loss = build_loss(options)
        self.distance = self.loss.distance
        self.picture_augment = PictureAugmentation(options.pictures)
        self.sound_augment = SoundAugmentation(options.sounds)
        self.lips.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]  # a third faster on CPUs

    def embed_lips(self, video: Tensor, region: Region = "face") -> Tensor:
        """See `LipSyncModel.embed_lips`."""
        return self._embed_pictures(lip_input(video, region, self.lips, self.picture_augment))

    def embed_sound(self, audio: Tensor) -> Tensor:
        """See `LipSyncModel.embed_sound`."""
        return self._embed_spectrum(self.spectrum(audio))

    @property
    def speech(self) -> PaddedSpeechEncoder:
        """The audio encoder for whole recordings."""
        return PaddedSpeechEncoder(self.sound, self.spectrum, self.loss.normalised)

    def forward(self, batch: Mapping[str, Tensor], rng: Generator | None = None) -> dict[str, Tensor]:
        """Compute the loss of one training step.

        Args:
            batch: clips of one length, ``video`` in the model's `view` and ``audio``; the T - 2 context time steps of a
                clip are each other's candidates.
            rng: source of augmentation and candidates; without one there is no augmentation.

        Returns:
            ``loss``; ``matched``, the fraction of audio steps whose nearest lips are their own; and the embeddings
            themselves, ``lips`` and ``sound`` (B, N, dim), detached.
        """
        with torch.autocast(batch["video"].device.type, enabled=False):  # augmentation and spectra need float32
            pictures, spectrum = self._prepare(batch, rng)
        lips, sound = self._embed_pictures(pictures), self._embed_spectrum(spectrum)
        return sync_loss(self.loss, sound, lips, self.options.candidates, self.options.spacing, rng)

    def _prepare(self, batch: Mapping[str, Tensor], rng: Generator | None) -> tuple[Tensor, Tensor]:
        """Frames and spectrum as the encoders take them, augmented if there is a generator."""
        video, audio = batch["video"], batch["audio"].float()
        if audio.shape[1] != video.shape[1] * SAMPLES_PER_FRAME:
            raise ValueError(f"{video.shape[1]} video frames do not match {audio.shape[1]} audio samples")
        pictures = lip_input(video, self.lips.region, self.lips, self.picture_augment, rng)
        if rng is None:
            return pictures, self.spectrum(audio)
        return pictures, augmented_spectrum(self.spectrum, audio, self.sound_augment, rng)

    def _embed_pictures(self, pictures: Tensor) -> Tensor:
        return align_embeddings(self.lips(pictures), self.context - self.lips.context, self.loss.normalised)

    def _embed_spectrum(self, spectrum: Tensor) -> Tensor:
        return align_embeddings(self.sound(spectrum), self.context - self.sound.context, self.loss.normalised)
