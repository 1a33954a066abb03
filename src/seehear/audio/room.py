"""Rooms: the echo that a voice has wherever it is not recorded close to the mouth."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from seehear.audio.draws import uniform
from seehear.clip import SAMPLE_RATE

SHORTEST_S, LONGEST_S = 0.1, 0.8
"""Reverberation times (RT60) of furnished rooms and small halls."""

DRY_DB, WET_DB = 15.0, -3.0
"""Power of the direct sound relative to its echo: near the microphone, and across the room."""

GAP_S = 0.004
"""The first reflection comes at least so much later: the floor or a wall is 70 cm away."""


def add_room(audio: Tensor, rng: Generator, share: float) -> Tensor:
    """Gives some items the echo of a room: noise that decays exponentially. The direct sound stays where it is.

    Args:
        audio: (B, N), 16 kHz.
        rng: source of every choice.
        share: of the items that are in a room.

    Returns:
        (B, N).
    """
    count, samples = audio.shape
    chosen = (torch.rand(count, generator=rng, device=rng.device) < share).to(audio.device)
    seconds = uniform((count, 1), SHORTEST_S, LONGEST_S, rng, audio)
    ratio_db = uniform((count, 1), WET_DB, DRY_DB, rng, audio)
    length = round(LONGEST_S * SAMPLE_RATE)
    echo = torch.randn((count, length), generator=rng, device=rng.device).to(audio.device)
    if not bool(chosen.any()):
        return audio
    times = torch.arange(length, device=audio.device) / SAMPLE_RATE
    decay = torch.exp(-math.log(1000.0) * times / seconds[chosen]) * (times >= GAP_S)  # 60 dB are a factor of 1000
    echo = echo[chosen] * decay
    echo = echo / echo.square().sum(dim=1, keepdim=True).sqrt() * 10 ** (-ratio_db[chosen] / 20)
    size = 1 << (samples + length - 1).bit_length()
    heard = torch.fft.irfft(torch.fft.rfft(audio[chosen], size) * torch.fft.rfft(echo, size), size)[:, :samples]
    return audio.index_add(0, chosen.nonzero().flatten(), heard)
