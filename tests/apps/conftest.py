"""A talking lamp: a picture whose brightness and a tone whose loudness follow one signal, and a model that sees both.

The whole way from files to answers can so be tested to the millisecond without a trained network.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from seehear.clip import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME
from seehear.media.encode import write_video
from seehear.metrics.calibration import DelayCalibration


class LampModel:
    """Embeds five frames of brightness, or of loudness, as one direction."""

    context = 2
    distance = "cosine"
    config = {"sync_calibration": DelayCalibration(bias=-4.0, margin=1.5, evidence=0.7, examples=1000).to_config()}  # noqa: RUF012

    def embed_lips(self, faces: torch.Tensor) -> torch.Tensor:
        return self._windows(faces.float().mean(dim=(2, 3, 4)) / 255)

    def embed_sound(self, audio: torch.Tensor) -> torch.Tensor:
        return self._windows(audio.unflatten(1, (-1, SAMPLES_PER_FRAME)).square().mean(dim=2).sqrt())

    def _windows(self, signal: torch.Tensor) -> torch.Tensor:
        windows = signal.unfold(1, 5, 1)
        centred = windows - windows.mean(dim=2, keepdim=True)
        return centred / (centred.norm(dim=2, keepdim=True) + 1e-4)


def signal(seconds: float, seed: int = 0) -> np.ndarray:
    """A smooth random signal in 0..1, 1000 a second, from 2 s before the file's beginning to 2 s after its end."""
    noise = np.random.default_rng(seed).normal(size=round((seconds + 4) * 1000) + 400)
    smooth = np.convolve(noise, np.hanning(240), "same")[200:-200]
    return (smooth - smooth.min()) / np.ptp(smooth)


def write_lamp(
    path: Path, seconds: float = 6.0, delay_ms: float = 0.0, *, fps: float = FPS, size: int = 64, level: float = 0.5,
    sound_s: float | None = None, sound: bool = True, seed: int = 0, drift: float = 0.0,
) -> Path:  # fmt: skip
    """A file whose sound is late by ``delay_ms``, and every second by ``drift`` ms more."""
    audio = lamp_sound(sound_s or seconds, delay_ms, seed, level=level, drift=drift, lit_s=seconds) if sound else None
    write_video(path, lamp_pictures(seconds, seed, fps=fps, size=size), fps, audio)
    return path


def lamp_pictures(seconds: float, seed: int = 0, *, fps: float = FPS, size: int = 64) -> list[np.ndarray]:
    """What is seen of a lamp."""
    # a picture shows the middle of a frame of 25 a second: the model hears frames' middles, too
    shown = signal(seconds, seed)[2000 + np.round(np.arange(round(seconds * fps)) * 1000 / fps + 20).astype(int)]
    return [np.full((size, size, 3), 40 + 170 * value, np.uint8) for value in shown]


def lamp_sound(
    seconds: float, delay_ms: float = 0.0, seed: int = 0, *,
    level: float = 0.5, drift: float = 0.0, pitch: float = 440.0, lit_s: float | None = None,
) -> np.ndarray:  # fmt: skip
    """What is heard of a lamp that is lit for ``lit_s``."""
    bright = signal(lit_s or seconds, seed)
    times = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    loud = np.interp(times * (1000 - drift) - delay_ms + 2000, np.arange(len(bright)), bright)
    return (level * loud * np.sin(2 * np.pi * pitch * times)).astype(np.float32)


@pytest.fixture
def lamp_model(monkeypatch: pytest.MonkeyPatch) -> LampModel:
    """The model, also for whatever loads one by its name."""
    model = LampModel()
    for place in ("measure_file.load_sync_model", "measure_file._load_once"):
        monkeypatch.setattr(f"seehear.apps.sync.{place}", lambda *name: model)
    return model


@pytest.fixture(scope="session")
def lamp():
    return write_lamp


@pytest.fixture(scope="session")
def late_lamp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds whose sound is 200 ms late; not to be changed."""
    return write_lamp(tmp_path_factory.mktemp("lamp") / "late.mp4", delay_ms=200)


@pytest.fixture(scope="session")
def lamp_parts():
    """The functions that give a lamp's pictures and its sound."""
    return lamp_pictures, lamp_sound


@pytest.fixture(scope="session")
def lamp_signal():
    """The function that gives the signal which lamps follow."""
    return signal
