"""Noise: its ratio, its colours, whose voices babble is made of."""

import math

import pytest
import torch

from seehear.audio.noise import PERIOD, NoiseBank, add_at_snr, add_noise, babble


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def bank() -> NoiseBank:
    return NoiseBank()


def power(x: torch.Tensor) -> torch.Tensor:
    return x.square().mean(dim=1)


def test_ratio_is_as_asked() -> None:
    sound, noise = torch.randn(3, 16000, generator=rng()) * 0.01, torch.randn(3, 16000, generator=rng(1)) * 5
    wanted = torch.tensor([0.0, 10.0, 30.0])
    added = add_at_snr(sound, noise, wanted) - sound
    torch.testing.assert_close(10 * torch.log10(power(sound) / power(added)), wanted, atol=0.05, rtol=0)


def test_infinite_ratio_changes_nothing_and_silence_stays_silent() -> None:
    sound = torch.randn(2, 1600, generator=rng())
    sound[1] = 0
    noise = torch.randn(2, 1600, generator=rng(1))
    out = add_at_snr(sound, noise, torch.tensor([math.inf, 0.0]))
    torch.testing.assert_close(out, sound, atol=0, rtol=0)


def test_colours_fall_as_named(bank: NoiseBank) -> None:
    """Power an octave: white rises 3 dB an octave with the width, pink is level, brown falls 3 dB."""
    spectrum = torch.fft.rfft(bank.noise[:, :PERIOD]).abs().square()
    hz = torch.fft.rfftfreq(PERIOD, 1 / 16000)
    octaves = [spectrum[:, (hz >= low) & (hz < 2 * low)].sum(dim=1) for low in (250, 500, 1000, 2000)]
    steps = 10 * torch.log10(torch.stack(octaves)).diff(dim=0).mean(dim=0)
    torch.testing.assert_close(steps, torch.tensor([3.01, 0.0, -3.01]), atol=0.2, rtol=0)


def test_bank_reads_across_its_seam_and_longer_than_itself(bank: NoiseBank) -> None:
    out = bank.sample(2, 3 * PERIOD + 5, rng())
    assert out.shape == (2, 3 * PERIOD + 5)
    torch.testing.assert_close(out[:, :100], out[:, PERIOD : PERIOD + 100])
    torch.testing.assert_close(bank.noise[:, :100], bank.noise[:, PERIOD : PERIOD + 100])


def test_babble_never_contains_the_item_itself() -> None:
    """Items on separate tones: the mixture of each has the tones of three others and nothing at its own."""
    t = torch.arange(16000) / 16000
    sound = torch.stack([(i + 1) * torch.sin(2 * math.pi * 100 * (i + 1) * t) for i in range(6)])
    spectrum = torch.fft.rfft(babble(sound, rng(), voices=3)).abs()
    tones = spectrum[:, [100 * (i + 1) for i in range(6)]] > 100
    assert not tones.diagonal().any()
    assert tones.sum(dim=1).tolist() == [3] * 6
    loudness = spectrum[:, [100 * (i + 1) for i in range(6)]][tones]
    torch.testing.assert_close(loudness, loudness.mean().expand_as(loudness), rtol=0.01, atol=0)


def test_babble_needs_company() -> None:
    with pytest.raises(ValueError, match="two items"):
        babble(torch.zeros(1, 100), rng())


def test_add_noise_follows_its_seed_and_probability(bank: NoiseBank) -> None:
    sound = torch.randn(8, 6400, generator=rng()) * 0.1
    torch.testing.assert_close(add_noise(sound, bank, rng(5)), add_noise(sound, bank, rng(5)), atol=0, rtol=0)
    assert not torch.equal(add_noise(sound, bank, rng(5)), add_noise(sound, bank, rng(6)))
    torch.testing.assert_close(add_noise(sound, bank, rng(), probability=0.0), sound, atol=0, rtol=0)
    changed = (add_noise(sound, bank, rng(), probability=0.5) != sound).any(dim=1).sum()
    assert 0 < int(changed) < 8
    assert add_noise(sound[:1], bank, rng(), probability=1.0, babble_share=1.0).shape == (1, 6400)
