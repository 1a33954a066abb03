"""How many seconds of video `seehear prepare` goes through in one second, against decoding the same files alone.

    python benchmarks/prepare.py [FOLDER] [--shared ../shared] [--sources 200] [--workers N] [--detector PATH]

Without a folder it takes clips of `grid_s1`. Both are done in this run, turn by turn, with the same number of processes
of one thread each: decoding gives pictures and sound to nobody, preparing makes a whole corpus. The fastest turn of
each counts. The machine may be busy: the ratio is what to look at.
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


def decode(path: Path, tell: ReportProgress) -> float:
    """Decodes pictures and sound of a file; its length in seconds."""
    with av.open(str(path)) as container:
        for stream in container.streams:
            if stream.codec_context:
                stream.codec_context.thread_count = 1
        streams = [s for s in container.streams if s.type in ("video", "audio")]
        for packet in container.demux(streams):
            packet.decode()
        return (container.duration or 0) / av.time_base


def decode_all(files: list[Path], workers: int) -> tuple[float, float]:
    """Seconds of video, and seconds that it took from the first file done to the last, as if to all."""
    seconds, first, begun = 0.0, 0.0, 0.0
    for message in run_tasks(files, decode, workers):
        if begun == 0.0:  # the processes have started: that is no part of decoding
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
