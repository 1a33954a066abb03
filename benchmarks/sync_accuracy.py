"""Accuracy of `seehear sync`: clips in sync whose audio is shifted by a random delay of -600 to +600 ms.

    python benchmarks/sync_accuracy.py [--shared ../shared] [--model sync-small] [--clips 100] [--films FOLDER]

For each held-out clip of GRID speaker 1 (every eighth by name), or of a folder of videos, the audio is shifted, the
delay measured and the video fixed; then the audio of the fixed video is correlated with the original, which gives the
remaining delay. Original clips measure up to a frame off; sync_halves.py examines whether this is due to the
recordings or to the model. Therefore the original clips are measured too, and the last line excludes their delay.
Intervals are over clips of one man and do not apply to other people.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from seehear.clip import SAMPLE_RATE
from seehear.evaluation.result import format_percent_range
from seehear.media.shift import shift_sound
from seehear.media.sound import read_sound
from seehear.metrics.bootstrap import estimate
from seehear.metrics.scores import error_rate

WITHIN_MS = (40, 20, 10)


def distance_ms(one: Path, other: Path) -> float:
    """Return the delay of the audio of ``other`` relative to ``one``: the peak of their correlation."""
    first, second = (read_sound(path).between(-1.0, 4.0) for path in (one, other))
    size = 2 * len(first)
    product = np.fft.irfft(np.fft.rfft(second, size) * np.conj(np.fft.rfft(first, size)), size)
    lag = int(product.argmax())
    return (lag if lag < size // 2 else lag - size) * 1000 / SAMPLE_RATE


def percent_within(errors: np.ndarray, limit: float) -> str:
    right = (np.abs(errors) <= limit).astype(float)
    told = estimate(np.stack([right, np.ones(len(right))], axis=1)[None], error_rate)
    return f"within ±{limit} ms {100 * told.value:.1f} % ({format_percent_range(told.low, told.high)})"


def summary(name: str, errors: np.ndarray) -> str:
    figures = ", ".join(percent_within(errors, limit) for limit in WITHIN_MS)
    return f"{name}: {figures}, median absolute error {np.median(np.abs(errors)):.1f} ms, n = {len(errors)}"


def sync(films: list[Path], options: argparse.Namespace, more: list[str] | None = None) -> list[dict[str, Any]]:
    """Run the command on videos and return its JSON objects."""
    command = [sys.executable, "-m", "seehear", "sync", *map(str, films), "--json", *(more or [])]
    command += ["--model", options.model, "--workers", options.workers]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit("seehear sync failed, see above")
    return [json.loads(line) for line in done.stdout.splitlines()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--model", default="sync-small")
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--films", type=Path, help="folder of videos to use instead of GRID's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", default="2")
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    folder = options.films or options.shared / "data" / "grid_s1" / "video"
    clips = sorted(folder.glob("*.mp4"))[:: 1 if options.films else 8][: options.clips]
    delays = rng.uniform(-600, 600, len(clips))
    with tempfile.TemporaryDirectory() as work:
        moved, fixed = Path(work, "moved"), Path(work, "fixed")
        moved.mkdir()
        for clip, delay in zip(clips, delays, strict=True):
            shift_sound(clip, moved / clip.name, earlier_s=-delay / 1000)
        truth = np.array([distance_ms(clip, moved / clip.name) for clip in clips])
        assert np.abs(truth - delays).max() < 1, "the clips were not moved as they should be"
        entries = sync([moved / clip.name for clip in clips], options, ["--fix", "-o", str(fixed), "--force"])
        unmoved = np.array([entry["delay_ms"] for entry in sync(clips, options)])
        left = np.array([distance_ms(clip, fixed / clip.name) for clip in clips])
    measured = np.array([entry["delay_ms"] for entry in entries])
    errors = measured - truth
    confidence = np.array([entry["confidence"] for entry in entries])
    again = np.array([entry["fixed"]["delay_ms"] for entry in entries])
    right = np.abs(errors) <= 40
    print(summary("measured", errors))
    print(
        f"  bias {np.median(errors):+.1f} ms; mean confidence {confidence.mean():.3f}, share right {right.mean():.3f}"
    )
    print(f"  verdict cannot-tell: {sum(entry['verdict'] == 'cannot-tell' for entry in entries)}")
    print(summary("fixed, decoded", left))
    print(summary("fixed, measured again by the tool", again))
    print(summary("measured, less what the unmoved clip measures", measured - unmoved - truth))
    for entry, error in zip(entries, errors, strict=True):
        if abs(error) > WITHIN_MS[0]:
            print(f"  wrong: {Path(entry['file']).name} by {error:+.0f} ms, confidence {entry['confidence']}")


if __name__ == "__main__":
    main()
