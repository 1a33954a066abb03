"""What other work on the machine costs: training, `sync` and `prepare` alone and beside one and two busy processes.

    python benchmarks/busy_machine.py [--what training sync prepare] [--seconds 6] [--folder DIR]

Each runs as a user would run it, from the command line, on synthetic people made for this (`--folder` keeps them for
the next time). The busy processes are started here, one thread each, at the same priority. A scheduler that is fair to
threads leaves work that keeps D cores busy when alone the share cores / (D + N) of its speed beside N of them, or all
of it while there are idle cores: the fair share. "Short by" is the fair share over the share of the speed that was
kept: 1 is ideal, and more means that threads waited for each other. Training is also measured beside a second training,
where the fair share is one half.

Other work on the machine falsifies all of this: look at "others", the share of the cores that it took meanwhile.
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
BESIDE = (0, 1, 2)  # busy processes
BATCH, FRAMES = 8, 75  # of the training: half of the usual steps, so that there are more in a few seconds


@dataclass(frozen=True)
class Pace:
    """How fast something went.

    Attributes:
        rate: of work, in units a second.
        cores: CPU seconds a second that the work took.
        others: share of all cores that neither the work nor the busy processes had, and that was not idle.
    """

    rate: float
    cores: float
    others: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--what", nargs="+", default=["training", "sync", "prepare"])
    parser.add_argument("--seconds", type=float, default=6.0, help="of training, each time")
    parser.add_argument("--folder", type=Path, help="where the synthetic people are, or are to be made")
    given = parser.parse_args()
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        make(folder)
        if "training" in given.what:
            training(folder, Path(temporary), given.seconds)
        if "sync" in given.what:
            tell("sync, 720p25", "x real time", verb(["sync", str(folder / "720p.mp4")], 60.0))
        if "prepare" in given.what:
            films = sorted(map(str, (folder / "1080p").glob("*.mp4")))
            tell("prepare, 1080p24", "x real time", verb(["prepare", *films], CLIP_S * len(films)))


def make(folder: Path) -> None:
    """Synthetic people as films, as a corpus, as a minute in 720p, and as clips of 3 s in 1080p with 24 frames/s."""
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
    """Three seconds of each clip, one after the other, as large as films are."""

    def frames() -> Iterator[np.ndarray]:
        for clip in clips:
            with open_media(clip) as media:
                for picture, _ in zip(media.pictures(), range(CLIP_S * fps), strict=False):
                    square = cv2.resize(picture.small_bgr(360)[0][..., ::-1], (height, height))
                    beside = (width - height) // 2
                    yield np.pad(square, ((0, 0), (beside, beside), (0, 0)), constant_values=60)

    sound = np.concatenate([read_sound(clip).between(0, CLIP_S) for clip in clips])
    write_video(path, frames(), fps, sound, sample_rate=SAMPLE_RATE, crf=23)


def seehear(*words: object) -> None:
    subprocess.run([*SEEHEAR, *map(str, words)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Training:
    """A process that trains without end, as `seehear pretrain` does it, but in small steps."""

    def __init__(self, folder: Path, run: Path) -> None:
        """Returns when it has begun to learn."""
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
        """Frames a second, from a step's end to a step's end."""
        first, before = self._next_step(self._steps()), Cores.used(self.process, *beside)
        begun = last = time.perf_counter()
        steps = first
        while last - begun < seconds or steps < first + 3:
            steps, last = self._next_step(steps), time.perf_counter()
        after = Cores.used(self.process, *beside)
        return Pace((steps - first) * BATCH * FRAMES / (last - begun), *before.until(after))

    def _next_step(self, steps: int) -> int:
        """Waits for another step and tells how many there are then."""
        while (now := self._steps()) == steps:
            time.sleep(0.002)
        return now

    def _steps(self) -> int:
        return max(self._metrics.read_bytes().count(b"\n") - 1, 0) if self._metrics.exists() else 0


@dataclass(frozen=True)
class Cores:
    """What has been used up to now: CPU seconds of a process, of those beside it, of all; and what time it is."""

    own: float
    beside: float
    every: float
    time: float

    @classmethod
    def used(cls, process: subprocess.Popen[bytes], *beside: subprocess.Popen[bytes]) -> Self:
        fields = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        every = (sum(fields) - fields[3] - fields[4]) / TICKS  # but for idle and waiting for a disk
        return cls(of(process), sum(map(of, beside)), every, time.perf_counter())

    def until(self, later: Self) -> tuple[float, float]:
        """Cores that the process had, and the share of all cores that strangers had, between then and later."""
        wall, own = later.time - self.time, later.own - self.own
        strangers = later.every - self.every - own - (later.beside - self.beside)
        return own / wall, max(0.0, strangers / wall / available_cores())


def of(process: subprocess.Popen[bytes]) -> float:
    """CPU seconds of a process and of its children that have ended."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS


@contextmanager
def busy(count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """So many processes that compute without end, one thread each."""
    spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield spinning
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def training(folder: Path, runs: Path, seconds: float) -> None:
    """One training goes on all the time; what is beside it comes and goes."""
    one, two = Training(folder, runs / "one"), Training(folder, runs / "two")
    try:
        two.process.send_signal(SIGSTOP)
        paces = []
        for count in BESIDE:
            with busy(count) as beside:
                paces.append(one.pace(seconds, beside))
        tell("training", "frames/s", paces)
        two.process.send_signal(SIGCONT)
        both = one.pace(seconds, [two.process])
        short = paces[0].rate / both.rate / 2
        print(f"    beside a second training: {both.rate:.0f}, fair 50%, short by {short:.2f}", flush=True)
        figure("training beside a second training", f"{short:.2f} x slower than the fair share")
    finally:
        for each in (one, two):
            each.process.kill()
            each.process.wait()


def verb(words: Sequence[str], amount: float) -> list[Pace]:
    """A command from beginning to end, which goes through so many seconds of video."""
    paces = []
    for count in BESIDE:
        with busy(count) as beside, tempfile.TemporaryDirectory() as out:
            command = [*SEEHEAR, *words, *(["-o", str(Path(out) / "corpus")] if words[0] == "prepare" else [])]
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            before = Cores.used(process, *beside)
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it stays to be asked what it has used
            after = Cores.used(process, *beside)
            process.wait()
            paces.append(Pace(amount / (after.time - before.time), *before.until(after)))
    return paces


def tell(name: str, unit: str, paces: Sequence[Pace]) -> None:
    alone, cores = paces[0], available_cores()
    print(f"{name} alone: {alone.rate:.4g} {unit}, on {alone.cores:.2f} cores; others {alone.others:.0%}", flush=True)
    for count, pace in zip(BESIDE[1:], paces[1:], strict=True):
        kept, fair = pace.rate / alone.rate, min(1.0, cores / (alone.cores + count))
        print(
            f"    beside {count} busy: {pace.rate:.4g}, {kept:.0%} of the speed on {pace.cores:.2f} cores; "
            f"fair {fair:.0%}, short by {fair / kept:.2f}; others {pace.others:.0%}",
            flush=True,
        )
        figure(f"{name} beside {count} busy", f"{fair / kept:.2f} x slower than the fair share")


if __name__ == "__main__":
    main()
