"""Sync: which moment of the sound belongs to which moment of the lips, told from other moments of the same clip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import torch
from torch import Generator, Tensor

from seehear.audio.augment import SoundAugment, SoundAugmentOptions
from seehear.bounds import require_at_least
from seehear.clip import SAMPLES_PER_FRAME
from seehear.encoders import EncoderName, Region, full_options, make_encoders
from seehear.encoders.padded import PaddedSpeech
from seehear.encoders.spectrum import make_spectrum
from seehear.errors import ModelError
from seehear.losses import LossName, make_loss
from seehear.losses.similarity import SimilarityName
from seehear.pretext.augment import PictureAugment, PictureAugmentOptions
from seehear.pretext.disturbances import with_disturbances
from seehear.pretext.hearing import disturbed_spectrum
from seehear.pretext.lipsync import LipSync
from seehear.pretext.moments import compare_moments, in_step, lip_pictures


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
    pictures: PictureAugmentOptions = field(default_factory=PictureAugmentOptions)
    sounds: SoundAugmentOptions = field(default_factory=SoundAugmentOptions)

    def __post_init__(self) -> None:
        require_at_least("model", self, exclude=0, margin=0, weight=0, spacing=1)
        if self.candidates is not None:
            require_at_least("model", self, candidates=2)
        if self.loss == "separate" and self.similarity != "angular":
            raise ValueError("model.loss separate needs model.similarity angular: there is one cut of each clip")


class SyncModel(LipSync):
    """A lip and a sound encoder whose embeddings agree where picture and sound belong together.

    Attributes:
        options: what it was built from.
        config: everything that its config.json says; the key ``model`` rebuilds it.
        view: the least of each clip that its lip encoder looks at.
    """

    name = "sync"
    Options = SyncOptions
    shown = ("matched",)

    def __init__(self, options: SyncOptions | None = None) -> None:
        super().__init__()
        self.options = options = options or SyncOptions()
        lips, sound = full_options(options.encoder, options.lips, options.sound)
        self.config: dict[str, Any] = {"pretext": "sync", "model": asdict(options) | {"lips": lips, "sound": sound}}
        self.lips, self.sound = make_encoders(options.encoder, options.lips, options.sound)
        if self.lips.dim != self.sound.dim:
            raise ModelError(f"lips have embeddings of {self.lips.dim} numbers but sound of {self.sound.dim}")
        self.dim = self.lips.dim
        self.context = max(self.lips.context, self.sound.context)
        self.view = "face" if self.lips.region == "face" else "mouth" if self.lips.colour else "mouth-luma"
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
        self.picture_augment = PictureAugment(options.pictures)
        self.sound_augment = SoundAugment(options.sounds)
        self.lips.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]  # a third faster on a CPU

    @classmethod
    def options_from(cls, given: Mapping[str, Any]) -> SyncOptions:
        """See `Pretext.options_from`."""
        return SyncOptions(**with_disturbances(given))

    def embed_lips(self, video: Tensor, region: Region = "face") -> Tensor:
        """See `LipSync.embed_lips`."""
        return self._embed_pictures(lip_pictures(video, region, self.lips, self.picture_augment))

    def embed_sound(self, audio: Tensor) -> Tensor:
        """See `LipSync.embed_sound`."""
        return self._embed_spectrum(self.spectrum(audio))

    @property
    def speech(self) -> PaddedSpeech:
        """The sound encoder, for each frame of any recording."""
        return PaddedSpeech(self.sound, self.spectrum, self.loss.normalised)

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
        return compare_moments(self.loss, sound, lips, self.options.candidates, self.options.spacing, rng)

    def _prepare(self, batch: Mapping[str, Tensor], rng: Generator | None) -> tuple[Tensor, Tensor]:
        """Pictures and spectrum as the encoders take them, disturbed if there is a generator."""
        video, audio = batch["video"], batch["audio"].float()
        if audio.shape[1] != video.shape[1] * SAMPLES_PER_FRAME:
            raise ValueError(f"{video.shape[1]} frames come with {audio.shape[1]} samples of sound")
        pictures = lip_pictures(video, self.lips.region, self.lips, self.picture_augment, rng)
        if rng is None:
            return pictures, self.spectrum(audio)
        return pictures, disturbed_spectrum(self.spectrum, audio, self.sound_augment, rng)

    def _embed_pictures(self, pictures: Tensor) -> Tensor:
        return in_step(self.lips(pictures), self.context - self.lips.context, self.loss.normalised)

    def _embed_spectrum(self, spectrum: Tensor) -> Tensor:
        return in_step(self.sound(spectrum), self.context - self.sound.context, self.loss.normalised)
