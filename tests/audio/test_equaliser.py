"""Equaliser: in log-mel and on waves the same; keeps time, keeps the floor."""

import math

import torch

from seehear.audio.augmentation import equalise, equalise_mel, gain_curves
from seehear.audio.spectrum import LogMel


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_curves_are_smooth_and_bounded() -> None:
    curves = gain_curves(50, 40, 9.0, rng(), torch.zeros(1))
    assert curves.shape == (50, 40)
    assert float(curves.abs().max()) <= 9.0
    assert float(curves.diff(dim=1).abs().max()) <= 18 * 5 / 39 + 1e-4
    assert float(curves[:, 0].std()) > 3


def test_mel_and_wave_version_agree() -> None:
    """The same seed draws the same curve: filtering the wave or adding to its log-mel comes to nearly the same."""
    mel = LogMel(40)
    sound = torch.randn(4, 16000, generator=rng(1)) * 0.1
    filtered, added = mel(equalise(sound, rng(2))), equalise_mel(mel(sound), rng(2))
    assert float((filtered - added).abs().median()) < 0.1
    assert float((mel(sound) - added).abs().median()) > 0.4


def test_nothing_moves_in_time() -> None:
    click = torch.zeros(3, 4000)
    click[:, 2000] = 1.0
    assert equalise(click, rng()).abs().argmax(dim=1).tolist() == [2000] * 3
    assert equalise(click, rng()).shape == click.shape


def test_silence_stays_on_the_floor() -> None:
    silent = torch.full((2, 5, 40), math.log(1e-6))
    assert float(equalise_mel(silent, rng()).min()) >= math.log(1e-6) - 1e-4
