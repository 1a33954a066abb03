"""Sources that are small JSON files: they tell which clips they give and what goes wrong. Workers import this."""

import errno
import json
import os
import signal
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import numpy as np

from seehear.clip import Clip
from seehear.data.datasets.folder import find_folder
from seehear.data.preparation import run_plan
from seehear.data.report import PrepareResult
from seehear.data.staging import SourcePlan
from seehear.errors import MediaError

SIZE = 128  # x264 is not deterministic at some smaller sizes


def write_source(path: Path, clips: list[int], **trouble: Any) -> None:
    """A source that gives clips of so many frames; trouble: fail, unforeseen, kill, kill_once, full, sleep, silent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"clips": clips, **trouble}))


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a folder."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def make_clip(name: str, number: int, frames: int) -> Clip:
    """The clip that `FakeReader` gives: a moving pattern and a tone, different for each name and number."""
    rng = np.random.default_rng(zlib.crc32(f"{name} {number}".encode()))
    times, rows, columns = np.ogrid[:frames, :SIZE, :SIZE]
    planes = [(a * rows + b * columns + 5 * times) % 200 for a, b in rng.integers(1, 4, (3, 2))]
    video = np.stack(planes, axis=-1).astype(np.uint8)
    landmarks = rng.uniform(0, SIZE, (frames, 5, 2)).astype(np.float32)
    audio = 0.3 * np.sin(np.arange(frames * 640) * rng.uniform(0.05, 0.5))
    meta = {"source": name, "start_s": 2.0 * number, "track": number}
    return Clip(video, landmarks, audio.astype(np.float32), meta)


class FakeReader:
    """Does what its source says."""

    needs_pictures = True

    def __init__(self, path: Path, delay_s: float = 0.0) -> None:
        self.path = path
        try:
            self.told = json.loads(path.read_text())
        except ValueError as error:
            raise MediaError(f"{path} is not a video; give another file") from error
        self.media = SimpleNamespace(
            duration_s=2.0 * len(self.told["clips"]), has_sound=not self.told.get("silent"), damaged=0
        )
        self.sound = SimpleNamespace(silent=False, cautions=())
        self.stats = SimpleNamespace(empty_reason=lambda: "no face found in 50 frames", cautions=())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __iter__(self) -> Iterator[Clip]:
        for number, frames in enumerate(self.told["clips"]):
            time.sleep(self.told.get("sleep", 0))
            yield make_clip(self.path.stem, number, frames)
        self._trouble()

    def _trouble(self) -> None:
        if "fail" in self.told:
            raise MediaError(self.told["fail"])
        if "unforeseen" in self.told:
            raise ZeroDivisionError(self.told["unforeseen"])
        if "kill" in self.told:
            os.kill(os.getpid(), getattr(signal, self.told["kill"]))
        if "kill_once" in self.told and not (marker := self.path.with_suffix(".killed")).exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if "full" in self.told and not self.path.with_suffix(".room").exists():
            raise OSError(errno.ENOSPC, "No space left on device")


def run(sources: Path, out: Path, workers: int = 1, shard_clips: int = 4, **options: Any) -> PrepareResult:
    """A preparation of a folder of such sources."""
    plan = SourcePlan.from_sources(
        find_folder([sources]), {"format": "folder", "size": SIZE, "shard_clips": shard_clips, **options}
    )
    return run_plan(plan, out, FakeReader, workers)


if __name__ == "__main__":  # for the tests that kill a whole run
    run(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
