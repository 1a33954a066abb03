"""Speed on a busy machine: training, `sync` and `prepare`, alone and next to one and two busy processes.

    python benchmarks/busy_machine.py [--what training sync prepare] [--seconds 6] [--folder DIR]

Each is run from the command line on synthetic people made for this purpose (`--folder` keeps them). The busy processes
are started here, with one thread each, at the same priority. A fair scheduler lets work that uses D cores when alone
keep the fraction cores / (D + N) of its speed next to N busy processes, or all of it if there are idle cores: the fair
share. "Short by" is the fair share divided by the fraction of the speed that was kept: 1 is ideal, and more means that
threads waited for each other. Training is also measured next to a second training, where the fair share is one half.

Other work on the machine invalidates the results; "others" is the fraction of the cores that it used.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from typing import Self

import cv2
import numpy as np
from machine import figure, machine
from sync_speed import CLIP_S, repeated

from seehear.clip import FPS, SAMPLE_RATE
from seehear.machine import available_cores
from seehear.media.decode import open_media
from seehear.media.encode import write_video
from seehear.media.sound import read_sound

TICKS = os.sysconf("SC_CLK_TCK")
SEEHEAR = [sys.executable, "-m", "seehear"]
CLIPS = 16
BUSY_COUNTS = (0, 1, 2)  # busy processes
BATCH, FRAMES = 8, 75  # half of the usual batch, for more steps in a few seconds


@dataclass(frozen=True)
class Pace:
    """The speed of some work.

    Attributes:
        rate: units of work per second
        cores: CPU seconds of the work per second
        others: fraction of all cores used by other processes than the work and the busy processes
    """

    rate: float
    cores: float
    others: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--what", nargs="+", default=["training", "sync", "prepare"])
    parser.add_argument("--seconds", type=float, default=6.0, help="duration of each measurement of training")
    parser.add_argument("--folder", type=Path, help="folder for the synthetic people, kept")
    given = parser.parse_args()
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        make(folder)
        if "training" in given.what:
            training(folder, Path(temporary), given.seconds)
        if "sync" in given.what:
            report("sync, 720p25", "x real time", verb(["sync", str(folder / "720p.mp4")], 60.0))
        if "prepare" in given.what:
            films = sorted(map(str, (folder / "1080p").glob("*.mp4")))
            report("prepare, 1080p24", "x real time", verb(["prepare", *films], CLIP_S * len(films)))


def make(folder: Path) -> None:
    """Make videos of synthetic people, a corpus of them, a minute in 720p, and 3 s clips in 1080p at 24 frames/s."""
    if (folder / "made").exists():
        return
    people, large = folder / "people", folder / "1080p"
    seehear("avatars", "-o", people, "--clips", CLIPS, "--speakers", CLIPS, "--seed", 1)
    seehear("prepare", people, "-o", folder / "corpus")
    clips = sorted(people.glob("*.mp4"))
    with tempfile.TemporaryDirectory() as temporary:
        piece = Path(temporary) / "piece.mp4"
        enlarge(clips[:4], piece, 1280, 720, FPS)
        repeated(piece, 5, folder / "720p.mp4", 4.0 * CLIP_S)
    large.mkdir()
    for clip in clips[:4]:
        enlarge([clip], large / clip.name, 1920, 1080, 24)
        shutil.copy(large / clip.name, large / f"again-{clip.name}")
    (folder / "made").touch()


def enlarge(clips: Sequence[Path], path: Path, width: int, height: int, fps: int) -> None:
    """Join three seconds of each clip, enlarged."""

    def frames() -> Iterator[np.ndarray]:
        for clip in clips:
            with open_media(clip) as media:
                for picture, _ in zip(media.pictures(), range(CLIP_S * fps), strict=False):
                    square = cv2.resize(picture.small_bgr(360)[0][..., ::-1], (height, height))
                    margin = (width - height) // 2
                    yield np.pad(square, ((0, 0), (margin, margin), (0, 0)), constant_values=60)

    sound = np.concatenate([read_sound(clip).between(0, CLIP_S) for clip in clips])
    write_video(path, frames(), fps, sound, sample_rate=SAMPLE_RATE, crf=23)


def seehear(*words: object) -> None:
    subprocess.run([*SEEHEAR, *map(str, words)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Training:
    """An endless training process, as with `seehear pretrain`, but in small steps."""

    def __init__(self, folder: Path, run: Path) -> None:
        """Start training and return after the first steps."""
        options = f"--data.batch {BATCH} --data.probe_clips 0 --optim.steps 1000000 --engine.log_every 1"
        options += " --engine.precision 32-true --engine.probe_every 1000000 --engine.save_every 1000000"
        command = [
            *SEEHEAR,
            "pretrain",
            str(folder / "corpus"),
            "-o",
            str(run),
            "--preset",
            "sync-small",
            *options.split(),
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._metrics = run / "metrics.csv"
        while self._steps() < 3:
            if self.process.poll() is not None:
                raise SystemExit(f"seehear pretrain ended with exit code {self.process.returncode}")
            time.sleep(0.05)

    def pace(self, seconds: float, beside: Sequence[subprocess.Popen[bytes]] = ()) -> Pace:
        """Measure frames per second over whole steps."""
        first, before = self._next_step(self._steps()), Cores.used(self.process, *beside)
        begun = last = time.perf_counter()
        steps = first
        while last - begun < seconds or steps < first + 3:
            steps, last = self._next_step(steps), time.perf_counter()
        after = Cores.used(self.process, *beside)
        return Pace((steps - first) * BATCH * FRAMES / (last - begun), *before.until(after))

    def _next_step(self, steps: int) -> int:
        """Wait for another step and return their number."""
        while (now := self._steps()) == steps:
            time.sleep(0.002)
        return now

    def _steps(self) -> int:
        return max(self._metrics.read_bytes().count(b"\n") - 1, 0) if self._metrics.exists() else 0


@dataclass(frozen=True)
class Cores:
    """CPU seconds used so far by a process, by the processes next to it and by all, and the current time."""

    own: float
    beside: float
    every: float
    time: float

    @classmethod
    def used(cls, process: subprocess.Popen[bytes], *beside: subprocess.Popen[bytes]) -> Self:
        fields = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        every = (sum(fields) - fields[3] - fields[4]) / TICKS  # without idle and I/O wait
        return cls(of(process), sum(map(of, beside)), every, time.perf_counter())

    def until(self, later: Self) -> tuple[float, float]:
        """Return the cores used by the process, and the fraction of all cores used by others, until a later time."""
        wall, own = later.time - self.time, later.own - self.own
        others = later.every - self.every - own - (later.beside - self.beside)
        return own / wall, max(0.0, others / wall / available_cores())


def of(process: subprocess.Popen[bytes]) -> float:
    """Return the CPU seconds of a process and of its ended children."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS


@contextmanager
def busy(count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run endless computations in ``count`` single-threaded processes."""
    spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield spinning
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def training(folder: Path, runs: Path, seconds: float) -> None:
    """Measure one continuous training next to changing other processes."""
    one, two = Training(folder, runs / "one"), Training(folder, runs / "two")
    try:
        two.process.send_signal(SIGSTOP)
        paces = []
        for count in BUSY_COUNTS:
            with busy(count) as beside:
                paces.append(one.pace(seconds, beside))
        report("training", "frames/s", paces)
        two.process.send_signal(SIGCONT)
        both = one.pace(seconds, [two.process])
        short = paces[0].rate / both.rate / 2
        print(f"    next to a second training: {both.rate:.0f}, fair 50%, short by {short:.2f}", flush=True)
        figure("training next to a second training", f"{short:.2f} x slower than the fair share")
    finally:
        for each in (one, two):
            each.process.kill()
            each.process.wait()


def verb(words: Sequence[str], amount: float) -> list[Pace]:
    """Measure a whole command that processes ``amount`` seconds of video."""
    paces = []
    for count in BUSY_COUNTS:
        with busy(count) as beside, tempfile.TemporaryDirectory() as out:
            command = [*SEEHEAR, *words, *(["-o", str(Path(out) / "corpus")] if words[0] == "prepare" else [])]
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            before = Cores.used(process, *beside)
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # not reaped, so that its usage can be read
            after = Cores.used(process, *beside)
            process.wait()
            paces.append(Pace(amount / (after.time - before.time), *before.until(after)))
    return paces


def report(name: str, unit: str, paces: Sequence[Pace]) -> None:
    alone, cores = paces[0], available_cores()
    print(f"{name} alone: {alone.rate:.4g} {unit}, on {alone.cores:.2f} cores; others {alone.others:.0%}", flush=True)
    for count, pace in zip(BUSY_COUNTS[1:], paces[1:], strict=True):
        kept, fair = pace.rate / alone.rate, min(1.0, cores / (alone.cores + count))
        print(
            f"    next to {count} busy: {pace.rate:.4g}, {kept:.0%} of the speed on {pace.cores:.2f} cores; "
            f"fair {fair:.0%}, short by {fair / kept:.2f}; others {pace.others:.0%}",
            flush=True,
        )
        figure(f"{name} next to {count} busy", f"{fair / kept:.2f} x slower than the fair share")


if __name__ == "__main__":
    main()
