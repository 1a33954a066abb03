"""Online checks: what each kind of model shows on development clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn

from seehear.clip import Region
from seehear.losses.base import Distance
from seehear.metrics.detection import ErrorCounts
from seehear.metrics.scores import (
    CHANCE,
    LENGTHS,
    OFFSET_COUNT,
    MouthError,
    concatenate,
    count_hits,
    error_rate,
    mouth_error,
)
from seehear.models.interface import IdentityModel, LipSyncModel

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class ValidationResult:
    """What one measurement gives.

    Attributes:
        numbers: by name; a column of metrics.csv and a curve of TensorBoard each.
        pictures: RGB (H, W, 3) by name, for TensorBoard and RUN/pictures.
    """

    numbers: dict[str, float]
    pictures: dict[str, Picture] = field(default_factory=dict)


class Validation(Protocol):
    """A quick measurement on clips that are not trained on.

    Attributes:
        formats: of its numbers by their names, as `format` takes them: ".1%" of a share, ".4f" of a plain number.
        reference: what to compare them with, in words, such as "chance 9.7%"; empty where there is nothing.
    """

    formats: Mapping[str, str]
    reference: str

    def __call__(self, model: nn.Module, fabric: Fabric) -> ValidationResult:
        """Measure a model that is in evaluation mode, without gradients. Every process measures all clips."""


def describe_metrics(probe: Validation, numbers: Mapping[str, float]) -> str:
    """The probe's own among the numbers, with their names, for the terminal."""
    return ", ".join(f"{name} {numbers[name]:{shown}}" for name, shown in probe.formats.items() if name in numbers)


@dataclass
class LossValidation:
    """The loss, undisturbed, and the numbers that the pretext shows beside it.

    Attributes:
        batches: clips of one length: video uint8 (B, T, ...), audio float32 (B, T * 640).
        shown: of the pretext.
        reference: see `seehear.models.validation.Validation`.
    """

    batches: list[dict[str, Tensor]]
    shown: tuple[str, ...] = ()
    reference: str = ""

    def __post_init__(self) -> None:
        self._sources = {f"dev_{name}": name for name in ("loss", *self.shown)}
        self.formats: Mapping[str, str] = dict.fromkeys(self._sources, ".4f")

    def __call__(self, model: nn.Module, fabric: Fabric) -> ValidationResult:
        """Measure a model that is in evaluation mode: means over batches of equal size."""
        outs = [model(fabric.to_device(batch)) for batch in self.batches]
        means = {name: torch.stack([out[source] for out in outs]).mean() for name, source in self._sources.items()}
        return ValidationResult({name: float(mean) for name, mean in means.items()})


SHORT, LONG = LENGTHS[0], LENGTHS[-1]


SYNC_BATCH = 16


@dataclass
class SyncValidation:
    """Sync accuracy over 5 and 15 frames.

    Attributes:
        batches: clips of one length each: video uint8 (B, T, ...), audio float32 (B, T * 640).
        distance: how the model's embeddings are compared.
        formats, reference: see `seehear.models.validation.Validation`.
    """

    batches: list[dict[str, Tensor]]
    distance: Distance
    formats: Mapping[str, str] = field(default_factory=lambda: {f"sync_k{SHORT}": ".1%", f"sync_k{LONG}": ".1%"})
    reference: str = f"chance {CHANCE:.1%}"

    def __call__(self, model: nn.Module, fabric: Fabric) -> ValidationResult:
        """Measure a model that is in evaluation mode. Every process measures all clips: they are few."""
        return self.score([model(fabric.to_device(batch)) for batch in self.batches])

    def score(self, outs: Sequence[Mapping[str, Tensor]]) -> ValidationResult:
        """What the model made of the batches, measured."""
        pairs: list[tuple[Tensor, Tensor]] = []
        for out in outs:
            pairs += zip(out["lips"].cpu(), out["sound"].cpu(), strict=True)
        counts = [np.array(found).sum(0) for found in count_hits(pairs, self.distance, (SHORT, LONG))]
        return ValidationResult(
            {name: float(error_rate(found)) for name, found in zip(self.formats, counts, strict=True)}
        )


def min_frames(model: LipSyncModel) -> int:
    """Video frames that a clip must have, to be measured."""
    return OFFSET_COUNT + LONG - 1 + 2 * model.context


MATCH_BATCH = 32


PROBE_POSITIONS = (0.25, 0.75)
"""Of a clip, at which its two stills are taken."""


VOICE = {"voice_eer": ".1%"}


FACES = {"face_voice_auc": ".1%", "face_of_2": ".1%"}


@dataclass
class MatchValidation:
    """Which face belongs to a voice, and whether two segments are of one voice; labels of people are not asked for.

    ``face_voice_auc``: how often a voice and its own face score above a voice and another face. ``face_of_2``: of two
    faces, the share of right choices for a voice; both mean over either still. ``voice_eer``: equal error rate of first
    and second segments, of one clip or of two.

    Others are clips of other sources. Where a person has several sources, some of the others are the same after all,
    and no model reaches 100 %.

    Attributes:
        batches: clips of one length each: audio float32 (B, 640 T), video uint8 (B, 2, ...), seen bool (B,).
        sources: of all clips, in the order of the batches.
        model: whose `similarity` scores.
        formats, reference: see `seehear.models.validation.Validation`.
    """

    batches: list[dict[str, Tensor]]
    sources: NDArray[np.int64]
    model: IdentityModel
    formats: Mapping[str, str] = field(default_factory=lambda: FACES | VOICE)
    reference: str = "chance 50.0%"

    def __post_init__(self) -> None:
        self.seen = torch.cat([batch["seen"] for batch in self.batches])
        if len(np.unique(self.sources[self.seen.numpy()])) < 2:
            self.formats = VOICE

    def __call__(self, model: nn.Module, fabric: Fabric) -> ValidationResult:
        """Measure a model that is in evaluation mode. Every process measures all clips: they are few."""
        return self.score([model(fabric.to_device(batch)) for batch in self.batches])

    def score(self, outs: Sequence[Mapping[str, Tensor]]) -> ValidationResult:
        """What the model made of the batches, measured."""
        found = {name: torch.cat([out[name].cpu() for out in outs]) for name in ("voice", "voice2", "face", "face2")}
        same = np.eye(len(self.sources), dtype=bool)
        asked = same | (self.sources[:, None] != self.sources)
        voices = self.model.similarity(found["voice"], found["voice2"]).float().numpy()
        numbers = {"voice_eer": float(ErrorCounts.of(voices[asked], same[asked]).eer)}
        if "face_of_2" in self.formats:
            faces = asked & (self.seen[:, None] & self.seen).numpy()
            scores = [
                self.model.cross_similarity(found["voice"], found[face]).float().numpy() for face in ("face", "face2")
            ]
            numbers["face_voice_auc"] = float(np.mean([ErrorCounts.of(s[faces], same[faces]).auc for s in scores]))
            numbers["face_of_2"] = float(np.mean([pairwise_accuracy(s, faces) for s in scores]))
        return ValidationResult({name: numbers[name] for name in self.formats})


def pairwise_accuracy(scores: NDArray[np.float32], asked: NDArray[np.bool_]) -> float:
    """Share of right choices between the own one and another one, over all pairs of them; a tie is half a right one.

    Args:
        scores: (N, N), the own ones on the diagonal.
        asked: (N, N), which of them take part.
    """
    own = scores.diagonal()[:, None]
    right = (own > scores) + (own == scores) / 2
    others = asked & ~np.eye(len(scores), dtype=bool)
    return float(right[others].mean())


ANIMATE_BATCH = 8


SHOWN_CLIPS = 3


SHOWN_FRAMES = 10


@dataclass
class AnimateValidation:
    """How much nearer to the real pictures drawn ones are than the still is.

    Attributes:
        batches: clips of one length each: video uint8 (B, T, ...), audio float32 (B, T * 640).
        region: what the video shows.
        formats, reference: see `seehear.models.validation.Validation`.
    """

    batches: list[dict[str, Tensor]]
    region: Region
    reference: str = "copied still 0.0%"

    def __post_init__(self) -> None:
        self.formats: Mapping[str, str] = {"mouth_lower": ".1%", "dev_l1": ".4f"}

    def __call__(self, model: nn.Module, fabric: Fabric) -> ValidationResult:
        """Measure a model that is in evaluation mode."""
        return self.score([model(fabric.to_device(batch)) for batch in self.batches])

    def score(self, outs: Sequence[Mapping[str, Tensor]]) -> ValidationResult:
        """What the model made of the batches, measured."""
        parts: list[MouthError] = []
        strips: list[Picture] = []
        for out in outs:
            drawn, real = out["drawn"].cpu(), out["real"].cpu()
            parts.append(mouth_error(drawn, real, self.region))
            strips += [comparison_strip(*pair) for pair in zip(real, drawn, strict=True)][: SHOWN_CLIPS - len(strips)]
        found = concatenate(parts)
        numbers = {"mouth_lower": found.lower, "dev_l1": float(found.whole.mean())}
        return ValidationResult(numbers, {"drawn": np.concatenate([s[:, : _narrowest(strips)] for s in strips])})


def comparison_strip(real: Tensor, drawn: Tensor) -> Picture:
    """Frames spread over a clip, real above drawn: (T, planes, S, S) in 0..1 each -> RGB uint8 (2 S, n S, 3)."""
    which = torch.linspace(0, len(real) - 1, min(SHOWN_FRAMES, len(real))).round().long()
    rows = [torch.cat(list(pictures[which].clamp(0, 1)), dim=2) for pictures in (real, drawn.float())]
    picture = torch.cat(rows, dim=1).permute(1, 2, 0).mul(255).round().to(torch.uint8)
    return np.asarray(picture.expand(-1, -1, 3).numpy())


def _narrowest(strips: list[Picture]) -> int:
    return min(int(picture.shape[1]) for picture in strips)


JOINT_BATCH = 16


class ScoringValidation(Protocol):
    """A probe that can be told what a model has made of clips."""

    formats: Mapping[str, str]
    reference: str

    def score(self, outs: Sequence[Mapping[str, Tensor]]) -> ValidationResult:
        """The numbers."""


@dataclass
class JointValidation:
    """Several probes over the same clips.

    Attributes:
        batches: clips of one length each: video uint8 (B, T, ...), audio float32 (B, 640 T).
        parts: by what they measure.
        formats, reference: see `seehear.models.validation.Validation`.
    """

    batches: list[dict[str, Tensor]]
    parts: dict[str, ScoringValidation]

    def __post_init__(self) -> None:
        self.formats: Mapping[str, str] = {
            name: shown for part in self.parts.values() for name, shown in part.formats.items()
        }
        self.reference = ", ".join(f"{name}: {part.reference}" for name, part in self.parts.items())

    def __call__(self, model: nn.Module, fabric: Fabric) -> ValidationResult:
        """Measure a model that is in evaluation mode. Every process measures all clips: they are few."""
        outs = [model(fabric.to_device(batch)) for batch in self.batches]
        probed = [part.score(outs) for part in self.parts.values()]
        numbers = {name: number for one in probed for name, number in one.numbers.items()}
        return ValidationResult(numbers, {name: picture for one in probed for name, picture in one.pictures.items()})
