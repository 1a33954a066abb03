"""The face detector on real clips: frames with a face, CPU time, and jitter of the landmarks.

    python benchmarks/face_detector.py [--shared ../shared] [--detector FILE...] [--pictures 50]

Every other clip of real_faces and strangers, and every hundredth of GRID speaker 1; every frame is searched in the way
`prepare` searches every fifth. Jitter is the median second difference of a landmark between frames, in percent of the
distance between the eyes; it includes head motion, which is the same for all detectors. With several files, the
landmarks of the others are compared with those of the first.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time

import numpy as np
from numpy.typing import NDArray

from seehear.media.decode import open_media
from seehear.media.face_detector import FaceSearch, YuNet, load_detector
from seehear.media.picture import Picture


@dataclass
class Detections:
    """Results of one detector: landmarks of the largest face by clip and frame, searched frames, CPU seconds."""

    landmarks: dict[tuple[str, int], NDArray[np.float32]] = field(default_factory=dict)
    pictures: int = 0
    seconds: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--detector", type=Path, nargs="+", default=[], help="further YuNet files")
    parser.add_argument("--pictures", type=int, default=50, help="number of first frames of each clip")
    given = parser.parse_args()
    detectors = [load_detector(), *(YuNet(path) for path in given.detector)]
    for name, clips in sets(given.shared / "data").items():
        found = [Detections() for _ in detectors]
        for clip in clips:
            pictures = read(clip, given.pictures)
            for detector, into in zip(detectors, found, strict=True):
                search(detector, clip.name, pictures, into)
        print(f"{name}, {len(clips)} clips")
        for detector, one in zip(detectors, found, strict=True):
            print(f"  {detector.name}: {summary(one, found[0])}", flush=True)


def sets(data: Path) -> dict[str, Sequence[Path]]:
    """Return the clips of each data set."""
    found = {"GRID speaker 1": sorted((data / "grid_s1" / "video").glob("*.mp4"))[::100]}
    for name in ("real_faces", "strangers/grid", "strangers/wild"):
        found[name] = sorted((data / name).glob("*.mp4"))[::2]
    return {name: clips for name, clips in found.items() if clips}


def read(clip: Path, count: int) -> list[Picture]:
    with open_media(clip, threads=1) as media:
        return [picture for picture, _ in zip(media.pictures(), range(count), strict=False)]


def search(detector: YuNet, clip: str, pictures: Sequence[Picture], into: Detections) -> None:
    finder, known = FaceSearch(detector), []
    begun = process_time()
    for picture in pictures:
        faces = finder.find(picture, known)
        known = [face.box for face in faces] or known
        if faces:
            into.landmarks[clip, picture.index] = max(faces, key=lambda face: float(face.box[2])).landmarks
    into.seconds += process_time() - begun
    into.pictures += len(pictures)


def summary(one: Detections, first: Detections) -> str:
    points, jitter, distances = one.landmarks, [], []
    for (clip, index), now in points.items():
        eyes = float(np.linalg.norm(now[0] - now[1]))
        if (clip, index - 1) in points and (clip, index + 1) in points:
            jitter.append(np.linalg.norm(points[clip, index - 1] - 2 * now + points[clip, index + 1], axis=1) / eyes)
        if (clip, index) in first.landmarks:
            distances.append(np.linalg.norm(now - first.landmarks[clip, index], axis=1) / eyes)
    text = f"a face in {100 * len(points) / one.pictures:.1f} % of {one.pictures} frames, "
    text += f"{1000 * one.seconds / one.pictures:.1f} ms of CPU per frame, jitter {100 * np.median(jitter):.1f} %"
    if one is first:
        return text
    return f"{text}, median {100 * np.median(distances):.1f} % from the landmarks of the first"


if __name__ == "__main__":
    main()
