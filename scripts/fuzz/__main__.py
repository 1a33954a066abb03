"""Feed damaged and hostile files to everything in seehear that reads one, and count what goes wrong.

    python scripts/fuzz WORK --files 5000              # goes on where the last call with this WORK ended
    python scripts/fuzz WORK --only manifest yaml-plan --files 1000
    python scripts/fuzz WORK --again manifest:1234     # one file, in this process, with its traceback

WORK holds the seeds (small files that our own writers made), ``state.json`` (how many files of each kind were tried
and what they gave) and ``findings/KIND/NUMBER*`` (the inputs that failed). File number N of a kind is always the same
bytes: its mutations are drawn from the kind and N.

A worker process reads one file after another. The parent watches it from outside. What counts as a fault:

- ``traceback``: any exception but `SeehearError`;
- ``hang``: more than SECONDS; ``memory``: more than MEMORY_MB above what the process had before the file;
- ``died``: the process crashed;
- ``touched``: a file was opened, written or removed, a socket connected or a program started that the call does not
  name. Python's own calls are seen by an audit hook; what FFmpeg opens by itself is seen by inotify, in a folder of
  decoys that the mutated files point to.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
from collections import Counter
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from kinds import Kinds
from seeds import DECOYS, make_seeds
from worker import worker

SECONDS = 20.0
MEMORY_MB = 1024


def resident_mb(process_id: int) -> float:
    """Memory of a process in MB; 0 if it has ended."""
    try:
        return int(Path(f"/proc/{process_id}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except (OSError, IndexError):
        return 0.0


class Fuzzer:
    """Gives files to one worker, watches it, and keeps count."""

    def __init__(self, work: Path) -> None:
        """Go on with what is in ``work``."""
        self.work = work
        self.state_file = work / "state.json"
        self.state: dict[str, Any] = {"next": {}, "counts": {}, "slowest_s": {}, "largest_mb": {}}
        if self.state_file.is_file():
            self.state |= json.loads(self.state_file.read_text())
        self.process: Any = None

    def start(self) -> None:
        """Start the worker."""
        context = get_context("spawn")
        self.connection, other = context.Pipe()
        self.process = context.Process(target=worker, args=(other, self.work), daemon=True)
        self.process.start()
        other.close()
        self.connection.recv()

    def run(self, kinds: list[str], files: int) -> None:
        """Try ``files`` more, of each kind in turn."""
        for done in range(files):
            kind = kinds[done % len(kinds)]
            number = self.state["next"].get(kind, 0)
            outcome, text, seconds, megabytes = self.one(kind, number)
            self.state["next"][kind] = number + 1
            counts = self.state["counts"].setdefault(kind, {})
            counts[outcome] = counts.get(outcome, 0) + 1
            for name, value in (("slowest_s", seconds), ("largest_mb", megabytes)):
                self.state[name][kind] = round(max(value, self.state[name].get(kind, 0.0)), 2)
            if outcome not in ("read", "refused"):
                place = self.work / "findings" / kind / str(number)
                shutil.copytree(self.work / "case", place, dirs_exist_ok=True, symlinks=True)
                (place / "WHY").write_text(
                    f"{outcome} after {seconds:.1f} s, {megabytes:.0f} MB\n{text}\n", "utf-8", "replace"
                )
                text.strip().splitlines()[-1:] or [""]
            if done % 200 == 199 or done == files - 1:
                self.state_file.write_text(json.dumps(self.state, indent=1))
        if self.process:
            self.process.kill()

    def one(self, kind: str, number: int) -> tuple[str, str, float, float]:
        """Have one file read: outcome, text, seconds, MB."""
        folder = self.work / "case"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        if self.process is None or not self.process.is_alive():
            self.start()
        self.connection.send((kind, number, folder))
        begin, before, most = time.monotonic(), resident_mb(self.process.pid), 0.0
        reading = False
        try:
            while True:
                if self.connection.poll(0.02):
                    outcome, text = self.connection.recv()
                    if outcome != "reading":
                        return outcome, text, time.monotonic() - begin, most
                    begin, before, reading = time.monotonic(), resident_mb(self.process.pid), True
                most = max(most, resident_mb(self.process.pid) - before)
                seconds = time.monotonic() - begin
                if reading and (seconds > SECONDS or most > MEMORY_MB):
                    self.process.kill()
                    self.process.join()
                    return ("hang" if seconds > SECONDS else "memory"), "", seconds, most
        except (EOFError, OSError):
            self.process.join()
            return "died", f"exit code {self.process.exitcode}", time.monotonic() - begin, most

    def summary(self) -> str:
        """A line a kind, and the sum."""
        lines, total = [], Counter[str]()
        for kind, counts in sorted(self.state["counts"].items()):
            total.update(counts)
            figures = f"{self.state['slowest_s'][kind]:6.1f} s {self.state['largest_mb'][kind]:6.0f} MB"
            lines.append(f"{kind:22} {figures}  {counts}")
        return "\n".join([*lines, f"{sum(total.values())} files: {dict(total)}"])


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--only", nargs="*", help="kinds of files")
    parser.add_argument("--again", metavar="KIND:NUMBER", help="read one file in this process")
    options = parser.parse_args()
    work = options.work.absolute()
    if not (work / "seeds" / "complete").exists():
        make_seeds(work / "seeds")
        (work / DECOYS).mkdir(exist_ok=True)
        for seed in (work / "seeds").glob("media.*"):
            shutil.copy(seed, work / DECOYS)
        (work / "seeds" / "complete").touch()
    if options.again:
        kind, _, number = options.again.partition(":")
        folder = work / "again"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        _path, _read = Kinds(work).make(kind, int(number), folder)
        return
    fuzzer = Fuzzer(work)
    fuzzer.run(options.only or Kinds(work).names, options.files)


if __name__ == "__main__":
    main()
