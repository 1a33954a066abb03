"""Open a corpus of a million clips, find clips in it, and divide an epoch into batches.

    python benchmarks/manifest.py [--clips 1000000]

Only the manifest is made, by synthesis; its clips cannot be decoded. Required: opened in less than 2 s, a clip found in
less than 1 ms. The sizes below the largest show whether the cost for each clip grows.
"""

import argparse
import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
from machine import figure
from pyarrow import parquet

from seehear.data.batches import cut_windows, group_into_batches
from seehear.data.corpus import Corpus
from seehear.data.manifest import SCHEMA
from seehear.version import __version__

FRAMES, SOURCE_CLIPS, BATCH = 125, 5, 16
LOOKUPS = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=1_000_000)
    given = parser.parse_args()
    for clips in (given.clips // 100, given.clips // 10, given.clips):
        with TemporaryDirectory() as folder:
            write_corpus(Path(folder), clips)
            measure(Path(folder), clips)


def write_corpus(folder: Path, clips: int) -> None:
    """Write a manifest of clips of five seconds, five from each file, and its corpus.json."""
    numbers = np.arange(clips)
    columns: dict[str, Any] = {
        "key": [f"clip-{number:09d}" for number in numbers],
        "source": [f"videos/{number // SOURCE_CLIPS:08d}.mp4" for number in numbers],
        "frames": np.full(clips, FRAMES),
        "seconds": np.full(clips, FRAMES / 25),
        "has_sound": np.ones(clips, dtype=bool),
        "video_size": np.full(clips, 60_000),
    }
    arrays = [pa.array(columns.get(field.name, np.zeros(clips)), type=field.type) for field in SCHEMA]
    parquet.write_table(pa.table(arrays, schema=SCHEMA), folder / "manifest.parquet")
    digest = hashlib.sha256((folder / "manifest.parquet").read_bytes()).hexdigest()
    made = {"options": {"size": 128, "faces": "yunet", "detector": "yunet-2023mar"}, "sources": clips // SOURCE_CLIPS}
    corpus = {
        "format_version": 1, "seehear": __version__, "clips": clips, "shards": 1, "manifest_sha256": digest,
        "made": {**made, "sources_sha256": "0" * 64},
    }  # fmt: skip
    (folder / "corpus.json").write_text(json.dumps(corpus), encoding="utf-8")


def measure(folder: Path, clips: int) -> None:
    """Print the time and memory of each stage."""
    before = memory_mb()
    corpus, opened = timed(lambda: Corpus(folder))
    opened_mb = memory_mb() - before
    rng = np.random.default_rng(0)
    rows = rng.integers(clips, size=LOOKUPS)
    _, looked_up = timed(lambda: [corpus.manifest.slice(int(row), 1).to_pylist() for row in rows])
    train, divided = timed(lambda: corpus.split("train"))
    before = memory_mb()
    windows, cut = timed(lambda: cut_windows(train.frames, 75, 50, rng))
    batches, grouped = timed(lambda: group_into_batches(windows, BATCH, rng))
    plan_mb = memory_mb() - before
    print(f"{clips:,} clips: opened in {opened:.3f} s ({opened_mb * 1e6 / clips:.0f} bytes of memory a clip), ", end="")
    print(f"a clip found in {1e3 * looked_up / LOOKUPS:.3f} ms, train and dev divided in {divided:.2f} s; ", end="")
    print(f"an epoch of {len(batches):,} batches planned in {cut + grouped:.2f} s ", end="")
    print(f"({1e6 * (cut + grouped) / len(windows):.1f} us and {plan_mb * 1e6 / len(windows):.0f} bytes a window)")
    figure(f"opening a corpus of {clips:,} clips", f"{opened:.2f} s", "none")


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """Return the result and the seconds."""
    start = time.perf_counter()
    return call(), time.perf_counter() - start


def memory_mb() -> float:
    """Return the memory of this process."""
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * 4096 / 1e6


if __name__ == "__main__":
    main()
