"""How much of the spectrum a recording fills: a telephone's ends at 4 kHz."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seehear.clip import SAMPLE_RATE

ABOVE_HZ = 4500.0
LEAST_SHARE_DB = -50.0
"""Of the power, above that: speech recorded at 16 kHz has -5 to -40 dB there, telephone speech -57 and less."""


def is_narrow(samples: NDArray[np.float32]) -> bool:
    """Whether sound at 16 kHz, (N,), holds nothing above what 8 kHz can carry. Silence is not narrow."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    total = float(power.sum())
    above = float(power[np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE) > ABOVE_HZ].sum())
    return total > 0 and above < total * 10 ** (LEAST_SHARE_DB / 10)
