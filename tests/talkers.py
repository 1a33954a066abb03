"""Clips in memory and options for tests of training: a mouth that opens as loud as the sound is, and a tiny model."""

from __future__ import annotations

import numpy as np

from seehear.clip import SAMPLE_RATE, SAMPLES_PER_FRAME
from seehear.models.match import MatchOptions
from seehear.models.sync import SyncOptions
from seehear.training.settings import DataOptions, EngineOptions, OptimOptions

SIDE = 16

MODEL = SyncOptions(
    lips={"size": 16, "stem_channels": 4, "channels": [8], "strides": [2], "dim": 8},
    sound={"bands": 8, "channels": [4, 8, 8, 8], "dim": 8},
)
DATA = DataOptions(batch=3, frames=25, min_frames=25, probe_clips=4)
OPTIM = OptimOptions(steps=8, warmup=2)
MATCH = MatchOptions(
    sound={"bands": 8, "channels": [4, 4, 4, 6], "temporal": [], "dilations": []},
    still={"size": 16, "channels": [4, 6], "strides": [2, 2]},
    dim=6,
    seconds=0.4,
)
ENGINE = EngineOptions(accelerator="cpu", devices=1, precision="32-true", log_every=2, probe_every=4, save_every=3)


class Talkers:
    """Stands in for `seehear.data.views.ClipViews`."""

    faces, detectors = "filmed", ("yunet-2023mar",)

    def __init__(self, clips: int = 12, frames: int = 60, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.frames = np.full(clips, frames, dtype=np.int32)
        self.seen = np.ones(clips, dtype=bool)
        self.sources = np.arange(clips)
        self.shape: tuple[int, ...] = (SIDE, SIDE)
        loud = rng.random((clips, frames))
        rows = np.abs(np.arange(SIDE) - SIDE / 2)[:, None]
        open_to = (SIDE / 2) * loud[:, :, None, None]
        light = np.where(rows < open_to, 40, 200) + rng.integers(-20, 20, (clips, frames, SIDE, SIDE))
        self._video = np.broadcast_to(light, (clips, frames, SIDE, SIDE)).astype(np.uint8)
        noise = rng.standard_normal((clips, frames, SAMPLES_PER_FRAME)) * 3000
        self._audio = (noise * (0.05 + loud[:, :, None])).reshape(clips, -1).astype(np.int16)

    def __len__(self) -> int:
        return len(self.frames)

    def window(self, index: int, start: int, frames: int) -> tuple[np.ndarray, np.ndarray]:
        samples = slice(start * SAMPLES_PER_FRAME, (start + frames) * SAMPLES_PER_FRAME)
        return self._video[index, start : start + frames], self._audio[index, samples]


class People(Talkers):
    """Likewise, in colour: the redder a face, the higher its voice. Every person is in two clips of one source each."""

    def __init__(self, clips: int = 24, frames: int = 60, seed: int = 0) -> None:
        super().__init__(clips, frames, seed)
        self.shape = (SIDE, SIDE, 3)
        height = np.random.default_rng(seed + 1).permutation(np.linspace(0, 1, clips // 2)).repeat(2)
        self._video = np.repeat(self._video[..., None] // 4, 3, axis=-1)
        self._video[..., 0] += (190 * height).astype(np.uint8)[:, None, None, None]
        time = np.arange(frames * SAMPLES_PER_FRAME) / SAMPLE_RATE
        self._audio //= 8
        self._audio += (6000 * np.sin(2 * np.pi * 200 * 8 ** height[:, None] * time)).astype(np.int16)
