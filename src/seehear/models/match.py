"""The match model: voices and faces, alone (`MatchModel`) and as an objective of joint (`MatchObjective`).

Chung, Kang & Chung 2020, "Seeing voices and hearing voices" (arXiv 2004.14326): 2 s of audio and one still of the same
track. A second segment and a second still are the positives within the modalities, for losses that separate those too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from seehear.audio.augmentation import SoundAugmentation, SoundAugmentationOptions
from seehear.clip import FPS
from seehear.config import check_minimums, check_names, options_to_dict
from seehear.errors import ModelError
from seehear.losses import AngularLoss, LossName, build_loss, check_loss
from seehear.losses.base import Loss, SimilarityName, gather_processes, mean_where
from seehear.models.inputs import (
    encode_augmented,
    face_input,
    sample_two_feature_segments,
    sample_two_segments,
)
from seehear.models.interface import SEGMENT_S, IdentityModel, cross_similarity, within_similarity
from seehear.models.picture_augmentation import PictureAugmentation, PictureAugmentationOptions
from seehear.models.validation import MatchValidation
from seehear.nn import FaceName, SpeechName, build_encoder, complete_options
from seehear.nn.embed import freeze_unused_layers
from seehear.nn.interface import SpeechEncoder, StreamedSpeech
from seehear.nn.layers import Pooling, SharedSubspace, VoiceHead

SHARED_SHARE = 0.05
"""Share of an embedding's squared length in the shared dimensions: enough to have an effect, too little to help
distinguish voices."""


def still_augmentation() -> PictureAugmentationOptions:
    """Differences between stills of one person; no warp, as the shape of a face identifies its owner."""
    return PictureAugmentationOptions(
        scale=0.1,
        shift=0.05,
        shear=0.05,
        warp=0.0,
        jitter=0.0,
        held=0.0,
        blur=0.2,
        compression=0.1,
        noise=0.3,
    )


def voice_augmentation() -> SoundAugmentationOptions:
    """Differences between recordings of one person; no vocal tract warp, as its length identifies the speaker."""
    return SoundAugmentationOptions(noise=0.3, equaliser_db=3.0, warp=0.0)


@dataclass(frozen=True)
class MatchOptions:
    """Options of the match model: towers, loss and augmentation.

    Attributes:
        pretext: the model that these options belong to.
        encoder: name of the speech encoder.
        sound: options of the encoder that differ from its defaults.
        layer: layer of the encoder that the voice head uses; by default the encoder's default layer. Later layers are
            not trained.
        pooling: pooling of the features over time: mean, mean and deviation, or both weighted by attention.
        face: name of the face encoder.
        still: options of the face encoder that differ from its defaults.
        face_dropout: dropout rate of the face features: stills of one track are so similar that faces are soon
            memorised.
        dim: width of an embedding.
        seconds: length of a voice segment; windows shorter than two segments give two halves.
        loss: loss that pulls a voice and its face together and pushes those of other recordings away.
        similarity: similarity of the multi-way losses.
        symmetric: for multi-way losses: average the losses of both directions, voices to faces and faces to voices.
        margin: margin of the contrastive loss.
        weight: weight of the separation within the modalities, in the loss ``separate``.
        shared: for multi-way losses: additional dimensions, besides ``dim``, in which voices are compared with faces;
            by default the ``dim`` dimensions themselves are compared. A face reveals little about a voice (sex, age,
            size), and with more dimensions more training pairs are memorised.
        loss_options: other options of the loss, which a loss of a plug-in may have.
        freeze_voice: keep the initial weights of the voice tower (see --init), except for the shared dimensions.
        pictures: augmentation of the stills, independent for each.
        sounds: augmentation of the segments, independent for each.
    """

    pretext: Literal["match"] = "match"
    encoder: SpeechName = "small"
    sound: dict[str, Any] = field(default_factory=dict)
    layer: str | None = None
    pooling: Pooling = "mean+deviation"
    face: FaceName = "small"
    still: dict[str, Any] = field(default_factory=dict)
    face_dropout: float = 0.5
    dim: int = 128
    seconds: float = SEGMENT_S
    loss: LossName = "separate"
    similarity: SimilarityName = "angular"
    symmetric: bool = True
    margin: float = 20.0
    weight: float = 1.0
    shared: int | None = None
    loss_options: dict[str, Any] = field(default_factory=dict)
    freeze_voice: bool = False
    pictures: PictureAugmentationOptions = field(default_factory=still_augmentation)
    sounds: SoundAugmentationOptions = field(default_factory=voice_augmentation)

    def __post_init__(self) -> None:
        check_names(self)
        check_minimums("model", self, dim=1, seconds=1 / FPS, margin=0, weight=0, face_dropout=0)
        if self.face_dropout >= 1:
            raise ValueError(f"model.face_dropout must be less than 1, not {self.face_dropout}")
        if self.shared is not None:
            check_minimums("model", self, shared=1)
        check_loss(self, "model", second_embeddings=True)


class MatchModel(IdentityModel):
    """A voice tower and a still-image face tower whose embeddings are similar if both are from the same recording.

    Attributes:
        options: options of the model.
        config: contents of its config.json; the key ``model`` rebuilds it.
        view: faces at the resolution of the face tower.
    """

    name = "match"
    Options = MatchOptions
    summary = "embeddings of voices and faces that are similar for the same person"
    paper = "Chung, Kang & Chung 2020, arXiv 2004.14326"
    validation = MatchValidation
    logged_metrics = ("matched", "same_voice")
    stills_per_window = 2
    separate_sources = True
    needs_pictures = False
    video_only_modules = ("face", "face_head", "common")

    def __init__(self, options: MatchOptions | None = None) -> None:
        super().__init__()
        self.options = o = options or MatchOptions()
        encoders = {
            "sound": complete_options("speech", o.encoder, o.sound),
            "still": complete_options("face", o.face, o.still),
        }
        self.dim = o.dim + (o.shared or 0)
        self.encoder = build_encoder("speech", o.encoder, o.sound)
        self.layer = o.layer or self.encoder.default_layer
        freeze_unused_layers(self.encoder, self.layer)
        self.config: dict[str, Any] = {
            "pretext": self.name,
            "model": options_to_dict(o) | encoders | {"layer": self.layer},
        }
        self.voice_head = VoiceHead(self.encoder.layers[self.layer], o.dim, o.pooling)
        self.common = SharedSubspace(o.dim, o.shared) if o.shared else None
        if o.freeze_voice:
            self.encoder.requires_grad_(False)
            self.voice_head.requires_grad_(False)
        self.face = build_encoder("face", o.face, o.still)
        self.face_head = nn.Sequential(nn.Dropout(o.face_dropout), nn.Linear(self.face.dim, self.dim))
        self.input_view = f"face-{self.face.size}"
        self.loss = build_loss(o)
        self.distance, self.shared = self.loss.distance, self.loss.shared_dims
        self.picture_augment = PictureAugmentation(o.pictures)
        self.sound_augment = SoundAugmentation(o.sounds)

    @property
    def speech(self) -> StreamedSpeech:
        """The audio encoder."""
        return self.encoder

    def train(self, mode: bool = True) -> Self:
        """As `nn.Module.train`, but a frozen voice tower also keeps its batch norm statistics."""
        super().train(mode)
        if self.options.freeze_voice:
            self.encoder.eval()
            self.voice_head.eval()
        return self

    @property
    def matching(self) -> nn.Module:
        """See `IdentityModel.matching`."""
        return self.loss

    def embed_voice(self, audio: Tensor) -> Tensor:
        """See `IdentityModel.embed_voice`."""
        return self._embed_features(self.encoder(audio, self.layer))

    def embed_face(self, faces: Tensor) -> Tensor:
        """See `IdentityModel.embed_face`."""
        return self._embed_pictures(face_input(faces, self.face.size, self.picture_augment))

    def forward(self, batch: Mapping[str, Tensor], rng: Generator | None = None) -> dict[str, Tensor]:
        """Compute the loss of one training step, over the candidates of all processes.

        Args:
            batch: ``audio`` (B, 640 T), from which two segments are cut; ``video`` (B, stills, S, S, 3), of which the
                first and the last still are used; ``seen`` (B,), False for audio-only clips, by default all True.
            rng: source of segments and augmentation; without one the segments are the first and the last part of the
                audio, without augmentation.

        Returns:
            see `match_loss`; the embeddings of missing faces are zeros
        """
        audio, video = batch["audio"].float(), batch["video"]
        seen = batch["seen"] if "seen" in batch else video.new_ones(len(video), dtype=torch.bool)
        voices = self._embed_segment_pair(sample_two_segments(audio, round(self.options.seconds * FPS), rng), rng)
        faces = self._embed_still_pair(video, seen, rng)
        return match_loss(self.loss, voices, faces, self.shared, seen)

    def _embed_segment_pair(self, segments: tuple[Tensor, Tensor], rng: Generator | None) -> tuple[Tensor, ...]:
        """Embed two segments of each voice in one batch, each augmented independently."""
        if rng is not None:
            with torch.autocast(segments[0].device.type, enabled=False):
                segments = (
                    self.sound_augment.augment_waveform(segments[0], rng),
                    self.sound_augment.augment_waveform(segments[1], rng),
                )
        audio = torch.cat(segments)
        features = encode_augmented(self.encoder, audio, self.sound_augment, rng)[self.layer]
        return self._embed_features(features).chunk(2)

    def _embed_still_pair(self, video: Tensor, seen: Tensor, rng: Generator | None) -> tuple[Tensor, ...]:
        """Embed two stills of each track, without black frames, which would distort the batch norm statistics.

        If all are black, one is used, so that the face tower of every process has gradients, even if they are 0.
        """
        which = seen.nonzero().flatten() if seen.any() else seen.new_zeros(1, dtype=torch.long)
        stills = torch.cat([video[which, 0], video[which, -1]])
        embedded = self._embed_pictures(face_input(stills, self.face.size, self.picture_augment, rng))
        zeros = embedded.new_zeros(len(video), self.dim)
        return tuple(zeros.index_copy(0, which, part) for part in embedded.chunk(2))

    def _embed_pictures(self, pictures: Tensor) -> Tensor:
        """(B, 3, size, size) in 0..1 -> (B, dim)."""
        return self._finish(self.face_head(self.face(pictures)))

    def _embed_features(self, features: Tensor) -> Tensor:
        """Features of the voice head's layer, (B, T, width) -> (B, dim)."""
        voice = self.voice_head(features)
        return self._finish(voice if self.common is None else torch.cat([self.common(voice), voice], dim=-1))

    def _finish(self, embeddings: Tensor) -> Tensor:
        """Scale to length 1 if the loss compares angles; the shared dimensions have a small share of it."""
        embeddings = embeddings.float()
        if not self.loss.normalised or self.common is None:
            return F.normalize(embeddings, dim=-1) if self.loss.normalised else embeddings
        common, own = embeddings[..., : self.shared], embeddings[..., self.shared :]
        parts = [SHARED_SHARE**0.5 * F.normalize(common, dim=-1), (1 - SHARED_SHARE) ** 0.5 * F.normalize(own, dim=-1)]
        return torch.cat(parts, dim=-1)


def match_loss(
    loss: Loss, voices: Sequence[Tensor], faces: Sequence[Tensor], shared: int | None, seen: Tensor | None = None
) -> dict[str, Tensor]:
    """Loss of distinguishing people, over the candidates of all processes.

    Args:
        loss: loss between voices and faces
        voices: embeddings of two segments of each voice, (B, dim) each
        faces: embeddings of two stills of each face, (B, dim) each
        shared: number of leading dimensions in which voices and faces are compared for ``matched``; None is all
        seen: (B,), False where there is no face; by default all True

    Returns:
        ``loss``; ``matched``, the fraction of voices whose nearest face is their own; ``same_voice``, the fraction of
        first segments whose nearest second segment is their own; and the embeddings of this process, detached:
        ``voice``, ``face``, ``voice2``, ``face2`` (B, dim).
    """
    local = dict(zip(("voice", "voice2", "face", "face2"), (*voices, *faces), strict=True))
    gather = gather_processes if torch.is_grad_enabled() else lambda x: x
    voice, voice2, face, face2 = (gather(x).unsqueeze(0) for x in local.values())
    all_seen = None if seen is None else gather(seen.float()).bool()
    cost = loss(voice, face, voice2, face2, seen=None if all_seen is None else all_seen.unsqueeze(0))
    with torch.no_grad():
        everybody = torch.ones(voice.shape[1], dtype=torch.bool, device=voice.device)
        alike = cross_similarity(voice[0], face[0], loss.distance, shared)
        metrics = {
            "matched": top1_accuracy(alike, everybody if all_seen is None else all_seen),
            "same_voice": top1_accuracy(within_similarity(voice[0], voice2[0], loss.distance), everybody),
        }
    return {"loss": cost} | metrics | {name: x.detach() for name, x in local.items()}


def top1_accuracy(alike: Tensor, valid: Tensor) -> Tensor:
    """Top-1 accuracy over the valid of N items, by similarities (N, N); the correct answers are on the diagonal."""
    nearest = alike.masked_fill(~valid, -torch.inf).argmax(1)
    return mean_where((nearest == torch.arange(len(alike), device=alike.device)).float(), valid)


STILL_POSITIONS = (0.25, 0.75)
"""Relative positions of a clip's two stills if they are not random."""


@dataclass(frozen=True)
class MatchObjectiveOptions:
    """Options of the match objective.

    Attributes:
        layer: layer of the speech encoder that the voice head uses; by default the encoder's default layer.
        pooling: pooling of the features over time; see `MatchOptions`.
        face: name of the face encoder.
        still: options of the face encoder that differ from its defaults.
        face_dropout: dropout rate of the face features; see `MatchOptions`.
        seconds: length of a voice segment.
        loss: loss that pulls a voice and its face together, by cosine similarity.
        symmetric: average the losses of both directions, voices to faces and faces to voices.
        weight: weight of the separation within the modalities, in the loss `separate`.
        shared: number of leading dimensions that are compared across the modalities; by default all. The others are
            used within a modality only.
        loss_options: other options of the loss.
        pictures: augmentation of the stills, independent for each.
    """

    layer: str | None = None
    pooling: Pooling = "mean+deviation"
    face: FaceName = "small"
    still: dict[str, Any] = field(default_factory=dict)
    face_dropout: float = 0.5
    seconds: float = SEGMENT_S
    loss: AngularLoss = "separate"
    symmetric: bool = True
    weight: float = 1.0
    shared: int | None = None
    loss_options: dict[str, Any] = field(default_factory=dict)
    pictures: PictureAugmentationOptions = field(default_factory=still_augmentation)

    def __post_init__(self) -> None:
        check_names(self)
        check_minimums("model.match", self, seconds=1 / FPS, weight=0, face_dropout=0)
        if self.face_dropout >= 1:
            raise ValueError(f"model.match.face_dropout must be less than 1, not {self.face_dropout}")
        check_loss(self, "model.match", second_embeddings=True)


class MatchObjective(nn.Module):
    """A voice head on the features of a speech encoder, and a face tower.

    The two segments of a voice are cut from existing features, each from a different augmentation of the same audio.
    With one augmentation for both, the head would learn to recognise the augmentation instead of the voice.

    Attributes:
        layer: layer of the speech encoder that the voice head uses.
    """

    def __init__(self, options: MatchObjectiveOptions, speech: SpeechEncoder, dim: int) -> None:
        """Build the layers.

        Args:
            options: options of the objective.
            speech: the speech encoder; it is not registered here.
            dim: width of an embedding.

        Raises:
            ModelError: the speech encoder has no such layer.
        """
        super().__init__()
        self.options = o = options
        self.layer = o.layer or speech.default_layer
        if self.layer not in speech.layers:
            raise ModelError(f"model.match.layer {self.layer!r} is not one of {', '.join(speech.layers)}")
        self.voice_head = VoiceHead(speech.layers[self.layer], dim, o.pooling)
        self.face = build_encoder("face", o.face, o.still)
        self.face_head = nn.Linear(self.face.dim, dim)
        self.loss = build_loss(o)
        self.augment = PictureAugmentation(o.pictures)

    def forward(
        self, layers: dict[str, Tensor], again: dict[str, Tensor], video: Tensor, rng: Generator | None = None
    ) -> dict[str, Tensor]:
        """Compare two segments of each voice and two stills of each face over the batches of all processes.

        Args:
            layers: layers of the speech encoder, (B, T, width) each.
            again: the same for another augmentation of the same audio.
            video: face crops, uint8 (B, T, S, S, 3).
            rng: source of segments, stills and augmentation.

        Returns:
            see `match_loss`
        """
        o = self.options
        frames = round(o.seconds * FPS)
        both = torch.cat([layers[self.layer], again[self.layer]], dim=-1)  # so that one random draw cuts both
        first, second = sample_two_feature_segments(both, frames, rng)
        width = first.shape[-1] // 2
        voices = self.embed_voice(first[..., :width]), self.embed_voice(second[..., width:])
        faces = self.embed_face(_two_stills(video, rng), rng).chunk(2)
        return match_loss(self.loss, voices, faces, o.shared)

    def embed_voice(self, features: Tensor) -> Tensor:
        """Features (B, T, width) of the voice head's layer -> (B, dim)."""
        return F.normalize(self.voice_head(features).float(), dim=-1)

    def embed_face(self, stills: Tensor, rng: Generator | None = None) -> Tensor:
        """See `IdentityModel.embed_face`; augmented if there is a generator."""
        features = self.face(face_input(stills, self.face.size, self.augment, rng))
        if rng is not None:
            features = _dropout(features, self.options.face_dropout, rng)
        return F.normalize(self.face_head(features).float(), dim=-1)


def _two_stills(video: Tensor, rng: Generator | None) -> Tensor:
    """Two frames of each clip, first all first ones, then all second ones: (B, T, S, S, 3) -> (2 B, S, S, 3)."""
    clips, frames = video.shape[:2]
    if rng is None:
        which = torch.tensor([int(position * frames) for position in STILL_POSITIONS]).expand(clips, 2)
    else:
        which = torch.randint(frames, (clips, 2), generator=rng, device=rng.device)
    rows = torch.arange(clips, device=video.device)
    return torch.cat([video[rows, which[:, i].to(video.device)] for i in (0, 1)])


def _dropout(features: Tensor, share: float, rng: Generator) -> Tensor:
    """Dropout that uses the training's generator, so that runs are reproducible."""
    kept = torch.rand(features.shape, generator=rng, device=rng.device) >= share
    return features * kept.to(features.device) / (1 - share)
