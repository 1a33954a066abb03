"""How well `seehear sync` measures and fixes: real clips whose sound is moved by a random -600..+600 ms.

    python benchmarks/sync_accuracy.py [--shared ../shared] [--model sync-small] [--clips 100]

For each held-out clip of GRID speaker 1 (every eighth by name): move the sound, measure the delay, fix the file, decode
the sound of the fixed file and of the original and correlate them: their distance is what the fix left.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from seehear.clip import SAMPLE_RATE
from seehear.media.mux import shift_sound
from seehear.media.sound import read_sound

WITHIN_MS = (40, 20, 10)


def distance_ms(one: Path, other: Path) -> float:
    """By how much the sound of ``other`` is later than that of ``one``: the peak of their correlation, refined."""
    first, second = (read_sound(path).between(-1.0, 4.0) for path in (one, other))
    size = 2 * len(first)
    product = np.fft.irfft(np.fft.rfft(second, size) * np.conj(np.fft.rfft(first, size)), size)
    lag = int(product.argmax())
    return (lag if lag < size // 2 else lag - size) * 1000 / SAMPLE_RATE


def percent_within(errors: np.ndarray, limit: float) -> str:
    return f"within ±{limit} ms {100 * np.mean(np.abs(errors) <= limit):.1f} %"


def summary(name: str, errors: np.ndarray) -> str:
    figures = ", ".join(percent_within(errors, limit) for limit in WITHIN_MS)
    return f"{name}: {figures}, median absolute error {np.median(np.abs(errors)):.1f} ms, n = {len(errors)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--model", default="sync-small")
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", default="2")
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    clips = sorted((options.shared / "data" / "grid_s1" / "video").glob("*.mp4"))[::8][: options.clips]
    delays = rng.uniform(-600, 600, len(clips))
    with tempfile.TemporaryDirectory() as folder:
        moved, fixed = Path(folder, "moved"), Path(folder, "fixed")
        moved.mkdir()
        for clip, delay in zip(clips, delays, strict=True):
            shift_sound(clip, moved / clip.name, earlier_s=-delay / 1000)
        truth = np.array([distance_ms(clip, moved / clip.name) for clip in clips])
        assert np.abs(truth - delays).max() < 1, "the clips were not moved as they should be"
        command = [sys.executable, "-m", "seehear", "sync", *(str(moved / clip.name) for clip in clips), "--json"]
        command += ["--fix", str(fixed), "--force", "--model", options.model, "--workers", options.workers]
        detector = options.shared / "models" / "yunet_n_640_640.onnx"
        command += ["--detector", str(detector)] if detector.exists() else []
        lines = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
        entries = [json.loads(line) for line in lines]
        left = np.array([distance_ms(clip, fixed / clip.name) for clip in clips])
    errors = np.array([entry["delay_ms"] for entry in entries]) - truth
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
    for entry, error in zip(entries, errors, strict=True):
        if abs(error) > WITHIN_MS[0]:
            print(f"  wrong: {Path(entry['file']).name} by {error:+.0f} ms, confidence {entry['confidence']}")


if __name__ == "__main__":
    main()
