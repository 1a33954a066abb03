"""A batch of noise in the shapes that a pretext's own batches have."""

from __future__ import annotations

import torch

from seehear.clip import SAMPLES_PER_FRAME
from seehear.data.views import PLACEHOLDER, find_view
from seehear.models.interface import PretextModel


def random_batch(model: PretextModel, clips: int = 4, frames: int = 25, seed: int = 0) -> dict[str, torch.Tensor]:
    """Pictures and sound of noise, as `seehear.data.batches.WindowBatches` collates them."""
    rng = torch.Generator().manual_seed(seed)
    shape = find_view(model.input_view).function(PLACEHOLDER).shape[1:]
    size = (clips, model.stills_per_window or frames, *shape)
    return {
        "video": torch.randint(256, size, generator=rng, dtype=torch.uint8),
        "audio": torch.randn(clips, frames * SAMPLES_PER_FRAME, generator=rng) / 10,
        "seen": torch.ones(clips, dtype=torch.bool),
        "clip": torch.arange(clips),
        "start": torch.zeros(clips, dtype=torch.long),
    }
