"""How much of an emotion shows from moment to moment: it rises with speech, swells with its stresses, and sinks."""

from __future__ import annotations

import numpy as np

from seehear.avatars.curves import Curve, slow
from seehear.clip import FPS

SWELL_S = 0.15
"""Deviation of the smoothing of the loudness: syllables melt into stresses, and muscles of the face need 0.3 s."""


def draw_intensity(rng: np.random.Generator, loudness: Curve, speaking: Curve) -> Curve:
    """The intensity of one clip, 0 at rest, 1 at the peak of a stressed phrase, at times a little above.

    The first picture is near rest, whatever is said before the clip begins, so that a still tells little of what a
    person feels; from the first sound on the face comes to show it, most where the voice is loudest.

    Args:
        rng: of the clip.
        loudness: of the speech at each picture, 0..1.
        speaking: 1 where a phoneme sounds, 0 in pauses.

    Returns:
        (frames,).
    """
    rest, onset_s = rng.uniform(0.0, 0.35), rng.uniform(0.15, 0.5)
    held, swollen = rng.uniform(0.1, 0.4), rng.uniform(0.65, 0.85)
    swell = slow(loudness, SWELL_S)
    swell = swell / max(float(np.quantile(swell, 0.9)), 0.2)
    spoken_s = (np.cumsum(speaking) - speaking[0]) / FPS
    begun = slow(np.asarray(1 - np.exp(-spoken_s / onset_s)), 0.04)
    begun = (begun - begun[0]).clip(0)
    return np.asarray(rest + begun * (held + swollen * swell - rest), np.float32).clip(0, 1.25)
