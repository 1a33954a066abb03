"""Avatars: clips made per second, and the fraction of their frames with a detected face.

    python benchmarks/avatars.py [--clips 60] [--workers 2] [--detector PATH]

The detector is the one that `prepare` uses, or a given file.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import av
import numpy as np
from machine import figure

from seehear.avatars.make import synthesize_avatars
from seehear.media.face_detector import Detector, load_detector


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=60)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--detector", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        files = synthesize_avatars(
            Path(folder) / "avatars", clips=options.clips, speakers=options.clips, seed=1, workers=options.workers
        )
        rate = len(files) / (time.perf_counter() - begin)
        size = sum(path.stat().st_size for path in files) / len(files) / 1000
        print(f"made: {rate:.1f} clips of 3 s per second by {options.workers} workers, {size:.0f} kB each")
        detector = load_detector(path=options.detector)
        rates = [detection_rate(path, detector) for path in files]
    mean, worst = 100 * np.mean(rates), 100 * min(rates)
    figure(f"avatars, {options.workers} processes", f"{rate:.1f} clips of 3 s per second", "none")
    print(f"detected: {mean:.2f} % of frames, {worst:.1f} % in the worst clip ({detector.name})")


def detection_rate(path: Path, detector: Detector) -> float:
    """Return the fraction of a clip's frames with a face."""
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    return float(np.mean([bool(detector(frame)) for frame in frames]))


if __name__ == "__main__":
    main()
