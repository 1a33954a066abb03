"""One vector for a voice from any encoder; whitening."""

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
from seehear.progress import ProgressReporter

Scaling = Literal["whitened", "standardised", "none"]
"""The same for every row of a table: a row that is whitened cannot be compared with one that is not."""


REPORTED_SCALINGS: dict[str, Scaling] = {"EER raw": "none", "EER whitened": "whitened"}
"""What every table tells beside the EER with the scaling that was chosen, unless that is the one chosen."""


MIN_VARIANCE = 1e-6  # of the mean one: dimensions that hardly vary are noise of the arithmetic


def scaled(vectors: Vectors, scaling: Scaling, distance: Distance = "cosine") -> Vectors:
    """Embeddings (N, D) as they are compared.

    ``whitened``: equal variance in all directions, by the covariance that Ledoit & Wolf (2004) estimate, which is drawn
    towards a round one the more, the fewer embeddings there are. ``standardised``: mean 0 and equal variance in each
    dimension. Either way they are compared by the cosine. ``none``: as they are, compared by ``distance``.

    Args:
        vectors: (N, D).
        scaling: what is done to them.
        distance: by which they were trained to be compared. Where that is the Euclidean distance, raw embeddings keep
            their length.

    Returns:
        (N, D), of length 1 where they are compared by the cosine; see `compared_by`.
    """
    if scaling == "whitened":
        return unit(_whitened(vectors))
    if scaling == "standardised":
        return unit(standardised(vectors))
    return unit(vectors) if distance == "cosine" else vectors


def compared_by(scaling: Scaling, distance: Distance) -> Distance:
    """How scaled embeddings are compared: raw ones by what they were trained with, all others by the cosine."""
    return distance if scaling == "none" else "cosine"


def standardised(vectors: Vectors) -> Vectors:
    """Each dimension with mean 0 and deviation 1 over all vectors (N, D); a constant one is 0."""
    mean, deviation = vectors.mean(0, dtype=np.float64), vectors.std(0, dtype=np.float64)
    scale = np.where(deviation > 1e-6 * (np.abs(mean) + 1e-6), 1 / np.maximum(deviation, 1e-12), 0)
    return np.asarray((vectors - mean) * scale, dtype=np.float32)


def unit(vectors: Vectors) -> Vectors:
    """Each vector with length 1, (N, D)."""
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
    """What a model itself makes of a voice.

    Attributes:
        distance: by which its embeddings were trained to be compared.
    """

    def __init__(self, model: IdentityModel) -> None:
        """Whose `embed_voice` it is."""
        super().__init__()
        self.model = model
        self.dim = model.dim
        self.distance: Distance = model.distance

    def forward(self, sound: Tensor) -> Tensor:
        """(B, 640 T) -> (B, dim)."""
        return self.model.embed_voice(sound)


class PooledVoice(nn.Module):
    """Features of an encoder of speech over time: their mean, and their deviation behind it."""

    distance: Distance = "cosine"

    def __init__(self, encoder: SpeechEncoder, layer: str | None, pooling: Pooling) -> None:
        """Of a layer; by default the one that the encoder says is read best."""
        super().__init__()
        self.encoder, self.layer, self.pooling = encoder, layer, pooling
        self.dim = encoder.layers[layer or encoder.default_layer] * (1 if pooling == "mean" else 2)

    def forward(self, sound: Tensor) -> Tensor:
        """(B, 640 T) -> (B, dim)."""
        features: Tensor = self.encoder(sound, self.layer).float()
        if self.pooling == "mean":
            return features.mean(1)
        deviation = features.var(1, correction=0).clamp_min(1e-10).sqrt()  # silence has none, and a root no gradient
        return torch.cat([features.mean(1), deviation], 1)


Voice = ModelVoice | PooledVoice


@dataclass(frozen=True)
class ComparedVoice:
    """One row of a table of voices.

    Attributes:
        name: what the table calls it.
        mode: frozen, its weights stay as they are; else they are trained with labels.
        voice: seed -> the network, in evaluation mode.
        drawn: whether the seed decides its weights.
    """

    name: str
    mode: Mode
    voice: Callable[[int], Voice]
    drawn: bool = False


def compared_voices(
    model: str, against: Sequence[str], mode: Mode, layer: str | None, pooling: Pooling
) -> list[ComparedVoice]:
    """The model and its baselines, each once; `seehear.evaluation.baselines.compared_encoder` has their names.

    A model that has learned voices is asked for its own embedding unless a layer is named; all else is pooled.

    Raises:
        ModelError: there is no such model or layer, or one without weights has none to draw or move.
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
        if own is None:  # an untrained embedding of voices would only hide what its encoder hears
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
    """A model of the same shape, with the weights that training would begin with.

    Raises:
        ModelError: there is no such model, or it does not compare voices and faces.
    """
    from seehear.models import MODELS
    from seehear.models.store import find_model, read_config

    config = read_config(find_model(name))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = MODELS[config["pretext"]].from_config(config)
    if not isinstance(model, IdentityModel):
        raise ModelError(f"{name} is no model of identity; name a match model")
    return model


def segments(recording: Recording, seconds: float, hop_s: float | None = None) -> list[Recording]:
    """A recording in pieces of so many seconds, as `IdentityModel.embed_segments` cuts it.

    Args:
        recording: whose sound can be read.
        seconds: length of each; a shorter recording is one.
        hop_s: from one beginning to the next. By default pieces follow each other, and what is left at the end, if it
            is no whole piece, is heard in one that overlaps with the last.
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
    """Pieces of exactly so many seconds that do not overlap; none of a shorter recording."""
    frames = max(1, round(seconds * FPS))
    step = frames / FPS
    count = int(recording.samples / SAMPLES_PER_FRAME / frames)
    return [recording.cut(f"{recording.name}@{n * step:.2f}", n * step, (n + 1) * step, {}) for n in range(count)]


def embed_voices(voice: nn.Module, pieces: Sequence[Recording], name: str, progress: bool = True) -> Vectors:
    """Embeddings of pieces of sound, (N, dim), each heard once, those of one length together.

    Args:
        voice: (B, 640 T) -> (B, dim).
        pieces: their sound can be read.
        name: whose they are, for telling how far it is.
        progress: tell, on the error stream.
    """
    by_length: dict[int, list[int]] = defaultdict(list)
    for row, piece in enumerate(pieces):
        by_length[whole_frames(piece.samples)].append(row)
    kept: dict[int, Vectors] = {}
    device = device_of(voice)
    with eval_mode(voice), torch.inference_mode(), ProgressReporter(name, len(pieces), show=progress) as telling:
        for frames, alike in by_length.items():
            size = max(1, BATCH_FRAMES // frames)
            for first in range(0, len(alike), size):
                batch = alike[first : first + size]
                heard = padded([pieces[row].audio() for row in batch], frames).to(device)
                kept |= zip(batch, voice(heard).float().cpu().numpy(), strict=True)
                telling.update(len(kept), f"{len(kept)} pieces of sound")
    return np.stack([kept[row] for row in range(len(pieces))])


def mean_by(vectors: Vectors, owners: NDArray[np.int64], count: int) -> Vectors:
    """Mean of the vectors (N, D) of each owner (N,), (count, D); zeros of one that has none."""
    sums = np.zeros((count, vectors.shape[1]))
    np.add.at(sums, owners, vectors)
    return np.asarray(sums / np.maximum(np.bincount(owners, minlength=count), 1)[:, None], dtype=np.float32)
