"""What age and feeling do to a voice beyond what a synthesiser offers: bright or dull, trembling, rough."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import map_coordinates

from seehear.avatars.emotion import Emotion
from seehear.avatars.room import Sound
from seehear.avatars.voices import Voice
from seehear.clip import SAMPLE_RATE

LEVEL_HZ = 500.0
"""Where a tilted spectrum stays as it is: about the first formant, which carries most of the energy."""

LARGEST_TILT_DB = 16.0
"""Lowest and highest gain of a tilt."""

TREMOR_PITCH, TREMOR_LOUDNESS = 0.035, 0.35
"""Deviation of pitch and loudness at full tremor, as shares."""

ROUGH_PITCH, ROUGH_LOUDNESS = 0.018, 0.55
"""The same for roughness, whose modulation lies between 30 and 75 Hz (Arnal et al. 2015: 30 to 150 Hz)."""


def feeling_timbre(
    rng: np.random.Generator, sound: Sound, emotion: Emotion, strength: float, voice: Voice | None = None
) -> Sound:
    """The sound of a voice under an emotion of a strength 0..1, float32 (N,) at 16 kHz.

    What the ``voice`` itself has of tilt, tremor and roughness is added. Nothing moves in time by more than 2 ms, so
    that the mouth stays right.
    """
    tremor = min(1.0, (voice.tremor if voice else 0.0) + strength * emotion.tremor)
    rough = min(1.0, (voice.rough if voice else 0.0) + strength * emotion.rough)
    if tremor or rough:
        slow, fast = _trembling(rng, len(sound)), _roughness(rng, len(sound))
        sound = _bend(sound, TREMOR_PITCH * tremor * slow + ROUGH_PITCH * rough * fast)
        louder = (1 + TREMOR_LOUDNESS * tremor * slow) * (1 + ROUGH_LOUDNESS * rough * fast).clip(0.1)
        sound = (sound * louder).astype(np.float32)
    tilt = (voice.tilt if voice else 0.0) + strength * emotion.tilt
    return _tilt(sound, tilt) if tilt else sound


def _trembling(rng: np.random.Generator, count: int) -> Sound:
    """A wave of 4 to 7 Hz that is not quite regular, about -1..1."""
    hertz = rng.uniform(4.0, 7.0) * (1 + 0.15 * _wander(rng, count, 2.0))
    return np.sin(2 * np.pi * (np.cumsum(hertz) / SAMPLE_RATE + rng.random())).astype(np.float32)


def _roughness(rng: np.random.Generator, count: int) -> Sound:
    """Noise between 30 and 75 Hz, of deviation 1."""
    size = 1 << (count - 1).bit_length()
    hertz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    band = (hertz > 30) & (hertz < 75)
    spectrum = np.zeros(len(hertz), complex)
    spectrum[band] = rng.standard_normal(band.sum()) + 1j * rng.standard_normal(band.sum())
    noise = np.fft.irfft(spectrum, size)[:count]
    return (noise / max(float(noise.std()), 1e-9)).astype(np.float32)


def _wander(rng: np.random.Generator, count: int, a_second: float) -> Sound:
    """A random line with so many corners a second, of deviation about 1."""
    corners = rng.standard_normal(int(count / SAMPLE_RATE * a_second) + 2)
    return np.interp(np.arange(count) * a_second / SAMPLE_RATE, np.arange(len(corners)), corners).astype(np.float32)


def _bend(voice: Sound, deviation: Sound) -> Sound:
    """Pitch raised by a share of itself at each sample, by reading the sound sooner or later."""
    moved = np.cumsum(deviation, dtype=np.float64)
    return map_coordinates(  # type: ignore[no-any-return]
        voice, (np.arange(len(voice)) + moved - moved.mean())[None], order=3, mode="nearest", prefilter=True
    ).astype(np.float32)


def _tilt(voice: Sound, db_an_octave: float) -> Sound:
    """Brighter (> 0) or duller, without phase: nothing moves in time."""
    size = 1 << len(voice).bit_length()
    octaves = np.log2(np.maximum(np.fft.rfftfreq(size, 1 / SAMPLE_RATE), 60.0) / LEVEL_HZ)
    gain_db = (db_an_octave * octaves).clip(-LARGEST_TILT_DB, LARGEST_TILT_DB)
    return np.fft.irfft(np.fft.rfft(voice, size) * 10 ** (gain_db / 20), size)[: len(voice)].astype(np.float32)
