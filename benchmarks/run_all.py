"""Every figure that the README quotes, one script after the other: what `make bench` runs.

    python benchmarks/run_all.py [--shared ../shared] [--model RUN]

About three hours on two cores, most of them for the trainings of separation.py. Scripts that need real recordings, or a
model that animates, are left out, saying so, where there are none.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from seehear.training.run import packaged

HERE = Path(__file__).resolve().parent
ANIMATE = "animate-small"
SYNTHETIC = [
    "media_decode.py",
    "avatars.py",
    "training_speed.py",
    "animate_training_speed.py",
    "facevoice.py",
    "speaking.py",
    "verification_scoring.py",
    "demo.py",
]
REAL = [
    "sync_protocol.py",
    "sync_accuracy.py",
    "sync_halves.py",
    "sync_speed.py",
    "prepare.py",
    "face_clips.py",
    "speaker.py",
    "lips_words.py",
    "separation.py",
]
OF_A_MODEL = [
    "animate_l1.py",
    "speech_words.py",
    "speech_emotion.py",
    "speech_noise.py",
    "speech_encoder_speed.py",
]
"""Of a model that animates; some of them with real recordings."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder that holds data/")
    parser.add_argument("--model", help=f"folder of a run of an animate preset; by default {ANIMATE}, if it is there")
    given = parser.parse_args()
    model = given.model or (ANIMATE if ANIMATE in packaged() else None)
    jobs = [[name] for name in SYNTHETIC]
    shared = ["--shared", str(given.shared)]
    if (given.shared / "data").is_dir():
        jobs += [[name, *shared] for name in REAL]
        jobs += [[name, "--model", model, *shared] for name in OF_A_MODEL if model]
        left_out = [] if model else OF_A_MODEL
    else:
        left_out = REAL + OF_A_MODEL
    if left_out:
        print(f"no recordings in {given.shared}, or no --model: {', '.join(left_out)} left out", file=sys.stderr)
    failed = [job[0] for job in jobs if _run(job) != 0]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _run(job: list[str]) -> int:
    print(f"\n== {' '.join(job)}", flush=True)
    return subprocess.run([sys.executable, str(HERE / job[0]), *job[1:]], check=False).returncode


if __name__ == "__main__":
    main()
