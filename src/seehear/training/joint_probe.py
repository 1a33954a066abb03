"""Does it learn all of it? Moments, people and pictures of a few development clips, from one pass over each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from seehear.corpus.views import ClipViews
from seehear.pretext.disentangle import DisentangleModel
from seehear.pretext.joint import JointModel
from seehear.training.animate_probe import AnimateProbe
from seehear.training.match_probe import MatchProbe
from seehear.training.options import DataOptions
from seehear.training.probe import Probed, spread, stacked
from seehear.training.sync_probe import SyncProbe, least_frames

BATCH = 16


class Scoring(Protocol):
    """A probe that can be told what a model has made of clips."""

    formats: Mapping[str, str]
    beside: str

    def score(self, outs: Sequence[Mapping[str, Tensor]]) -> Probed:
        """The numbers."""


@dataclass
class JointProbe:
    """Several probes over the same clips.

    Attributes:
        batches: clips of one length each: video uint8 (B, T, ...), audio float32 (B, 640 T).
        parts: by what they measure.
        formats, beside: see `seehear.training.probe.Probe`.
    """

    batches: list[dict[str, Tensor]]
    parts: dict[str, Scoring]

    def __post_init__(self) -> None:
        self.formats: Mapping[str, str] = {
            name: shown for part in self.parts.values() for name, shown in part.formats.items()
        }
        self.beside = ", ".join(f"{name}: {part.beside}" for name, part in self.parts.items())

    def __call__(self, model: nn.Module, fabric: Fabric) -> Probed:
        """Measure a model that is in evaluation mode. Every process measures all clips: they are few."""
        outs = [model(fabric.to_device(batch)) for batch in self.batches]
        probed = [part.score(outs) for part in self.parts.values()]
        numbers = {name: number for one in probed for name, number in one.numbers.items()}
        return Probed(numbers, {name: picture for one in probed for name, picture in one.pictures.items()})


def joint_probe(views: ClipViews, model: JointModel | DisentangleModel, data: DataOptions) -> JointProbe | None:
    """A probe over clips spread evenly over a corpus, of all that a model learns.

    Returns:
        None where no clip is long enough. People are not told apart where all clips are of one source.
    """
    least = max(data.min_frames, least_frames(model) if "sync" in model.learns else 2)
    longest = max(data.frames, least)
    by_length: dict[int, list[int]] = defaultdict(list)
    for clip in spread(views, data.probe_clips, least):
        by_length[min(longest, int(views.frames[clip]))].append(clip)
    clips = [clip for own in by_length.values() for clip in own]
    batches = [
        stacked(views, own[start : start + BATCH], length)
        for length, own in by_length.items()
        for start in range(0, len(own), BATCH)
    ]
    parts: dict[str, Scoring] = {}
    if clips and "sync" in model.learns:
        parts["sync"] = SyncProbe(batches, model.distance)
    if clips and "match" in model.learns and len(np.unique(views.sources[clips])) > 1:
        seen = [{"seen": torch.ones(len(batch["video"]), dtype=torch.bool)} for batch in batches]
        parts["match"] = MatchProbe(seen, views.sources[clips], model)
    if clips and isinstance(model, JointModel) and "animate" in model.learns:
        parts["animate"] = AnimateProbe(batches, model.options.animate.region)
    return JointProbe(batches, parts) if parts else None
