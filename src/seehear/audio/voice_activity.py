"""Voice activity detection, 25 values per second, and runs of speech.

In each of 20 mel bands, the noise level is the lowest tenth within ten seconds before and after, and the peak level is
exceeded by the loudest twentieth, so both adapt to changing audio. Each band gives two features: how far it is above
the noise, and where it lies between noise and peaks, which distinguishes speech from its echo. Three small convolutions
over 1.2 s (10,000 weights, stored next to this file) compute the log-odds of speech from them. They were trained by
``scripts/train_speech_activity.py`` on voices of synthetic people in rooms with echo and noise of five kinds, 3 to
45 dB below the speech, on sentences of GRID's first speaker, and on noise and tones alone. Results are in
``weights/voice-activity.md``.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load as deserialised
from scipy.ndimage import uniform_filter1d
from torch import Tensor, nn

from seehear.clip import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME

PAUSE_S = 0.3


PAUSE = int(PAUSE_S * FPS)
"""Frames: a shorter pause of a face does not end its turn."""


def true_runs(speaks: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return first and last (exclusive) frame of each segment in which a face speaks."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], speaks, [False]]).astype(int)))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


BANDS, MIN_HZ, MAX_HZ = 20, 100.0, 6000.0


WINDOW, HOP = 512, 160


SURROUNDINGS_S = 20.0


NOISE, PEAKS = 10, 95
"""Percentiles of a band's level within a window of this many seconds."""


MAX_PROMINENCE_DB, MIN_RANGE_DB = 30.0, 12.0
"""Maximum prominence of a band, and minimum distance of the peaks above the noise: so steady noise has no peaks."""


WIDTH, KERNEL, DILATIONS = 24, 5, (1, 2, 4)


WEIGHTS = "voice_activity.safetensors"


FLOOR = 1e-6
"""Power added to each band: more than 16-bit rounding leaves, so digital silence has no structure."""


Floats = NDArray[np.float32]


def voice_activity(wave: NDArray[np.floating]) -> Floats:
    """Return the log-odds of speech for each video frame.

    Args:
        wave: 16 kHz, one channel, in [-1, 1], (N,)

    Returns:
        (N // 640,): positive where there is speech
    """
    return voice_activity_from_levels(band_levels(wave))


def voice_activity_from_levels(levels: Floats) -> Floats:
    """The same from levels (T, `BANDS`) in dB, as of `band_levels`, so long audio can be processed in pieces."""
    if not len(levels):
        return np.zeros(0, np.float32)
    with torch.inference_mode():
        return np.asarray(_load_network()(torch.from_numpy(network_inputs(levels))[None])[0, 0].numpy())


def network_inputs(levels: Floats) -> Floats:
    """Return the network input, (2 `BANDS`, T): prominence of each band above the noise, and closeness to its peaks."""
    noise, peaks = _noise_and_peaks(levels)
    above = np.maximum(levels - noise, 0)
    place = np.clip(above / np.maximum(peaks - noise, MIN_RANGE_DB), 0, 1)
    both = np.concatenate([np.minimum(above, MAX_PROMINENCE_DB) / 10, 2 * place], axis=1)
    return np.ascontiguousarray(both.T, np.float32)


def build_network() -> nn.Sequential:
    """Create the convolutions with random weights: (B, 2 `BANDS`, T) -> (B, 1, T)."""
    layers: list[nn.Module] = []
    channels = 2 * BANDS
    for dilation in DILATIONS:
        layers += [nn.Conv1d(channels, WIDTH, KERNEL, padding=dilation * (KERNEL // 2), dilation=dilation), nn.ReLU()]
        channels = WIDTH
    return nn.Sequential(*layers, nn.Conv1d(channels, 1, 1))


@cache
def _load_network() -> nn.Sequential:
    stored = (resources.files("seehear.audio") / WEIGHTS).read_bytes()
    weights: dict[str, Tensor] = {name: tensor.float() for name, tensor in deserialised(stored).items()}
    made = build_network()
    made.load_state_dict(weights)
    return made.eval()


def _noise_and_peaks(levels: Floats) -> tuple[Floats, Floats]:
    """Return local noise and peak levels of each band, (T, `BANDS`) each; interpolated from one value per second."""
    smooth = uniform_filter1d(levels, 3, axis=0)
    half = round(SURROUNDINGS_S / 2 * FPS)
    frames = np.arange(len(levels))
    at = frames[::FPS]
    starts = np.clip(at - half, 0, max(0, len(levels) - 2 * half))  # same window length at the ends
    noise = np.stack([np.percentile(smooth[start : start + 2 * half], NOISE, axis=0) for start in starts])
    peaks = np.stack([np.percentile(levels[start : start + 2 * half], PEAKS, axis=0) for start in starts])
    columns = range(levels.shape[1])
    between = [np.stack([np.interp(frames, at, known[:, band]) for band in columns], 1) for known in (noise, peaks)]
    return between[0].astype(np.float32), between[1].astype(np.float32)


def band_levels(wave: NDArray[np.floating]) -> Floats:
    """Return levels of the mel bands in each video frame, dB: (N,) at 16 kHz -> (N // 640, `BANDS`)."""
    frames = len(wave) // SAMPLES_PER_FRAME
    if not frames:
        return np.zeros((0, BANDS), np.float32)
    padded = np.pad(np.asarray(wave[: frames * SAMPLES_PER_FRAME], np.float32), (WINDOW - HOP) // 2, mode="reflect")
    cuts = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    power = np.abs(np.fft.rfft(cuts * np.hanning(WINDOW).astype(np.float32), axis=1)) ** 2 @ _filters()
    levels = 10 * np.log10(power.reshape(frames, SAMPLES_PER_FRAME // HOP, BANDS).mean(1) + FLOOR)
    return np.asarray(levels, np.float32)


@cache
def _filters() -> Floats:
    """Return triangular filters on the mel scale, (bins, `BANDS`)."""
    mel = 2595 * np.log10(1 + np.fft.rfftfreq(WINDOW, 1 / SAMPLE_RATE) / 700)
    lowest, highest = (2595 * np.log10(1 + hz / 700) for hz in (MIN_HZ, MAX_HZ))
    edges = np.linspace(lowest, highest, BANDS + 2)
    rising = (mel[:, None] - edges[:-2]) / (edges[1] - edges[0])
    falling = (edges[2:] - mel[:, None]) / (edges[1] - edges[0])
    return np.asarray(np.clip(np.minimum(rising, falling), 0, None), np.float32)
