"""Every figure that the README quotes, one script after the other: what `make bench` runs.

    python benchmarks/run_all.py [--shared ../shared] [--model RUN]

About three hours on two cores, most of them for the trainings of separation.py. Scripts that need real recordings, or a
model that animates, are left out, saying so, where there are none. At the end, all speeds in one table, with the kind
of CPU and the arithmetic. A CPU with AVX-512 does as one without, for a second column, under

    ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2
"""

import argparse
import subprocess
import sys
from pathlib import Path

from machine import MARK, machine

from seehear.hardware import cpu_name
from seehear.threads import share_the_machine
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
    "matmul.py",
    "busy_machine.py",
    "demo.py",
]
REAL = [
    "strangers.py",
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
    share_the_machine()
    print(f"{cpu_name()}, {machine()}")
    figures: list[str] = []
    failed = [job[0] for job in jobs if _run(job, figures) != 0]
    print("\n| what | figure | CPU | arithmetic | script |\n|---|---|---|---|---|")
    print("\n".join(figures))
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _run(job: list[str], figures: list[str]) -> int:
    """Runs a script, prints what it prints, and keeps its figures as rows of the table."""
    print(f"\n== {' '.join(job)}", flush=True)
    with subprocess.Popen([sys.executable, str(HERE / job[0]), *job[1:]], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            if line.startswith(MARK):
                figures.append(f"| {line.removeprefix(MARK).rstrip()} | `{job[0]}` |")
    return process.returncode


if __name__ == "__main__":
    main()
