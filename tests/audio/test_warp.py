"""Vocal tract length perturbation against its formula, item by item."""

import numpy as np
import pytest
import torch

from seehear.audio.augmentation import warp_matrices, warp_mel
from seehear.audio.spectrum import LogMel

CENTRES = LogMel(40).centres_hz


def slow_source_hz(f: float, alpha: float, knee: float, top: float) -> float:
    """Inverse of Jaitly and Hinton's equation 1 (their S / 2 is our highest centre)."""
    landed = knee * min(alpha, 1)
    if f <= landed:
        return f / alpha
    return top - (top - f) * (top - landed / alpha) / (top - landed)


@pytest.mark.parametrize("alpha", [0.85, 1.0, 1.15])
def test_matches_the_formula(alpha: float) -> None:
    matrix = warp_matrices(torch.tensor([[alpha]]), CENTRES)[0].numpy()
    centres = CENTRES.double().numpy()
    rng = np.random.default_rng(0)
    spectrum = rng.normal(size=40)
    wanted = [np.interp(slow_source_hz(f, alpha, 4800.0, centres[-1]), centres, spectrum) for f in centres]
    np.testing.assert_allclose(spectrum @ matrix, wanted, atol=1e-3)


def test_factor_one_changes_nothing_and_flat_stays_flat() -> None:
    torch.testing.assert_close(warp_matrices(torch.tensor([[1.0]]), CENTRES)[0], torch.eye(40), atol=1e-4, rtol=0)
    flat = torch.full((3, 7, 40), -5.0)
    torch.testing.assert_close(warp_mel(flat, CENTRES, torch.Generator().manual_seed(0)), flat)


def test_larger_factor_moves_formants_up() -> None:
    peak = torch.zeros(1, 1, 40)
    peak[0, 0, 15] = 1.0
    bands = torch.arange(40.0)
    place = [float((peak @ warp_matrices(torch.tensor([[a]]), CENTRES))[0, 0] @ bands) for a in (0.88, 1.14)]
    assert place[0] < 15 < place[1]


def test_items_differ_and_the_top_stays() -> None:
    ramp = torch.linspace(0, 1, 40).expand(8, 2, 40)
    out = warp_mel(ramp, CENTRES, torch.Generator().manual_seed(0))
    assert float(out[:, 0, 10].std()) > 0.01
    torch.testing.assert_close(out[:, :, -1], ramp[:, :, -1])


def test_narrow_range_keeps_its_knee_inside() -> None:
    centres = LogMel(30, fmax=4000.0).centres_hz
    matrices = warp_matrices(torch.tensor([[0.85], [1.15]]), centres)
    torch.testing.assert_close(matrices.sum(dim=1), torch.ones(2, 30))
    assert float(matrices.min()) >= -1e-5
