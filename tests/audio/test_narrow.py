"""Narrow-band sound looks like sound that was sampled at a lower rate."""

import math

import torch

from seehear.audio.augmentation import MAX_HZ, MIN_HZ, narrowband_mel
from seehear.audio.spectrum import LogMel


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_only_the_bands_above_a_cut_are_emptied_and_only_of_some_items() -> None:
    mel = LogMel(80)
    spectra = mel(torch.randn(400, 3200, generator=rng()) * 0.1)
    narrowed = narrowband_mel(spectra, mel.centres_hz, rng(1), share=0.5)
    emptied = (narrowed != spectra).any(dim=1)  # (items, bands)
    assert 0.4 < emptied.any(dim=1).float().mean() < 0.6
    assert not emptied[:, mel.centres_hz <= MIN_HZ].any()
    assert emptied[emptied.any(dim=1)][:, mel.centres_hz > MAX_HZ].all()


def test_an_emptied_band_is_what_silence_is() -> None:
    mel = LogMel(80)
    narrowed = narrowband_mel(mel(torch.randn(8, 3200, generator=rng()) * 0.1), mel.centres_hz, rng(), share=1.0)
    torch.testing.assert_close(narrowed[:, :, -1], mel(torch.zeros(8, 3200))[:, :, -1])
    assert math.isclose(float(narrowed[0, 0, -1]), math.log(1e-6), rel_tol=1e-5)


def test_no_share_changes_nothing() -> None:
    mel = LogMel(40)
    spectra = mel(torch.randn(4, 3200, generator=rng()))
    torch.testing.assert_close(narrowband_mel(spectra, mel.centres_hz, rng(), share=0.0), spectra)
