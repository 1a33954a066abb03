"""Mel-frequency cepstral coefficients: the handcrafted baseline that learned features are compared with."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from seehear.audio.logmel import Framing, LogMel
from seehear.clip import SAMPLE_RATE

DELTA_REACH = 2  # frames either side, as in HTK


class MFCC(nn.Module):
    """MFCC of Davis and Mermelstein (1980): orthonormal DCT-II of the log-mel bands, c0 first, no lifter.

    Timed as `LogMel` is. With ``deltas`` the slopes and the slopes of the slopes follow (13 -> 39 numbers a frame),
    each by linear regression over five frames (HTK book, 5.9), the end frames being repeated beyond the ends.
    """

    basis: Tensor

    def __init__(
        self,
        n_mfcc: int = 13,
        n_mels: int = 40,
        deltas: bool = False,
        framing: Framing = "centred",
        fmax: float = SAMPLE_RATE / 2,
    ) -> None:
        """Makes the transform of ``n_mels`` bands up to ``fmax`` Hz to ``n_mfcc`` coefficients."""
        super().__init__()
        if n_mfcc > n_mels:
            raise ValueError(f"{n_mfcc} coefficients cannot come from {n_mels} mel bands")
        self.deltas = deltas
        self.logmel = LogMel(n_mels, fmax=fmax, framing=framing)
        self.register_buffer("basis", dct_basis(n_mels)[:, :n_mfcc].contiguous(), persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        """MFCC of a batch: float (B, N) at 16 kHz -> float32 (B, frames, n_mfcc), or three times that with deltas."""
        bands = self.logmel(audio)
        with torch.autocast(audio.device.type, enabled=False):
            cepstra: Tensor = bands @ self.basis
            if not self.deltas:
                return cepstra
            slopes = slope(cepstra)
            return torch.cat([cepstra, slopes, slope(slopes)], dim=-1)


def dct_basis(n: int) -> Tensor:
    """Orthonormal DCT-II, float32 (n inputs, n outputs): x @ basis transforms."""
    positions = torch.arange(n, dtype=torch.float64)[:, None] + 0.5
    basis = math.sqrt(2 / n) * torch.cos(math.pi / n * positions * torch.arange(n, dtype=torch.float64))
    basis[:, 0] = math.sqrt(1 / n)
    return basis.float()


def slope(features: Tensor) -> Tensor:
    """Regression slope along time, per frame, of (B, frames, D): sum_k k (x[t+k] - x[t-k]) / (2 sum_k k^2)."""
    frames = features.shape[1]
    padded = torch.cat([features[:, :1]] * DELTA_REACH + [features] + [features[:, -1:]] * DELTA_REACH, dim=1)
    total = torch.zeros_like(features)
    for k in range(1, DELTA_REACH + 1):
        later = padded[:, DELTA_REACH + k : DELTA_REACH + k + frames]
        earlier = padded[:, DELTA_REACH - k : DELTA_REACH - k + frames]
        total = total + k * (later - earlier)
    return total / (2 * sum(k * k for k in range(1, DELTA_REACH + 1)))
