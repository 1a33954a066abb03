"""Validation during training: metrics of each kind of model on development clips."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch
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

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from seehear.models.animate import AnimateModel
    from seehear.models.disentangle import DisentangleModel
    from seehear.models.interface import IdentityModel, LipSyncModel, PretextModel
    from seehear.models.joint import JointModel

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


class Validation(ABC):
    """A quick evaluation on clips that are not used for training: batches of them, and what to make of the outputs.

    Attributes:
        batch_size: number of clips per batch
        still_positions: relative positions of stills that batches contain instead of whole videos
        batches: clips of one length each: video uint8 (B, T, ...) or (B, stills, ...), audio float32 (B, T * 640); with
            stills also seen bool (B,), False for audio-only clips
        formats: format specification of each metric, as for `format`: ".1%" for a fraction, ".4f" for a plain number
        reference: reference value for the terminal, such as "chance 9.7%"; empty if there is none
    """

    batch_size: ClassVar[int] = 16
    still_positions: ClassVar[tuple[float, ...]] = ()
    batches: list[dict[str, Tensor]]
    formats: Mapping[str, str]
    reference: str = ""

    @classmethod
    def frame_limits(cls, model: Any, shortest: int, longest: int) -> tuple[int, int]:
        """Return the minimum and maximum length of a clip in frames.

        Args:
            model: model to validate
            shortest: minimum length of a window in training
            longest: maximum length of a window in training
        """
        return shortest, longest

    @classmethod
    def plan_batches(cls, lengths: Mapping[int, int], batch_size: int) -> list[tuple[list[int], int]]:
        """Divide clips into batches; by default every batch has clips of one length.

        Args:
            lengths: clip -> number of frames, at most the maximum of `frame_limits`
            batch_size: number of clips per batch in training

        Returns:
            clips and number of frames of each batch
        """
        return [
            (clips[start : start + cls.batch_size], length)
            for length, clips in group_by_length(lengths).items()
            for start in range(0, len(clips), cls.batch_size)
        ]

    @classmethod
    @abstractmethod
    def build(cls, model: Any, batches: list[dict[str, Tensor]], sources: NDArray[np.int64]) -> Self | None:
        """Create the validation of a model.

        Args:
            model: model to validate
            batches: one or more
            sources: source index of each clip, in the order of the batches

        Returns:
            None if these clips cannot be used
        """

    def __call__(self, model: nn.Module, fabric: Fabric) -> ValidationResult:
        """Evaluate a model in evaluation mode, without gradients. Every process does this, as there are few clips."""
        return self.score([model(fabric.to_device(batch)) for batch in self.batches])

    @abstractmethod
    def score(self, outs: Sequence[Mapping[str, Tensor]]) -> ValidationResult:
        """Compute the metrics from the model's outputs for the batches."""


def group_by_length(lengths: Mapping[int, int]) -> dict[int, list[int]]:
    """Clips by their number of frames, in the order of first occurrence."""
    groups: dict[int, list[int]] = defaultdict(list)
    for clip, length in lengths.items():
        groups[length].append(clip)
    return groups


def describe_metrics(probe: Validation, numbers: Mapping[str, float]) -> str:
    """Format the validation's own metrics, with their names, for the terminal."""
    return ", ".join(f"{name} {numbers[name]:{shown}}" for name, shown in probe.formats.items() if name in numbers)


@dataclass
class LossValidation(Validation):
    """The loss without augmentation, and the model's other metrics: means over batches of equal size.

    Attributes:
        batches: clips of one length
        shown: metrics of the model
        formats, reference: see `Validation`
    """

    batches: list[dict[str, Tensor]]
    shown: tuple[str, ...] = ()
    reference: str = ""

    def __post_init__(self) -> None:
        self._sources = {f"dev_{name}": name for name in ("loss", *self.shown)}
        self.formats = dict.fromkeys(self._sources, ".4f")

    @classmethod
    def plan_batches(cls, lengths: Mapping[int, int], batch_size: int) -> list[tuple[list[int], int]]:
        """Batches as large as those of training, all of one length; none for a single clip, which has no negatives."""
        clips = list(lengths)
        if len(clips) < 2:
            return []
        size, frames = min(batch_size, len(clips)), min(lengths.values())
        used = len(clips) // size * size
        return [(clips[start : start + size], frames) for start in range(0, used, size)]

    @classmethod
    def build(cls, model: PretextModel, batches: list[dict[str, Tensor]], sources: NDArray[np.int64]) -> Self:
        """See `Validation.build`."""
        return cls(batches, model.logged_metrics)

    def score(self, outs: Sequence[Mapping[str, Tensor]]) -> ValidationResult:
        """See `Validation.score`."""
        means = {name: torch.stack([out[source] for out in outs]).mean() for name, source in self._sources.items()}
        return ValidationResult({name: float(mean) for name, mean in means.items()})


SHORT, LONG = LENGTHS[0], LENGTHS[-1]


@dataclass
class SyncValidation(Validation):
    """Sync accuracy over 5 and 15 frames.

    Attributes:
        distance: how the model's embeddings are compared
        batches, formats, reference: see `Validation`
    """

    batches: list[dict[str, Tensor]]
    distance: Distance
    formats: Mapping[str, str] = field(default_factory=lambda: {f"sync_k{SHORT}": ".1%", f"sync_k{LONG}": ".1%"})
    reference: str = f"chance {CHANCE:.1%}"

    @classmethod
    def frame_limits(cls, model: LipSyncModel, shortest: int, longest: int) -> tuple[int, int]:
        """Clips long enough for all offsets, even if training uses shorter ones."""
        return min_frames(model), max(longest, min_frames(model))

    @classmethod
    def build(cls, model: LipSyncModel, batches: list[dict[str, Tensor]], sources: NDArray[np.int64]) -> Self:
        """See `Validation.build`."""
        return cls(batches, model.distance)

    def score(self, outs: Sequence[Mapping[str, Tensor]]) -> ValidationResult:
        """See `Validation.score`."""
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


VOICE = {"voice_eer": ".1%"}


FACES = {"face_voice_auc": ".1%", "face_of_2": ".1%"}


@dataclass
class MatchValidation(Validation):
    """Matching of voices and faces, and verification of voices, without labels of people.

    ``face_voice_auc``: probability that a voice scores higher with its own face than with another. ``face_of_2``:
    fraction of correct choices between two faces for a voice. Both are averaged over both stills. ``voice_eer``: equal
    error rate of first and second segments, of the same clip or of two.

    Negatives are clips of other sources. If a person has several sources, some negatives show the same person, and no
    model reaches 100 %.

    Attributes:
        sources: source index of each clip, in the order of the batches
        model: model whose similarities are used
        batches, formats, reference: see `Validation`; without ``seen``, all clips have video
    """

    batch_size = 32
    still_positions = (0.25, 0.75)

    batches: list[dict[str, Tensor]]
    sources: NDArray[np.int64]
    model: IdentityModel
    formats: Mapping[str, str] = field(default_factory=lambda: FACES | VOICE)
    reference: str = "chance 50.0%"

    def __post_init__(self) -> None:
        seen = (batch["seen"] if "seen" in batch else _all_true(batch["video"]) for batch in self.batches)
        self.seen = torch.cat(list(seen))
        if len(np.unique(self.sources[self.seen.numpy()])) < 2:
            self.formats = VOICE

    @classmethod
    def build(cls, model: IdentityModel, batches: list[dict[str, Tensor]], sources: NDArray[np.int64]) -> Self | None:
        """See `Validation.build`; clips of a single source cannot be distinguished."""
        return cls(batches, sources, model) if len(np.unique(sources)) > 1 else None

    def score(self, outs: Sequence[Mapping[str, Tensor]]) -> ValidationResult:
        """See `Validation.score`."""
        embeddings = {
            name: torch.cat([out[name].cpu() for out in outs]) for name in ("voice", "voice2", "face", "face2")
        }
        same = np.eye(len(self.sources), dtype=bool)
        included = same | (self.sources[:, None] != self.sources)
        voices = self.model.similarity(embeddings["voice"], embeddings["voice2"]).float().numpy()
        numbers = {"voice_eer": float(ErrorCounts.of(voices[included], same[included]).eer)}
        if "face_of_2" in self.formats:
            faces = included & (self.seen[:, None] & self.seen).numpy()
            scores = [
                self.model.cross_similarity(embeddings["voice"], embeddings[face]).float().numpy()
                for face in ("face", "face2")
            ]
            numbers["face_voice_auc"] = float(np.mean([ErrorCounts.of(s[faces], same[faces]).auc for s in scores]))
            numbers["face_of_2"] = float(np.mean([pairwise_accuracy(s, faces) for s in scores]))
        return ValidationResult({name: numbers[name] for name in self.formats})


def _all_true(clips: Tensor) -> Tensor:
    return torch.ones(len(clips), dtype=torch.bool)


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


SHOWN_CLIPS = 3


SHOWN_FRAMES = 10


@dataclass
class AnimateValidation(Validation):
    """Error of generated frames, relative to the still as the prediction.

    Attributes:
        region: region shown by the generated frames
        batches, formats, reference: see `Validation`
    """

    batch_size = 8

    batches: list[dict[str, Tensor]]
    region: Region
    reference: str = "copied still 0.0%"

    def __post_init__(self) -> None:
        self.formats = {"mouth_lower": ".1%", "dev_l1": ".4f"}

    @classmethod
    def frame_limits(cls, model: PretextModel, shortest: int, longest: int) -> tuple[int, int]:
        """Clips of at least two frames: the still, and another one."""
        return 2, longest

    @classmethod
    def plan_batches(cls, lengths: Mapping[int, int], batch_size: int) -> list[tuple[list[int], int]]:
        """The longest clips first, as the first ones are shown."""
        return super().plan_batches(dict(sorted(lengths.items(), key=lambda item: -item[1])), batch_size)

    @classmethod
    def build(
        cls, model: AnimateModel | JointModel, batches: list[dict[str, Tensor]], sources: NDArray[np.int64]
    ) -> Self:
        """See `Validation.build`."""
        return cls(batches, model.generated_region)

    def score(self, outs: Sequence[Mapping[str, Tensor]]) -> ValidationResult:
        """See `Validation.score`."""
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


OBJECTIVES: Mapping[str, type[Validation]] = {
    "sync": SyncValidation,
    "match": MatchValidation,
    "animate": AnimateValidation,
}


@dataclass
class JointValidation(Validation):
    """Several validations on the same clips, for a model that ``learns`` several of the `OBJECTIVES`.

    Attributes:
        parts: validations by objective
        batches, formats, reference: see `Validation`
    """

    batches: list[dict[str, Tensor]]
    parts: dict[str, Validation]

    def __post_init__(self) -> None:
        self.formats = {name: shown for part in self.parts.values() for name, shown in part.formats.items()}
        self.reference = ", ".join(f"{name}: {part.reference}" for name, part in self.parts.items())

    @classmethod
    def frame_limits(cls, model: JointModel | DisentangleModel, shortest: int, longest: int) -> tuple[int, int]:
        """Clips that are long enough for each objective."""
        least = max(shortest, min_frames(model) if "sync" in model.learns else 2)
        return least, max(longest, least)

    @classmethod
    def build(
        cls, model: JointModel | DisentangleModel, batches: list[dict[str, Tensor]], sources: NDArray[np.int64]
    ) -> Self | None:
        """See `Validation.build`; an objective that cannot use the clips is left out."""
        built = {name: OBJECTIVES[name].build(model, batches, sources) for name in model.learns}
        parts = {name: part for name, part in built.items() if part is not None}
        return cls(batches, parts) if parts else None

    def score(self, outs: Sequence[Mapping[str, Tensor]]) -> ValidationResult:
        """See `Validation.score`."""
        results = [part.score(outs) for part in self.parts.values()]
        numbers = {name: number for result in results for name, number in result.numbers.items()}
        return ValidationResult(
            numbers, {name: picture for result in results for name, picture in result.pictures.items()}
        )
