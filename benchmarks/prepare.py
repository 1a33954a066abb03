"""Speed of `seehear prepare` in seconds of video per second, compared with decoding the same files alone.

    python benchmarks/prepare.py [FOLDER] [--shared ../shared] [--sources 200] [--workers N] [--detector PATH]

Without a folder, clips of `grid_s1` are used. Both are run in turns, with the same number of single-threaded processes;
the fastest turn of each counts. On a busy machine, the ratio is more reliable.
"""

import argparse
import tempfile
import time
from pathlib import Path

import av
from machine import figure

from seehear.data.datasets import find_media
from seehear.data.prepare import prepare
from seehear.machine import available_cores
from seehear.parallel import ReportProgress, run_tasks


def decode(path: Path, report: ReportProgress) -> float:
    """Decode video and audio of a file; return its duration in seconds."""
    with av.open(str(path)) as container:
        for stream in container.streams:
            if stream.codec_context:
                stream.codec_context.thread_count = 1
        streams = [s for s in container.streams if s.type in ("video", "audio")]
        for packet in container.demux(streams):
            packet.decode()
        return (container.duration or 0) / av.time_base


def decode_all(files: list[Path], workers: int) -> tuple[float, float]:
    """Return the seconds of video, and the time taken, extrapolated from the first finished file on."""
    seconds, first, begun = 0.0, 0.0, 0.0
    for message in run_tasks(files, decode, workers):
        if begun == 0.0:  # excludes the start of the processes
            begun, first = time.perf_counter(), message.value
        seconds += message.value
    took = time.perf_counter() - begun
    return seconds, took * seconds / max(seconds - first, 1e-9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--sources", type=int, default=200)
    parser.add_argument("--workers", type=int, default=available_cores())
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--detector", type=Path)
    args = parser.parse_args()
    folder = args.folder or args.shared / "data" / "grid_s1" / "video"
    files = [path for path, _ in find_media([folder])[: args.sources]]
    prepared, decoded = 0.0, 0.0
    for _ in range(args.turns):
        seconds, took = decode_all(files, args.workers)
        decoded = max(decoded, seconds / took)
        with tempfile.TemporaryDirectory() as out:
            report = prepare(files, Path(out) / "corpus", workers=args.workers, detector=args.detector)
        prepared = max(prepared, report.seconds / report.elapsed_s)
    print(f"{len(files)} files, {report.seconds:.0f} s of video, {args.workers} processes, {report.clips} clips")
    print(f"prepare: {prepared:.1f} x real time; decoding alone: {decoded:.1f} x; ratio {decoded / prepared:.2f}")
    speed = f"{prepared:.1f} x real time; {decoded / prepared:.2f} x the time of decoding alone"
    figure(f"prepare, {args.workers} processes", speed, "none")


if __name__ == "__main__":
    main()
