"""Synthetic music: the same each time, as loud as noise, tonal, and laid under voices at the ratio that is wanted."""

import numpy as np
import torch

from seehear.audio.noise import PIECES, SECONDS, NoiseBank, add_noise, music_bank
from seehear.clip import SAMPLE_RATE


def test_pieces_are_of_one_power_and_differ() -> None:
    bank = music_bank()
    assert bank.shape == (PIECES, 2 * SECONDS * SAMPLE_RATE)
    torch.testing.assert_close(bank[:, : bank.shape[1] // 2].square().mean(1), torch.ones(PIECES))
    alike = torch.corrcoef(bank) - torch.eye(PIECES)
    assert float(alike.abs().max()) < 0.2
    torch.testing.assert_close(bank, music_bank(), rtol=0, atol=0)


def test_it_has_tones_where_noise_has_none() -> None:
    def peakedness(sound: torch.Tensor) -> float:
        power = np.abs(np.fft.rfft(sound[: 4 * SAMPLE_RATE].numpy())) ** 2
        return float(np.sort(power)[-len(power) // 100 :].sum() / power.sum())

    noise = torch.randn(4 * SAMPLE_RATE, generator=torch.Generator().manual_seed(0))
    assert min(peakedness(piece) for piece in music_bank()) > 3 * peakedness(noise)


def test_music_lies_under_the_voice_at_the_wanted_ratio() -> None:
    rng = torch.Generator().manual_seed(0)
    voice = torch.randn(32, SAMPLE_RATE, generator=rng)
    heard = add_noise(voice, NoiseBank(music=True), rng, (10, 10), 1.0, 0.0, music_share=1.0)
    ratio = 10 * torch.log10(voice.square().mean(1) / (heard - voice).square().mean(1))
    torch.testing.assert_close(ratio, torch.full((32,), 10.0), atol=0.01, rtol=0)


def test_longer_sound_than_a_piece_is_filled() -> None:
    rng = torch.Generator().manual_seed(0)
    drawn = NoiseBank(music=True).sample_music(1, 3 * SECONDS * SAMPLE_RATE, rng)
    assert drawn.shape == (1, 3 * SECONDS * SAMPLE_RATE)
    assert bool((drawn.view(3, -1).square().mean(1) > 0.1).all())
