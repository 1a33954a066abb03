"""One vector for a voice, from whatever hears: a model that has learned voices, any encoder of speech, or MFCC."""

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
from seehear.encoders.embed import evaluating
from seehear.encoders.speech import SpeechEncoder
from seehear.errors import ModelError
from seehear.losses.similarity import Distance
from seehear.pretext.identity import IdentityModel
from seehear.progress import Telling
from seehear.tasks.contenders import LEARNED, UNTRAINED, Mode, contender, has_run, usual
from seehear.tasks.features import BATCH_FRAMES, device_of, padded, whole_frames
from seehear.tasks.recordings import Recording

Pooling = Literal["mean", "mean+deviation"]

Vectors = NDArray[np.float32]


class OwnVoice(nn.Module):
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
        self.dim = encoder.layers[layer or encoder.read] * (1 if pooling == "mean" else 2)

    def forward(self, sound: Tensor) -> Tensor:
        """(B, 640 T) -> (B, dim)."""
        features: Tensor = self.encoder(sound, self.layer).float()
        if self.pooling == "mean":
            return features.mean(1)
        deviation = features.var(1, correction=0).clamp_min(1e-10).sqrt()  # silence has none, and a root no gradient
        return torch.cat([features.mean(1), deviation], 1)


Voice = OwnVoice | PooledVoice


@dataclass(frozen=True)
class VoiceContender:
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


def voice_contenders(
    model: str, against: Sequence[str], mode: Mode, layer: str | None, pooling: Pooling
) -> list[VoiceContender]:
    """The model and those it is compared with, each once; see `seehear.tasks.contenders.contender` for their names.

    A model that has learned voices is asked for its own embedding unless a layer is named; all else is pooled.

    Raises:
        ModelError: there is no such model or layer, or one without weights has none to draw or move.
    """
    names = dict.fromkeys([model, *usual(model, against)])
    return [_contender(name, model, mode, layer, pooling) for name in names]


def _contender(name: str, model: str, mode: Mode, layer: str | None, pooling: Pooling) -> VoiceContender:
    known = contender(name, model, mode, layer)
    called = model if name in (UNTRAINED, *LEARNED) else name
    own: OwnVoice | None = None
    if has_run(called) and known.layer is None and not (known.drawn and known.mode == "frozen"):
        own = _own_voice(called)

    def voice(seed: int) -> Voice:
        if own is None:  # an untrained embedding of voices would only hide what its encoder hears
            return PooledVoice(known.encoder(seed), known.layer, pooling)
        return OwnVoice(blank(called, seed)).eval() if known.drawn else own

    return VoiceContender(name, known.mode, voice, known.drawn)


def _own_voice(name: str) -> OwnVoice | None:
    from seehear.training.run import load

    model = load(name)
    if model.config.get("trained", {}).get("steps") == 0:  # an untrained row of a benchmark: see `_contender`
        return None
    return OwnVoice(model).eval() if isinstance(model, IdentityModel) else None


def blank(name: str, seed: int) -> IdentityModel:
    """A model of the same shape, with the weights that training would begin with.

    Raises:
        ModelError: there is no such model, or it does not compare voices and faces.
    """
    from seehear.pretext import PRETEXTS
    from seehear.training.run import find, read_config

    config = read_config(find(name))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = PRETEXTS[config["pretext"]].from_config(config)
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


def embed(voice: nn.Module, pieces: Sequence[Recording], name: str, progress: bool = True) -> Vectors:
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
    with evaluating(voice), torch.inference_mode(), Telling(name, len(pieces), show=progress) as telling:
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
