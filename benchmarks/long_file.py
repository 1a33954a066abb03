"""Peak memory of sync, diarize and prepare on long files.

    python benchmarks/long_file.py [--minutes 3 30 180] [--verbs sync diarize prepare]

A video of a synthetic person is repeated without re-encoding. Each verb runs in its own process; the figure is the
largest memory of any of its processes. Required: no more than 1.2 times as much for the longest file as for the
shortest. Times are of a possibly busy machine.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import figure
from sync_speed import repeated

from seehear.avatars.make import synthesize_avatars

SECONDS = 6.0
FLAT = 1.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, nargs="+", default=[3, 30, 180])
    parser.add_argument("--verbs", nargs="+", default=["sync", "diarize", "prepare"])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        synthesize_avatars(folder / "people", clips=1, speakers=1, seed=1, seconds=SECONDS)
        (source,) = (folder / "people").glob("*.mp4")
        memory: dict[str, list[float]] = {verb: [] for verb in given.verbs}
        for minutes in given.minutes:
            path = folder / f"{minutes}.mp4"
            repeated(source, round(60 * minutes / SECONDS), path, SECONDS)
            for verb in given.verbs:
                words = [str(path), "-o", str(folder / f"corpus-{minutes}")] if verb == "prepare" else [str(path)]
                seconds, peak_mb = run(verb, *words)
                memory[verb].append(peak_mb)
                print(f"{verb}, {minutes} min: {peak_mb:.0f} MB at most, {60 * minutes / seconds:.1f} x real time")
    for verb, peaks in memory.items():
        growth = peaks[-1] / peaks[0]
        text = ", ".join(f"{peak:.0f}" for peak in peaks)
        figure(
            f"{verb}, {given.minutes} min",
            f"{text} MB, the last {growth:.2f} x the first (required: {FLAT:g})",
            "float32",
        )


def run(verb: str, *words: str) -> tuple[float, float]:
    """Return seconds and peak memory in MB of a command and of its own processes."""
    begun = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "seehear", verb, *words], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{verb} {' '.join(words)} ended with {process.returncode}")
    return time.perf_counter() - begun, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
