"""Noise, babble and synthetic music at a given signal-to-noise ratio; random numbers."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from seehear.clip import SAMPLE_RATE


def random_uniform(shape: tuple[int, ...], low: float, high: float, rng: Generator, like: Tensor) -> Tensor:
    """Sample float32 numbers in [low, high) of ``shape`` on the device of ``like``."""
    return (torch.rand(shape, generator=rng, device=rng.device) * (high - low) + low).to(like.device)


def random_integers(count: int, stop: int, rng: Generator) -> Tensor:
    """Sample ``count`` integers in [0, stop) on the generator's device."""
    return torch.randint(stop, (count,), generator=rng, device=rng.device)


PIECES, SECONDS = 6, 16


SCALE = (0, 2, 4, 5, 7, 9, 11)


CHORDS = ((0, 4, 7), (9, 0, 4), (5, 9, 0), (7, 11, 2), (2, 5, 9))


def music_bank(seed: int = 0) -> Tensor:
    """Generate music of power 1, float32 (PIECES, 2 * SECONDS * 16000); each piece repeats, so any offset is valid."""
    rng = np.random.default_rng(seed)
    pieces = np.stack([_piece(rng) for _ in range(PIECES)])
    pieces /= np.sqrt(np.mean(pieces**2, axis=1, keepdims=True))
    return torch.from_numpy(np.concatenate([pieces, pieces], axis=1).astype(np.float32))


def _piece(rng: np.random.Generator) -> NDArray[np.float64]:
    out = np.zeros(SECONDS * SAMPLE_RATE)
    beat_s, key = rng.uniform(0.35, 0.8), int(rng.integers(12))
    timbre = rng.uniform(0.5, 2.0)  # decay of the harmonics
    parts = rng.random(4) < (0.9, 0.7, 0.8, 0.6)
    beats = int(SECONDS / beat_s)
    chord = CHORDS[0]
    for beat in range(beats):
        chord = CHORDS[int(rng.integers(len(CHORDS)))] if beat % 4 == 0 else chord
        start_s = beat * beat_s
        if parts[0] and beat % 2 == 0:
            for tone in chord:
                _add(out, start_s, _note(rng, 48 + (key + tone) % 12 + 12, 2 * beat_s, timbre), 0.25)
        if parts[1]:
            _add(out, start_s, _note(rng, 36 + (key + chord[0]) % 12, beat_s, timbre), 0.5)
        if parts[2]:
            tone = SCALE[int(rng.integers(len(SCALE)))]
            _add(out, start_s + rng.choice((0.0, 0.5)) * beat_s, _note(rng, 60 + key + tone, beat_s, timbre), 0.4)
        if parts[3]:
            _add(out, start_s, _drum(rng), 0.6)
    return out + 1e-6


def _note(rng: np.random.Generator, midi: int, seconds: float, timbre: float) -> NDArray[np.float64]:
    """Synthesise a tone with harmonics, a sharp attack and a decay."""
    times = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    hertz = 440.0 * 2 ** ((midi - 69) / 12)
    overtones = [k for k in range(1, 9) if k * hertz < SAMPLE_RATE / 2]
    phases = rng.uniform(0, 2 * np.pi, len(overtones))
    wave = sum(
        k**-timbre * np.sin(2 * np.pi * k * hertz * times + phase) for k, phase in zip(overtones, phases, strict=True)
    )
    return np.asarray(wave * np.exp(-times * rng.uniform(1.0, 6.0)) * np.minimum(times / 0.005, 1.0))


def _drum(rng: np.random.Generator) -> NDArray[np.float64]:
    times = np.arange(SAMPLE_RATE // 5) / SAMPLE_RATE
    return np.asarray(rng.standard_normal(len(times)) * np.exp(-times * rng.uniform(15, 60)))


def _add(out: NDArray[np.float64], start_s: float, sound: NDArray[np.float64], level: float) -> None:
    first = round(start_s * SAMPLE_RATE)
    here = out[first : first + len(sound)]
    here += level * sound[: len(here)]


COLOURS = {"white": 0.0, "pink": 1.0, "brown": 2.0}  # power falls as 1 / f to this exponent


PERIOD = 16 * SAMPLE_RATE  # stored samples per colour


MIN_HZ = 40.0  # coloured noise is flat below this: otherwise nearly all its power would be inaudible


TINY = 1e-10  # power below which audio is silence: less than half a step of 16 bits


class NoiseBank(nn.Module):
    """Stored noise of several colours, (colours, 2 * PERIOD), readable at any offset without a seam.

    Generating Gaussian noise for 16 clips of 3 s costs 6 ms; reading it from a bank at a random offset costs a tenth.
    """

    noise: Tensor
    music: Tensor

    def __init__(self, music: bool = False) -> None:
        """Generate the bank, which is always the same.

        Args:
            music: whether to include music
        """
        super().__init__()
        self.register_buffer("music", music_bank() if music else torch.zeros(0, 0), persistent=False)
        rng = torch.Generator().manual_seed(0)
        frequency = torch.fft.rfftfreq(PERIOD, 1 / SAMPLE_RATE).clamp_min(MIN_HZ)
        spectrum = torch.fft.rfft(torch.randn(PERIOD, generator=rng))
        period = torch.stack([torch.fft.irfft(spectrum * frequency ** (-e / 2), n=PERIOD) for e in COLOURS.values()])
        period = period / period.square().mean(dim=1, keepdim=True).sqrt()
        # A circular transform makes the noise periodic, so two periods can be read across without a click.
        self.register_buffer("noise", torch.cat([period, period], dim=1), persistent=False)

    def sample(self, count: int, samples: int, rng: Generator) -> Tensor:
        """Sample noise of power about 1 with a random colour and offset per item, float32 (count, samples)."""
        colours = random_integers(count, len(self.noise), rng).tolist()
        offsets = random_integers(count, PERIOD, rng).tolist()
        repeats = -(-samples // PERIOD)
        bank = self.noise if repeats == 1 else self.noise[:, :PERIOD].repeat(1, repeats + 1)
        return torch.stack([bank[c, o : o + samples] for c, o in zip(colours, offsets, strict=True)])

    def sample_music(self, count: int, samples: int, rng: Generator) -> Tensor:
        """Sample music of power about 1 with a random piece and offset per item, float32 (count, samples)."""
        period = self.music.shape[1] // 2
        pieces = random_integers(count, len(self.music), rng).tolist()
        offsets = random_integers(count, period, rng).tolist()
        bank = self.music if samples <= period else self.music[:, :period].repeat(1, -(-samples // period) + 1)
        return torch.stack([bank[p, o : o + samples] for p, o in zip(pieces, offsets, strict=True)])


def babble(audio: Tensor, rng: Generator, voices: int = 3) -> Tensor:
    """Return background voices: for each item a mix of up to ``voices`` other items of the batch, shifted in time.

    Args:
        audio: (B, N), B >= 2
        rng: random generator
        voices: maximum number of voices in the mix

    Returns:
        (B, N), with all voices normalised to the same power; an item is never mixed with itself.
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
    shift = int(random_integers(1, samples, rng))  # shift the other voices, as the batch may be aligned in time
    return torch.roll(mixed, shift, dims=1)


def add_at_snr(audio: Tensor, noise: Tensor, snr_db: Tensor) -> Tensor:
    """Add noise (B, N) to audio (B, N) at a signal-to-noise ratio of ``snr_db`` (B,) over each item.

    Silent items stay silent: the noise level is relative to the audio.
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
    """Add noise to some items of a batch, each with its own kind and ratio.

    Args:
        audio: (B, N)
        bank: stored noise
        rng: random generator
        snr_db: range of the signal-to-noise ratio, uniform in dB
        probability: share of the items that get noise
        babble_share: share of those whose noise is the other voices of the batch
        music_share: share of those whose noise is music, which the bank must contain

    Returns:
        (B, N), not clipped to [-1, 1]
    """
    count, samples = audio.shape
    draw = random_uniform((2, count), 0.0, 1.0, rng, audio)
    ratio = random_uniform((count,), *snr_db, rng, audio)
    noise = bank.sample(count, samples, rng).to(audio.device)
    if count > 1:
        noise = torch.where((draw[1] < babble_share)[:, None], babble(audio, rng), noise)
    if music_share > 0:
        music = bank.sample_music(count, samples, rng).to(audio.device)
        noise = torch.where((draw[1] >= 1 - music_share)[:, None], music, noise)
    ratio = torch.where(draw[0] < probability, ratio, torch.inf)  # infinite ratio: no noise
    return add_at_snr(audio, noise, ratio)
