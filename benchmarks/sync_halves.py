"""Is what `seehear sync` measures on unmoved GRID clips an error of the tool, or are the recordings a little off?

    python benchmarks/sync_halves.py [--shared ../shared] [--model sync-small]

The lips of the first and of the second half of each held-out clip are measured apart. Errors of measurement would be
unrelated; a delay that the recording has would show in both. Printed: the spread of the halves' delays over clips, and
their correlation.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from seehear.clip import FPS, SAMPLES_PER_FRAME, Clip
from seehear.media.clips import ClipReader
from seehear.tools.calibration import KnownSound
from seehear.tools.listen import listen
from seehear.tools.offset import find_peak
from seehear.training.run import load_sync

REACH = FPS  # +-1 s
FAR_MS = 80.0  # a half this far off was not found (no speech in it), whatever the recording's own delay


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--model", default="sync-small")
    given = parser.parse_args()
    model = load_sync(given.model)
    delays = []
    for path in sorted((given.shared / "data" / "grid_s1" / "video").glob("*.mp4"))[::8]:
        with ClipReader(path) as reader:
            clip = next(iter(reader))
        sound = KnownSound(clip.audio, 0.0)
        peaks = [find_peak(listen(model, half, sound, REACH).curve) for half in halves(clip)]
        if all(peak and abs(peak.delay_ms) < FAR_MS for peak in peaks):
            delays.append([peak.delay_ms for peak in peaks if peak])
    first, second = np.array(delays).T
    print(f"{len(delays)} clips whose halves both have a delay under {FAR_MS:.0f} ms")
    print(f"standard deviation over clips: first halves {first.std():.1f} ms, second halves {second.std():.1f} ms")
    print(f"correlation of first and second halves: {np.corrcoef(first, second)[0, 1]:.2f}")
    print(f"standard deviation of half their difference: {(first - second).std() / 2:.1f} ms")


def halves(clip: Clip) -> tuple[Clip, Clip]:
    """The pictures of either half, on the clock of the whole."""
    middle = clip.frames // 2
    return _cut(clip, 0, middle), _cut(clip, middle, clip.frames)


def _cut(clip: Clip, first: int, stop: int) -> Clip:
    return replace(
        clip,
        video=clip.video[first:stop],
        landmarks=clip.landmarks[first:stop],
        audio=clip.audio[first * SAMPLES_PER_FRAME : stop * SAMPLES_PER_FRAME],
        meta={**clip.meta, "start_s": first / FPS},
    )


if __name__ == "__main__":
    main()
