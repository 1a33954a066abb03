"""Avatars: clips a second, and the share of their frames in which the detector finds a face.

    python benchmarks/avatars.py [--clips 60] [--workers 2] [--detector yunet_n_640_640.onnx]

The detector is YuNet, given as a file, else the one of the ``yuface`` wheel where that is installed.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np

from seehear.avatars import make_avatars

DETECTOR = Path(__file__).resolve().parents[2] / "shared" / "models" / "yunet_n_640_640.onnx"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=60)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--detector", type=Path, default=DETECTOR)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "avatars"
        begin = time.perf_counter()
        files = make_avatars(out, clips=options.clips, speakers=options.clips, seed=1, workers=options.workers)
        seconds = time.perf_counter() - begin
        size = sum(path.stat().st_size for path in files) / len(files)
        print(
            f"made:  {len(files) / seconds:.1f} clips of 3 s a second, {options.workers} workers, {size / 1e3:.0f} kB each"
        )
        shares = [found_share(path, options.detector) for path in files]
    print(f"found: {100 * np.mean(shares):.2f} % of frames; in the worst clip {100 * min(shares):.1f} %")


def found_share(path: Path, detector: Path) -> float:
    """Share of a clip's frames with a face."""
    with av.open(str(path)) as container:
        pictures = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    finds = finder(detector, pictures[0].shape[1::-1])
    return float(np.mean([finds(picture) for picture in pictures]))


def finder(detector: Path, size: tuple[int, int]) -> Callable[[np.ndarray], bool]:
    """Whether a picture holds a face, by the detector at hand."""
    if detector.is_file():
        yunet = cv2.FaceDetectorYN.create(str(detector), "", size, 0.6)
        return lambda picture: yunet.detect(picture)[1] is not None
    import yuface

    return lambda picture: len(yuface.detect(picture)[0]) > 0


if __name__ == "__main__":
    main()
