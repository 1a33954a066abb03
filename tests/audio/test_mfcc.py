"""MFCC against its definition in loops and against stored values of another implementation."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from seehear.audio.spectrum import MFCC, LogMel, dct_basis, slope

REFERENCE = json.loads((Path(__file__).parent / "reference.json").read_text())


def noise(samples: int) -> torch.Tensor:
    return torch.randn(2, samples, generator=torch.Generator().manual_seed(3)) * 0.1


def slow_dct(x: np.ndarray) -> np.ndarray:
    n = len(x)
    scale = [np.sqrt(1 / n)] + [np.sqrt(2 / n)] * (n - 1)
    return np.array([scale[k] * sum(x[i] * np.cos(np.pi * k * (i + 0.5) / n) for i in range(n)) for k in range(n)])


def test_is_the_dct_of_the_log_mel() -> None:
    sound = noise(1280)
    bands, cepstra = LogMel(40)(sound), MFCC(13)(sound)
    assert cepstra.shape == (2, 8, 13)
    for t in range(8):
        np.testing.assert_allclose(cepstra[1, t].numpy(), slow_dct(bands[1, t].numpy())[:13], atol=1e-4)


def test_dct_is_orthonormal() -> None:
    basis = dct_basis(40)
    torch.testing.assert_close(basis.T @ basis, torch.eye(40), atol=1e-5, rtol=0)


def test_slope_of_a_ramp_is_its_step_and_ends_repeat() -> None:
    ramp = torch.arange(10.0)[None, :, None] * 3
    out = slope(ramp)[0, :, 0]
    torch.testing.assert_close(out[2:-2], torch.full((6,), 3.0))
    x = [0.0, 0.0, 0.0, 3.0, 6.0]  # frame 0 with its neighbours, the first repeated
    assert float(out[0]) == pytest.approx((1 * (x[3] - x[1]) + 2 * (x[4] - x[0])) / 10)


def test_matches_stored_reference() -> None:
    t = np.arange(6400) / 16000
    sound = 0.5 * np.sin(2 * np.pi * (200 * t + 4000 * t**2)) + 0.01 * np.sin(2 * np.pi * 3000 * t)
    out = MFCC(13, deltas=True, framing="valid")(torch.from_numpy(sound.astype(np.float32))[None])[0]
    assert out.shape[1] == 39
    np.testing.assert_allclose(out[REFERENCE["frames"]].numpy(), REFERENCE["mfcc"], atol=5e-3)


def test_more_coefficients_than_bands() -> None:
    with pytest.raises(ValueError, match="41 coefficients"):
        MFCC(41, n_mels=40)
