"""Random equaliser: another microphone, another room, another codec, as a smooth gain over frequency."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Generator, Tensor, nn

from seehear.audio.draws import uniform
from seehear.audio.logmel import FLOOR, hz_to_mel
from seehear.clip import SAMPLE_RATE

KNOTS = 6  # independent gains over the mel range; between them the curve is interpolated
DECIBELS_PER_NEPER_OF_POWER = 4.342944819  # 10 / ln 10: log-mel is a natural logarithm of power
GRID = 64  # points of a curve on the mel axis in the waveform version
TAIL = 2048  # samples over which a filter may ring: 128 ms


def gain_curves(count: int, bands: int, strength_db: float, rng: Generator, like: Tensor) -> Tensor:
    """Smooth random gains in decibels, (count, bands), within plus and minus ``strength_db``."""
    knots = uniform((count, 1, KNOTS), -strength_db, strength_db, rng, like)
    return nn.functional.interpolate(knots, size=bands, mode="linear", align_corners=True)[:, 0]


def equalise_mel(logmel: Tensor, rng: Generator, strength_db: float = 9.0) -> Tensor:
    """Equaliser on log-mel (B, frames, bands): one added curve an item, never below the floor of silence.

    The same as filtering the sound before, wherever a band's gain varies little within the band.
    """
    curve = gain_curves(len(logmel), logmel.shape[-1], strength_db, rng, logmel) / DECIBELS_PER_NEPER_OF_POWER
    return (logmel + curve[:, None]).clamp_min(math.log(FLOOR))


def equalise(audio: Tensor, rng: Generator, strength_db: float = 9.0) -> Tensor:
    """Equaliser on sound (B, N): the same curves, drawn over the mel axis, as a filter of zero phase.

    Nothing moves in time. Where only a log-mel is wanted, `equalise_mel` is ten times cheaper.
    """
    count, samples = audio.shape
    length = -(-(samples + TAIL) // 1024) * 1024  # zeros behind, so that the end does not ring into the beginning
    hertz = np.linspace(0, SAMPLE_RATE / 2, length // 2 + 1)
    mel = torch.from_numpy(hz_to_mel(hertz) / hz_to_mel(hertz[-1:])).float().to(audio.device)  # 0 .. 1
    curve = gain_curves(count, GRID, strength_db, rng, audio)
    left = (mel * (GRID - 1)).long().clamp_max(GRID - 2)
    share = mel * (GRID - 1) - left
    decibels = torch.lerp(curve[:, left], curve[:, left + 1], share)
    spectrum = torch.fft.rfft(audio, n=length)
    filtered: Tensor = torch.fft.irfft(spectrum * 10 ** (decibels / 20), n=length)
    return filtered[:, :samples]
