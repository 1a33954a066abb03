"""Narrow-band sound, as telephones and old recordings have it: nothing above some frequency."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from seehear.audio.draws import uniform
from seehear.audio.logmel import FLOOR

LOWEST_HZ, HIGHEST_HZ = 3300.0, 5500.0  # a telephone's band ends at 3.4 kHz, sound sampled at 8 kHz at 4 kHz
SILENCE = math.log(FLOOR)


def narrow_mel(logmel: Tensor, centres_hz: Tensor, rng: Generator, share: float) -> Tensor:
    """Takes the bands above a random frequency out of some items.

    A recording sampled at 8 kHz is as usual as one at 16 kHz, and looks quite another to an encoder that has never
    seen its upper bands empty.

    Args:
        logmel: natural log-mel, (B, frames, bands).
        centres_hz: centre frequencies of the bands, (bands,), as `LogMel.centres_hz`.
        rng: source of the draws.
        share: of the items that are narrowed.

    Returns:
        (B, frames, bands); emptied bands have the value that `LogMel` gives to silence.
    """
    top = uniform((len(logmel), 1, 1), LOWEST_HZ, HIGHEST_HZ, rng, logmel)
    chosen = torch.rand((len(logmel), 1, 1), generator=rng, device=rng.device).to(logmel.device) < share
    return logmel.masked_fill(chosen & (centres_hz > top), SILENCE)
