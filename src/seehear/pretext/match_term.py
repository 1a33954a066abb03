"""Match as one of the things that an encoder of speech learns: whose voice it is, by the faces of the batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from seehear.bounds import require_at_least
from seehear.clip import FPS
from seehear.encoders.faces import FaceName, make_face_encoder
from seehear.encoders.speech import SpeechEncoder
from seehear.encoders.voice_head import Pooling, VoiceHead
from seehear.errors import ModelError
from seehear.losses import make_loss
from seehear.losses.gathered import gathered
from seehear.pretext.augment import PictureAugment, PictureAugmentOptions
from seehear.pretext.identity import SEGMENT_S, across
from seehear.pretext.match import of_stills, own_is_nearest
from seehear.pretext.segments import two_stretches
from seehear.pretext.stills import still_pictures
from seehear.pretext.sync_term import AngularLoss

MOMENTS = (0.25, 0.75)
"""Of a clip, where its two stills are taken if nothing is drawn."""


@dataclass(frozen=True)
class MatchTermOptions:
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
    pictures: PictureAugmentOptions = field(default_factory=of_stills)

    def __post_init__(self) -> None:
        require_at_least("model.match", self, seconds=1 / FPS, weight=0, face_dropout=0)
        if self.face_dropout >= 1:
            raise ValueError(f"model.match.face_dropout must be less than 1, not {self.face_dropout}")


class MatchTerm(nn.Module):
    """A voice head on the features of an encoder of speech, and a face tower.

    The two segments of a voice are cut out of features that are there already, each out of another hearing of the same
    sound: were both disturbed alike, what a microphone does to a voice would be taken for the voice.

    Attributes:
        layer: of the encoder of speech, that is read.
    """

    def __init__(self, options: MatchTermOptions, speech: SpeechEncoder, dim: int) -> None:
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
        self.layer = o.layer or speech.read
        if self.layer not in speech.layers:
            raise ModelError(f"model.match.layer {self.layer!r} is not one of {', '.join(speech.layers)}")
        self.voice_head = VoiceHead(speech.layers[self.layer], dim, o.pooling)
        self.face = make_face_encoder(o.face, o.still)
        self.face_head = nn.Linear(self.face.dim, dim)
        self.loss = make_loss(o.loss, symmetric=o.symmetric, weight=o.weight, shared=o.shared)
        self.augment = PictureAugment(o.pictures)

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
        first, second = two_stretches(both, frames, rng)
        width = first.shape[-1] // 2
        voices = self.embed_voice(first[..., :width]), self.embed_voice(second[..., width:])
        faces = self.embed_face(_two_stills(video, rng), rng).chunk(2)
        mine = dict(zip(("voice", "voice2", "face", "face2"), (*voices, *faces), strict=True))
        everyone = [gathered(x) if torch.is_grad_enabled() else x for x in mine.values()]
        voice, voice2, face, face2 = (x.unsqueeze(0) for x in everyone)
        loss = self.loss(voice, face, voice2, face2)
        alike = across(voice[0].detach(), face[0].detach(), self.loss.distance, o.shared)
        found = own_is_nearest(alike, torch.ones_like(alike[0], dtype=torch.bool))
        return {"loss": loss, "found": found} | {name: x.detach() for name, x in mine.items()}

    def embed_voice(self, features: Tensor) -> Tensor:
        """(B, T, width) of the layer that is read -> (B, dim)."""
        return F.normalize(self.voice_head(features).float(), dim=-1)

    def embed_face(self, stills: Tensor, rng: Generator | None = None) -> Tensor:
        """See `IdentityModel.embed_face`; disturbed if there is a generator."""
        features = self.face(still_pictures(stills, self.face.size, self.augment, rng))
        if rng is not None:
            features = _left_out(features, self.options.face_dropout, rng)
        return F.normalize(self.face_head(features).float(), dim=-1)


def _two_stills(video: Tensor, rng: Generator | None) -> Tensor:
    """Two pictures of each clip, the first of all clips before the second: (B, T, S, S, 3) -> (2 B, S, S, 3)."""
    clips, frames = video.shape[:2]
    if rng is None:
        which = torch.tensor([int(moment * frames) for moment in MOMENTS]).expand(clips, 2)
    else:
        which = torch.randint(frames, (clips, 2), generator=rng, device=rng.device)
    rows = torch.arange(clips, device=video.device)
    return torch.cat([video[rows, which[:, place].to(video.device)] for place in (0, 1)])


def _left_out(features: Tensor, share: float, rng: Generator) -> Tensor:
    """Dropout whose draws are those of the generator that all else is drawn from."""
    kept = torch.rand(features.shape, generator=rng, device=rng.device) >= share
    return features * kept.to(features.device) / (1 - share)
