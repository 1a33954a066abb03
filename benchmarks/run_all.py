"""Run all scripts whose results the README quotes (`make bench`).

    python benchmarks/run_all.py [--shared ../shared] [--model RUN] [--list]

This takes about three hours on two cores, mostly for the trainings of separation.py. Scripts that need real recordings
or an animation model are skipped with a message if these are missing. `FIGURES` lists the commands; the README quotes
them literally, which a test checks. ``--list`` prints the list. At the end, all speeds are printed in one table, with
the kind of CPU and the arithmetic. For a second column, a CPU with AVX-512 acts like one without under

    ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2
"""

import argparse
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from machine import MARK, machine

from seehear.machine import configure_threads, cpu_name
from seehear.models.store import packaged_models

HERE = Path(__file__).resolve().parent
ANIMATE = "animate-small"


@dataclass(frozen=True)
class Figures:
    """The results of one command.

    Attributes:
        command: script in this folder, and the arguments that determine the results: seeds, labels, counts
        about: what is measured
        needs: nothing, real recordings, or both recordings and an animation model
    """

    command: str
    about: str
    needs: Literal["nothing", "recordings", "model"] = "nothing"

    def job(self, shared: Path, model: str | None) -> list[str]:
        """Return the command line with the paths of recordings and model."""
        words = shlex.split(self.command)
        words += ["--model", str(model)] if self.needs == "model" else []
        return words + ([] if self.needs == "nothing" else ["--shared", str(shared)])


FIGURES = (
    Figures("media_decode.py", "decoding, compared with FFmpeg"),
    Figures("avatars.py", "synthetic people: videos per second, face detection"),
    Figures("training_speed.py", "sync-small: training frames per second"),
    Figures("animate_training_speed.py", "animate-small: training frames per second"),
    Figures("facevoice.py", "matching faces and voices"),
    Figures("speaking.py --films 30", "active speaker of two synthetic people"),
    Figures("voice_activity.py", "speech activity next to Silero VAD", needs="recordings"),
    Figures("verification_scoring.py", "scoring all pairs of voices"),
    Figures("matmul.py", "matrix products, a reference for other speeds"),
    Figures("manifest.py", "a corpus of a million clips: opening, finding, planning"),
    Figures("scaling.py", "100,000 hours on 64 nodes, simulated"),
    Figures("busy_machine.py", "speed next to busy processes"),
    Figures("demo.py", "make demo"),
    Figures("strangers.py", "unseen real people", "recordings"),
    Figures("face_detector.py", "face detection on real clips", "recordings"),
    Figures("sync_protocol.py", "sync accuracy at K = 5 and 15", "recordings"),
    Figures("sync_accuracy.py", "delays of shifted audio, and of fixed files", "recordings"),
    Figures("sync_halves.py", "delays of first and second halves", "recordings"),
    Figures("sync_speed.py", "speed and memory of sync", "recordings"),
    Figures("prepare.py", "speed of prepare", "recordings"),
    Figures("face_clips.py", "face detection and tracking", "recordings"),
    Figures("speaker.py", "speaker verification", "recordings"),
    Figures("speaker.py --seconds 4", "speaker verification, longer segments", "recordings"),
    Figures("lips_words.py --seeds 1", "lip reading of words, frozen and end to end", "recordings"),
    Figures("separation.py", "separation within the modalities", "recordings"),
    Figures("animate_l1.py", "generated mouths against the copied still", "model"),
    Figures("speech_words.py", "spoken digits, all labels and a tenth of them", "model"),
    Figures("speech_words.py --below-4-khz", "the same against features up to 4 kHz, the band of FSDD", "model"),
    Figures("speech_emotion.py --labels 1", "emotion of synthetic people, all labels", "model"),
    Figures("speech_emotion.py", "the same, a tenth of the labels", "model"),
    Figures("speech_noise.py --seeds 1", "spoken digits in babble", "model"),
    Figures("speech_encoder_speed.py", "speed of the speech encoders", "model"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder that contains data/")
    parser.add_argument("--model", help=f"folder of a run of an animate preset; by default {ANIMATE}, if available")
    parser.add_argument("--list", action="store_true", help="list the commands and run nothing")
    given = parser.parse_args()
    if given.list:
        for figures in FIGURES:
            print(f"benchmarks/{figures.command:34}  {figures.about}")
        return
    model = given.model or (ANIMATE if ANIMATE in packaged_models() else None)
    available = {"nothing"} | ({"recordings"} if (given.shared / "data").is_dir() else set())
    available |= {"model"} if model and "recordings" in available else set()
    left_out = [figures.command for figures in FIGURES if figures.needs not in available]
    if left_out:
        print(f"no recordings in {given.shared}, or no --model; skipped: {', '.join(left_out)}", file=sys.stderr)
    jobs = [figures.job(given.shared, model) for figures in FIGURES if figures.needs in available]
    configure_threads()
    print(f"{cpu_name()}, {machine()}")
    rows: list[str] = []
    failed = [shlex.join(job) for job in jobs if _run(job, rows) != 0]
    print("\n| what | figure | CPU | arithmetic | script |\n|---|---|---|---|---|")
    print("\n".join(rows))
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _run(job: list[str], rows: list[str]) -> int:
    """Run a script, forward its output, and collect its results as rows of the table."""
    print(f"\n== {' '.join(job)}", flush=True)
    with subprocess.Popen([sys.executable, str(HERE / job[0]), *job[1:]], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            if line.startswith(MARK):
                rows.append(f"| {line.removeprefix(MARK).rstrip()} | `{job[0]}` |")
    return process.returncode


if __name__ == "__main__":
    main()
