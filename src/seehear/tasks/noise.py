"""Noise that test recordings are mixed with: the voices of others, white and pink, at a wanted ratio."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from seehear.audio.noise import COLOURS, PERIOD, TINY, NoiseBank, add_at_snr
from seehear.errors import CorpusError
from seehear.tasks.recordings import Recording, Recordings

NoiseName = Literal["none", "babble", "white", "pink"]

SNR_DB = (-5.0, 0.0, 5.0, 10.0, 15.0, 20.0)
"""Ratios of sound to noise of arXiv 2005.01400 and 2007.04134, whose babble is that of NOISEX."""

VOICES = 6  # at once, so that none of them is understood

TRIES = 1000  # draws until a stranger is found: with two speakers, one of whom has 1 % of the recordings, that is sure

Sound = NDArray[np.float32]


class TestNoise:
    """One noise for each recording, kept, so that every encoder meets the same at every ratio."""

    __test__ = False  # not one of pytest's

    def __init__(self, recordings: Recordings, noise: NoiseName, seed: int = 0) -> None:
        """Makes nothing yet.

        Args:
            recordings: the others of which give the babble.
            noise: babble, white or pink.
            seed: of the noise; that of a recording depends on it and on its row alone.
        """
        self.recordings, self.noise, self.seed = recordings, noise, seed
        self._kept: dict[int, NDArray[np.float16]] = {}

    def mixed(self, row: int, snr_db: float) -> Sound:
        """One recording with its noise.

        Args:
            row: of the recording.
            snr_db: power of the sound over that of the noise, both over the whole recording.

        Returns:
            float32 (N,); made quieter as a whole where it would go beyond [-1, 1].

        Raises:
            CorpusError: babble, and there is nobody else.
        """
        sound = torch.from_numpy(self.recordings[row].audio())[None]
        noise = torch.from_numpy(self._of(row).astype(np.float32))[None]
        mixed = add_at_snr(sound, noise, torch.tensor([snr_db]))[0]
        return np.asarray(mixed / mixed.abs().max().clamp_min(1.0), dtype=np.float32)

    def _of(self, row: int) -> NDArray[np.float16]:
        if row not in self._kept:
            samples = self.recordings[row].samples
            rng = np.random.default_rng([self.seed, row, 79])
            noise = self._babble(row, samples, rng) if self.noise == "babble" else _coloured(self.noise, samples, rng)
            self._kept[row] = noise.astype(np.float16)
        return self._kept[row]

    def _babble(self, row: int, samples: int, rng: np.random.Generator) -> Sound:
        """Several strangers at once, each as loud as the others."""
        voices = [self._voice(row, samples, rng) for _ in range(VOICES)]
        mixed: Sound = np.stack(voices).sum(axis=0, dtype=np.float32)
        return mixed

    def _voice(self, row: int, samples: int, rng: np.random.Generator) -> Sound:
        """Recordings of one stranger after another, until there is enough to cut a piece out anywhere."""
        parts: list[Sound] = []
        length = 0
        while length < 2 * samples:
            part = self._stranger(row, rng).audio()
            parts.append(part / np.float32(np.sqrt(max(float(np.square(part).mean()), TINY))))
            length += len(part)
        start = int(rng.integers(length - samples + 1))
        return np.concatenate(parts)[start : start + samples]

    def _stranger(self, row: int, rng: np.random.Generator) -> Recording:
        """A recording of another speaker, or where speakers are not known, of another source."""
        own = self.recordings[row]
        for _ in range(TRIES):
            drawn = self.recordings[int(rng.integers(len(self.recordings)))]
            known = own.speaker and drawn.speaker
            if drawn.speaker != own.speaker if known else drawn.source != own.source:
                return drawn
        raise CorpusError(f"{self.recordings.name} has nobody else to make babble of; choose --noise white or pink")


def _coloured(noise: NoiseName, samples: int, rng: np.random.Generator) -> Sound:
    bank = _bank()[list(COLOURS).index(noise)]
    start = int(rng.integers(PERIOD))
    return np.resize(np.roll(bank, -start), samples) if samples > PERIOD else bank[start : start + samples]


@lru_cache(maxsize=1)
def _bank() -> Sound:
    """Two periods of each colour, (colours, 2 * PERIOD)."""
    bank: Sound = NoiseBank().noise.numpy()
    return bank
