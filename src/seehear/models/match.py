"""match: one implementation, alone and in joint.

Chung, Kang & Chung 2020, "Seeing voices and hearing voices" (arXiv 2004.14326): 2 s of sound against one still of the
same track. A second segment and a second still are the positives within the modalities, where the loss keeps those
apart too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from inspect import signature
from typing import Any, Literal, Self

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from seehear.audio.augmentation import SoundAugmentation, SoundAugmentationOptions
from seehear.clip import FPS
from seehear.config import build_options, check_minimums
from seehear.errors import ModelError
from seehear.losses import LOSSES, LossName, make_loss
from seehear.losses.base import SimilarityName, gather_processes, mean_where
from seehear.models.inputs import (
    augmentation_from_plain,
    encode_augmented,
    face_input,
    sample_two_feature_segments,
    sample_two_segments,
)
from seehear.models.interface import SEGMENT_S, IdentityModel, cross_similarity
from seehear.models.picture_augmentation import PictureAugmentation, PictureAugmentationOptions
from seehear.models.sync import AngularLoss
from seehear.nn import (
    FaceName,
    SpeechName,
    build_face_encoder,
    build_speech_encoder,
    complete_face_options,
    complete_speech_options,
)
from seehear.nn.embed import freeze_unused_layers
from seehear.nn.interface import SpeechEncoder, StreamedSpeech
from seehear.nn.layers import Pooling, SharedSubspace, VoiceHead

SHARED_SHARE = 0.05
"""Share of an embedding's squared length that the numbers in common have: enough to be there, too little to tell voices
from voices by."""


def still_augmentation() -> PictureAugmentationOptions:
    """What differs from still to still of one person: no warp, for the shape of a face says who it is."""
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
    """What differs from recording to recording of one person: no vocal tract warp, for its length says who it is."""
    return SoundAugmentationOptions(noise=0.3, equaliser_db=3.0, warp=0.0)


@dataclass(frozen=True)
class MatchOptions:
    """The match pretext: its towers, its loss and how sound and stills are disturbed.

    Attributes:
        pretext: whose options these are.
        encoder: of speech.
        sound: options of that encoder that differ from its defaults.
        layer: of that encoder, from which the voice is read; by default the one that tasks read. Layers behind it learn
            nothing.
        pooling: what the voice's embedding is made of: the features' mean over time, mean and deviation, or both
            weighted by attention.
        face: encoder of the still.
        still: options of that encoder that differ from its defaults.
        face_dropout: share of the face's features that are left out at random in training: stills of one track are so
            alike that faces are soon known by heart.
        dim: width of an embedding.
        seconds: of sound in one embedding of a voice; windows shorter than two of them give two halves.
        loss: what pulls a voice and its face together, and pushes those of other recordings away.
        similarity: of the multi-way losses.
        symmetric: of the multi-way losses: voices choose faces and faces choose voices.
        margin: of the contrastive loss.
        weight: of the separation within the modalities, in the loss ``separate``.
        shared: of the multi-way losses: numbers beside the ``dim`` others that voices and faces have in common and by
            which they are compared; by default those others are compared themselves. A face tells little of a voice:
            sex, age, size. The more room there is beyond that, the more of the training's own pairs is learned by
            heart.
        freeze_voice: the voice tower stays as it begins (see --init), but for those numbers in common.
        pictures: disturbance of the stills, each by itself.
        sounds: disturbance of the segments, each by itself.
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
    freeze_voice: bool = False
    pictures: PictureAugmentationOptions = field(default_factory=still_augmentation)
    sounds: SoundAugmentationOptions = field(default_factory=voice_augmentation)

    def __post_init__(self) -> None:
        check_minimums("model", self, dim=1, seconds=1 / FPS, margin=0, weight=0, face_dropout=0)
        if self.face_dropout >= 1:
            raise ValueError(f"model.face_dropout must be less than 1, not {self.face_dropout}")
        if self.shared is not None:
            check_minimums("model", self, shared=1)
            if "shared" not in signature(LOSSES[self.loss]).parameters:
                raise ValueError(f"the loss {self.loss} compares all of an embedding: leave out model.shared")


class MatchModel(IdentityModel):
    """A voice tower over time and a face tower over one still, whose embeddings agree where both are of one recording.

    Attributes:
        options: what it was built from.
        config: everything that its config.json says; the key ``model`` rebuilds it.
        view: faces of the size that the face tower takes.
    """

    name = "match"
    Options = MatchOptions
    logged_metrics = ("matched", "same_voice")
    stills_per_window = 2
    separate_sources = True
    needs_pictures = False
    video_only_modules = ("face", "face_head", "common")

    def __init__(self, options: MatchOptions | None = None) -> None:
        super().__init__()
        self.options = o = options or MatchOptions()
        whole = {"sound": complete_speech_options(o.encoder, o.sound), "still": complete_face_options(o.face, o.still)}
        self.dim = o.dim + (o.shared or 0)
        self.encoder = build_speech_encoder(o.encoder, o.sound)
        self.layer = o.layer or self.encoder.default_layer
        freeze_unused_layers(self.encoder, self.layer)
        self.config: dict[str, Any] = {"pretext": self.name, "model": asdict(o) | whole | {"layer": self.layer}}
        self.voice_head = VoiceHead(self.encoder.layers[self.layer], o.dim, o.pooling)
        self.common = SharedSubspace(o.dim, o.shared) if o.shared else None
        if o.freeze_voice:
            self.encoder.requires_grad_(False)
            self.voice_head.requires_grad_(False)
        self.face = build_face_encoder(o.face, o.still)
        self.face_head = nn.Sequential(nn.Dropout(o.face_dropout), nn.Linear(self.face.dim, self.dim))
        self.input_view = f"face-{self.face.size}"
        self.loss = make_loss(
            o.loss, similarity=o.similarity, symmetric=o.symmetric, margin=o.margin, weight=o.weight, shared=o.shared
        )
        self.distance, self.shared = self.loss.distance, self.loss.shared_dims
        self.picture_augment = PictureAugmentation(o.pictures)
        self.sound_augment = SoundAugmentation(o.sounds)

    @classmethod
    def options_from(cls, given: Mapping[str, Any]) -> MatchOptions:
        """See `Pretext.options_from`."""
        options: MatchOptions = build_options(MatchOptions, augmentation_from_plain(given))
        return options

    @property
    def speech(self) -> StreamedSpeech:
        """The encoder of sound."""
        return self.encoder

    def train(self, mode: bool = True) -> Self:
        """As of any module; a frozen voice tower keeps its statistics too."""
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
        """One training step's loss, over the candidates of all processes.

        Args:
            batch: ``audio`` (B, 640 T), of which two segments are heard; ``video`` (B, stills, S, S, 3), of which the
                first and the last still are seen; ``seen`` (B,), False where there is sound only, all by default.
            rng: where segments and disturbances are drawn from; without one the segments are the first and the last
                of the sound, and nothing is disturbed.

        Returns:
            ``loss``; ``matched``, the share of voices whose nearest face is their own; ``same_voice``, the share of
            first segments whose nearest second segment is their own; and the embeddings of this process, without
            their graph: ``voice``, ``face``, ``voice2``, ``face2`` (B, dim), a face that is not seen being 0.
        """
        audio, video = batch["audio"].float(), batch["video"]
        seen = batch["seen"] if "seen" in batch else video.new_ones(len(video), dtype=torch.bool)
        voices = self._hear(sample_two_segments(audio, round(self.options.seconds * FPS), rng), rng)
        faces = self._look(video, seen, rng)
        mine = dict(zip(("voice", "voice2", "face", "face2"), (*voices, *faces), strict=True))
        everyone = {name: gather_processes(x) if torch.is_grad_enabled() else x for name, x in mine.items()}
        known = gather_processes(seen.float()).bool() if torch.is_grad_enabled() else seen
        voice, voice2, face, face2 = (x.unsqueeze(0) for x in everyone.values())
        loss = self.loss(voice, face, voice2, face2, seen=known.unsqueeze(0))
        with torch.no_grad():
            found = {
                "matched": top1_accuracy(self.cross_similarity(voice[0], face[0]), known),
                "same_voice": top1_accuracy(self.similarity(voice[0], voice2[0]), torch.ones_like(known)),
            }
        return {"loss": loss} | found | {name: x.detach() for name, x in mine.items()}

    def _hear(self, segments: tuple[Tensor, Tensor], rng: Generator | None) -> tuple[Tensor, ...]:
        """Embeddings of two segments of each voice, disturbed by themselves and heard together."""
        if rng is not None:
            with torch.autocast(segments[0].device.type, enabled=False):
                segments = (
                    self.sound_augment.augment_waveform(segments[0], rng),
                    self.sound_augment.augment_waveform(segments[1], rng),
                )
        audio = torch.cat(segments)
        features = encode_augmented(self.encoder, audio, self.sound_augment, rng)[self.layer]
        return self._embed_features(features).chunk(2)

    def _look(self, video: Tensor, seen: Tensor, rng: Generator | None) -> tuple[Tensor, ...]:
        """Embeddings of two stills of each track. Black pictures are not looked at: they would spoil batch norms.

        Where all of them are black one is, so that every process asks its face tower for gradients, if only of 0.
        """
        which = seen.nonzero().flatten() if seen.any() else seen.new_zeros(1, dtype=torch.long)
        stills = torch.cat([video[which, 0], video[which, -1]])
        embedded = self._embed_pictures(face_input(stills, self.face.size, self.picture_augment, rng))
        nobody = embedded.new_zeros(len(video), self.dim)
        return tuple(nobody.index_copy(0, which, part) for part in embedded.chunk(2))

    def _embed_pictures(self, pictures: Tensor) -> Tensor:
        """(B, 3, size, size) in 0..1 -> (B, dim)."""
        return self._finish(self.face_head(self.face(pictures)))

    def _embed_features(self, features: Tensor) -> Tensor:
        """What the voice head reads, (B, T, width) -> (B, dim)."""
        voice = self.voice_head(features)
        return self._finish(voice if self.common is None else torch.cat([self.common(voice), voice], dim=-1))

    def _finish(self, embeddings: Tensor) -> Tensor:
        """Embeddings of length 1 where they are compared by their angle, those in common a small part of that."""
        embeddings = embeddings.float()
        if not self.loss.normalised or self.common is None:
            return F.normalize(embeddings, dim=-1) if self.loss.normalised else embeddings
        common, own = embeddings[..., : self.shared], embeddings[..., self.shared :]
        parts = [SHARED_SHARE**0.5 * F.normalize(common, dim=-1), (1 - SHARED_SHARE) ** 0.5 * F.normalize(own, dim=-1)]
        return torch.cat(parts, dim=-1)


def top1_accuracy(alike: Tensor, valid: Tensor) -> Tensor:
    """Share of the valid of N whose nearest among the valid is their own, by how alike they are (N, N)."""
    nearest = alike.masked_fill(~valid, -torch.inf).argmax(1)
    return mean_where((nearest == torch.arange(len(alike), device=alike.device)).float(), valid)


STILL_POSITIONS = (0.25, 0.75)
"""Of a clip, where its two stills are taken if nothing is drawn."""


@dataclass(frozen=True)
class MatchObjectiveOptions:
    """What of voices and faces is compared, and how.

    Attributes:
        layer: of the encoder of speech, from which the voice is read; by default the one that tasks read.
        pooling: what the voice's embedding is made of; see `MatchOptions`.
        face: encoder of the still.
        still: options of that encoder that differ from its defaults.
        face_dropout: share of the face's features that are left out at random in training; see `MatchOptions`.
        seconds: of sound in one embedding of a voice.
        loss: what pulls a voice and its face together, by their angle.
        symmetric: voices choose faces and faces choose voices.
        weight: of the separation within the modalities, in the loss `separate`.
        shared: numbers of an embedding, from the first on, that are compared across the modalities; by default all. The
            others tell voices from voices and faces from faces alone.
        pictures: disturbance of the stills, each by itself.
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
    pictures: PictureAugmentationOptions = field(default_factory=still_augmentation)

    def __post_init__(self) -> None:
        check_minimums("model.match", self, seconds=1 / FPS, weight=0, face_dropout=0)
        if self.face_dropout >= 1:
            raise ValueError(f"model.match.face_dropout must be less than 1, not {self.face_dropout}")


class MatchObjective(nn.Module):
    """A voice head on the features of an encoder of speech, and a face tower.

    The two segments of a voice are cut out of features that are there already, each out of another hearing of the same
    sound: were both disturbed alike, what a microphone does to a voice would be taken for the voice.

    Attributes:
        layer: of the encoder of speech, that is read.
    """

    def __init__(self, options: MatchObjectiveOptions, speech: SpeechEncoder, dim: int) -> None:
        """Makes the layers.

        Args:
            options: of the comparison.
            speech: what is read; it stays outside.
            dim: width of an embedding.

        Raises:
            ModelError: the encoder of speech has no such layer.
        """
        super().__init__()
        self.options = o = options
        self.layer = o.layer or speech.default_layer
        if self.layer not in speech.layers:
            raise ModelError(f"model.match.layer {self.layer!r} is not one of {', '.join(speech.layers)}")
        self.voice_head = VoiceHead(speech.layers[self.layer], dim, o.pooling)
        self.face = build_face_encoder(o.face, o.still)
        self.face_head = nn.Linear(self.face.dim, dim)
        self.loss = make_loss(o.loss, symmetric=o.symmetric, weight=o.weight, shared=o.shared)
        self.augment = PictureAugmentation(o.pictures)

    def forward(
        self, layers: dict[str, Tensor], again: dict[str, Tensor], video: Tensor, rng: Generator | None = None
    ) -> dict[str, Tensor]:
        """Two segments of each voice and two stills of each face, against those of the whole batch, of all processes.

        Args:
            layers: of the encoder of speech, (B, T, width) each.
            again: the same of the same sound, disturbed otherwise.
            video: face crops, uint8 (B, T, S, S, 3).
            rng: where segments, stills and disturbances are drawn from.

        Returns:
            ``loss``; ``found``, the share of voices whose nearest face is their own; and the embeddings of this
            process, without their graph: ``voice``, ``face``, ``voice2``, ``face2`` (B, dim).
        """
        o = self.options
        frames = round(o.seconds * FPS)
        both = torch.cat([layers[self.layer], again[self.layer]], dim=-1)  # so that one draw cuts both
        first, second = sample_two_feature_segments(both, frames, rng)
        width = first.shape[-1] // 2
        voices = self.embed_voice(first[..., :width]), self.embed_voice(second[..., width:])
        faces = self.embed_face(_two_stills(video, rng), rng).chunk(2)
        mine = dict(zip(("voice", "voice2", "face", "face2"), (*voices, *faces), strict=True))
        everyone = [gather_processes(x) if torch.is_grad_enabled() else x for x in mine.values()]
        voice, voice2, face, face2 = (x.unsqueeze(0) for x in everyone)
        loss = self.loss(voice, face, voice2, face2)
        alike = cross_similarity(voice[0].detach(), face[0].detach(), self.loss.distance, o.shared)
        found = top1_accuracy(alike, torch.ones_like(alike[0], dtype=torch.bool))
        return {"loss": loss, "found": found} | {name: x.detach() for name, x in mine.items()}

    def embed_voice(self, features: Tensor) -> Tensor:
        """(B, T, width) of the layer that is read -> (B, dim)."""
        return F.normalize(self.voice_head(features).float(), dim=-1)

    def embed_face(self, stills: Tensor, rng: Generator | None = None) -> Tensor:
        """See `IdentityModel.embed_face`; disturbed if there is a generator."""
        features = self.face(face_input(stills, self.face.size, self.augment, rng))
        if rng is not None:
            features = _left_out(features, self.options.face_dropout, rng)
        return F.normalize(self.face_head(features).float(), dim=-1)


def _two_stills(video: Tensor, rng: Generator | None) -> Tensor:
    """Two pictures of each clip, the first of all clips before the second: (B, T, S, S, 3) -> (2 B, S, S, 3)."""
    clips, frames = video.shape[:2]
    if rng is None:
        which = torch.tensor([int(moment * frames) for moment in STILL_POSITIONS]).expand(clips, 2)
    else:
        which = torch.randint(frames, (clips, 2), generator=rng, device=rng.device)
    rows = torch.arange(clips, device=video.device)
    return torch.cat([video[rows, which[:, place].to(video.device)] for place in (0, 1)])


def _left_out(features: Tensor, share: float, rng: Generator) -> Tensor:
    """Dropout whose draws are those of the generator that all else is drawn from."""
    kept = torch.rand(features.shape, generator=rng, device=rng.device) >= share
    return features * kept.to(features.device) / (1 - share)
