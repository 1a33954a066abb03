"""Where in a sound there is speech, picture by picture: bands that stand out of the noise around them.

The noise in each of 20 mel bands is what its softest tenth within ten seconds before and after reaches, its peaks are
what the loudest twentieth exceeds; so both follow sound that changes. What counts is by how much bands stand out of the
noise, capped at two heights, for a little in many bands is worth more than a lot in a few, which may be a hum or a
click; and where between noise and peaks they are, which tells speech from its echo. A logistic regression of these, at
once and smoothed over about 0.1 and 0.3 s, gives the log-odds of speech. It was fitted to 140 films of synthetic people
in rooms with echo and noise of five kinds, 3 to 45 dB below the speech, to 100 sentences of GRID's first speaker, and
to noise and tones alone.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, uniform_filter1d

from seehear.clip import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME

BANDS, LOWEST_HZ, HIGHEST_HZ = 20, 100.0, 6000.0
WINDOW, HOP = 512, 160
SURROUNDINGS_S = 20.0
NOISE, PEAKS = 10, 95
"""Percentiles of a band's level within so many seconds around."""

CAPS_DB = (4.0, 12.0)
LEAST_RANGE_DB = 12.0
"""Peaks are taken to be this far above the noise at least: in steady noise nothing is a peak."""

SMOOTHING = (0, 1, 3)
"""Deviations in pictures; 0: none."""

WEIGHTS = np.array([[0.303, -1.259, 3.130], [-0.512, 0.950, -2.057], [0.767, 0.302, 2.120]])
"""Of the means over bands of what stands out up to each cap (dB) and of the place between noise and peaks (tenths), at
each of the smoothings."""

BIAS = -4.590
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
    noise, peaks = _surroundings(levels)
    above = np.maximum(levels - noise, 0)
    place = np.clip(above / np.maximum(peaks - noise, LEAST_RANGE_DB), 0, 1)
    odds = np.full(len(levels), BIAS)
    for counted, weights in zip((*(np.minimum(above, cap) for cap in CAPS_DB), 10 * place), WEIGHTS, strict=True):
        mean = counted.mean(1)
        for deviation, weight in zip(SMOOTHING, weights, strict=True):
            odds += weight * (gaussian_filter1d(mean, deviation) if deviation else mean)
    return odds.astype(np.float32)


def _surroundings(levels: Floats) -> tuple[Floats, Floats]:
    """Noise and peaks of each band around each frame, (T, `BANDS`) each; taken every second, even in between."""
    smooth = uniform_filter1d(levels, 3, axis=0)
    half = round(SURROUNDINGS_S / 2 * FPS)
    frames = np.arange(len(levels))
    at = frames[::FPS]
    starts = np.clip(at - half, 0, max(0, len(levels) - 2 * half))  # at the ends, as much as elsewhere
    noise = np.stack([np.percentile(smooth[start : start + 2 * half], NOISE, axis=0) for start in starts])
    peaks = np.stack([np.percentile(levels[start : start + 2 * half], PEAKS, axis=0) for start in starts])
    columns = range(levels.shape[1])
    between = [np.stack([np.interp(frames, at, known[:, band]) for band in columns], 1) for known in (noise, peaks)]
    return between[0].astype(np.float32), between[1].astype(np.float32)


def band_levels(wave: NDArray[np.floating]) -> Floats:
    """Levels of the mel bands in each video frame, dB: (N,) at 16 kHz -> (N // 640, `BANDS`)."""
    frames = len(wave) // SAMPLES_PER_FRAME
    edge = (WINDOW - HOP) // 2
    padded = np.pad(
        np.asarray(wave[: frames * SAMPLES_PER_FRAME], np.float32), edge, mode="reflect" if frames else "constant"
    )
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
