"""Synthetic music, to be laid under voices: chords, a bass, a melody and a beat, in random keys and tempi."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.clip import SAMPLE_RATE

PIECES, SECONDS = 6, 16
SCALE = (0, 2, 4, 5, 7, 9, 11)
CHORDS = ((0, 4, 7), (9, 0, 4), (5, 9, 0), (7, 11, 2), (2, 5, 9))


def music_bank(seed: int = 0) -> Tensor:
    """Pieces of music of power 1, float32 (PIECES, 2 * SECONDS * 16000): each twice, so that any offset can be read."""
    rng = np.random.default_rng(seed)
    pieces = np.stack([_piece(rng) for _ in range(PIECES)])
    pieces /= np.sqrt(np.mean(pieces**2, axis=1, keepdims=True))
    return torch.from_numpy(np.concatenate([pieces, pieces], axis=1).astype(np.float32))


def _piece(rng: np.random.Generator) -> NDArray[np.float64]:
    out = np.zeros(SECONDS * SAMPLE_RATE)
    beat_s, key = rng.uniform(0.35, 0.8), int(rng.integers(12))
    timbre = rng.uniform(0.5, 2.0)  # how fast the overtones fall
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
    """A tone with overtones that begins at once and dies away."""
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
