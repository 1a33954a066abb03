"""Voice embeddings of any encoder, and their scaling."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seehear.clip import FPS, SAMPLES_PER_FRAME
from seehear.errors import ModelError
from seehear.evaluation.baselines import TRAINED_MODES, UNTRAINED, available_baselines, compared_encoder, has_run
from seehear.evaluation.features import BATCH_FRAMES, device_of, padded, whole_frames
from seehear.evaluation.recordings import Recording
from seehear.evaluation.task import Mode
from seehear.losses.base import Distance
from seehear.models.interface import IdentityModel
from seehear.nn.embed import eval_mode
from seehear.nn.interface import SpeechEncoder
from seehear.progress import Progress, Stage

Scaling = Literal["whitened", "standardised", "none"]
"""The same for every row of a table: whitened and raw embeddings cannot be compared."""


REPORTED_SCALINGS: dict[str, Scaling] = {"EER raw": "none", "EER whitened": "whitened"}
"""Reported in every table next to the EER with the chosen scaling, unless it is the chosen one."""


MIN_VARIANCE = 1e-6  # relative to the mean variance: dimensions that hardly vary are numerical noise


def scaled(vectors: Vectors, scaling: Scaling, distance: Distance = "cosine") -> Vectors:
    """Scale embeddings (N, D) for comparison.

    ``whitened``: equal variance in all directions, by the shrinkage covariance of Ledoit & Wolf (2004), which shrinks
    more the fewer embeddings there are. ``standardised``: mean 0 and equal variance in each dimension. Both are
    compared by the cosine. ``none``: unchanged, compared by ``distance``.

    Args:
        vectors: (N, D)
        scaling: the scaling
        distance: distance of their training. If that is the Euclidean distance, raw embeddings keep their length.

    Returns:
        (N, D), of length 1 if they are compared by the cosine; see `compared_by`.
    """
    if scaling == "whitened":
        return unit(_whitened(vectors))
    if scaling == "standardised":
        return unit(standardised(vectors))
    return unit(vectors) if distance == "cosine" else vectors


def compared_by(scaling: Scaling, distance: Distance) -> Distance:
    """Return how scaled embeddings are compared: raw ones by the distance of their training, all others by the
    cosine."""
    return distance if scaling == "none" else "cosine"


def standardised(vectors: Vectors) -> Vectors:
    """Scale each dimension to mean 0 and deviation 1 over all vectors (N, D); a constant one to 0."""
    mean, deviation = vectors.mean(0, dtype=np.float64), vectors.std(0, dtype=np.float64)
    scale = np.where(deviation > 1e-6 * (np.abs(mean) + 1e-6), 1 / np.maximum(deviation, 1e-12), 0)
    return np.asarray((vectors - mean) * scale, dtype=np.float32)


def unit(vectors: Vectors) -> Vectors:
    """Scale each vector to length 1, (N, D)."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)


def _whitened(vectors: Vectors) -> Vectors:
    from sklearn.covariance import ledoit_wolf

    centred = (vectors - vectors.mean(0, dtype=np.float64)).astype(np.float64)
    covariance, _ = ledoit_wolf(centred, assume_centered=True)
    variances, directions = np.linalg.eigh(covariance)
    least = max(MIN_VARIANCE * float(variances.mean()), 1e-20)
    return np.asarray(centred @ (directions / np.sqrt(np.maximum(variances, least))), dtype=np.float32)


Pooling = Literal["mean", "mean+deviation"]


Vectors = NDArray[np.float32]


class ModelVoice(nn.Module):
    """A model's own voice embedding.

    Attributes:
        distance: distance of its training
    """

    def __init__(self, model: IdentityModel) -> None:
        """Wrap `embed_voice` of a model."""
        super().__init__()
        self.model = model
        self.dim = model.dim
        self.distance: Distance = model.distance

    def forward(self, sound: Tensor) -> Tensor:
        """Map (B, 640 T) to (B, dim)."""
        return self.model.embed_voice(sound)


class PooledVoice(nn.Module):
    """Features of a speech encoder pooled over time: their mean, optionally followed by their deviation."""

    distance: Distance = "cosine"

    def __init__(self, encoder: SpeechEncoder, layer: str | None, pooling: Pooling) -> None:
        """Pool a layer, by default the encoder's default layer."""
        super().__init__()
        self.encoder, self.layer, self.pooling = encoder, layer, pooling
        self.dim = encoder.layers[layer or encoder.default_layer] * (1 if pooling == "mean" else 2)

    def forward(self, sound: Tensor) -> Tensor:
        """Map (B, 640 T) to (B, dim)."""
        features: Tensor = self.encoder(sound, self.layer).float()
        if self.pooling == "mean":
            return features.mean(1)
        deviation = features.var(1, correction=0).clamp_min(1e-10).sqrt()  # silence has none, and the root no gradient
        return torch.cat([features.mean(1), deviation], 1)


Voice = ModelVoice | PooledVoice


@dataclass(frozen=True)
class ComparedVoice:
    """One row of a table of voices.

    Attributes:
        name: its name in the table
        mode: frozen, or else its weights are trained with labels
        voice: seed -> the network, in evaluation mode
        drawn: whether the seed decides its weights
    """

    name: str
    mode: Mode
    voice: Callable[[int], Voice]
    drawn: bool = False


def compared_voices(
    model: str, against: Sequence[str], mode: Mode, layer: str | None, pooling: Pooling
) -> list[ComparedVoice]:
    """Return the model and its baselines, each once; for names see `seehear.evaluation.baselines.compared_encoder`.

    The model's own voice embedding is used unless a layer is named; everything else is pooled.

    Raises:
        ModelError: there is no such model or layer, or an encoder without weights was to be trained.
    """
    names = dict.fromkeys([model, *available_baselines(model, against)])
    return [_compared_voice(name, model, mode, layer, pooling) for name in names]


def _compared_voice(name: str, model: str, mode: Mode, layer: str | None, pooling: Pooling) -> ComparedVoice:
    known = compared_encoder(name, model, mode, layer)
    called = model if name in (UNTRAINED, *TRAINED_MODES) else name
    own: ModelVoice | None = None
    if has_run(called) and known.layer is None and not (known.random_weights and known.mode == "frozen"):
        own = _own_voice(called)

    def voice(seed: int) -> Voice:
        if own is None:  # an untrained voice embedding would only hide the features of its encoder
            return PooledVoice(known.encoder(seed), known.layer, pooling)
        return ModelVoice(untrained_like(called, seed)).eval() if known.random_weights else own

    return ComparedVoice(name, known.mode, voice, known.random_weights)


def _own_voice(name: str) -> ModelVoice | None:
    from seehear.models.store import load

    model = load(name)
    if model.config.get("trained", {}).get("steps") == 0:  # an untrained row of a benchmark: see `_compared_voice`
        return None
    return ModelVoice(model).eval() if isinstance(model, IdentityModel) else None


def untrained_like(name: str, seed: int) -> IdentityModel:
    """Return a model of the same architecture with initial weights.

    Raises:
        ModelError: there is no such model, or it does not compare voices and faces.
    """
    from seehear.models.store import load_untrained

    model = load_untrained(name, seed)
    if not isinstance(model, IdentityModel):
        raise ModelError(f"{name} is no model of identity; name a match model")
    return model


def segments(recording: Recording, seconds: float, hop_s: float | None = None) -> list[Recording]:
    """Cut a recording into segments, like `IdentityModel.embed_segments`.

    Args:
        recording: its audio can be read
        seconds: length of each; a shorter recording is one segment
        hop_s: from one start to the next. By default segments are consecutive, and a shorter rest at the end is in a
            segment that overlaps with the last one.
    """
    frames = whole_frames(recording.samples)
    length = min(frames, max(1, round(seconds * FPS)))
    hop = max(1, round((seconds if hop_s is None else hop_s) * FPS))
    starts = [*range(0, frames - length, hop), frames - length]
    return [
        recording.cut(f"{recording.name}@{start / FPS:.2f}", start / FPS, (start + length) / FPS, {})
        for start in starts
    ]


def whole_segments(recording: Recording, seconds: float) -> list[Recording]:
    """Return segments of exactly this length without overlap; none of a shorter recording."""
    frames = max(1, round(seconds * FPS))
    step = frames / FPS
    count = int(recording.samples / SAMPLES_PER_FRAME / frames)
    return [recording.cut(f"{recording.name}@{n * step:.2f}", n * step, (n + 1) * step, {}) for n in range(count)]


def embed_voices(voice: nn.Module, pieces: Sequence[Recording], name: str, progress: Progress | None = None) -> Vectors:
    """Return embeddings of segments of audio, (N, dim); segments of equal length are embedded together.

    Args:
        voice: (B, 640 T) -> (B, dim)
        pieces: their audio can be read
        name: for the progress
        progress: called with the share that is done, 0 to 1, and a text
    """
    by_length: dict[int, list[int]] = defaultdict(list)
    for row, piece in enumerate(pieces):
        by_length[whole_frames(piece.samples)].append(row)
    kept: dict[int, Vectors] = {}
    device = device_of(voice)
    stage = Stage(progress, name, len(pieces))
    with eval_mode(voice), torch.inference_mode():
        for frames, rows in by_length.items():
            size = max(1, BATCH_FRAMES // frames)
            for first in range(0, len(rows), size):
                batch = rows[first : first + size]
                audio = padded([pieces[row].audio() for row in batch], frames).to(device)
                kept |= zip(batch, voice(audio).float().cpu().numpy(), strict=True)
                stage.update(len(kept), f"{len(kept)} pieces of sound")
    return np.stack([kept[row] for row in range(len(pieces))])


def mean_by(vectors: Vectors, owners: NDArray[np.int64], count: int) -> Vectors:
    """Return the mean of the vectors (N, D) of each owner (N,), (count, D); zeros for one without vectors."""
    sums = np.zeros((count, vectors.shape[1]))
    np.add.at(sums, owners, vectors)
    return np.asarray(sums / np.maximum(np.bincount(owners, minlength=count), 1)[:, None], dtype=np.float32)
