"""Does sync learn? Sync accuracy on a few development clips, while training goes on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lightning_fabric import Fabric
from torch import Tensor, nn

from seehear.corpus.views import ClipViews
from seehear.losses.similarity import Distance
from seehear.pretext.lipsync import LipSync
from seehear.tasks.sync import CHANCE, LENGTHS, OFFSETS, sync_accuracy
from seehear.training.options import DataOptions
from seehear.training.probe import Probed, spread, stacked

SHORT, LONG = LENGTHS[0], LENGTHS[-1]
BATCH = 16


@dataclass
class SyncProbe:
    """Sync accuracy over 5 and 15 frames.

    Attributes:
        batches: clips of one length each: video uint8 (B, T, ...), audio float32 (B, T * 640).
        distance: how the model's embeddings are compared.
        formats, beside: see `seehear.training.probe.Probe`.
    """

    batches: list[dict[str, Tensor]]
    distance: Distance
    formats: Mapping[str, str] = field(default_factory=lambda: {f"sync_k{SHORT}": ".1%", f"sync_k{LONG}": ".1%"})
    beside: str = f"chance {CHANCE:.1%}"

    def __call__(self, model: nn.Module, fabric: Fabric) -> Probed:
        """Measure a model that is in evaluation mode. Every process measures all clips: they are few."""
        return self.score([model(fabric.to_device(batch)) for batch in self.batches])

    def score(self, outs: Sequence[Mapping[str, Tensor]]) -> Probed:
        """What the model made of the batches, measured."""
        pairs: list[tuple[Tensor, Tensor]] = []
        for out in outs:
            pairs += zip(out["lips"].cpu(), out["sound"].cpu(), strict=True)
        accuracy = sync_accuracy(pairs, self.distance, (SHORT, LONG))
        return Probed(dict(zip(self.formats, (accuracy.at(SHORT), accuracy.at(LONG)), strict=True)))


def sync_probe(views: ClipViews, model: LipSync, data: DataOptions) -> SyncProbe | None:
    """A probe over clips spread evenly over a corpus.

    Args:
        views: development clips.
        model: whose context and distance are those of the embeddings.
        data: how many clips, and the longest part of each.

    Returns:
        None where no clip is long enough to be measured.
    """
    needed = least_frames(model)
    frames = max(data.frames, needed)
    by_length: dict[int, list[int]] = defaultdict(list)
    for clip in spread(views, data.probe_clips, needed):
        by_length[min(frames, int(views.frames[clip]))].append(clip)
    batches = [
        stacked(views, clips[start : start + BATCH], length)
        for length, clips in by_length.items()
        for start in range(0, len(clips), BATCH)
    ]
    return SyncProbe(batches, model.distance) if batches else None


def least_frames(model: LipSync) -> int:
    """Video frames that a clip must have, to be measured."""
    return OFFSETS + LONG - 1 + 2 * model.context
