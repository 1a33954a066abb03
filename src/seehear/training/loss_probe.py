"""Does it learn? The loss on a few development clips, for pretexts that have nothing better to show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from seehear.corpus.views import ClipViews
from seehear.pretext.interface import Pretext
from seehear.training.options import DataOptions
from seehear.training.probe import Probed, spread, stacked


@dataclass
class LossProbe:
    """The loss, undisturbed, and the numbers that the pretext shows beside it.

    Attributes:
        batches: clips of one length: video uint8 (B, T, ...), audio float32 (B, T * 640).
        shown: of the pretext.
        beside: see `seehear.training.probe.Probe`.
    """

    batches: list[dict[str, Tensor]]
    shown: tuple[str, ...] = ()
    beside: str = ""

    def __post_init__(self) -> None:
        self._sources = {f"dev_{name}": name for name in ("loss", *self.shown)}
        self.formats: Mapping[str, str] = dict.fromkeys(self._sources, ".4f")

    def __call__(self, model: nn.Module, fabric: Fabric) -> Probed:
        """Measure a model that is in evaluation mode: means over batches of equal size."""
        outs = [model(fabric.to_device(batch)) for batch in self.batches]
        means = {name: torch.stack([out[source] for out in outs]).mean() for name, source in self._sources.items()}
        return Probed({name: float(mean) for name, mean in means.items()})


def loss_probe(views: ClipViews, model: Pretext, data: DataOptions) -> LossProbe | None:
    """A probe over clips spread evenly over a corpus.

    Returns:
        None where there are fewer clips than two that are long enough: what is compared with other clips has none.
    """
    clips = spread(views, data.probe_clips, data.min_frames)
    if len(clips) < 2:
        return None
    size = min(data.batch, len(clips))
    frames = min(data.frames, *(int(views.frames[clip]) for clip in clips))
    whole = len(clips) // size * size
    return LossProbe([stacked(views, clips[at : at + size], frames) for at in range(0, whole, size)], model.shown)
