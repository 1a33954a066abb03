"""Clips of mouths that say three words: a bar that stands, one that lies, a square. Worker processes import this."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import numpy as np

from seehear.clip import Clip, mouth_slices
from seehear.data.datasets.folder import find_folder
from seehear.data.preparation import run_plan
from seehear.data.staging import SourcePlan

SIZE = 128  # x264 is not deterministic at some smaller sizes
SHAPES = {"tall": (slice(8, 56), slice(26, 38)), "wide": (slice(26, 38), slice(8, 56)), "round": (slice(16, 48),) * 2}

Said = Sequence[tuple[str, float, float]]
"""Words with their first and last frame."""


class Talker:
    """A mouth on grey, its words on it while they last; it has no sound."""

    needs_pictures = True
    media = SimpleNamespace(duration_s=2.0, has_sound=False, damaged=0)
    stats = SimpleNamespace(why_nothing=lambda: "nobody talks", cautions=())

    def __init__(self, path: Path, delay_s: float = 0.0) -> None:
        self.told = json.loads(path.read_text())
        self.seed = len(path.name) + sum(path.read_bytes())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __iter__(self) -> Iterator[Clip]:
        frames = self.told["frames"]
        video = np.full((frames, SIZE, SIZE, 3), 90, np.uint8)
        mouth = video[(slice(None), *mouth_slices(SIZE))]
        for word, first, stop in self.told["said"]:
            mouth[(slice(round(first), round(stop)), *SHAPES[word])] = 200
        noise = np.random.default_rng(self.seed).integers(0, 30, video.shape, dtype=np.uint8)
        silence = np.zeros(frames * 640, np.float32)
        yield Clip(
            video + noise, np.zeros((frames, 5, 2), np.float32), silence, {"source": "", "start_s": 0, "track": 0}
        )


def talkers(folder: Path, clips: Mapping[str, tuple[int, Said]], labels: Mapping[str, Mapping[str, str]]) -> Path:
    """A corpus: name -> frames and what is said; labels by name, with the times of the words in all."""
    (folder / "src").mkdir(parents=True)
    columns = sorted({key for told in labels.values() for key in told})
    rows = [",".join(["file", *columns, "words"])]
    for name, (frames, said) in clips.items():
        told: dict[str, Any] = {"frames": frames, "said": list(said)}
        (folder / "src" / f"{name}.mp4").write_text(json.dumps(told))
        times = json.dumps([[word, first / 25, stop / 25] for word, first, stop in said]).replace('"', '""')
        rows.append(",".join([f"{name}.mp4", *(labels.get(name, {}).get(key, "") for key in columns), f'"{times}"']))
    (folder / "src" / "labels.csv").write_text("\n".join(rows) + "\n")
    plan = SourcePlan.from_sources(
        find_folder([folder / "src"]), {"format": "folder", "size": SIZE, "shard_clips": 100}
    )
    run_plan(plan, folder / "out", Talker, 1)
    return folder / "out"
