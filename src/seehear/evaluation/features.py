"""Recordings through a frozen encoder; noise for test recordings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.audio.noise import COLOURS, PERIOD, TINY, NoiseBank, add_at_snr
from seehear.clip import FPS, SAMPLES_PER_FRAME
from seehear.errors import CorpusError
from seehear.evaluation.recordings import Recording, Recordings
from seehear.evaluation.task import NoiseName
from seehear.nn.interface import SpeechEncoder

BATCH_FRAMES = 60 * FPS  # of sound at a time: memory does not grow with the number of recordings


Sound = NDArray[np.float32]


Kept = NDArray[np.float32]


Reduce = Callable[[Tensor], Tensor]
"""What a read-out keeps of features (B, T, D): (B, ...)."""


def features(
    encoder: SpeechEncoder,
    lengths: Mapping[int, int],
    sound: Callable[[int], Sound],
    reduce: Reduce,
    layer: str | None = None,
) -> dict[int, Kept]:
    """What is kept of the features of some recordings, of one layer.

    Args:
        encoder, lengths, sound, reduce: see `features_of_layers`.
        layer: whose features; by default the one that the encoder says is read (`SpeechEncoder.default_layer`).

    Returns:
        row -> float32 (...), as ``reduce`` leaves it.
    """
    wanted = layer or encoder.default_layer
    return features_of_layers(encoder, lengths, sound, reduce, [wanted])[wanted]


def features_of_layers(
    encoder: SpeechEncoder,
    lengths: Mapping[int, int],
    sound: Callable[[int], Sound],
    reduce: Reduce,
    layers: Sequence[str],
) -> dict[str, dict[int, Kept]]:
    """What is kept of the features of some recordings, of several layers in one pass.

    Recordings are continued by silence to whole video frames and batched with others of that length, so that what is
    seen of one does not depend on its neighbours.

    Args:
        encoder: in evaluation mode.
        lengths: row -> samples of each that is wanted.
        sound: row -> float32 (N,).
        reduce: what is kept.
        layers: whose features.

    Returns:
        layer -> row -> float32 (...), as ``reduce`` leaves it.
    """
    by_length: dict[int, list[int]] = defaultdict(list)
    for row, samples in lengths.items():
        by_length[whole_frames(samples)].append(row)
    kept: dict[str, dict[int, Kept]] = {layer: {} for layer in layers}
    device = device_of(encoder)
    with torch.inference_mode():
        for frames, alike in by_length.items():
            size = max(1, BATCH_FRAMES // frames)
            for first in range(0, len(alike), size):
                batch = alike[first : first + size]
                seen = encoder.all_layers(padded([sound(row) for row in batch], frames).to(device))
                for layer in layers:
                    kept[layer] |= zip(batch, reduce(seen[layer].float()).cpu().numpy(), strict=True)
    return kept


def whole_frames(samples: int) -> int:
    """Video frames that so many samples need."""
    return -(-samples // SAMPLES_PER_FRAME)


def padded(sounds: Sequence[Sound], frames: int) -> Tensor:
    """Sounds continued by silence, float32 (B, 640 * frames)."""
    batch = torch.zeros(len(sounds), frames * SAMPLES_PER_FRAME)
    for place, sound in zip(batch, sounds, strict=True):
        place[: len(sound)] = torch.from_numpy(sound)
    return batch


def device_of(module: Any) -> torch.device:
    """Where its numbers are; the CPU for a module without any."""
    first = next(iter((*module.parameters(), *module.buffers())), None)
    return torch.device("cpu") if first is None else first.device


def at_rate(features: Tensor, rate: int, wanted: int) -> Tensor:
    """Features (B, T, D) at another rate: means of neighbours, or each of them repeated.

    Raises:
        ValueError: neither rate is a multiple of the other.
    """
    if rate % wanted and wanted % rate:
        raise ValueError(f"{rate} features a second cannot become {wanted} by averaging or repeating")
    if rate >= wanted:
        step = rate // wanted
        return features.reshape(len(features), -1, step, features.shape[-1]).mean(2)
    return features.repeat_interleave(wanted // rate, dim=1)


SNR_DB = (-5.0, 0.0, 5.0, 10.0, 15.0, 20.0)
"""Ratios of sound to noise of arXiv 2005.01400 and 2007.04134, whose babble is that of NOISEX."""


VOICES = 6  # at once, so that none of them is understood


TRIES = 1000  # draws until a stranger is found: with two speakers, one of whom has 1 % of the recordings, that is sure


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
