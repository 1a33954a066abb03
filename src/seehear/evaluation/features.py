"""Features of recordings from a frozen encoder; noise for test recordings."""

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

BATCH_FRAMES = 60 * FPS  # audio per batch, so that memory does not grow with the number of recordings


Sound = NDArray[np.float32]


Kept = NDArray[np.float32]


Reduce = Callable[[Tensor], Tensor]
"""Reduces features (B, T, D) to what a probe needs: (B, ...)."""


def features(
    encoder: SpeechEncoder,
    lengths: Mapping[int, int],
    sound: Callable[[int], Sound],
    reduce: Reduce,
    layer: str | None = None,
) -> dict[int, Kept]:
    """Compute the features of recordings from one layer, reduced to what a probe needs.

    Args:
        encoder, lengths, sound, reduce: see `features_of_layers`
        layer: name of the layer; by default `SpeechEncoder.default_layer`

    Returns:
        Row -> float32 (...), the output of ``reduce``.
    """
    name = layer or encoder.default_layer
    return features_of_layers(encoder, lengths, sound, reduce, [name])[name]


def features_of_layers(
    encoder: SpeechEncoder,
    lengths: Mapping[int, int],
    sound: Callable[[int], Sound],
    reduce: Reduce,
    layers: Sequence[str],
) -> dict[str, dict[int, Kept]]:
    """Compute the features of recordings from several layers in one pass, reduced to what a probe needs.

    Recordings are padded with silence to whole video frames and batched with others of that length, so that the
    features of one do not depend on the others.

    Args:
        encoder: in evaluation mode
        lengths: row -> number of samples, for each requested recording
        sound: row -> audio, float32 (N,)
        reduce: see `Reduce`
        layers: names of the layers

    Returns:
        Layer -> row -> float32 (...), the output of ``reduce``.
    """
    by_length: dict[int, list[int]] = defaultdict(list)
    for row, samples in lengths.items():
        by_length[whole_frames(samples)].append(row)
    kept: dict[str, dict[int, Kept]] = {layer: {} for layer in layers}
    device = device_of(encoder)
    with torch.inference_mode():
        for frames, rows in by_length.items():
            size = max(1, BATCH_FRAMES // frames)
            for first in range(0, len(rows), size):
                batch = rows[first : first + size]
                outputs = encoder.all_layers(padded([sound(row) for row in batch], frames).to(device))
                for layer in layers:
                    kept[layer] |= zip(batch, reduce(outputs[layer].float()).cpu().numpy(), strict=True)
    return kept


def whole_frames(samples: int) -> int:
    """Return the number of video frames that this many samples need."""
    return -(-samples // SAMPLES_PER_FRAME)


def padded(sounds: Sequence[Sound], frames: int) -> Tensor:
    """Pad audio with silence, float32 (B, 640 * frames)."""
    batch = torch.zeros(len(sounds), frames * SAMPLES_PER_FRAME)
    for place, sound in zip(batch, sounds, strict=True):
        place[: len(sound)] = torch.from_numpy(sound)
    return batch


def device_of(module: Any) -> torch.device:
    """Return the device of a module's tensors; the CPU if it has none."""
    first = next(iter((*module.parameters(), *module.buffers())), None)
    return torch.device("cpu") if first is None else first.device


def at_rate(features: Tensor, rate: int, target_rate: int) -> Tensor:
    """Convert features (B, T, D) to another rate: means of neighbours, or each of them repeated.

    Raises:
        ValueError: neither rate is a multiple of the other.
    """
    if rate % target_rate and target_rate % rate:
        raise ValueError(f"{rate} features a second cannot become {target_rate} by averaging or repeating")
    if rate >= target_rate:
        step = rate // target_rate
        return features.reshape(len(features), -1, step, features.shape[-1]).mean(2)
    return features.repeat_interleave(target_rate // rate, dim=1)


SNR_DB = (-5.0, 0.0, 5.0, 10.0, 15.0, 20.0)
"""Signal-to-noise ratios of arXiv 2005.01400 and 2007.04134, whose babble is that of NOISEX."""


VOICES = 6  # at once, so that none of them is intelligible


TRIES = 1000  # samples until another speaker is found; enough for two speakers, one of whom has 1 % of the recordings


class TestNoise:
    """One noise signal for each recording, the same for every encoder and signal-to-noise ratio."""

    __test__ = False  # not a test class of pytest

    def __init__(self, recordings: Recordings, noise: NoiseName, seed: int = 0) -> None:
        """Generate nothing yet.

        Args:
            recordings: the babble for each is made of the others
            noise: babble, white or pink
            seed: the noise of a recording depends on it and on the row alone
        """
        self.recordings, self.noise, self.seed = recordings, noise, seed
        self._kept: dict[int, NDArray[np.float16]] = {}

    def mixed(self, row: int, snr_db: float) -> Sound:
        """Return one recording with its noise.

        Args:
            row: index of the recording
            snr_db: power ratio of audio to noise, both over the whole recording

        Returns:
            Float32 (N,), scaled down as a whole if it would exceed [-1, 1].

        Raises:
            CorpusError: the noise is babble and there is no other speaker.
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
        """Mix several other speakers, each at the same level."""
        voices = [self._voice(row, samples, rng) for _ in range(VOICES)]
        mixed: Sound = np.stack(voices).sum(axis=0, dtype=np.float32)
        return mixed

    def _voice(self, row: int, samples: int, rng: np.random.Generator) -> Sound:
        """Concatenate recordings of other speakers until a segment can be cut out at any position."""
        parts: list[Sound] = []
        length = 0
        while length < 2 * samples:
            part = self._stranger(row, rng).audio()
            parts.append(part / np.float32(np.sqrt(max(float(np.square(part).mean()), TINY))))
            length += len(part)
        start = int(rng.integers(length - samples + 1))
        return np.concatenate(parts)[start : start + samples]

    def _stranger(self, row: int, rng: np.random.Generator) -> Recording:
        """Draw a recording of another speaker, or of another source where speakers are not known."""
        own = self.recordings[row]
        for _ in range(TRIES):
            drawn = self.recordings[int(rng.integers(len(self.recordings)))]
            known = own.speaker and drawn.speaker
            if drawn.speaker != own.speaker if known else drawn.source != own.source:
                return drawn
        raise CorpusError(f"{self.recordings.name} has no other speakers for babble; choose --noise white or pink")


def _coloured(noise: NoiseName, samples: int, rng: np.random.Generator) -> Sound:
    bank = _bank()[list(COLOURS).index(noise)]
    start = int(rng.integers(PERIOD))
    return np.resize(np.roll(bank, -start), samples) if samples > PERIOD else bank[start : start + samples]


@lru_cache(maxsize=1)
def _bank() -> Sound:
    """Return two periods of each colour, (colours, 2 * PERIOD)."""
    bank: Sound = NoiseBank().noise.numpy()
    return bank
