"""Mouth movement from phonemes.

Coarticulation after Cohen & Massaro (1993), "Modeling coarticulation in synthetic visual speech": each phoneme has a
target for each part of the mouth and a dominance that rises before it and falls after it; a part follows the
dominance-weighted mean of all targets. Closures of the lips (p b m) and of lip and teeth (f v) are separate gestures,
which must be complete in time regardless of their context.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seehear.avatars.voice import TimedLabel
from seehear.clip import FPS

PARTS = ("jaw", "upper", "lower", "wide", "round", "tongue", "tip", "press", "tuck")
"""Columns of the mouth's movement, each about 0..1 (wide: -1..1).

jaw: opening. upper, lower: lips drawn away from the teeth in addition to the jaw. wide: corners apart. round: lips
protruded and narrowed. tongue: height of its body. tip: at the upper teeth (1), between the teeth (1.4). press: lips
closed (p b m). tuck: lower lip at the upper teeth (f v).
"""


_JAW, _UPPER, _LOWER, _WIDE, _ROUND, _TONGUE, _TIP, _PRESS, _TUCK = range(len(PARTS))


_BLENDED = slice(0, _PRESS)


GRID_S = 0.005
"""Time step of the movement in seconds, before it is averaged over each frame's exposure."""


@dataclass(frozen=True, slots=True)
class _Viseme:
    """Targets of the blended parts, their dominance, and gestures."""

    targets: tuple[float, ...]
    dominance: tuple[float, ...]
    press: float = 0.0
    tuck: float = 0.0
    hold_s: float = 1.0  # maximum duration of gestures: the rest of a stop is burst and aspiration


def _vowel(jaw: float, wide: float, rounding: float, tongue: float, lips: float) -> _Viseme:
    targets = (jaw, 0.35 * lips + 0.15 * jaw, lips, wide, rounding, tongue, 0.1)
    return _Viseme(targets, (1.0, 0.8, 0.8, 0.9, 1.0 if rounding else 0.7, 1.0, 0.5))


#              jaw upper lower wide round tongue tip | dominance of each
_VOWELS = {
    "i": _vowel(0.14, 0.75, 0.0, 0.9, 0.50),
    "ɪ": _vowel(0.26, 0.45, 0.0, 0.7, 0.45),
    "e": _vowel(0.42, 0.55, 0.0, 0.6, 0.45),
    "ɛ": _vowel(0.58, 0.40, 0.0, 0.45, 0.40),
    "æ": _vowel(0.78, 0.45, 0.0, 0.25, 0.40),
    "a": _vowel(0.95, 0.15, 0.0, 0.10, 0.35),
    "ɐ": _vowel(0.70, 0.10, 0.0, 0.20, 0.30),
    "ɑ": _vowel(1.00, 0.00, 0.0, 0.05, 0.30),
    "ɒ": _vowel(0.85, -0.20, 0.45, 0.05, 0.35),
    "ɔ": _vowel(0.62, -0.35, 0.65, 0.15, 0.35),
    "o": _vowel(0.45, -0.50, 0.80, 0.30, 0.30),
    "ʊ": _vowel(0.28, -0.40, 0.65, 0.50, 0.30),
    "u": _vowel(0.16, -0.60, 0.95, 0.60, 0.25),
    "ʌ": _vowel(0.62, 0.05, 0.0, 0.20, 0.30),
    "ə": _vowel(0.32, 0.05, 0.0, 0.35, 0.25),
    "ɜ": _vowel(0.40, -0.05, 0.20, 0.40, 0.30),
    "y": _vowel(0.14, -0.50, 0.90, 0.9, 0.25),
    "ø": _vowel(0.38, -0.40, 0.75, 0.6, 0.30),
    "œ": _vowel(0.55, -0.25, 0.60, 0.45, 0.30),
    "ɨ": _vowel(0.18, 0.40, 0.0, 0.8, 0.40),
    "ɯ": _vowel(0.18, 0.25, 0.0, 0.6, 0.35),
    "ʉ": _vowel(0.18, -0.45, 0.80, 0.8, 0.25),
}


_ALVEOLAR = _Viseme((0.16, 0.20, 0.35, 0.20, 0.0, 0.55, 1.0), (0.9, 0.25, 0.35, 0.2, 0.15, 0.8, 2.5))


_SIBILANT = _Viseme((0.04, 0.35, 0.50, 0.45, 0.0, 0.65, 0.6), (2.2, 0.70, 1.00, 0.6, 0.35, 0.8, 2.0))


_HUSHING = _Viseme((0.06, 0.55, 0.60, -0.30, 0.60, 0.70, 0.4), (2.2, 1.00, 1.00, 0.8, 1.00, 0.8, 1.0))


_VELAR = _Viseme((0.24, 0.15, 0.25, 0.10, 0.0, 0.95, 0.0), (0.45, 0.15, 0.20, 0.1, 0.10, 1.5, 0.8))


_PALATAL = _Viseme((0.12, 0.25, 0.40, 0.55, 0.0, 1.0, 0.2), (0.9, 0.30, 0.40, 0.5, 0.25, 1.5, 0.8))


_GLOTTAL = _Viseme((0.35, 0.15, 0.30, 0.0, 0.0, 0.30, 0.0), (0.10, 0.05, 0.05, 0.05, 0.05, 0.1, 0.1))


_DENTAL = _Viseme((0.18, 0.30, 0.45, 0.25, 0.0, 0.55, 1.4), (1.2, 0.50, 0.70, 0.3, 0.30, 0.8, 3.0))


_NASAL_BILABIAL = _Viseme((0.10, 0.0, 0.0, -0.05, 0.0, 0.30, 0.0), (0.8, 0.60, 0.60, 0.2, 0.10, 0.2, 0.3), press=1.0)


_BILABIAL = replace(_NASAL_BILABIAL, hold_s=0.052)


_LABIODENTAL = _Viseme((0.10, 0.40, 0.00, 0.10, 0.0, 0.30, 0.0), (1.2, 1.00, 0.80, 0.2, 0.30, 0.2, 0.3), tuck=1.0)


_GLIDE = _Viseme((0.14, 0.05, 0.15, -0.75, 1.0, 0.60, 0.0), (1.2, 0.80, 0.80, 1.5, 2.20, 0.8, 0.5))


_RHOTIC = _Viseme((0.20, 0.30, 0.40, -0.35, 0.55, 0.60, 0.3), (0.8, 0.40, 0.50, 0.7, 0.90, 0.8, 0.8))


_LATERAL = _Viseme((0.28, 0.20, 0.40, 0.15, 0.0, 0.40, 1.15), (0.8, 0.25, 0.40, 0.2, 0.15, 0.8, 3.0))


_TRILL = _Viseme((0.24, 0.20, 0.35, 0.15, 0.0, 0.45, 0.9), (0.7, 0.20, 0.30, 0.2, 0.15, 0.8, 2.0))


_LOOSE_BILABIAL = replace(_NASAL_BILABIAL, press=0.72)


_LOOSE_LABIODENTAL = replace(_LABIODENTAL, tuck=0.7)


_REST = _Viseme((0.0, 0.0, 0.0, 0.0, 0.0, 0.4, 0.1), (0.8, 0.8, 0.8, 0.8, 0.6, 0.5, 0.5))


_VISEMES: dict[str, _Viseme] = {
    **_VOWELS,
    **dict.fromkeys("tdnɾʈɖɳ", _ALVEOLAR),
    **dict.fromkeys("szɕʑ", _SIBILANT),
    **dict.fromkeys("ʃʒʂʐ", _HUSHING),
    **dict.fromkeys("kɡgŋxɣqχʁɢʀ", _VELAR),
    **dict.fromkeys("jçɲʎcɟʝ", _PALATAL),
    **dict.fromkeys("hɦʔħʕ", _GLOTTAL),
    **dict.fromkeys("θð", _DENTAL),
    **dict.fromkeys("pb", _BILABIAL),
    "m": _NASAL_BILABIAL,
    **dict.fromkeys("fvɱ", _LABIODENTAL),
    **dict.fromkeys("βɸ", _LOOSE_BILABIAL),
    **dict.fromkeys("wʍɥ", _GLIDE),
    **dict.fromkeys("ɹɻɚɝ", _RHOTIC),
    **dict.fromkeys("lɫɭɬɮ", _LATERAL),
    **dict.fromkeys("r", _TRILL),
    "ʋ": _LOOSE_LABIODENTAL,
    "ɵ": _VOWELS["ø"],
    "ɤ": _VOWELS["ʌ"],
    "ʏ": _VOWELS["y"],
    "ɘ": _VOWELS["ə"],
    "ɞ": _VOWELS["ɜ"],
    "ɶ": _VOWELS["a"],
}


# Reach of the dominance in seconds, before and after the phoneme, for each blended part: lips round early, the tip of
# the tongue is quick, the jaw is heavy.
_REACH_BEFORE = np.array((0.055, 0.050, 0.050, 0.070, 0.085, 0.050, 0.030))


_REACH_AFTER = np.array((0.050, 0.045, 0.045, 0.055, 0.055, 0.050, 0.030))


@dataclass(frozen=True, slots=True)
class Articulation:
    """How a person articulates.

    Attributes:
        effort: 1 is clear speech; 0.5 mumbles, 1.3 over-articulates.
        coarticulation: relative reach of neighbouring sounds, 1 is average.
        lip_share: relative contribution of the lips to the opening, 1 is average.
        closure_s: duration of closing and opening the lips.
        exposure_s: exposure time of the camera.
    """

    effort: float = 1.0
    coarticulation: float = 1.0
    lip_share: float = 1.0
    closure_s: float = 0.045
    exposure_s: float = 0.015


def mouth_movement(
    phonemes: Sequence[TimedLabel], articulation: Articulation, *, start_s: float, frames: int
) -> NDArray[np.float32]:
    """Movement of the mouth, float32 (frames, len(PARTS)), at the times ``start_s + t / 25``.

    ``start_s`` is the start of the frames on the phonemes' clock; it may be negative (silence before speech).
    """
    margin = 0.5
    grid = np.arange(start_s - margin, start_s + frames / FPS + margin, GRID_S)
    segments = list(_segments(phonemes, grid[0], grid[-1]))
    movement = np.empty((len(grid), len(PARTS)))
    movement[:, _BLENDED] = _blend(segments, grid, articulation.coarticulation)
    movement[:, _PRESS] = _gesture(
        [(s, min(e, s + v.hold_s), v.press) for v, s, e in segments], grid, articulation.closure_s
    )
    movement[:, _TUCK] = _gesture(
        [(s, min(e, s + v.hold_s), v.tuck) for v, s, e in segments], grid, 1.2 * articulation.closure_s
    )
    movement[:, [_JAW, _WIDE, _ROUND]] *= articulation.effort
    movement[:, [_UPPER, _LOWER]] *= articulation.effort * articulation.lip_share
    return _expose(_smooth(movement, 0.011), grid, articulation.exposure_s, start_s, frames)


def _segments(phonemes: Sequence[TimedLabel], first_s: float, last_s: float) -> list[tuple[_Viseme, float, float]]:
    """Visemes with times; diphthongs and affricates are split, gaps and pauses are rest."""
    segments: list[tuple[_Viseme, float, float]] = []
    clock = first_s
    for phoneme in phonemes:
        if phoneme.start_s > clock:
            segments.append((_REST, clock, phoneme.start_s))
        letters = [_VISEMES[c] for c in unicodedata.normalize("NFD", phoneme.text) if c in _VISEMES] or [_REST]
        step = (phoneme.stop_s - phoneme.start_s) / len(letters)
        for i, viseme in enumerate(letters):
            segments.append((viseme, phoneme.start_s + i * step, phoneme.start_s + (i + 1) * step))
        clock = phoneme.stop_s
    if clock < last_s:
        segments.append((_REST, clock, last_s))
    return segments


def _blend(
    segments: Sequence[tuple[_Viseme, float, float]], grid: NDArray[np.float64], reach: float
) -> NDArray[np.float64]:
    """Dominance-weighted mean of all targets at each time of the grid, (len(grid), 7)."""
    starts = np.array([start for _, start, _ in segments])
    stops = np.array([stop for _, _, stop in segments])
    targets = np.array([viseme.targets for viseme, _, _ in segments])
    strength = np.array([viseme.dominance for viseme, _, _ in segments])
    # a vowel's target is reached at its middle, so dominance starts to fall within the phoneme, a quarter from its ends
    inset = 0.25 * np.minimum(stops - starts, 0.12)
    before = np.maximum(starts + inset - grid[:, None], 0.0)
    after = np.maximum(grid[:, None] - stops + inset, 0.0)
    blended = np.empty((len(grid), targets.shape[1]))
    for part in range(targets.shape[1]):
        fall = before / (_REACH_BEFORE[part] * reach) + after / (_REACH_AFTER[part] * reach)
        dominance = strength[:, part] * np.exp(-fall) + 1e-9
        blended[:, part] = dominance @ targets[:, part] / dominance.sum(1)
    return blended


def _gesture(
    closures: Sequence[tuple[float, float, float]], grid: NDArray[np.float64], ramp_s: float
) -> NDArray[np.float64]:
    """0..1: complete from the start of a closure to its release, with smooth ramps outside."""
    level = np.zeros(len(grid))
    for start, stop, degree in closures:
        if degree:
            outside = np.maximum(np.maximum(start - grid, grid - stop), 0.0) / ramp_s
            ramp = np.clip(1.0 - outside, 0.0, 1.0)
            level = np.maximum(level, degree * ramp * ramp * (3.0 - 2.0 * ramp))
    return level


def _smooth(movement: NDArray[np.float64], sigma_s: float) -> NDArray[np.float64]:
    """Gaussian smoothing in time, as muscles move smoothly."""
    reach = int(3 * sigma_s / GRID_S) + 1
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * GRID_S / sigma_s) ** 2)
    kernel /= kernel.sum()
    padded = np.pad(movement, ((reach, reach), (0, 0)), mode="edge")
    return np.asarray(sum(weight * padded[i : i + len(movement)] for i, weight in enumerate(kernel)))


def _expose(
    movement: NDArray[np.float64], grid: NDArray[np.float64], exposure_s: float, start_s: float, frames: int
) -> NDArray[np.float32]:
    """Mean over each frame's exposure, which is centred on the frame's time."""
    taps = np.linspace(-0.5, 0.5, 5) * exposure_s
    times = start_s + np.arange(frames)[:, None] / FPS + taps
    columns = [np.interp(times.ravel(), grid, part).reshape(times.shape).mean(1) for part in movement.T]
    return np.stack(columns, axis=1).astype(np.float32)
