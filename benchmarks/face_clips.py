"""Speed and memory of extracting face clips from a video, compared with decoding alone.

    python benchmarks/face_clips.py [FILE...] [--shared ../shared] [--minutes 1 10] [--threads 0] [--detector PATH]

Without files, 1280x720 ones are made from real clips. Each file is decoded with PyAV alone and read by `ClipReader`, in
turns and in separate processes; the fastest turns count. On a busy machine, their ratio is more reliable.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av
from machine import figure
from sync_speed import minute, repeated

from seehear.clip import FPS
from seehear.media.clips import ClipOptions, ClipReader

TURNS = 3


def decode(path: Path, threads: int) -> int:
    """Decode a file and return its number of frames."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type, stream.codec_context.thread_count = "AUTO", threads
        return sum(1 for _ in container.decode(stream))


def read(path: Path, threads: int, detector: Path | None) -> int:
    """Read the clips of a file and return their number of frames."""
    with ClipReader(path, ClipOptions(detector=detector), threads=threads) as reader:
        return sum(clip.frames for clip in reader)


def in_own_process(what: str, path: Path, args: argparse.Namespace) -> dict[str, float]:
    """Return the seconds, frames and peak memory (MB) of one turn."""
    command = [sys.executable, __file__, str(path), "--turn", what, "--threads", str(args.threads)]
    command += ["--detector", str(args.detector)] if args.detector else []
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def turn(what: str, path: Path, args: argparse.Namespace) -> None:
    begun = time.perf_counter()
    pictures = decode(path, args.threads) if what == "decode" else read(path, args.threads, args.detector)
    seconds = time.perf_counter() - begun
    status = Path("/proc/self/status").read_text()  # getrusage would count what the parent had before the fork
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    print(json.dumps({"seconds": seconds, "cpu": time.process_time(), "pictures": pictures, "peak_mb": peak}))


def compare(path: Path, args: argparse.Namespace) -> None:
    turns = [{what: in_own_process(what, path, args) for what in ("decode", "read")} for _ in range(TURNS)]
    best = {what: min((turn[what] for turn in turns), key=lambda t: t["seconds"]) for what in ("decode", "read")}
    decoded, clips = best["decode"], best["read"]
    print(
        f"{path.name}: decode {1e3 * decoded['seconds'] / decoded['pictures']:.2f} ms per frame, "
        f"clips {1e3 * clips['seconds'] / decoded['pictures']:.2f}, "
        f"ratio {clips['seconds'] / decoded['seconds']:.2f} (of processor time {clips['cpu'] / decoded['cpu']:.2f}), "
        f"{decoded['pictures'] / FPS / clips['seconds']:.0f}x real time at 25 frames per second, "
        f"peak {clips['peak_mb']:.0f} MB (decoding alone {decoded['peak_mb']:.0f} MB), "
        f"{clips['pictures'] / decoded['pictures']:.1%} of the frames in clips",
        flush=True,
    )
    speed = f"{decoded['pictures'] / FPS / clips['seconds']:.0f} x real time"
    figure(f"clips of {path.name}", f"{speed}; {clips['seconds'] / decoded['seconds']:.2f} x decoding alone", "none")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="*")
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[2] / "shared")
    parser.add_argument("--minutes", type=int, nargs="*", default=[1, 10])
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--detector", type=Path)
    parser.add_argument("--turn", choices=["decode", "read"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.turn:
        turn(args.turn, args.files[0], args)
        return
    for path in args.files:
        compare(path, args)
    if not args.files:
        clips = sorted((args.shared / "data/grid_s1/video").glob("*.mp4"))[::40]
        with tempfile.TemporaryDirectory() as folder:
            first = Path(folder) / "720p-1min.mp4"
            minute(clips, first)
            for minutes in args.minutes:
                path = Path(folder) / f"720p-{minutes}min.mp4"
                if not path.exists():
                    repeated(first, minutes, path)
                compare(path, args)


if __name__ == "__main__":
    main()
