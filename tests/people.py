"""People whose voices are as loud as their faces are bright, and models that know it or less."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from scipy.io import wavfile
from torch import Tensor, nn

from seehear.clip import Clip
from seehear.models.interface import IdentityModel
from seehear.nn.interface import SpeechEncoder
from tones import Ear, tone


class Knows(IdentityModel):
    """An angle by the level of a voice and the brightness of a face; coarser where it tells fewer people apart."""

    name = "match"
    distance = "cosine"
    dim = 2

    def __init__(self, steps: int = 100, seed: int | None = None) -> None:
        super().__init__()
        self.steps, self.seed = steps, seed
        self.weight = nn.Parameter(torch.ones(1))
        self.config = {"pretext": "match"}

    def forward(self, batch, rng=None):
        raise NotImplementedError

    @property
    def speech(self) -> SpeechEncoder:
        return Ear()

    @property
    def matching(self) -> nn.Module:
        return nn.Identity()

    def embed_voice(self, audio: Tensor) -> Tensor:
        return self._at(audio.abs().amax(1))

    def embed_face(self, faces: Tensor) -> Tensor:
        return self._at(faces.float().flatten(1).mean(1) / 255)

    def _at(self, height: Tensor) -> Tensor:
        if self.seed is not None:
            return torch.nn.functional.normalize(torch.randn(len(height), 2), dim=1)
        angle = (height * self.steps).round() / self.steps * 3 * self.weight
        return torch.stack([angle.cos(), angle.sin()], 1)


class Clips(list):
    """As much of a corpus as tasks ask for."""

    detectors = ("yunet-2023mar",)

    def __init__(self, clips: list[Clip], labels: dict[str, list[str]]) -> None:
        super().__init__(clips)
        self._labels = labels

    @property
    def manifest(self) -> pa.Table:
        sources = {"source": [clip.meta["source"] for clip in self]}
        return pa.table(sources | {f"label_{name}": values for name, values in self._labels.items()})

    def labels(self, name: str) -> list[str]:
        return self._labels[name]

    def subset(self, rows) -> Clips:
        chosen = np.flatnonzero(rows) if np.asarray(rows).dtype == bool else np.asarray(rows)
        labels = {name: [values[row] for row in chosen] for name, values in self._labels.items()}
        return Clips([self[row] for row in chosen], labels)

    def with_sound(self) -> Clips:
        return self

    def with_faces(self) -> Clips:
        return self

    def split(self, part: str, every: int, by: str) -> Clips:
        names = sorted(set(self._labels["speaker"]))
        dev = set(names[::every])
        return self.subset(np.array([(name in dev) == (part == "dev") for name in self._labels["speaker"]]))


def clips_of(people: int = 12, takes: int = 2, frames: int = 6) -> Clips:
    """Each person some times; every second is a woman, ages go up with the number."""
    clips, labels = [], {"speaker": [], "sex": [], "age": []}
    for person in range(people):
        for take in range(takes):
            height = 0.1 + 0.8 * person / people
            audio = tone(400 + 10 * take, frames / 25, level=1.0)
            video = np.full((frames, 8, 8, 3), round(255 * height), np.uint8)
            audio = (audio / np.abs(audio).max() * height).astype(np.float32)
            clips.append(Clip(video, np.zeros((frames, 5, 2), np.float32), audio, {"source": f"{person}-{take}"}))
            labels["speaker"].append(f"p{person:02d}")
            labels["sex"].append("woman" if person % 2 else "man")
            labels["age"].append(str(20 + person))
    return Clips(clips, labels)


def speaking(folder: Path, speakers: int = 10, takes: int = 3, seconds: float = 1.0) -> Path:
    """Wave files with labels, each speaker a tone of his own height among noise of the recording."""
    rows = ["file,speaker,sex"]
    for speaker in range(speakers):
        for take in range(takes):
            name = f"s{speaker}/t{take}.wav"
            (folder / f"s{speaker}").mkdir(exist_ok=True)
            sound = tone(300 * 1.2**speaker, seconds, level=0.2, seed=10 * speaker + take)
            wavfile.write(folder / name, 16000, np.rint(sound * 32767).astype(np.int16))
            rows.append(f"{name},s{speaker},{'woman' if speaker % 2 else 'man'}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    return folder
