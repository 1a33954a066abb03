"""Sync: which moment of the sound belongs to which moment of the lips, told from other moments of the same clip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from seehear.audio.augment import SoundAugment, SoundAugmentOptions
from seehear.audio.logmel import LogMel
from seehear.bounds import require_at_least
from seehear.clip import SAMPLES_PER_FRAME
from seehear.encoders import EncoderName, Region, full_options, make_encoders
from seehear.encoders.padded import PaddedSpeech
from seehear.errors import ModelError
from seehear.losses import LossName, make_loss
from seehear.losses.similarity import Distance, SimilarityName, distances
from seehear.pretext.augment import PictureAugment, PictureAugmentOptions
from seehear.pretext.disturbances import with_disturbances
from seehear.pretext.interface import Pretext
from seehear.pretext.view import scaled, view


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
    loss: LossName = "multiway"
    similarity: SimilarityName = "angular"
    symmetric: bool = True
    exclude: int = 1
    margin: float = 1.0
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


class SyncModel(Pretext):
    """A lip and a sound encoder whose embeddings agree where picture and sound belong together.

    Attributes:
        options: what it was built from.
        config: everything that its config.json says; the key ``model`` rebuilds it.
        context: video frames lost at each end of a clip: T frames give T - 2 context embeddings.
        dim: width of an embedding.
        distance: what its embeddings are compared by, ``cosine`` or ``euclidean``.
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
        self.logmel = LogMel(self.sound.bands)
        self.loss = make_loss(
            options.loss,
            similarity=options.similarity,
            symmetric=options.symmetric,
            exclude=options.exclude,
            margin=options.margin,
            weight=options.weight,
        )
        self.distance: Distance = self.loss.distance
        self.picture_augment = PictureAugment(options.pictures)
        self.sound_augment = SoundAugment(options.sounds)
        self.lips.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]  # a third faster on a CPU

    @classmethod
    def options_from(cls, given: Mapping[str, Any]) -> SyncOptions:
        """See `Pretext.options_from`."""
        return SyncOptions(**with_disturbances(given))

    def embed_lips(self, video: Tensor, region: Region = "face") -> Tensor:
        """Embeddings of pictures.

        Args:
            video: uint8 (B, T, S, S, 3) RGB or (B, T, S, S) luma.
            region: what they show: canonical face crops, or the mouth region of such.

        Returns:
            (B, T - 2 context, dim), L2-normalised where they are compared by cosine.
        """
        return self._embed_pictures(scaled(view(video, region, self.lips), self.lips.size))

    def embed_sound(self, audio: Tensor) -> Tensor:
        """Embeddings of sound: float32 in [-1, 1], (B, T * 640) -> (B, T - 2 context, dim)."""
        return self._embed_mel(self.logmel(audio))

    @property
    def speech(self) -> PaddedSpeech:
        """The sound encoder, for each frame of any recording."""
        return PaddedSpeech(self.sound, self.logmel, self.loss.normalised)

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
            pictures, mel = self._prepare(batch, rng)
        lips, sound = self._embed_pictures(pictures), self._embed_mel(mel)
        times = self._draw_times(lips, rng)
        if times is not None:
            lips, sound = (x.gather(1, times.unsqueeze(-1).expand(-1, -1, self.dim)) for x in (lips, sound))
        loss = self.loss(sound, lips, times=times)
        lips, sound = lips.detach(), sound.detach()
        return {"loss": loss, "matched": matched(sound, lips, self.distance), "lips": lips, "sound": sound}

    def _prepare(self, batch: Mapping[str, Tensor], rng: Generator | None) -> tuple[Tensor, Tensor]:
        """Pictures and log-mel as the encoders take them, disturbed if there is a generator."""
        pictures, audio = view(batch["video"], self.lips.region, self.lips), batch["audio"].float()
        frames = pictures.shape[2]
        if audio.shape[1] != frames * SAMPLES_PER_FRAME:
            raise ValueError(f"{frames} frames come with {audio.shape[1]} samples of sound")
        if rng is None:
            return scaled(pictures, self.lips.size), self.logmel(audio)
        disturbed = self.picture_augment(pictures.flatten(1, 2), frames, self.lips.size, rng)
        pictures = disturbed.view(*pictures.shape[:3], *disturbed.shape[2:])
        mel = self.logmel(self.sound_augment.waves(audio, rng))
        return pictures, self.sound_augment.mel(mel, self.logmel.centres_hz, rng)

    def _embed_pictures(self, pictures: Tensor) -> Tensor:
        return self._finish(self.lips(pictures), self.context - self.lips.context)

    def _embed_mel(self, mel: Tensor) -> Tensor:
        return self._finish(self.sound(mel), self.context - self.sound.context)

    def _finish(self, embeddings: Tensor, spare: int) -> Tensor:
        embeddings = embeddings[:, spare : embeddings.shape[1] - spare].float()
        return F.normalize(embeddings, dim=-1) if self.loss.normalised else embeddings

    def _draw_times(self, lips: Tensor, rng: Generator | None) -> Tensor | None:
        """(B, N) sorted moments, at least ``spacing`` apart; None where all of them take part."""
        wanted, spacing = self.options.candidates, self.options.spacing
        groups, moments, _ = lips.shape
        if rng is None or (wanted is None and spacing == 1):
            return None
        count = min(wanted or moments, max(1, moments // spacing))  # not one more, or there were no choice left
        free = moments - (count - 1) * (spacing - 1)  # draw without spacing, then push apart
        drawn = torch.rand(groups, free, generator=rng, device=rng.device).argsort(1)[:, :count].sort(1).values
        return drawn + torch.arange(count, device=rng.device) * (spacing - 1)


@torch.no_grad()
def matched(sound: Tensor, lips: Tensor, distance: Distance) -> Tensor:
    """Share of (G, N, D) sounds whose nearest lips of the group are their own."""
    alike = sound @ lips.mT if distance == "cosine" else -distances(sound.float(), lips.float())
    own = torch.arange(alike.shape[1], device=alike.device)
    return (alike.argmax(2) == own).float().mean()
