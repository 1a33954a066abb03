"""Match: which face belongs to which voice, told from the faces and voices of other recordings; nobody says who it is.

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

from seehear.audio.augment import SoundAugment, SoundAugmentOptions
from seehear.bounds import require_at_least
from seehear.clip import FPS
from seehear.encoders import shape
from seehear.encoders.behind import freeze_behind
from seehear.encoders.common_ground import CommonGround
from seehear.encoders.faces import FaceName, full_face_options, make_face_encoder
from seehear.encoders.speech_encoders import SpeechName, full_speech_options, make_speech_encoder
from seehear.encoders.streamed import StreamedSpeech
from seehear.encoders.voice_head import Pooling, VoiceHead
from seehear.losses import LOSSES, LossName, make_loss
from seehear.losses.candidates import mean_where
from seehear.losses.gathered import gathered
from seehear.losses.similarity import SimilarityName
from seehear.pretext.augment import PictureAugment, PictureAugmentOptions
from seehear.pretext.disturbances import with_disturbances
from seehear.pretext.hearing import hear
from seehear.pretext.identity import SEGMENT_S, IdentityModel
from seehear.pretext.segments import two_segments
from seehear.pretext.stills import still_pictures

COMMON = 0.05
"""Share of an embedding's squared length that the numbers in common have: enough to be there, too little to tell voices
from voices by."""


def of_stills() -> PictureAugmentOptions:
    """What differs from still to still of one person: no warp, for the shape of a face says who it is."""
    return PictureAugmentOptions(
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


def of_voices() -> SoundAugmentOptions:
    """What differs from recording to recording of one person: no vocal tract warp, for its length says who it is."""
    return SoundAugmentOptions(noise=0.3, equaliser_db=3.0, warp=0.0)


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
    pictures: PictureAugmentOptions = field(default_factory=of_stills)
    sounds: SoundAugmentOptions = field(default_factory=of_voices)

    def __post_init__(self) -> None:
        require_at_least("model", self, dim=1, seconds=1 / FPS, margin=0, weight=0, face_dropout=0)
        if self.face_dropout >= 1:
            raise ValueError(f"model.face_dropout must be less than 1, not {self.face_dropout}")
        if self.shared is not None:
            require_at_least("model", self, shared=1)
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
    shown = ("matched", "same_voice")
    stills = 2
    apart = True
    needs_pictures = False
    by_sight = ("face", "face_head", "common")

    def __init__(self, options: MatchOptions | None = None) -> None:
        super().__init__()
        self.options = o = options or MatchOptions()
        whole = {"sound": full_speech_options(o.encoder, o.sound), "still": full_face_options(o.face, o.still)}
        self.dim = o.dim + (o.shared or 0)
        self.encoder = make_speech_encoder(o.encoder, o.sound)
        self.layer = o.layer or self.encoder.read
        freeze_behind(self.encoder, self.layer)
        self.config: dict[str, Any] = {"pretext": self.name, "model": asdict(o) | whole | {"layer": self.layer}}
        self.voice_head = VoiceHead(self.encoder.layers[self.layer], o.dim, o.pooling)
        self.common = CommonGround(o.dim, o.shared) if o.shared else None
        if o.freeze_voice:
            self.encoder.requires_grad_(False)
            self.voice_head.requires_grad_(False)
        self.face = make_face_encoder(o.face, o.still)
        self.face_head = nn.Sequential(nn.Dropout(o.face_dropout), nn.Linear(self.face.dim, self.dim))
        self.view = f"face-{self.face.size}"
        self.loss = make_loss(
            o.loss, similarity=o.similarity, symmetric=o.symmetric, margin=o.margin, weight=o.weight, shared=o.shared
        )
        self.distance, self.shared = self.loss.distance, self.loss.shared
        self.picture_augment = PictureAugment(o.pictures)
        self.sound_augment = SoundAugment(o.sounds)

    @classmethod
    def options_from(cls, given: Mapping[str, Any]) -> MatchOptions:
        """See `Pretext.options_from`."""
        options: MatchOptions = shape(MatchOptions, with_disturbances(given))
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
        return self._embed_pictures(still_pictures(faces, self.face.size, self.picture_augment))

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
        voices = self._hear(two_segments(audio, round(self.options.seconds * FPS), rng), rng)
        faces = self._look(video, seen, rng)
        mine = dict(zip(("voice", "voice2", "face", "face2"), (*voices, *faces), strict=True))
        everyone = {name: gathered(x) if torch.is_grad_enabled() else x for name, x in mine.items()}
        known = gathered(seen.float()).bool() if torch.is_grad_enabled() else seen
        voice, voice2, face, face2 = (x.unsqueeze(0) for x in everyone.values())
        loss = self.loss(voice, face, voice2, face2, seen=known.unsqueeze(0))
        with torch.no_grad():
            found = {
                "matched": own_is_nearest(self.across(voice[0], face[0]), known),
                "same_voice": own_is_nearest(self.similarity(voice[0], voice2[0]), torch.ones_like(known)),
            }
        return {"loss": loss} | found | {name: x.detach() for name, x in mine.items()}

    def _hear(self, segments: tuple[Tensor, Tensor], rng: Generator | None) -> tuple[Tensor, ...]:
        """Embeddings of two segments of each voice, disturbed by themselves and heard together."""
        if rng is not None:
            with torch.autocast(segments[0].device.type, enabled=False):
                segments = (self.sound_augment.waves(segments[0], rng), self.sound_augment.waves(segments[1], rng))
        audio = torch.cat(segments)
        features = hear(self.encoder, audio, self.sound_augment, rng)[self.layer]
        return self._embed_features(features).chunk(2)

    def _look(self, video: Tensor, seen: Tensor, rng: Generator | None) -> tuple[Tensor, ...]:
        """Embeddings of two stills of each track. Black pictures are not looked at: they would spoil batch norms.

        Where all of them are black one is, so that every process asks its face tower for gradients, if only of 0.
        """
        which = seen.nonzero().flatten() if seen.any() else seen.new_zeros(1, dtype=torch.long)
        stills = torch.cat([video[which, 0], video[which, -1]])
        embedded = self._embed_pictures(still_pictures(stills, self.face.size, self.picture_augment, rng))
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
        parts = [COMMON**0.5 * F.normalize(common, dim=-1), (1 - COMMON) ** 0.5 * F.normalize(own, dim=-1)]
        return torch.cat(parts, dim=-1)


def own_is_nearest(alike: Tensor, valid: Tensor) -> Tensor:
    """Share of the valid of N whose nearest among the valid is their own, by how alike they are (N, N)."""
    nearest = alike.masked_fill(~valid, -torch.inf).argmax(1)
    return mean_where((nearest == torch.arange(len(alike), device=alike.device)).float(), valid)
