"""Every figure that the README quotes, one script after the other: what `make bench` runs.

    python benchmarks/run_all.py [--shared ../shared] [--model RUN] [--list]

About three hours on two cores, most of them for the trainings of separation.py. Scripts that need real recordings, or a
model that animates, are left out, saying so, where there are none. `FIGURES` is the one table of what is measured by
which command: the README quotes these commands word by word, and a test holds both together. ``--list`` prints it. At
the end, all speeds in one table, with the kind of CPU and the arithmetic. A CPU with AVX-512 does as one without, for a
second column, under

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
    """Figures of one command.

    Attributes:
        command: script in this folder, and the arguments that decide the figures: seeds, labels, counts.
        about: what is measured.
        needs: nothing, real recordings, or those and a model that animates.
    """

    command: str
    about: str
    needs: Literal["nothing", "recordings", "model"] = "nothing"

    def job(self, shared: Path, model: str | None) -> list[str]:
        """Its words, with where recordings and model are."""
        words = shlex.split(self.command)
        words += ["--model", str(model)] if self.needs == "model" else []
        return words + ([] if self.needs == "nothing" else ["--shared", str(shared)])


FIGURES = (
    Figures("media_decode.py", "decoding beside FFmpeg"),
    Figures("avatars.py", "synthetic people: films a second, faces found"),
    Figures("training_speed.py", "sync-small: frames a second of training"),
    Figures("animate_training_speed.py", "animate-small: frames a second of training"),
    Figures("facevoice.py", "which face goes with a voice"),
    Figures("speaking.py --films 30", "who of two synthetic people speaks"),
    Figures("voice_activity.py", "speech activity next to Silero VAD", needs="recordings"),
    Figures("verification_scoring.py", "scoring all pairs of voices"),
    Figures("matmul.py", "matrix products, which other speeds are compared with"),
    Figures("busy_machine.py", "speed beside busy processes"),
    Figures("demo.py", "make demo"),
    Figures("strangers.py", "real people whom nobody trained on", "recordings"),
    Figures("face_detector.py", "faces found on real clips", "recordings"),
    Figures("sync_protocol.py", "sync accuracy at K = 5 and 15", "recordings"),
    Figures("sync_accuracy.py", "delays of moved sound, and of fixed files", "recordings"),
    Figures("sync_halves.py", "delays of first and second halves", "recordings"),
    Figures("sync_speed.py", "speed and memory of sync", "recordings"),
    Figures("prepare.py", "speed of prepare", "recordings"),
    Figures("face_clips.py", "faces found and followed", "recordings"),
    Figures("speaker.py", "speaker verification", "recordings"),
    Figures("lips_words.py --seeds 1", "words read off the lips, frozen and end to end", "recordings"),
    Figures("separation.py", "separation within the modalities", "recordings"),
    Figures("animate_l1.py", "drawn mouths against the copied still", "model"),
    Figures("speech_words.py", "spoken digits, all labels and a tenth of them", "model"),
    Figures("speech_words.py --below-4-khz", "the same against features of what FSDD has: up to 4 kHz", "model"),
    Figures("speech_emotion.py --labels 1", "emotion of synthetic people, all labels", "model"),
    Figures("speech_emotion.py", "the same, a tenth of the labels", "model"),
    Figures("speech_noise.py --seeds 1", "spoken digits in babble", "model"),
    Figures("speech_encoder_speed.py", "speed of the encoders of speech", "model"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder that holds data/")
    parser.add_argument("--model", help=f"folder of a run of an animate preset; by default {ANIMATE}, if it is there")
    parser.add_argument("--list", action="store_true", help="print the table and run nothing")
    given = parser.parse_args()
    if given.list:
        for figures in FIGURES:
            print(f"benchmarks/{figures.command:34}  {figures.about}")
        return
    model = given.model or (ANIMATE if ANIMATE in packaged_models() else None)
    there = {"nothing"} | ({"recordings"} if (given.shared / "data").is_dir() else set())
    there |= {"model"} if model and "recordings" in there else set()
    left_out = [figures.command for figures in FIGURES if figures.needs not in there]
    if left_out:
        print(f"no recordings in {given.shared}, or no --model: {', '.join(left_out)} left out", file=sys.stderr)
    jobs = [figures.job(given.shared, model) for figures in FIGURES if figures.needs in there]
    configure_threads()
    print(f"{cpu_name()}, {machine()}")
    rows: list[str] = []
    failed = [shlex.join(job) for job in jobs if _run(job, rows) != 0]
    print("\n| what | figure | CPU | arithmetic | script |\n|---|---|---|---|---|")
    print("\n".join(rows))
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _run(job: list[str], rows: list[str]) -> int:
    """Runs a script, prints what it prints, and keeps its figures as rows of the table."""
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
