"""The voice and the face of every clip of a corpus, each through its network once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.clip import FPS, SAMPLES_PER_FRAME, Clip
from seehear.corpus.store import Corpus
from seehear.encoders.embed import evaluating
from seehear.pretext.identity import IdentityModel
from seehear.progress import Telling
from seehear.tasks.features import device_of

AT_ONCE = 32  # clips: memory does not grow with the corpus


@dataclass(frozen=True)
class FacesAndVoices:
    """Embeddings by clip.

    Attributes:
        voices, faces: float32 (clips, dim), of length 1 where they are compared by the cosine.
    """

    voices: Tensor
    faces: Tensor


def hear_and_see(
    model: IdentityModel, clips: Corpus, stills: int, seconds: float, name: str, progress: bool = True
) -> FacesAndVoices:
    """Embeds all clips, decoding each once.

    Args:
        model: on any device.
        clips: with sound and pictures.
        stills: of each clip, spread evenly; their embeddings are averaged, and so are those of the pieces of sound.
        seconds: of a piece.
        name: for telling how far it is.
        progress: tell, on the error stream.
    """
    voices, faces = [], []
    with evaluating(model), torch.inference_mode(), Telling(name, len(clips), show=progress) as telling:
        for first in range(0, len(clips), AT_ONCE):
            some = [clips[row] for row in range(first, min(first + AT_ONCE, len(clips)))]
            voices += _means(model, [_pieces(clip.audio, seconds) for clip in some], voice=True)
            faces += _means(model, [_spread(clip, stills) for clip in some], voice=False)
            telling.update(len(voices), f"{len(voices)} clips")
    return FacesAndVoices(torch.stack(voices), torch.stack(faces))


def _means(model: IdentityModel, parts: Sequence[NDArray[np.generic]], voice: bool) -> list[Tensor]:
    """The mean embedding of the parts of each clip; parts of one shape go through the network together."""
    alike: dict[tuple[int, ...], list[int]] = {}
    for row, one in enumerate(parts):
        alike.setdefault(one.shape[1:], []).append(row)
    means: dict[int, Tensor] = {}
    for rows in alike.values():
        batch = torch.from_numpy(np.concatenate([parts[row] for row in rows])).to(device_of(model))
        embedded = (model.embed_voice(batch) if voice else model.embed_face(batch)).float().cpu()
        first = 0
        for row in rows:
            means[row] = model.mean(embedded[first : first + len(parts[row])])
            first += len(parts[row])
    return [means[row] for row in range(len(parts))]


def _pieces(audio: NDArray[np.float32], seconds: float) -> NDArray[np.float32]:
    """(pieces, samples): one after the other, the last ending where the sound does."""
    frames = len(audio) // SAMPLES_PER_FRAME
    length = min(frames, max(1, round(seconds * FPS)))
    starts = [*range(0, frames - length, length), frames - length]
    return np.stack([audio[s * SAMPLES_PER_FRAME : (s + length) * SAMPLES_PER_FRAME] for s in starts])


def _spread(clip: Clip, stills: int) -> NDArray[np.uint8]:
    """So many pictures, spread evenly: one is the middle one, (stills, S, S, 3)."""
    rows = ((np.arange(stills) + 0.5) / stills * clip.frames).astype(int)
    pictures: NDArray[np.uint8] = clip.video[rows]
    return pictures
