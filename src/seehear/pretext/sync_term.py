"""Sync as one of the things that an encoder of speech learns: lips against what it makes of single moments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Generator, Tensor, nn

from seehear.bounds import require_at_least
from seehear.encoders import EncoderName, Region, make_lips
from seehear.encoders.small import head
from seehear.encoders.span import lips_context
from seehear.encoders.streamed import StreamedSpeech
from seehear.errors import ModelError
from seehear.losses import make_loss
from seehear.pretext.augment import PictureAugment, PictureAugmentOptions
from seehear.pretext.moments import compare_moments, in_step, lip_pictures

AngularLoss = Literal["multiway", "separate", "merged", "substitute"]
"""Losses whose embeddings are compared by their angle."""


@dataclass(frozen=True)
class SyncTermOptions:
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
    pictures: PictureAugmentOptions = field(default_factory=PictureAugmentOptions)

    def __post_init__(self) -> None:
        require_at_least("model.sync", self, exclude=0, weight=0, spacing=1)
        if self.candidates is not None:
            require_at_least("model.sync", self, candidates=2)


class SyncTerm(nn.Module):
    """A lip encoder, and a head over time on the features of an encoder of speech.

    Such an encoder goes on beyond the ends of a clip by what is there: features that know of an end could tell the
    moment by it, so they are cut off. One that knows all of the past could count, and is refused.

    Attributes:
        context: video frames lost at each end of a clip.
    """

    def __init__(self, options: SyncTermOptions, speech: StreamedSpeech, dim: int) -> None:
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
        self.lips = make_lips(o.encoder, {**o.lips, "dim": dim})
        self.head = head(speech.dim, o.temporal, dim)
        self.around = lips_context([self.head])
        self.context = max(self.lips.context, self.edge + self.around)
        self.loss = make_loss(o.loss, symmetric=o.symmetric, exclude=o.exclude, weight=o.weight)
        self.augment = PictureAugment(o.pictures)
        self.lips.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]  # a third faster on a CPU

    def forward(self, features: Tensor, video: Tensor, rng: Generator | None = None) -> dict[str, Tensor]:
        """Features of speech (B, T, width) against face crops (B, T, S, S, 3); see `compare_moments`."""
        sound, lips = self.embed_sound(features), self.embed_lips(video, "face", rng)
        return compare_moments(self.loss, sound, lips, self.options.candidates, self.options.spacing, rng)

    def embed_lips(self, video: Tensor, region: Region, rng: Generator | None = None) -> Tensor:
        """See `LipSync.embed_lips`; disturbed if there is a generator."""
        with torch.autocast(video.device.type, enabled=False):
            pictures = lip_pictures(video, region, self.lips, self.augment, rng)
        return in_step(self.lips(pictures), self.context - self.lips.context, self.loss.normalised)

    def embed_sound(self, features: Tensor) -> Tensor:
        """Features of speech (B, T, width) -> (B, T - 2 context, dim)."""
        inner = features[:, self.edge : features.shape[1] - self.edge]
        embeddings = self.head(inner.transpose(1, 2)).transpose(1, 2)
        return in_step(embeddings, self.context - self.edge - self.around, self.loss.normalised)
