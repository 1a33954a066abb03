"""Echoes of rooms: they follow the sound, decay, and leave the direct sound where it is."""

import torch

from seehear.audio.augmentation import MAX_S, MIN_S, add_reverberation
from seehear.clip import SAMPLE_RATE


def clicks(count: int, seconds: float = 1.0) -> torch.Tensor:
    audio = torch.zeros(count, round(seconds * SAMPLE_RATE))
    audio[:, SAMPLE_RATE // 10] = 1.0
    return audio


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_direct_sound_stays_and_the_echo_comes_after_it() -> None:
    sound = clicks(8)
    heard = add_reverberation(sound, rng(), 1.0) - sound
    assert float(heard[:, : SAMPLE_RATE // 10 + 60].abs().max()) < 1e-5
    assert bool((heard[:, SAMPLE_RATE // 10 + 64 :].square().sum(1) > 1e-3).all())


def test_the_echo_decays_by_sixty_decibels_within_the_range_of_times() -> None:
    echo = (add_reverberation(clicks(64), rng(1), 1.0) - clicks(64))[:, SAMPLE_RATE // 10 :]
    left = echo.square().flip(1).cumsum(1).flip(1)  # energy still to come (Schroeder 1965)
    level_db = 10 * torch.log10(left / left[:, :1])
    seconds = (level_db > -30).sum(1) / SAMPLE_RATE * 2  # twice the time of 30 dB
    assert 0.8 * MIN_S < float(seconds.min()) < 0.3
    assert 0.5 < float(seconds.max()) < 1.2 * MAX_S


def test_only_a_share_of_the_items_is_in_a_room() -> None:
    sound = clicks(200, 0.2)
    changed = (add_reverberation(sound, rng(), 0.25) != sound).any(1).float().mean()
    assert 0.15 < float(changed) < 0.35
    assert torch.equal(add_reverberation(sound, rng(), 0.0), sound)
