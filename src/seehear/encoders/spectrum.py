"""What a sound encoder hears, made of sound."""

from __future__ import annotations

from seehear.audio.liftered_mfcc import LifteredMFCC
from seehear.audio.logmel import LogMel
from seehear.encoders.interface import SoundEncoder

Spectrum = LogMel | LifteredMFCC
"""Sound (B, 640 T) in [-1, 1] -> (B, 4 T, bands)."""


def make_spectrum(sound: SoundEncoder) -> Spectrum:
    """The spectrum that a sound encoder takes."""
    return LifteredMFCC(sound.bands) if sound.hears == "mfcc" else LogMel(sound.bands)
