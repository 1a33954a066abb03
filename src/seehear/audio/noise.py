"""Noise at a wanted signal-to-noise ratio: white, pink, brown, music, and babble of the other voices of the batch."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn

from seehear.audio.draws import uniform, whole
from seehear.audio.music import music_bank
from seehear.clip import SAMPLE_RATE

COLOURS = {"white": 0.0, "pink": 1.0, "brown": 2.0}  # power falls as 1 / f to this exponent
PERIOD = 16 * SAMPLE_RATE  # samples of stored noise of each colour
LOWEST_HZ = 40.0  # below this the coloured noises stay flat: all their power would be where nobody hears it
TINY = 1e-10  # power below which sound is silence: quieter than half a step of 16 bits


class NoiseBank(nn.Module):
    """Stored noise of several colours, (colours, 2 * PERIOD), from which any offset can be read without a seam.

    Drawing Gaussian noise anew for 16 clips of 3 s costs 6 ms; reading it from a bank at a random offset a tenth.
    """

    noise: Tensor
    music: Tensor

    def __init__(self, music: bool = False) -> None:
        """Draws the bank, always the same.

        Args:
            music: whether it holds music, too.
        """
        super().__init__()
        self.register_buffer("music", music_bank() if music else torch.zeros(0, 0), persistent=False)
        rng = torch.Generator().manual_seed(0)
        frequency = torch.fft.rfftfreq(PERIOD, 1 / SAMPLE_RATE).clamp_min(LOWEST_HZ)
        spectrum = torch.fft.rfft(torch.randn(PERIOD, generator=rng))
        period = torch.stack([torch.fft.irfft(spectrum * frequency ** (-e / 2), n=PERIOD) for e in COLOURS.values()])
        period = period / period.square().mean(dim=1, keepdim=True).sqrt()
        # Shaped by a circular transform, so the noise repeats without a click and two periods can be read across.
        self.register_buffer("noise", torch.cat([period, period], dim=1), persistent=False)

    def draw(self, count: int, samples: int, rng: Generator) -> Tensor:
        """Noise of power about 1, one random colour and offset an item, float32 (count, samples)."""
        colours = whole(count, len(self.noise), rng).tolist()
        offsets = whole(count, PERIOD, rng).tolist()
        repeats = -(-samples // PERIOD)
        bank = self.noise if repeats == 1 else self.noise[:, :PERIOD].repeat(1, repeats + 1)
        return torch.stack([bank[c, o : o + samples] for c, o in zip(colours, offsets, strict=True)])

    def draw_music(self, count: int, samples: int, rng: Generator) -> Tensor:
        """Music of power about 1, one random piece and offset an item, float32 (count, samples)."""
        period = self.music.shape[1] // 2
        pieces = whole(count, len(self.music), rng).tolist()
        offsets = whole(count, period, rng).tolist()
        bank = self.music if samples <= period else self.music[:, :period].repeat(1, -(-samples // period) + 1)
        return torch.stack([bank[p, o : o + samples] for p, o in zip(pieces, offsets, strict=True)])


def babble(audio: Tensor, rng: Generator, voices: int = 3) -> Tensor:
    """Other people talking: for each item a mixture of up to ``voices`` other items of the batch, moved in time.

    Args:
        audio: (B, N), B >= 2.
        rng: source of the mixture.
        voices: how many others are mixed.

    Returns:
        (B, N), each voice brought to the same power first; an item never hears itself.
    """
    count, samples = audio.shape
    if count < 2:
        raise ValueError("babble needs a batch of at least two items")
    order = torch.rand(count, count, generator=rng, device=rng.device)
    order.fill_diagonal_(-1.0)
    weights = torch.zeros_like(order)
    weights.scatter_(1, order.topk(min(voices, count - 1), dim=1).indices, 1.0)
    level = audio.square().mean(dim=1).clamp_min(TINY).sqrt()
    mixed = (weights.to(audio.device) / level) @ audio
    shift = int(whole(1, samples, rng))  # the neighbours start elsewhere, or the mixture would be in step with them
    return torch.roll(mixed, shift, dims=1)


def add_at_snr(audio: Tensor, noise: Tensor, snr_db: Tensor) -> Tensor:
    """Adds noise (B, N) to sound (B, N) so that their powers over the item stand in the ratio ``snr_db`` (B,).

    Silent items keep their silence: noise is measured against the sound.
    """
    sound_power = audio.square().mean(dim=1)
    noise_power = noise.square().mean(dim=1).clamp_min(TINY)
    scale = (sound_power / noise_power * 10 ** (-snr_db / 10)).sqrt()
    return torch.addcmul(audio, noise, scale[:, None])


def add_noise(
    audio: Tensor,
    bank: NoiseBank,
    rng: Generator,
    snr_db: tuple[float, float] = (0.0, 30.0),
    probability: float = 0.7,
    babble_share: float = 0.3,
    music_share: float = 0.0,
) -> Tensor:
    """Adds noise to some items of a batch, each with its own kind and ratio.

    Args:
        audio: (B, N).
        bank: stored noises.
        rng: source of every choice.
        snr_db: range of the signal-to-noise ratio, uniform in decibels.
        probability: share of the items that get noise.
        babble_share: share of those whose noise is the other voices of the batch.
        music_share: share of those whose noise is music, which the bank must hold.

    Returns:
        (B, N), not clipped to [-1, 1].
    """
    count, samples = audio.shape
    draw = uniform((2, count), 0.0, 1.0, rng, audio)
    ratio = uniform((count,), *snr_db, rng, audio)
    noise = bank.draw(count, samples, rng).to(audio.device)
    if count > 1:
        noise = torch.where((draw[1] < babble_share)[:, None], babble(audio, rng), noise)
    if music_share > 0:
        music = bank.draw_music(count, samples, rng).to(audio.device)
        noise = torch.where((draw[1] >= 1 - music_share)[:, None], music, noise)
    ratio = torch.where(draw[0] < probability, ratio, torch.inf)  # infinite ratio: no noise
    return add_at_snr(audio, noise, ratio)
