"""Kill commands at random moments, resume them, and compare the result with that of an undisturbed run.

    python scripts/kill_tests.py WORK [--kills 50] [--verbs prepare pretrain benchmark] [--seed 0]

Each trial starts the command with an empty output folder, kills all of its processes (SIGKILL) at a random moment,
gives the same command again, and compares the files of the result byte by byte; columns with times are left out. In
every other trial temporary files are cut in half after the kill. A second process on the same folder must refuse with
exit code 2. The moments are drawn from --seed; trials that are done are not repeated.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from seehear.atomic_io import write_text
from seehear.avatars.make import synthesize_avatars
from seehear.data.prepare import prepare

VIDEOS, SECONDS = 12, 2.0
STEPS = 12
PLAN = """
title: A benchmark to be killed
about: Two pretexts for a few steps.
seeds: 1
corpora:
  people: {wants: videos}
pretexts:
  sync:
    preset: sync-small
    corpora: [people]
    set: &few {optim.steps: 4, data.batch: 4, data.frames: 40, data.min_frames: 40}
  animate: {preset: animate-small, corpora: [people], set: *few}
tasks:
  sync: {task: sync, title: Sync accuracy, data: [people], options: {split: all}, scores: [K=5], rows: [sync]}
  words: {task: animate, title: Mouths, data: [people], options: {split: all}, rows: [animate]}
claims: []
"""


@dataclass(frozen=True)
class Case:
    """A command to kill.

    Attributes:
        words: the command line, without the output folder
        files: patterns of the files that must be equal
        timed: columns of CSV files that hold times
    """

    words: Sequence[str]
    files: Sequence[str]
    timed: Sequence[str] = ()

    def digest(self, out: Path) -> dict[str, str]:
        """Return the SHA-256 of the files in an output folder, by relative path."""
        found = sorted({path for pattern in self.files for path in out.glob(pattern)})
        return {str(path.relative_to(out)): hashlib.sha256(self._content(path)).hexdigest() for path in found}

    def _content(self, path: Path) -> bytes:
        if path.suffix != ".csv" or not self.timed:
            return path.read_bytes()
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
        return json.dumps([{k: v for k, v in row.items() if k not in self.timed} for row in rows]).encode()


def make_cases(work: Path) -> dict[str, Case]:
    """Make the inputs, if they do not exist, and return the commands."""
    videos, corpus, plan = work / "videos", work / "corpus", work / "plan.yaml"
    synthesize_avatars(videos, clips=VIDEOS, speakers=VIDEOS, seed=1, seconds=SECONDS)
    prepare([videos], corpus)
    write_text(plan, PLAN)
    few = ("--data.batch", "4", "--data.frames", "40", "--data.min-frames", "40", "--engine.threads", "1")
    pretrain = (
        "pretrain",
        str(corpus),
        "--preset",
        "sync-small",
        "--optim.steps",
        str(STEPS),
        "--engine.save-every",
        "2",
    )
    return {
        "prepare": Case(
            ("prepare", str(videos)), ("*.tar", "manifest.parquet", "corpus.json", "report.csv"), ("seconds",)
        ),
        "pretrain": Case((*pretrain, *few), ("model.safetensors", "metrics.csv"), ("frames_per_s",)),
        "benchmark": Case(
            ("benchmark", str(plan), "--data", f"people={videos}", "--workers", "1"),
            ("tables.md", "tables/*", "runs/*/model.safetensors"),
        ),
    }


def start(case: Case, out: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start the command in a process group of its own."""
    command = [sys.executable, "-m", "seehear", *case.words, "-o", str(out)]
    with log.open("ab") as file:
        return subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True)


def finish(case: Case, out: Path, log: Path) -> None:
    """Run the command to its end.

    Raises:
        RuntimeError: it fails
    """
    code = start(case, out, log).wait()
    if code:
        raise RuntimeError(f"{' '.join(case.words)} ended with {code}; see {log}")


def trial(case: Case, out: Path, log: Path, moment: float, torn: bool) -> str:
    """Kill, resume and compare; return what is wrong, or nothing."""
    shutil.rmtree(out, ignore_errors=True)
    process = start(case, out, log)
    try:
        process.wait(moment)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if torn:
        temporary = [*out.rglob(".*.tmp"), *out.rglob("*.ckpt.part")]  # of atomic_io and of checkpoints
        for path in temporary:
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    try:
        finish(case, out, log)
    except RuntimeError as error:
        return str(error)
    return ""


def refuses_a_second(case: Case, out: Path, log: Path) -> bool:
    """Whether one of two processes that start at once on the same folder ends with exit code 2, and the other well."""
    shutil.rmtree(out, ignore_errors=True)
    both = [start(case, out, log) for _ in range(2)]
    return sorted(process.wait() for process in both) == [0, 2]


def run_case(name: str, case: Case, work: Path, kills: int, seed: int, report: Callable[[str], None]) -> bool:
    """Run the trials of a command; return whether all results were equal."""
    state_file, log = work / f"{name}.json", work / f"{name}.log"
    state = json.loads(state_file.read_text(encoding="utf-8")) if state_file.is_file() else {"equal": 0, "faults": {}}
    begun = time.monotonic()
    undisturbed = work / f"{name}-undisturbed"
    shutil.rmtree(undisturbed, ignore_errors=True)
    finish(case, undisturbed, log)
    duration, expected = time.monotonic() - begun, case.digest(undisturbed)
    report(f"{name}: {duration:.1f} s undisturbed, {len(expected)} files compared")
    out = work / f"{name}-killed"
    while (done := state["equal"] + len(state["faults"])) < kills:
        moment = duration * random.Random(f"{seed}:{name}:{done}").random()
        fault = trial(case, out, log, moment, torn=done % 2 == 1)
        if not fault and (found := case.digest(out)) != expected:
            fault = f"differs: {sorted(key for key in found.keys() | expected if found.get(key) != expected.get(key))}"
        if fault:
            state["faults"][f"{done} at {moment:.2f} s"] = fault
            report(f"{name}: killed at {moment:.2f} s: {fault}")
        else:
            state["equal"] += 1
        write_text(state_file, json.dumps(state, indent=1) + "\n")
    second = refuses_a_second(case, out, log)
    report(f"{name}: {state['equal']} of {kills} equal; a second process {'refuses' if second else 'DOES NOT REFUSE'}")
    return not state["faults"] and second


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--verbs", nargs="+", default=["prepare", "pretrain", "benchmark"])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    cases = make_cases(options.work)
    results = [
        run_case(verb, cases[verb], options.work, options.kills, options.seed, lambda text: print(text, flush=True))
        for verb in options.verbs
    ]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
