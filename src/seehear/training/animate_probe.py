"""Does it learn to animate? Drawn against real pictures of a few development clips, in numbers and to look at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from seehear.corpus.views import ClipViews
from seehear.encoders import Region
from seehear.pretext.animate import AnimateModel
from seehear.pretext.interface import Pretext
from seehear.tasks.likeness import Likeness, joined, likeness
from seehear.training.options import DataOptions
from seehear.training.probe import Picture, Probed, spread, stacked

BATCH = 8
SHOWN_CLIPS = 3
SHOWN_FRAMES = 10


@dataclass
class AnimateProbe:
    """How much nearer to the real pictures drawn ones are than the still is.

    Attributes:
        batches: clips of one length each: video uint8 (B, T, ...), audio float32 (B, T * 640).
        region: what the video shows.
        formats, beside: see `seehear.training.probe.Probe`.
    """

    batches: list[dict[str, Tensor]]
    region: Region
    beside: str = "copied still 0.0%"

    def __post_init__(self) -> None:
        self.formats: Mapping[str, str] = {"mouth_lower": ".1%", "dev_l1": ".4f"}

    def __call__(self, model: nn.Module, fabric: Fabric) -> Probed:
        """Measure a model that is in evaluation mode."""
        return self.score([model(fabric.to_device(batch)) for batch in self.batches])

    def score(self, outs: Sequence[Mapping[str, Tensor]]) -> Probed:
        """What the model made of the batches, measured."""
        parts: list[Likeness] = []
        strips: list[Picture] = []
        for out in outs:
            drawn, real = out["drawn"].cpu(), out["real"].cpu()
            parts.append(likeness(drawn, real, self.region))
            strips += [strip(*pair) for pair in zip(real, drawn, strict=True)][: SHOWN_CLIPS - len(strips)]
        found = joined(parts)
        numbers = {"mouth_lower": found.lower, "dev_l1": float(found.whole.mean())}
        return Probed(numbers, {"drawn": np.concatenate([s[:, : _narrowest(strips)] for s in strips])})


def animate_probe(views: ClipViews, model: Pretext, data: DataOptions) -> AnimateProbe | None:
    """A probe over clips spread evenly over a corpus; None where no clip has two frames."""
    assert isinstance(model, AnimateModel)
    by_length: dict[int, list[int]] = defaultdict(list)
    for clip in spread(views, data.probe_clips, 2):
        by_length[min(data.frames, int(views.frames[clip]))].append(clip)
    batches = [
        stacked(views, clips[start : start + BATCH], length)
        for length, clips in sorted(by_length.items(), reverse=True)
        for start in range(0, len(clips), BATCH)
    ]
    return AnimateProbe(batches, model.options.region) if batches else None


def strip(real: Tensor, drawn: Tensor) -> Picture:
    """Frames spread over a clip, real above drawn: (T, planes, S, S) in 0..1 each -> RGB uint8 (2 S, n S, 3)."""
    which = torch.linspace(0, len(real) - 1, min(SHOWN_FRAMES, len(real))).round().long()
    rows = [torch.cat(list(pictures[which].clamp(0, 1)), dim=2) for pictures in (real, drawn.float())]
    picture = torch.cat(rows, dim=1).permute(1, 2, 0).mul(255).round().to(torch.uint8)
    return np.asarray(picture.expand(-1, -1, 3).numpy())


def _narrowest(strips: list[Picture]) -> int:
    return min(int(picture.shape[1]) for picture in strips)
