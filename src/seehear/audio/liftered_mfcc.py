"""The MFCC that published SyncNet weights were trained on: those of the Python package ``python_speech_features``."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from seehear.audio.logmel import HOP, N_FFT, WINDOW
from seehear.audio.mfcc import dct_basis
from seehear.clip import SAMPLE_RATE

BANDS = 26
PREEMPHASIS = 0.97
LIFTER = 22  # HTK book, 5.3: cepstra of higher order, which are small, are raised towards the others
FULL_SCALE = 32768.0  # the weights expect samples as whole numbers of 16 bits
SMALLEST = float(np.finfo(np.float64).eps)  # put in place of a power of 0, which has no logarithm


class LifteredMFCC(nn.Module):
    """13 cepstra every 10 ms over rectangular windows of 25 ms, as that package makes them by default.

    Pre-emphasis, power over 512 points, 26 triangles on HTK's mel scale whose corners are rounded down to bins,
    orthonormal DCT, lifter; the logarithm of the frame's energy stands in place of c0. It differs from
    `seehear.audio.mfcc.MFCC` in every one of these.

    Frame m sees the samples [160 m, 160 m + 400): 640 T samples give 4 T frames, the last of which reaches 15 ms over
    the end, into silence. (The package ends a frame earlier.) Four frames of a video frame therefore lie 7.5 ms later
    than those of `LogMel`; the weights have learned with that, so that it is no delay.

    Computed in float32, whatever autocast is on.
    """

    filters: Tensor
    basis: Tensor

    def __init__(self, cepstra: int = 13) -> None:
        """Makes filters and transform."""
        super().__init__()
        if not 1 <= cepstra <= BANDS:
            raise ValueError(f"{cepstra} coefficients cannot come from {BANDS} mel bands")
        lifter = 1 + LIFTER / 2 * torch.sin(math.pi * torch.arange(cepstra) / LIFTER)
        self.register_buffer("filters", torch.from_numpy(bin_triangles(BANDS)), persistent=False)
        self.register_buffer("basis", dct_basis(BANDS)[:, :cepstra] * lifter, persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        """Cepstra of a batch: float (B, 640 T) in [-1, 1] at 16 kHz -> float32 (B, 4 T, cepstra)."""
        with torch.autocast(audio.device.type, enabled=False):
            audio = FULL_SCALE * audio.float()
            emphasised = torch.cat([audio[:, :1], audio[:, 1:] - PREEMPHASIS * audio[:, :-1]], dim=1)
            windows = F.pad(emphasised, (0, WINDOW - HOP)).unfold(-1, WINDOW, HOP)  # (B, 4 T, 400)
            spectrum = torch.fft.rfft(windows, n=N_FFT)
            power = (spectrum.real.square() + spectrum.imag.square()) / N_FFT  # (B, 4 T, 257)
            cepstra = _log(power @ self.filters) @ self.basis
            return torch.cat([_log(power.sum(-1, keepdim=True)), cepstra[..., 1:]], dim=-1)


def _log(power: Tensor) -> Tensor:
    return torch.where(power > 0, power, SMALLEST).log()


def bin_triangles(bands: int) -> NDArray[np.float32]:
    """Triangles whose corners are FFT bins, equally spaced on HTK's mel scale before rounding, float32 (257, bands)."""
    highest = 2595 * math.log10(1 + SAMPLE_RATE / 2 / 700)
    hertz = 700 * (10 ** (np.linspace(0, highest, bands + 2) / 2595) - 1)
    corners = np.floor((N_FFT + 1) * hertz / SAMPLE_RATE)
    bins = np.arange(N_FFT // 2 + 1)[:, None]
    low, middle, high = corners[:-2], corners[1:-1], corners[2:]
    rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)
    inside = (bins >= low) & (bins < high)
    return np.where(inside, np.where(bins < middle, rising, falling), 0).astype(np.float32)
