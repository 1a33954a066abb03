"""Vocal tract length perturbation: another speaker's size, as a warp of the frequency axis."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from seehear.audio.draws import uniform

KNEE_HZ = 4800.0  # formants lie below; above it the warp bends back so that the top stays the top


def warp_mel(logmel: Tensor, centres_hz: Tensor, rng: Generator, low: float = 0.88, high: float = 1.14) -> Tensor:
    """Stretches the frequency axis of each item by its own factor (Jaitly and Hinton, 2013, section 2).

    Applied to the bands of a log-mel instead of the spectrum, by linear interpolation between band centres.

    Args:
        logmel: (B, frames, bands).
        centres_hz: increasing centre frequencies of the bands, (bands,), as `LogMel.centres_hz`.
        rng: source of the factors.
        low: smallest factor; formants move down.
        high: largest factor; formants move up.

    Returns:
        (B, frames, bands).
    """
    factors = uniform((len(logmel), 1), low, high, rng, logmel)
    return logmel @ warp_matrices(factors, centres_hz).to(logmel.dtype)


def warp_matrices(factors: Tensor, centres_hz: Tensor) -> Tensor:
    """Interpolation matrices (B, bands, bands), columns summing to 1: logmel @ matrix is the warped log-mel."""
    bands = len(centres_hz)
    top = centres_hz[-1]
    knee = KNEE_HZ * factors.clamp_max(1) / factors  # Hz before the warp; lands at KNEE_HZ * min(factor, 1)
    knee = torch.minimum(knee, 0.9 * top / factors.clamp_min(1))
    landed = knee * factors
    # Output band at f shows what was at f / factor below the knee, and runs straight to the top above it.
    above = knee + (centres_hz - landed) * (top - knee) / (top - landed)
    source_hz = torch.where(centres_hz <= landed, centres_hz / factors, above)  # (B, bands)
    source_hz = source_hz.clamp(centres_hz[0], top).contiguous()
    upper = torch.searchsorted(centres_hz.contiguous(), source_hz).clamp(1, bands - 1)
    share = (source_hz - centres_hz[upper - 1]) / (centres_hz[upper] - centres_hz[upper - 1])
    matrices = torch.zeros(len(factors), bands, bands, device=centres_hz.device)
    matrices.scatter_(1, (upper - 1)[:, None], (1 - share)[:, None])
    matrices.scatter_(1, upper[:, None], share[:, None])
    return matrices
