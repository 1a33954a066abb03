"""Recordings through a frozen encoder: once each, many of one length together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.clip import FPS, SAMPLES_PER_FRAME
from seehear.encoders.speech import SpeechEncoder

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
        layer: whose features; by default the one that the encoder says is read (`SpeechEncoder.read`).

    Returns:
        row -> float32 (...), as ``reduce`` leaves it.
    """
    wanted = layer or encoder.read
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
                seen = encoder.every_layer(padded([sound(row) for row in batch], frames).to(device))
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
