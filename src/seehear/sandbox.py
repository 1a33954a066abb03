"""How much memory and time the work on one file may take, and the watch over the processes that do it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock, Thread
from typing import NamedTuple

GIB = 1 << 30


class Excess(NamedTuple):
    """Why a process was stopped.

    Attributes:
        code: ``too-much-memory`` or ``too-slow``.
        text: what it did, for a sentence.
    """

    code: str
    text: str


@dataclass(frozen=True)
class Limits:
    """Of the work on one file.

    A header may claim any length, so time is allowed for the bytes that are really on the disk: at a mere 40 kbit/s of
    picture and sound together it is as long as the recording.

    Attributes:
        memory: bytes, beyond what the process has when it begins with the file.
        least_s: seconds that every file may take.
        seconds_per_mb: further seconds for each megabyte of the file.
    """

    memory: int = 4 * GIB
    least_s: float = 300.0
    seconds_per_mb: float = 200.0

    def seconds(self, file: Path | None) -> float:
        """That the work on a file may take; a file that is not there has no bytes."""
        size = 0
        if file is not None:
            with suppress(OSError):
                told = file.stat()
                size = min(told.st_size, told.st_blocks * 512)  # a file with holes claims more than there is
        return self.least_s + size / 1e6 * self.seconds_per_mb


def resident_bytes(process_id: int | None) -> int:
    """Memory of a process; 0 if it has ended, or where the system does not tell (no Linux)."""
    try:
        pages = int(Path(f"/proc/{process_id}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def limit_own_data(more: int) -> None:
    """Let this process allocate no more than so many bytes beyond what it has (Linux).

    It stops at once what would take all memory between two looks of the `Watch`, so it has to be more than its limit.
    """
    try:
        import resource

        status = Path("/proc/self/status").read_text(encoding="ascii")
        used = next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmData"))
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = used + more
        resource.setrlimit(resource.RLIMIT_DATA, (wanted if most < 0 else min(wanted, most), most))
    except (ImportError, OSError, StopIteration, ValueError):  # other systems: only the watch
        return


class Watch:
    """What one process is allowed for its present task. Its times are told by the parent's clock."""

    def __init__(self, process_id: Callable[[], int | None], kill: Callable[[], None]) -> None:
        """Of a process, and what stops it."""
        self._process_id, self._kill = process_id, kill
        self._lock = Lock()
        self._limits: Limits | None = None
        self.excess: Excess | None = None

    def begin(self, limits: Limits, file: Path | None) -> None:
        """A task begins."""
        with self._lock:
            self._limits, self.excess = limits, None
            self._seconds = limits.seconds(file)
            self._began, self._before = time.monotonic(), resident_bytes(self._process_id())

    def end(self) -> None:
        """It is done."""
        with self._lock:
            self._limits = None

    def look(self) -> None:
        """Stop the process if it exceeds a limit."""
        with self._lock:
            if self._limits is None or self.excess:
                return
            if resident_bytes(self._process_id()) - self._before > self._limits.memory:
                gib = self._limits.memory / GIB
                self.excess = Excess("too-much-memory", f"took more than {gib:g} GiB of memory and was stopped")
            elif time.monotonic() - self._began > self._seconds:
                self.excess = Excess("too-slow", f"took more than {self._seconds:.0f} s and was stopped")
            if self.excess:
                self._kill()


class Watchman:
    """A thread that looks after all processes of a pool, whatever the parent itself is busy with."""

    PERIOD_S = 0.1

    def __init__(self, watches: Callable[[], list[Watch]]) -> None:
        """Of the processes that there are at the time."""
        self._watches, self._stopped = watches, Event()
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self.PERIOD_S):
            for watch in self._watches():
                watch.look()
