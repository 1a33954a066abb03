"""Validation during training: metrics of each kind of model on development clips."""

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
    """Result of one validation.

    Attributes:
        numbers: metrics by name; each is a column of metrics.csv and a curve in TensorBoard.
        pictures: RGB images (H, W, 3) by name, for TensorBoard and RUN/pictures.
    """

    numbers: dict[str, float]
    pictures: dict[str, Picture] = field(default_factory=dict)


class Validation(Protocol):
    """A quick evaluation on clips that are not used for training.

    Attributes:
        formats: format specification of each metric, as for `format`: ".1%" for a fraction, ".4f" for a plain number.
        reference: reference value for the terminal, such as "chance 9.7%"; empty if there is none.
    """

    formats: Mapping[str, str]
    reference: str

    def __call__(self, model: nn.Module, fabric: Fabric) -> ValidationResult:
        """Evaluate a model in evaluation mode, without gradients. Every process evaluates all clips."""


def describe_metrics(probe: Validation, numbers: Mapping[str, float]) -> str:
    """Format the validation's own metrics, with their names, for the terminal."""
    return ", ".join(f"{name} {numbers[name]:{shown}}" for name, shown in probe.formats.items() if name in numbers)


@dataclass
class LossValidation:
    """The loss without augmentation, and the model's other metrics.

    Attributes:
        batches: clips of one length: video uint8 (B, T, ...), audio float32 (B, T * 640).
        shown: metrics of the model.
        reference: see `Validation`.
    """

    batches: list[dict[str, Tensor]]
    shown: tuple[str, ...] = ()
    reference: str = ""

    def __post_init__(self) -> None:
        self._sources = {f"dev_{name}": name for name in ("loss", *self.shown)}
        self.formats: Mapping[str, str] = dict.fromkeys(self._sources, ".4f")

    def __call__(self, model: nn.Module, fabric: Fabric) -> ValidationResult:
        """Evaluate a model in evaluation mode: means over batches of equal size."""
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
        formats, reference: see `Validation`.
    """

    batches: list[dict[str, Tensor]]
    distance: Distance
    formats: Mapping[str, str] = field(default_factory=lambda: {f"sync_k{SHORT}": ".1%", f"sync_k{LONG}": ".1%"})
    reference: str = f"chance {CHANCE:.1%}"

    def __call__(self, model: nn.Module, fabric: Fabric) -> ValidationResult:
        """Evaluate a model in evaluation mode. Every process evaluates all clips, as they are few."""
        return self.score([model(fabric.to_device(batch)) for batch in self.batches])

    def score(self, outs: Sequence[Mapping[str, Tensor]]) -> ValidationResult:
        """Compute the metrics from the model's outputs."""
        pairs: list[tuple[Tensor, Tensor]] = []
        for out in outs:
            pairs += zip(out["lips"].cpu(), out["sound"].cpu(), strict=True)
        counts = [np.array(hits).sum(0) for hits in count_hits(pairs, self.distance, (SHORT, LONG))]
        return ValidationResult(
            {name: float(error_rate(hits)) for name, hits in zip(self.formats, counts, strict=True)}
        )


def min_frames(model: LipSyncModel) -> int:
    """Minimum length of a clip in video frames."""
    return OFFSET_COUNT + LONG - 1 + 2 * model.context


MATCH_BATCH = 32


PROBE_POSITIONS = (0.25, 0.75)
"""Relative positions of a clip's two stills."""


VOICE = {"voice_eer": ".1%"}


FACES = {"face_voice_auc": ".1%", "face_of_2": ".1%"}


@dataclass
class MatchValidation:
    """Matching of voices and faces, and verification of voices, without labels of people.

    ``face_voice_auc``: probability that a voice scores higher with its own face than with another. ``face_of_2``:
    fraction of correct choices between two faces for a voice. Both are averaged over both stills. ``voice_eer``: equal
    error rate of first and second segments, of the same clip or of two.

    Negatives are clips of other sources. If a person has several sources, some negatives show the same person, and no
    model reaches 100 %.

    Attributes:
        batches: clips of one length each: audio float32 (B, 640 T), video uint8 (B, 2, ...), seen bool (B,).
        sources: source index of each clip, in the order of the batches.
        model: model whose similarities are used.
        formats, reference: see `Validation`.
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
        """Evaluate a model in evaluation mode. Every process evaluates all clips, as they are few."""
        return self.score([model(fabric.to_device(batch)) for batch in self.batches])

    def score(self, outs: Sequence[Mapping[str, Tensor]]) -> ValidationResult:
        """Compute the metrics from the model's outputs."""
        embeddings = {
            name: torch.cat([out[name].cpu() for out in outs]) for name in ("voice", "voice2", "face", "face2")
        }
        same = np.eye(len(self.sources), dtype=bool)
        included = same | (self.sources[:, None] != self.sources)
        voices = self.model.similarity(embeddings["voice"], embeddings["voice2"]).float().numpy()
        numbers = {"voice_eer": float(ErrorCounts.from_scores(voices[included], same[included]).eer)}
        if "face_of_2" in self.formats:
            faces = included & (self.seen[:, None] & self.seen).numpy()
            scores = [
                self.model.cross_similarity(embeddings["voice"], embeddings[face]).float().numpy()
                for face in ("face", "face2")
            ]
            aucs = [ErrorCounts.from_scores(s[faces], same[faces]).auc for s in scores]
            numbers["face_voice_auc"] = float(np.mean(aucs))
            numbers["face_of_2"] = float(np.mean([pairwise_accuracy(s, faces) for s in scores]))
        return ValidationResult({name: numbers[name] for name in self.formats})


def pairwise_accuracy(scores: NDArray[np.float32], asked: NDArray[np.bool_]) -> float:
    """Fraction of correct choices between the own and another item, over all pairs; a tie counts half.

    Args:
        scores: (N, N), the own scores on the diagonal.
        asked: (N, N), pairs to include.
    """
    own = scores.diagonal()[:, None]
    correct = (own > scores) + (own == scores) / 2
    others = asked & ~np.eye(len(scores), dtype=bool)
    return float(correct[others].mean())


ANIMATE_BATCH = 8


SHOWN_CLIPS = 3


SHOWN_FRAMES = 10


@dataclass
class AnimateValidation:
    """Error of generated frames, relative to the still as the prediction.

    Attributes:
        batches: clips of one length each: video uint8 (B, T, ...), audio float32 (B, T * 640).
        region: region shown by the video.
        formats, reference: see `Validation`.
    """

    batches: list[dict[str, Tensor]]
    region: Region
    reference: str = "copied still 0.0%"

    def __post_init__(self) -> None:
        self.formats: Mapping[str, str] = {"mouth_lower": ".1%", "dev_l1": ".4f"}

    def __call__(self, model: nn.Module, fabric: Fabric) -> ValidationResult:
        """Evaluate a model in evaluation mode."""
        return self.score([model(fabric.to_device(batch)) for batch in self.batches])

    def score(self, outs: Sequence[Mapping[str, Tensor]]) -> ValidationResult:
        """Compute the metrics from the model's outputs."""
        parts: list[MouthError] = []
        strips: list[Picture] = []
        for out in outs:
            drawn, real = out["drawn"].cpu(), out["real"].cpu()
            parts.append(mouth_error(drawn, real, self.region))
            strips += [comparison_strip(*pair) for pair in zip(real, drawn, strict=True)][: SHOWN_CLIPS - len(strips)]
        errors = concatenate(parts)
        numbers = {"mouth_lower": errors.lower, "dev_l1": float(errors.whole.mean())}
        return ValidationResult(numbers, {"drawn": np.concatenate([s[:, : _narrowest(strips)] for s in strips])})


def comparison_strip(real: Tensor, drawn: Tensor) -> Picture:
    """Frames across a clip, real above generated: (T, planes, S, S) in 0..1 each -> RGB uint8 (2 S, n S, 3)."""
    which = torch.linspace(0, len(real) - 1, min(SHOWN_FRAMES, len(real))).round().long()
    rows = [torch.cat(list(pictures[which].clamp(0, 1)), dim=2) for pictures in (real, drawn.float())]
    picture = torch.cat(rows, dim=1).permute(1, 2, 0).mul(255).round().to(torch.uint8)
    return np.asarray(picture.expand(-1, -1, 3).numpy())


def _narrowest(strips: list[Picture]) -> int:
    return min(int(picture.shape[1]) for picture in strips)


JOINT_BATCH = 16


class ScoringValidation(Protocol):
    """A validation that computes its metrics from a model's outputs."""

    formats: Mapping[str, str]
    reference: str

    def score(self, outs: Sequence[Mapping[str, Tensor]]) -> ValidationResult:
        """Compute the metrics."""


@dataclass
class JointValidation:
    """Several validations on the same clips.

    Attributes:
        batches: clips of one length each: video uint8 (B, T, ...), audio float32 (B, 640 T).
        parts: validations by objective.
        formats, reference: see `Validation`.
    """

    batches: list[dict[str, Tensor]]
    parts: dict[str, ScoringValidation]

    def __post_init__(self) -> None:
        self.formats: Mapping[str, str] = {
            name: shown for part in self.parts.values() for name, shown in part.formats.items()
        }
        self.reference = ", ".join(f"{name}: {part.reference}" for name, part in self.parts.items())

    def __call__(self, model: nn.Module, fabric: Fabric) -> ValidationResult:
        """Evaluate a model in evaluation mode. Every process evaluates all clips, as they are few."""
        outs = [model(fabric.to_device(batch)) for batch in self.batches]
        results = [part.score(outs) for part in self.parts.values()]
        numbers = {name: number for result in results for name, number in result.numbers.items()}
        return ValidationResult(
            numbers, {name: picture for result in results for name, picture in result.pictures.items()}
        )
