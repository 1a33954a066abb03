"""Narrow-band sound is known as such."""

import numpy as np

from seehear.audio.recording import is_narrowband, resample


def test_what_has_been_at_8_khz_is_narrow() -> None:
    time = np.arange(8000) / 8000
    telephone = sum(np.sin(2 * np.pi * hertz * time) for hertz in range(200, 3500, 100)).astype(np.float32) * 0.02
    narrow = resample(telephone * np.hanning(8000).astype(np.float32), 8000)
    assert is_narrowband(narrow)
    assert not is_narrowband(narrow + 1e-3 * np.random.default_rng(0).standard_normal(len(narrow)).astype(np.float32))


def test_silence_is_not() -> None:
    assert not is_narrowband(np.zeros(16000, np.float32))
