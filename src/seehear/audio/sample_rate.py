"""Sound of any sampling rate at the one that everything here hears."""

from __future__ import annotations

from math import gcd

import numpy as np
from numpy.typing import NDArray

from seehear.clip import SAMPLE_RATE


def at_sample_rate(samples: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """Sound (N,) of ``rate`` Hz at 16 kHz, low-passed below half of the lower rate by scipy's polyphase filter."""
    if rate == SAMPLE_RATE:
        return samples
    from scipy.signal import resample_poly

    common = gcd(rate, SAMPLE_RATE)
    heard: NDArray[np.float32] = resample_poly(samples, SAMPLE_RATE // common, rate // common).astype(np.float32)
    return heard
