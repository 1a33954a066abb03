"""Clips through a model to a table, clips that are too short for the model too."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from seehear.clip import Clip
from seehear.evaluation.sync import evaluate_sync_clips
from seehear.models.sync import SyncModel, SyncOptions


def clip(frames: int, seed: int = 0) -> Clip:
    rng = np.random.default_rng(seed)
    return Clip(
        video=rng.integers(0, 256, (frames, 32, 32, 3), dtype=np.uint8),
        landmarks=np.zeros((frames, 5, 2), np.float32),
        audio=rng.standard_normal(frames * 640).astype(np.float32) * 0.1,
        meta={"source": f"{seed}.mp4", "start_s": 0.0, "track": 0},
    )


@pytest.fixture(scope="module")
def model() -> SyncModel:
    torch.manual_seed(0)
    lips = {"size": 16, "stem_channels": 4, "channels": [8], "strides": [2], "dim": 8}
    return SyncModel(SyncOptions(lips=lips, sound={"bands": 8, "channels": [4, 8, 8, 8], "dim": 8})).eval()


class Telepath:
    """Both embeddings tell the time of the frame: everything is found."""

    context = 1
    dim = 2
    distance = "cosine"

    def parameters(self) -> object:
        return iter([torch.zeros(1)])

    def _clock(self, frames: int) -> Tensor:
        angle = torch.arange(1.0, frames - 1) * 0.1
        return torch.stack([angle.cos(), angle.sin()], -1).unsqueeze(0)

    def embed_lips(self, video: Tensor) -> Tensor:
        return self._clock(video.shape[1])

    def embed_sound(self, audio: Tensor) -> Tensor:
        return self._clock(audio.shape[1] // 640)


def test_every_clip_is_embedded_as_a_whole() -> None:
    accuracy = evaluate_sync_clips(Telepath(), [clip(50), clip(60), clip(2), clip(20)])  # type: ignore[arg-type]
    assert (accuracy.clips, accuracy.too_short) == (4, 2)
    assert accuracy.at(5) == accuracy.at(15) == 1.0
    assert accuracy.by_length[0].windows == (48 - 29 - 5) + (58 - 29 - 5)


def test_an_untrained_model_is_measured(model: SyncModel) -> None:
    accuracy = evaluate_sync_clips(model, [clip(60, seed) for seed in range(2)])
    assert [entry.clips for entry in accuracy.by_length] == [2] * 6
