"""Where in a sound there is speech, picture by picture: bands that stand out of the noise around them.

The noise in each of 20 mel bands is what the softest third of ten seconds before and after is at most; so it follows
noise that changes, and holds where somebody speaks without a break: between syllables and between harmonics bands are
soft. What counts is by how much bands stand out, capped at two heights: a little in many bands is worth more than a lot
in a few, which may be a hum or a click. A logistic regression of these, at once and smoothed over about 0.1 and 0.3 s,
gives the log-odds of speech. It was fitted to synthetic people in rooms with echo and noise of five kinds, 3 to 45 dB
below the speech; in echo it hears speech for some pictures longer than it lasts.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, percentile_filter, uniform_filter1d

from seehear.clip import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME

BANDS, LOWEST_HZ, HIGHEST_HZ = 20, 100.0, 6000.0
WINDOW, HOP = 512, 160
NOISE_PERCENTILE, NOISE_S = 30, 20.0
CAPS_DB = (4.0, 12.0)
SMOOTHING = (0, 1, 3)
"""Deviations in pictures; 0: none."""

WEIGHTS = np.array([[-0.19, -1.47, 8.45], [0.08, 1.43, -3.15]])
"""Of the mean over bands of what stands out up to each of the caps (dB), at each of the smoothings."""

BIAS = -4.12
FLOOR = 1e-6
"""Power added to a band's: 16-bit rounding leaves less, so that digital silence has no structure."""

Floats = NDArray[np.float32]


def speech_activity(wave: NDArray[np.floating]) -> Floats:
    """Log-odds that somebody speaks in each video frame's worth of sound.

    Args:
        wave: 16 kHz, one channel, in [-1, 1], (N,).

    Returns:
        (N // 640,): positive where there is speech.
    """
    return from_levels(band_levels(wave))


def from_levels(levels: Floats) -> Floats:
    """The same from levels (T, `BANDS`) in dB, as `band_levels` gives them; so long sound can come in pieces."""
    if not len(levels):
        return np.zeros(0, np.float32)
    window = int(NOISE_S * FPS) | 1
    noise = percentile_filter(uniform_filter1d(levels, 3, axis=0), NOISE_PERCENTILE, size=(window, 1), mode="reflect")
    above = np.maximum(levels - noise, 0)
    odds = np.full(len(levels), BIAS)
    for cap, weights in zip(CAPS_DB, WEIGHTS, strict=True):
        standing_out = np.minimum(above, cap).mean(1)
        for deviation, weight in zip(SMOOTHING, weights, strict=True):
            odds += weight * (gaussian_filter1d(standing_out, deviation) if deviation else standing_out)
    return odds.astype(np.float32)


def band_levels(wave: NDArray[np.floating]) -> Floats:
    """Levels of the mel bands in each video frame, dB: (N,) at 16 kHz -> (N // 640, `BANDS`)."""
    frames = len(wave) // SAMPLES_PER_FRAME
    edge = (WINDOW - HOP) // 2
    padded = np.pad(np.asarray(wave[: frames * SAMPLES_PER_FRAME], np.float32), edge)
    cuts = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP] if frames else np.zeros((0, WINDOW))
    power = np.abs(np.fft.rfft(cuts * np.hanning(WINDOW).astype(np.float32), axis=1)) ** 2 @ _filters()
    levels = 10 * np.log10(power.reshape(frames, SAMPLES_PER_FRAME // HOP, BANDS).mean(1) + FLOOR)
    return np.asarray(levels, np.float32)


@cache
def _filters() -> Floats:
    """Triangles on the mel scale, (bins, `BANDS`)."""
    mel = 2595 * np.log10(1 + np.fft.rfftfreq(WINDOW, 1 / SAMPLE_RATE) / 700)
    lowest, highest = (2595 * np.log10(1 + hz / 700) for hz in (LOWEST_HZ, HIGHEST_HZ))
    edges = np.linspace(lowest, highest, BANDS + 2)
    rising = (mel[:, None] - edges[:-2]) / (edges[1] - edges[0])
    falling = (edges[2:] - mel[:, None]) / (edges[1] - edges[0])
    return np.asarray(np.clip(np.minimum(rising, falling), 0, None), np.float32)
