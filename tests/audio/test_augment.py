"""The whole of sound augmentation: seeded, shaped, and each part can be switched off."""

import torch

from seehear.audio.augmentation import SoundAugmentation, SoundAugmentationOptions, random_gain
from seehear.audio.spectrum import LogMel


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_keeps_shapes_and_follows_the_seed() -> None:
    augment, mel = SoundAugmentation(), LogMel(40)
    sound = torch.randn(4, 6400, generator=rng()) * 0.1

    def run(seed: int) -> torch.Tensor:
        draws = rng(seed)
        out: torch.Tensor = augment.augment_mel(mel(augment.augment_waveform(sound, draws)), mel.centres_hz, draws)
        return out

    assert run(1).shape == (4, 40, 40)
    torch.testing.assert_close(run(1), run(1), atol=0, rtol=0)
    assert not torch.equal(run(1), run(2))
    assert bool(torch.isfinite(run(3)).all())


def test_everything_off_changes_nothing() -> None:
    augment = SoundAugmentation(SoundAugmentationOptions(gain_db=0, noise=0, equaliser_db=0, warp=0))
    mel = LogMel(40)
    sound = torch.randn(2, 1280, generator=rng())
    torch.testing.assert_close(augment.augment_waveform(sound, rng()), sound)
    torch.testing.assert_close(augment.augment_mel(mel(sound), mel.centres_hz, rng()), mel(sound))


def test_gain_differs_by_item_within_its_range() -> None:
    decibels = 20 * torch.log10(random_gain(torch.ones(200, 1), rng(), 6.0))[:, 0]
    assert -6 <= float(decibels.min()) < -5
    assert 5 < float(decibels.max()) <= 6


def test_holds_no_weights() -> None:
    assert not SoundAugmentation().state_dict()
    assert not LogMel(40).state_dict()
