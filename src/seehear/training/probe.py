"""What a training is measured by while it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn

from seehear.clip import SAMPLES_PER_FRAME
from seehear.corpus.views import FULL_SCALE, ClipViews

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Probed:
    """What one measurement gives.

    Attributes:
        numbers: by name; a column of metrics.csv and a curve of TensorBoard each.
        pictures: RGB (H, W, 3) by name, for TensorBoard and RUN/pictures.
    """

    numbers: dict[str, float]
    pictures: dict[str, Picture] = field(default_factory=dict)


class Probe(Protocol):
    """A quick measurement on clips that are not trained on.

    Attributes:
        formats: of its numbers by their names, as `format` takes them: ".1%" of a share, ".4f" of a plain number.
        beside: what to compare them with, in words, such as "chance 9.7%"; empty where there is nothing.
    """

    formats: Mapping[str, str]
    beside: str

    def __call__(self, model: nn.Module, fabric: Fabric) -> Probed:
        """Measure a model that is in evaluation mode, without gradients. Every process measures all clips."""


def in_words(probe: Probe, numbers: Mapping[str, float]) -> str:
    """The probe's own among the numbers, with their names, for the terminal."""
    return ", ".join(f"{name} {numbers[name]:{shown}}" for name, shown in probe.formats.items() if name in numbers)


def spread(views: ClipViews, count: int, least: int) -> list[int]:
    """Up to ``count`` clips of at least ``least`` frames, spread evenly over a corpus."""
    usable = np.flatnonzero(views.frames >= least)
    if not len(usable) or not count:
        return []
    places = np.unique(np.linspace(0, len(usable) - 1, count).round().astype(int))
    return [int(clip) for clip in usable[places]]


def stacked(views: ClipViews, clips: list[int], frames: int) -> dict[str, Tensor]:
    """The first ``frames`` of clips as one batch: video uint8 (B, T, ...), audio float32 (B, T * 640)."""
    windows = [views.window(clip, 0, frames) for clip in clips]
    video = torch.stack([torch.from_numpy(np.array(pictures)) for pictures, _ in windows])
    audio = torch.stack([torch.from_numpy(sound.astype(np.float32) / FULL_SCALE) for _, sound in windows])
    assert audio.shape[1] == frames * SAMPLES_PER_FRAME
    return {"video": video, "audio": audio}
