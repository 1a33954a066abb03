"""sync: one implementation, alone and in joint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import torch
from torch import Generator, Tensor, nn

from seehear.audio.augmentation import SoundAugmentation, SoundAugmentationOptions
from seehear.clip import SAMPLES_PER_FRAME, Region
from seehear.config import check_minimums
from seehear.errors import ModelError
from seehear.losses import LossName, make_loss
from seehear.losses.base import SimilarityName
from seehear.models.inputs import align_embeddings, augmentation_from_plain, augmented_spectrum, lip_input, sync_loss
from seehear.models.interface import LipSyncModel
from seehear.models.picture_augmentation import PictureAugmentation, PictureAugmentationOptions
from seehear.nn import EncoderName, build_encoder_pair, build_lip_encoder, complete_pair_options
from seehear.nn.embed import PaddedSpeechEncoder
from seehear.nn.interface import StreamedSpeech, make_spectrum
from seehear.nn.layers import lips_context
from seehear.nn.small import head

AngularLoss = Literal["multiway", "separate", "merged", "substitute"]
"""Losses whose embeddings are compared by their angle."""


@dataclass(frozen=True)
class SyncObjectiveOptions:
    """What of lips and sound is compared, and how.

    Attributes:
        encoder: family of the lip encoder.
        lips: options of it that differ from the family's.
        temporal: kernels of the layers between the features of speech and the embedding, over time, odd.
        loss: what pulls matching moments together, by their angle.
        symmetric: sound chooses lips and lips choose sound.
        exclude: moments nearer than this many frames (and not the same) are no negatives of each other.
        weight: of the separation within the modalities, in the loss `separate`.
        candidates: moments of each clip that take part, drawn at random; all by default.
        spacing: frames between two of them, at least.
        pictures: disturbance of the pictures.
    """

    encoder: EncoderName = "small"
    lips: dict[str, Any] = field(default_factory=dict)
    temporal: tuple[int, ...] = (3,)
    loss: AngularLoss = "multiway"
    symmetric: bool = True
    exclude: int = 1
    weight: float = 1.0
    candidates: int | None = None
    spacing: int = 1
    pictures: PictureAugmentationOptions = field(default_factory=PictureAugmentationOptions)

    def __post_init__(self) -> None:
        check_minimums("model.sync", self, exclude=0, weight=0, spacing=1)
        if self.candidates is not None:
            check_minimums("model.sync", self, candidates=2)


class SyncObjective(nn.Module):
    """A lip encoder, and a head over time on the features of an encoder of speech.

    Such an encoder goes on beyond the ends of a clip by what is there: features that know of an end could tell the
    moment by it, so they are cut off. One that knows all of the past could count, and is refused.

    Attributes:
        context: video frames lost at each end of a clip.
    """

    def __init__(self, options: SyncObjectiveOptions, speech: StreamedSpeech, dim: int) -> None:
        """Makes the layers.

        Args:
            options: of the comparison.
            speech: whose last layer is read; it stays outside.
            dim: width of an embedding.

        Raises:
            ModelError: the encoder of speech is recurrent, or looks at statistics of whole clips.
        """
        super().__init__()
        if speech.context is None:
            raise ModelError(
                "sync needs features of single moments, but this encoder of speech knows more than it should: "
                "set model.sync_weight to 0, or choose a model.encoder without recurrent layers and clip statistics"
            )
        self.options = o = options
        self.edge = speech.context
        self.lips = build_lip_encoder(o.encoder, {**o.lips, "dim": dim})
        self.head = head(speech.dim, o.temporal, dim)
        self.around = lips_context([self.head])
        self.context = max(self.lips.context, self.edge + self.around)
        self.loss = make_loss(o.loss, symmetric=o.symmetric, exclude=o.exclude, weight=o.weight)
        self.augment = PictureAugmentation(o.pictures)
        self.lips.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]  # a third faster on a CPU

    def forward(self, features: Tensor, video: Tensor, rng: Generator | None = None) -> dict[str, Tensor]:
        """Features of speech (B, T, width) against face crops (B, T, S, S, 3); see `sync_loss`."""
        sound, lips = self.embed_sound(features), self.embed_lips(video, "face", rng)
        return sync_loss(self.loss, sound, lips, self.options.candidates, self.options.spacing, rng)

    def embed_lips(self, video: Tensor, region: Region, rng: Generator | None = None) -> Tensor:
        """See `LipSync.embed_lips`; disturbed if there is a generator."""
        with torch.autocast(video.device.type, enabled=False):
            pictures = lip_input(video, region, self.lips, self.augment, rng)
        return align_embeddings(self.lips(pictures), self.context - self.lips.context, self.loss.normalised)

    def embed_sound(self, features: Tensor) -> Tensor:
        """Features of speech (B, T, width) -> (B, T - 2 context, dim)."""
        inner = features[:, self.edge : features.shape[1] - self.edge]
        embeddings = self.head(inner.transpose(1, 2)).transpose(1, 2)
        return align_embeddings(embeddings, self.context - self.edge - self.around, self.loss.normalised)


@dataclass(frozen=True)
class SyncOptions:
    """The sync pretext: its encoders, its loss and how its clips are disturbed.

    Attributes:
        pretext: whose options these are.
        encoder: family of encoders.
        lips: options of the lip encoder that differ from the family's.
        sound: options of the sound encoder that differ from the family's.
        loss: what pulls matching moments together.
        similarity: of the multi-way losses.
        symmetric: of the multi-way losses: sound chooses lips and lips choose sound.
        exclude: moments nearer than this many frames (and not the same) are no negatives of each other.
        margin: of the contrastive loss.
        weight: of the separation within the modalities, in the loss `separate`.
        candidates: moments of each clip that take part, drawn at random; all by default.
        spacing: frames between two of them, at least. Perfect Match draws 40 that do not overlap: spacing 5.
        pictures: disturbance of the pictures.
        sounds: disturbance of the sound.
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
    pictures: PictureAugmentationOptions = field(default_factory=PictureAugmentationOptions)
    sounds: SoundAugmentationOptions = field(default_factory=SoundAugmentationOptions)

    def __post_init__(self) -> None:
        check_minimums("model", self, exclude=0, margin=0, weight=0, spacing=1)
        if self.candidates is not None:
            check_minimums("model", self, candidates=2)
        if self.loss == "separate" and self.similarity != "angular":
            raise ValueError("model.loss separate needs model.similarity angular: there is one cut of each clip")


class SyncModel(LipSyncModel):
    """A lip and a sound encoder whose embeddings agree where picture and sound belong together.

    Attributes:
        options: what it was built from.
        config: everything that its config.json says; the key ``model`` rebuilds it.
        view: the least of each clip that its lip encoder looks at.
    """

    name = "sync"
    Options = SyncOptions
    logged_metrics = ("matched",)

    def __init__(self, options: SyncOptions | None = None) -> None:
        super().__init__()
        self.options = options = options or SyncOptions()
        lips, sound = complete_pair_options(options.encoder, options.lips, options.sound)
        self.config: dict[str, Any] = {"pretext": "sync", "model": asdict(options) | {"lips": lips, "sound": sound}}
        self.lips, self.sound = build_encoder_pair(options.encoder, options.lips, options.sound)
        if self.lips.dim != self.sound.dim:
            raise ModelError(f"lips have embeddings of {self.lips.dim} numbers but sound of {self.sound.dim}")
        self.dim = self.lips.dim
        self.context = max(self.lips.context, self.sound.context)
        self.input_view = "face" if self.lips.region == "face" else "mouth" if self.lips.colour else "mouth-luma"
        self.spectrum = make_spectrum(self.sound)
        self.loss = make_loss(
            options.loss,
            similarity=options.similarity,
            symmetric=options.symmetric,
            exclude=options.exclude,
            margin=options.margin,
            weight=options.weight,
        )
        self.distance = self.loss.distance
        self.picture_augment = PictureAugmentation(options.pictures)
        self.sound_augment = SoundAugmentation(options.sounds)
        self.lips.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]  # a third faster on a CPU

    @classmethod
    def options_from(cls, given: Mapping[str, Any]) -> SyncOptions:
        """See `Pretext.options_from`."""
        return SyncOptions(**augmentation_from_plain(given))

    def embed_lips(self, video: Tensor, region: Region = "face") -> Tensor:
        """See `LipSync.embed_lips`."""
        return self._embed_pictures(lip_input(video, region, self.lips, self.picture_augment))

    def embed_sound(self, audio: Tensor) -> Tensor:
        """See `LipSync.embed_sound`."""
        return self._embed_spectrum(self.spectrum(audio))

    @property
    def speech(self) -> PaddedSpeechEncoder:
        """The sound encoder, for each frame of any recording."""
        return PaddedSpeechEncoder(self.sound, self.spectrum, self.loss.normalised)

    def forward(self, batch: Mapping[str, Tensor], rng: Generator | None = None) -> dict[str, Tensor]:
        """One training step's loss.

        Args:
            batch: clips of one length, ``video`` as `view` has it and ``audio``; the T - 2 context moments of a clip
                are each other's candidates.
            rng: where disturbances and candidates are drawn from; without one nothing is disturbed.

        Returns:
            ``loss``; ``matched``, the share of the moments of sound whose nearest lips are their own; and the
            embeddings themselves, ``lips`` and ``sound`` (B, N, dim), without their graph.
        """
        with torch.autocast(batch["video"].device.type, enabled=False):  # pictures and spectra need their digits
            pictures, spectrum = self._prepare(batch, rng)
        lips, sound = self._embed_pictures(pictures), self._embed_spectrum(spectrum)
        return sync_loss(self.loss, sound, lips, self.options.candidates, self.options.spacing, rng)

    def _prepare(self, batch: Mapping[str, Tensor], rng: Generator | None) -> tuple[Tensor, Tensor]:
        """Pictures and spectrum as the encoders take them, disturbed if there is a generator."""
        video, audio = batch["video"], batch["audio"].float()
        if audio.shape[1] != video.shape[1] * SAMPLES_PER_FRAME:
            raise ValueError(f"{video.shape[1]} frames come with {audio.shape[1]} samples of sound")
        pictures = lip_input(video, self.lips.region, self.lips, self.picture_augment, rng)
        if rng is None:
            return pictures, self.spectrum(audio)
        return pictures, augmented_spectrum(self.spectrum, audio, self.sound_augment, rng)

    def _embed_pictures(self, pictures: Tensor) -> Tensor:
        return align_embeddings(self.lips(pictures), self.context - self.lips.context, self.loss.normalised)

    def _embed_spectrum(self, spectrum: Tensor) -> Tensor:
        return align_embeddings(self.sound(spectrum), self.context - self.sound.context, self.loss.normalised)
