"""A little corpus that every task can be asked about: people with faces and voices of their own, who say words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Self

import numpy as np

from seehear.clip import Clip
from seehear.data.datasets.folder import find_folder
from seehear.data.preparation import run_plan
from seehear.data.staging import SourcePlan

SIZE, FRAMES = 128, 44  # x264 is not deterministic at some smaller sizes; K = 5 needs 35 frames and a context
WORDS = ("low", "high")
PARTS = ("train", "train", "dev", "test")


class Person:
    """Reads a clip: its pictures as bright as its speaker's number says, its sound as high as its word."""

    needs_pictures = True
    media = SimpleNamespace(duration_s=FRAMES / 25, has_sound=True, damaged=0)
    sound = SimpleNamespace(silent=False, cautions=())
    stats = SimpleNamespace(why_nothing=lambda: "nobody is there", cautions=())

    def __init__(self, path: Path, delay_s: float = 0.0) -> None:
        self.told = json.loads(path.read_text())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __iter__(self) -> Iterator[Clip]:
        rng = np.random.default_rng(self.told["number"])
        loud = rng.random(FRAMES)
        video = rng.integers(0, 20, (FRAMES, SIZE, SIZE, 3)) + 20 + 15 * self.told["speaker"]
        video[:, 64:100, 44:84] += np.rint(80 * loud)[:, None, None, None].astype(int)
        time = np.arange(FRAMES * 640) / 16000
        hz = (300, 1500)[self.told["word"]] * (1 + 0.05 * self.told["speaker"])
        sound = np.sin(2 * np.pi * hz * time) * loud.repeat(640) * 0.3 + rng.standard_normal(len(time)) * 0.01
        where = {"source": "", "start_s": 0, "track": 0}
        yield Clip(video.astype(np.uint8), np.zeros((FRAMES, 5, 2), np.float32), sound.astype(np.float32), where)


def crowd(folder: Path, people: int = 8, takes: int = 2) -> Path:
    """A prepared corpus of so many people, each saying each word some times."""
    (folder / "src").mkdir(parents=True)
    rows = ["file,speaker,part,word,emotion,weight"]
    clips = [(person, word, take) for person in range(people) for word in range(2) for take in range(takes)]
    for number, (person, word, take) in enumerate(clips):
        name = f"p{person}_{word}_{take}.mp4"
        (folder / "src" / name).write_text(json.dumps({"number": number, "speaker": person, "word": word}))
        mood = ("calm", "cross")[word]
        rows.append(f"{name},p{person},{PARTS[person % len(PARTS)]},{WORDS[word]},{mood},{word + 0.1 * person}")
    (folder / "src" / "labels.csv").write_text("\n".join(rows) + "\n")
    plan = SourcePlan.from_sources(
        find_folder([folder / "src"]), {"format": "folder", "size": SIZE, "shard_clips": 100}
    )
    run_plan(plan, folder / "out", Person, 1)
    return folder / "out"
