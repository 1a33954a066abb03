"""Does it learn? Sync accuracy on a few development clips, while training goes on."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from seehear.clip import SAMPLES_PER_FRAME
from seehear.corpus.views import FULL_SCALE, ClipViews
from seehear.losses.similarity import Distance
from seehear.tasks.sync import LENGTHS, OFFSETS, sync_accuracy

SHORT, LONG = LENGTHS[0], LENGTHS[-1]
BATCH = 16


@dataclass
class SyncProbe:
    """Sync accuracy over 5 and 15 frames.

    Attributes:
        batches: clips of one length each: video uint8 (B, T, ...), audio float32 (B, T * 640).
        distance: how the model's embeddings are compared.
        names: of its numbers.
    """

    batches: list[dict[str, Tensor]]
    distance: Distance
    names: tuple[str, ...] = (f"sync_k{SHORT}", f"sync_k{LONG}")

    def __call__(self, model: nn.Module, fabric: Fabric) -> dict[str, float]:
        """Measure a model that is in evaluation mode. Every process measures all clips: they are few."""
        pairs: list[tuple[Tensor, Tensor]] = []
        for batch in self.batches:
            out = model(fabric.to_device(batch))
            pairs += zip(out["lips"].cpu(), out["sound"].cpu(), strict=True)
        accuracy = sync_accuracy(pairs, self.distance, (SHORT, LONG))
        return dict(zip(self.names, (accuracy.at(SHORT), accuracy.at(LONG)), strict=True))


def make_probe(views: ClipViews, count: int, frames: int, context: int, distance: Distance) -> SyncProbe | None:
    """A probe over clips spread evenly over a corpus.

    Args:
        views: development clips.
        count: clips to take.
        frames: longest part of a clip to take.
        context: frames that the model loses at each end.
        distance: how the model's embeddings are compared.

    Returns:
        None where no clip is long enough to be measured.
    """
    needed = OFFSETS + LONG - 1 + 2 * context
    frames = max(frames, needed)
    usable = np.flatnonzero(views.frames >= needed)
    if not len(usable) or not count:
        return None
    chosen = usable[np.unique(np.linspace(0, len(usable) - 1, count).round().astype(int))]
    by_length: dict[int, list[int]] = defaultdict(list)
    for clip in chosen.tolist():
        by_length[min(frames, int(views.frames[clip]))].append(clip)
    batches = [
        _batch(views, clips[start : start + BATCH], length)
        for length, clips in by_length.items()
        for start in range(0, len(clips), BATCH)
    ]
    return SyncProbe(batches, distance)


def _batch(views: ClipViews, clips: list[int], frames: int) -> dict[str, Tensor]:
    windows = [views.window(clip, 0, frames) for clip in clips]
    video = torch.stack([torch.from_numpy(np.array(pictures)) for pictures, _ in windows])
    audio = torch.stack([torch.from_numpy(sound.astype(np.float32) / FULL_SCALE) for _, sound in windows])
    assert audio.shape[1] == frames * SAMPLES_PER_FRAME
    return {"video": video, "audio": audio}
