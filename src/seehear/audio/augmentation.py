"""Audio augmentation for training: gain, noise, reverberation, equaliser, narrow band, vocal-tract warp."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor, nn

from seehear.audio.noise import NoiseBank, add_noise, random_uniform
from seehear.audio.spectrum import FLOOR, hz_to_mel
from seehear.clip import SAMPLE_RATE

KNOTS = 6  # independent gains over the mel range; between them the curve is interpolated


DECIBELS_PER_NEPER_OF_POWER = 4.342944819  # 10 / ln 10: log-mel is a natural logarithm of power


GRID = 64  # points of a gain curve on the mel axis, for waveforms


TAIL = 2048  # maximum ringing of a filter, in samples: 128 ms


def gain_curves(count: int, bands: int, strength_db: float, rng: Generator, like: Tensor) -> Tensor:
    """Sample smooth random gains in dB, (count, bands), within plus and minus ``strength_db``."""
    knots = random_uniform((count, 1, KNOTS), -strength_db, strength_db, rng, like)
    return nn.functional.interpolate(knots, size=bands, mode="linear", align_corners=True)[:, 0]


def equalise_mel(logmel: Tensor, rng: Generator, strength_db: float = 9.0) -> Tensor:
    """Equalise log-mel (B, frames, bands): add one random gain curve per item, clamped to the silence floor.

    Equivalent to filtering the audio first, as long as a band's gain varies little within the band.
    """
    curve = gain_curves(len(logmel), logmel.shape[-1], strength_db, rng, logmel) / DECIBELS_PER_NEPER_OF_POWER
    return (logmel + curve[:, None]).clamp_min(math.log(FLOOR))


def equalise(audio: Tensor, rng: Generator, strength_db: float = 9.0) -> Tensor:
    """Equalise audio (B, N) with the same random curves over the mel axis, as a zero-phase filter.

    Nothing is shifted in time. If only a log-mel is needed, `equalise_mel` is ten times cheaper.
    """
    count, samples = audio.shape
    length = -(-(samples + TAIL) // 1024) * 1024  # zero padding, so that the end does not ring into the beginning
    hertz = np.linspace(0, SAMPLE_RATE / 2, length // 2 + 1)
    mel = torch.from_numpy(hz_to_mel(hertz) / hz_to_mel(hertz[-1:])).float().to(audio.device)  # 0 .. 1
    curve = gain_curves(count, GRID, strength_db, rng, audio)
    left = (mel * (GRID - 1)).long().clamp_max(GRID - 2)
    share = mel * (GRID - 1) - left
    decibels = torch.lerp(curve[:, left], curve[:, left + 1], share)
    spectrum = torch.fft.rfft(audio, n=length)
    filtered: Tensor = torch.fft.irfft(spectrum * 10 ** (decibels / 20), n=length)
    return filtered[:, :samples]


MIN_HZ, MAX_HZ = 3300.0, 5500.0  # a telephone's band ends at 3.4 kHz, audio sampled at 8 kHz at 4 kHz


SILENCE = math.log(FLOOR)


def narrowband_mel(logmel: Tensor, centres_hz: Tensor, rng: Generator, share: float) -> Tensor:
    """Empty the bands above a random frequency in some items.

    Recordings sampled at 8 kHz are as common as 16 kHz ones. They look very different to an encoder that was never
    trained with empty upper bands.

    Args:
        logmel: natural log-mel, (B, frames, bands)
        centres_hz: centre frequencies of the bands, (bands,), as `LogMel.centres_hz`
        rng: random generator
        share: share of the items that are narrowed

    Returns:
        (B, frames, bands); emptied bands have the value of silence in `LogMel`.
    """
    top = random_uniform((len(logmel), 1, 1), MIN_HZ, MAX_HZ, rng, logmel)
    chosen = torch.rand((len(logmel), 1, 1), generator=rng, device=rng.device).to(logmel.device) < share
    return logmel.masked_fill(chosen & (centres_hz > top), SILENCE)


KNEE_HZ = 4800.0  # formants lie below; above it the warp bends back so that the highest frequency is fixed


def warp_mel(logmel: Tensor, centres_hz: Tensor, rng: Generator, low: float = 0.88, high: float = 1.14) -> Tensor:
    """Stretch the frequency axis of each item by its own factor (Jaitly and Hinton, 2013, section 2).

    Applied to the bands of a log-mel instead of the spectrum, by linear interpolation between band centres.

    Args:
        logmel: (B, frames, bands)
        centres_hz: increasing centre frequencies of the bands, (bands,), as `LogMel.centres_hz`
        rng: random generator
        low: smallest factor; formants move down
        high: largest factor; formants move up

    Returns:
        (B, frames, bands)
    """
    factors = random_uniform((len(logmel), 1), low, high, rng, logmel)
    return logmel @ warp_matrices(factors, centres_hz).to(logmel.dtype)


def warp_matrices(factors: Tensor, centres_hz: Tensor) -> Tensor:
    """Return interpolation matrices (B, bands, bands), columns summing to 1: logmel @ matrix is the warped log-mel."""
    bands = len(centres_hz)
    top = centres_hz[-1]
    knee = KNEE_HZ * factors.clamp_max(1) / factors  # Hz before the warp; maps to KNEE_HZ * min(factor, 1)
    knee = torch.minimum(knee, 0.9 * top / factors.clamp_min(1))
    landed = knee * factors
    # The output band at f takes its value from f / factor below the knee, and linearly up to the top above it.
    above = knee + (centres_hz - landed) * (top - knee) / (top - landed)
    source_hz = torch.where(centres_hz <= landed, centres_hz / factors, above)  # (B, bands)
    source_hz = source_hz.clamp(centres_hz[0], top).contiguous()
    upper = torch.searchsorted(centres_hz.contiguous(), source_hz).clamp(1, bands - 1)
    share = (source_hz - centres_hz[upper - 1]) / (centres_hz[upper] - centres_hz[upper - 1])
    matrices = torch.zeros(len(factors), bands, bands, device=centres_hz.device)
    matrices.scatter_(1, (upper - 1)[:, None], (1 - share)[:, None])
    matrices.scatter_(1, upper[:, None], share[:, None])
    return matrices


MIN_S, MAX_S = 0.1, 0.8
"""Reverberation times (RT60) of furnished rooms and small halls."""


DRY_DB, WET_DB = 15.0, -3.0
"""Power ratio (dB) of direct sound to echo: close to the microphone, and across the room."""


GAP_S = 0.004
"""Minimum delay of the first reflection: the floor or a wall is 70 cm away."""


def add_reverberation(audio: Tensor, rng: Generator, share: float) -> Tensor:
    """Add reverberation to some items: exponentially decaying noise. The direct sound is not delayed.

    Args:
        audio: (B, N), 16 kHz
        rng: random generator
        share: share of the items with reverberation

    Returns:
        (B, N)
    """
    count, samples = audio.shape
    chosen = (torch.rand(count, generator=rng, device=rng.device) < share).to(audio.device)
    seconds = random_uniform((count, 1), MIN_S, MAX_S, rng, audio)
    ratio_db = random_uniform((count, 1), WET_DB, DRY_DB, rng, audio)
    length = round(MAX_S * SAMPLE_RATE)
    echo = torch.randn((count, length), generator=rng, device=rng.device).to(audio.device)
    if not bool(chosen.any()):
        return audio
    times = torch.arange(length, device=audio.device) / SAMPLE_RATE
    decay = torch.exp(-math.log(1000.0) * times / seconds[chosen]) * (times >= GAP_S)  # 60 dB is a factor of 1000
    echo = echo[chosen] * decay
    echo = echo / echo.square().sum(dim=1, keepdim=True).sqrt() * 10 ** (-ratio_db[chosen] / 20)
    size = 1 << (samples + length - 1).bit_length()
    wet = torch.fft.irfft(torch.fft.rfft(audio[chosen], size) * torch.fft.rfft(echo, size), size)[:, :samples]
    return audio.index_add(0, chosen.nonzero().flatten(), wet)


@dataclass(frozen=True)
class SoundAugmentationOptions:
    """Strength of audio augmentation in training.

    Attributes:
        gain_db: maximum change of loudness, either way
        noise: share of the items with added noise
        snr_low_db: lowest signal-to-noise ratio of that noise
        snr_high_db: highest signal-to-noise ratio of that noise
        babble: share of the noises that are other voices of the batch
        music: share of the noises that are music; with ``babble`` at most 1
        room: share of the items with reverberation
        equaliser_db: amplitude of the random gain curve over frequency; 0 disables it
        warp: maximum relative stretch of the frequency axis, either way; 0 disables it
        narrow: share of the items that lose their upper frequencies, as on a telephone
    """

    gain_db: float = 12.0
    noise: float = 0.7
    snr_low_db: float = 0.0
    snr_high_db: float = 30.0
    babble: float = 0.3
    music: float = 0.0
    room: float = 0.0
    equaliser_db: float = 9.0
    warp: float = 0.12
    narrow: float = 0.0


class SoundAugmentation(nn.Module):
    """Noise and gain on waveforms, equaliser and vocal-tract length on their log-mel.

    Every item of a batch is augmented independently. About 5 ms for 16 items of 3 s on one core.
    """

    def __init__(self, options: SoundAugmentationOptions | None = None) -> None:
        """Prepare the stored noise."""
        super().__init__()
        self.options = options or SoundAugmentationOptions()
        self.bank = NoiseBank(music=self.options.music > 0)

    @torch.no_grad()
    def augment_waveform(self, audio: Tensor, rng: Generator) -> Tensor:
        """Augment waveforms: (B, N) -> (B, N)."""
        o = self.options
        if o.room > 0:
            audio = add_reverberation(audio, rng, o.room)
        if o.noise > 0:
            audio = add_noise(audio, self.bank, rng, (o.snr_low_db, o.snr_high_db), o.noise, o.babble, o.music)
        return random_gain(audio, rng, o.gain_db)

    @torch.no_grad()
    def augment_mel(self, logmel: Tensor, centres_hz: Tensor, rng: Generator) -> Tensor:
        """Augment a log-mel: (B, frames, bands) -> the same shape."""
        o = self.options
        if o.warp > 0:
            logmel = warp_mel(logmel, centres_hz, rng, 1 / (1 + o.warp), 1 + o.warp)
        if o.equaliser_db > 0:
            logmel = equalise_mel(logmel, rng, o.equaliser_db)
        if o.narrow > 0:
            logmel = narrowband_mel(logmel, centres_hz, rng, o.narrow)
        return logmel


def random_gain(audio: Tensor, rng: Generator, decibels: float) -> Tensor:
    """Change the level of each item of (B, N) by up to ``decibels`` either way, uniformly."""
    return audio * 10 ** (random_uniform((len(audio), 1), -decibels, decibels, rng, audio) / 20)
