"""Every figure that the README quotes, one script after the other: what `make bench` runs.

    python benchmarks/run_all.py [--shared ../shared]

About half an hour on two cores. Scripts that need real recordings are left out, saying so, where there are none.
"""

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SYNTHETIC = [["media_decode.py"], ["avatars.py"], ["training_speed.py"]]
REAL = [
    ["sync_protocol.py"],
    ["sync_accuracy.py"],
    ["sync_halves.py"],
    ["sync_speed.py"],
    ["prepare.py"],
    ["face_clips.py"],
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder that holds data/")
    shared = parser.parse_args().shared
    jobs = list(SYNTHETIC)
    if (shared / "data").is_dir():
        jobs += [[*job, "--shared", str(shared)] for job in REAL]
    else:
        print(f"no recordings in {shared}: {', '.join(job[0] for job in REAL)} left out", file=sys.stderr)
    failed = [job[0] for job in jobs if _run(job) != 0]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _run(job: list[str]) -> int:
    print(f"\n== {' '.join(job)}", flush=True)
    return subprocess.run([sys.executable, str(HERE / job[0]), *job[1:]], check=False).returncode


if __name__ == "__main__":
    main()
