"""A little data set whose words are tones, a little different with each speaker, and an encoder that hears them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from seehear.data.datasets import Span
from seehear.evaluation.recordings import CachedSound, Recording, Recordings
from seehear.nn.interface import SpeechEncoder

HZ = {"low": 300.0, "middle": 900.0, "high": 2700.0}


def tone(hz: float, seconds: float, level: float = 0.3, seed: int = 0) -> NDArray[np.float32]:
    """A sine with a little noise, 16 kHz."""
    time = np.arange(round(seconds * 16000)) / 16000
    noise = np.random.default_rng(seed).standard_normal(len(time)) * 0.01
    return (level * np.sin(2 * np.pi * hz * time) + noise).astype(np.float32)


def recording(
    name: str,
    sound: NDArray[np.float32],
    labels: Mapping[str, str] | None = None,
    spans: Mapping[str, list[Span]] | None = None,
    source: str | None = None,
) -> Recording:
    """A recording in memory."""
    return Recording(name, source or name, labels or {}, CachedSound(lambda: sound), partial(dict, spans or {}))


def tones(speakers: int = 6, takes: int = 4, seconds: float = 0.32, **more: str) -> Recordings:
    """Each speaker says each word some times, each in another length."""
    made = [
        recording(
            f"{word}_{speaker}_{take}",
            tone(hz * (1 + 0.02 * speaker), seconds + 0.013 * take, 0.1 + 0.05 * take, seed=take),
            {"word": word, "speaker": f"s{speaker}", **more},
        )
        for speaker in range(speakers)
        for word, hz in HZ.items()
        for take in range(takes)
    ]
    return Recordings(made, "tones")


class Ear(SpeechEncoder):
    """Crossings of zero and the level of each video frame, through a layer that can learn."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = {"heard": 2, "last": 3}
        self.linear = nn.Linear(2, 3)

    def layer_outputs(self, audio: Tensor) -> dict[str, Tensor]:
        frames = audio.unflatten(1, (-1, 640))
        crossings = (frames[..., 1:].sign() != frames[..., :-1].sign()).float().mean(2).add(0.01).log()
        heard = frames.square().mean(2).add(1e-6).log().unsqueeze(2)
        both = frames.new_zeros(*frames.shape[:2], 2)
        both[..., :1], both[..., 1] = heard, crossings
        return {"heard": both, "last": self.linear(both)}
