"""The cepstra of published SyncNet weights: against their formulae in loops, and against stored values."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from seehear.audio.spectrum import LifteredMFCC, bin_triangles

REFERENCE = json.loads((Path(__file__).parent / "liftered_reference.json").read_text())


def whole_numbers() -> np.ndarray:
    """The sound of the stored values, int16."""
    t = np.arange(6400) / 16000
    sound = 0.5 * np.sin(2 * np.pi * (200 * t + 4000 * t**2)) + 0.01 * np.sin(2 * np.pi * 3000 * t)
    return np.round(sound * 32768).astype(np.int16)


def mel_of(hertz: float) -> float:
    return 2595 * math.log10(1 + hertz / 700)


def hertz_of(mel: float) -> float:
    return 700 * (10 ** (mel / 2595) - 1)


def slow_filter(band: int, frequency_bin: int) -> float:
    """Height of a triangle at a bin (HTK's mel scale, corners rounded down to bins of 512 points)."""
    corners = [math.floor(513 * hertz_of(mel_of(8000) * (band + i) / 27) / 16000) for i in range(3)]
    if corners[0] <= frequency_bin < corners[1]:
        return (frequency_bin - corners[0]) / (corners[1] - corners[0])
    if corners[1] <= frequency_bin < corners[2]:
        return (corners[2] - frequency_bin) / (corners[2] - corners[1])
    return 0.0


def slow_frame(sound: np.ndarray, frame: int) -> list[float]:
    """Davis and Mermelstein's cepstra by the definitions, in double precision: (N,) int16 -> 13 numbers."""
    sound = [0.0, *map(float, sound)]
    window = [sound[1]] if frame == 0 else [sound[160 * frame + 1] - 0.97 * sound[160 * frame]]
    window += [sound[160 * frame + n + 1] - 0.97 * sound[160 * frame + n] for n in range(1, 400)]
    power = []
    for k in range(257):
        turning = np.exp(-2j * np.pi * k * np.arange(400) / 512)
        power.append(abs(sum(np.array(window) * turning)) ** 2 / 512)
    logs = [math.log(sum(slow_filter(band, k) * power[k] for k in range(257))) for band in range(26)]
    cepstra = [math.log(sum(power))]
    for n in range(1, 13):
        total = sum(logs[m] * math.cos(math.pi * n * (m + 0.5) / 26) for m in range(26))
        cepstra.append(math.sqrt(2 / 26) * total * (1 + 11 * math.sin(math.pi * n / 22)))
    return cepstra


def as_floats(sound: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(sound.astype(np.float32) / 32768)[None]


@pytest.mark.parametrize("frame", [0, 1, 20])
def test_is_what_the_definitions_say(frame: int) -> None:
    cepstra = LifteredMFCC()(as_floats(whole_numbers()))[0, frame].numpy()
    np.testing.assert_allclose(cepstra, slow_frame(whole_numbers(), frame), atol=2e-3)


def test_is_what_the_package_gives() -> None:
    cepstra = LifteredMFCC()(as_floats(whole_numbers()))[0]
    assert len(cepstra) == REFERENCE["shape"][0] + 1 == 40
    np.testing.assert_allclose(cepstra[REFERENCE["frames"]].numpy(), REFERENCE["mfcc"], atol=2e-3)


def test_triangles_meet_each_other_at_their_corners() -> None:
    filters = bin_triangles(26)
    assert filters.shape == (257, 26)
    assert filters.max(0).tolist() == [1.0] * 26
    inner = filters[int(filters[:, 0].argmax()) : int(filters[:, -1].argmax()) + 1].sum(1)
    np.testing.assert_allclose(inner, 1, atol=1e-6)


def test_silence_is_finite_and_sound_does_not_come_before_its_time() -> None:
    sound = torch.zeros(1, 3200)
    silent = LifteredMFCC()(sound)
    assert silent.isfinite().all()
    sound[0, 1600:] = 0.1
    changed = (LifteredMFCC()(sound) - silent)[0].abs().amax(-1).nonzero().flatten()
    assert changed[0] == 8  # the first frame whose window [160 m, 160 m + 400) reaches sample 1600


def test_more_coefficients_than_bands() -> None:
    with pytest.raises(ValueError, match="27 coefficients"):
        LifteredMFCC(27)
