"""Simulated recording conditions (room, microphone, noise); resampling and bandwidth."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

import numpy as np
from numpy.typing import NDArray

from seehear.clip import SAMPLE_RATE

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class RecordingConditions:
    """Recording conditions of one clip.

    Attributes:
        reverberation_s: reverberation time RT60 (s); 0 is an anechoic room
        direct: share of the direct sound, 0..1
        noise: kind of background noise
        snr_db: signal-to-noise ratio, dB
        breath_db: level of breath noise relative to the voice, dB
        tilt_db: slope of the microphone's response, dB per octave
        low_hz, high_hz: band limits of the microphone
        peaks: peaks of the response: (centre in Hz, height in dB, width in octaves)
        level_db: speech level relative to full scale
        clip_db: how far the loudest samples are clipped, dB; 0 disables clipping
        bit_rate: bit rate of the compressed audio, 1/s
    """

    reverberation_s: float
    direct: float
    noise: str
    snr_db: float
    breath_db: float
    tilt_db: float
    low_hz: float
    high_hz: float
    peaks: tuple[tuple[float, float, float], ...]
    level_db: float
    clip_db: float
    bit_rate: int


def sample_recording_conditions(rng: np.random.Generator) -> RecordingConditions:
    """Sample conditions from a recording booth to a street."""
    return RecordingConditions(
        reverberation_s=float(rng.uniform(0.1, 0.8)) if rng.random() < 0.65 else 0.0,
        direct=float(rng.uniform(0.45, 0.95)),
        noise=str(rng.choice(("white", "pink", "brown", "hum", "voices"), p=(0.15, 0.35, 0.2, 0.1, 0.2))),
        snr_db=float(rng.uniform(3, 45)),
        breath_db=float(rng.uniform(-45, -12)),
        tilt_db=float(rng.normal(0, 1.5)),
        low_hz=float(np.exp(rng.uniform(np.log(30), np.log(300)))),
        high_hz=float(rng.uniform(3200, 8000)),
        peaks=tuple(
            (
                float(np.exp(rng.uniform(np.log(150), np.log(6000)))),
                float(rng.normal(0, 4)),
                float(rng.uniform(0.2, 1.0)),
            )
            for _ in range(3)
        ),
        level_db=float(rng.uniform(-32, -14)),
        clip_db=float(rng.uniform(1, 8)) if rng.random() < 0.07 else 0.0,
        bit_rate=int(rng.choice((32, 48, 64, 96, 128))) * 1000,
    )


def simulate_recording(rng: np.random.Generator, voice: Samples, room: RecordingConditions) -> Samples:
    """Return the voice as recorded, without delay, float32 of the same length, in [-1, 1]."""
    breathed = _breathe(rng, voice, room.breath_db)
    sound = _reverberate(rng, breathed, room) if room.reverberation_s else breathed
    voiced = sound[np.abs(sound) > 0.02 * np.abs(sound).max()]
    rms = np.sqrt(np.mean(voiced**2) + 1e-12) if len(voiced) else 1.0  # the voice may be silent
    hiss = synthesize_noise(rng, len(voice), room.noise)
    sound = sound / rms + hiss * 10 ** (-room.snr_db / 20)
    sound = _microphone(sound, room) * 10 ** (room.level_db / 20)
    peak = np.abs(sound).max()
    if room.clip_db:
        limit = peak * 10 ** (-room.clip_db / 20)
        sound = np.clip(sound, -limit, limit)
    return np.asarray(sound * min(1.0, 0.98 / max(peak, 1e-9)), np.float32)


def _breathe(rng: np.random.Generator, voice: Samples, level_db: float) -> Samples:
    """Add noise that follows the voice's loudness, to roughen a synthesiser's voice."""
    rms = np.sqrt(np.convolve(voice**2, np.full(160, 1 / 160), "same"))
    hiss = np.diff(rng.standard_normal(len(voice) + 1))  # increases with frequency, like breath
    return np.asarray(voice + 10 ** (level_db / 20) * rms * hiss, np.float32)


def _reverberate(rng: np.random.Generator, voice: Samples, room: RecordingConditions) -> Samples:
    """Add an echo of decaying noise after the direct sound, which is not delayed."""
    count = int(room.reverberation_s * SAMPLE_RATE)
    seconds = np.arange(count) / SAMPLE_RATE
    tail = rng.standard_normal(count) * 10 ** (-3 * seconds / room.reverberation_s) * (seconds > 0.004)
    tail /= np.sqrt(np.sum(tail**2))
    size = 1 << (len(voice) + count).bit_length()
    echo = np.fft.irfft(np.fft.rfft(voice, size) * np.fft.rfft(tail, size), size)[: len(voice)]
    return np.asarray(room.direct * voice + (1 - room.direct) * echo, np.float32)


def synthesize_noise(rng: np.random.Generator, count: int, kind: str) -> Samples:
    """Generate ``count`` samples of a kind of `RecordingConditions.noise`, with standard deviation 1."""
    size = 1 << (count - 1).bit_length()
    if kind == "hum":
        seconds = np.arange(count) / SAMPLE_RATE
        base = rng.choice((50.0, 60.0))
        hum = sum(
            rng.uniform(0.2, 1) / k * np.sin(2 * np.pi * base * k * seconds + rng.uniform(0, 6)) for k in range(1, 9)
        )
        sound = hum + 0.3 * rng.standard_normal(count)
    else:
        hertz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
        slope = {"white": 0.0, "pink": 0.5, "brown": 1.0, "voices": 0.6}[kind]
        spectrum = np.fft.rfft(rng.standard_normal(size)) / np.maximum(hertz, 60) ** slope
        if kind == "voices":
            spectrum *= np.exp(-0.5 * (np.log(np.maximum(hertz, 1) / 450) / 0.9) ** 2)
        sound = np.fft.irfft(spectrum, size)[:count]
        if kind == "voices":  # the level of a crowd is modulated by its syllables
            syllables = np.abs(rng.standard_normal(count // 2400 + 2))
            sound = sound * (0.4 + np.interp(np.arange(count) / 2400, np.arange(len(syllables)), syllables))
    return np.asarray(sound / max(float(np.std(sound)), 1e-9), np.float32)


def _microphone(sound: Samples, room: RecordingConditions) -> Samples:
    """Apply tilt and band limits of the response with zero phase, so nothing is delayed."""
    size = 1 << len(sound).bit_length()
    hertz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    octaves = np.log2(np.maximum(hertz, 20) / 1000)
    response = 10 ** (room.tilt_db * octaves / 20)
    for centre, height_db, width in room.peaks:
        response *= 10 ** (height_db / 20 * np.exp(-((np.log2(np.maximum(hertz, 20) / centre) / width) ** 2)))
    response /= np.sqrt(1 + (room.low_hz / np.maximum(hertz, 1)) ** 4) * np.sqrt(1 + (hertz / room.high_hz) ** 8)
    return np.asarray(np.fft.irfft(np.fft.rfft(sound, size) * response, size)[: len(sound)], np.float32)


def resample(samples: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """Resample audio (N,) from ``rate`` Hz to 16 kHz with scipy's polyphase low-pass filter."""
    if rate == SAMPLE_RATE:
        return samples
    from scipy.signal import resample_poly

    common = gcd(rate, SAMPLE_RATE)
    resampled: NDArray[np.float32] = resample_poly(samples, SAMPLE_RATE // common, rate // common).astype(np.float32)
    return resampled


ABOVE_HZ = 4500.0


MIN_SHARE_DB = -50.0
"""Share of the power above that: speech recorded at 16 kHz has -5 to -40 dB, telephone speech -57 dB or less."""


def is_narrowband(samples: NDArray[np.float32]) -> bool:
    """Whether 16 kHz audio (N,) contains nothing beyond the band of 8 kHz audio. Silence is not narrowband."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    total = float(power.sum())
    above = float(power[np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE) > ABOVE_HZ].sum())
    return total > 0 and above < total * 10 ** (MIN_SHARE_DB / 10)
