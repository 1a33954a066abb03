"""Limits of memory and time for the work on one file, and the watch over the processes that do it."""

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
        code: ``too-much-memory`` or ``too-slow``
        text: end of the sentence "the process ..."
    """

    code: str
    text: str


@dataclass(frozen=True)
class Limits:
    """Limits for one file.

    A header may claim any length, so the time depends on the bytes on the disk: even at 40 kbit/s, the default allows
    as long as the recording lasts.

    Attributes:
        memory: bytes beyond those that the process has when it begins the file
        base_s: seconds for any file
        seconds_per_mb: additional seconds for each megabyte of the file
    """

    memory: int = 4 * GIB
    base_s: float = 300.0
    seconds_per_mb: float = 200.0

    def seconds(self, file: Path | None) -> float:
        """Return the time limit for a file; one that does not exist has no bytes."""
        size = 0
        if file is not None:
            with suppress(OSError):
                status = file.stat()
                size = min(status.st_size, status.st_blocks * 512)  # a file with holes claims more than it has
        return self.base_s + size / 1e6 * self.seconds_per_mb


def resident_bytes(process_id: int | None) -> int:
    """Return the memory of a process; 0 if it has ended, or if the system is not Linux."""
    try:
        pages = int(Path(f"/proc/{process_id}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def limit_own_memory(more: int) -> None:
    """Limit what this process may allocate beyond what it has (Linux).

    This catches allocations between two looks of the `Watch`, so it must be larger than the limit of the watch.

    Args:
        more: bytes
    """
    try:
        import resource

        status = Path("/proc/self/status").read_text(encoding="ascii")
        used = next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmData"))
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        soft = used + more
        resource.setrlimit(resource.RLIMIT_DATA, (soft if hard < 0 else min(soft, hard), hard))
    except (ImportError, OSError, StopIteration, ValueError):  # on other systems there is only the watch
        return


class Watch:
    """Kills a process whose current task exceeds its limits."""

    def __init__(self, process_id: Callable[[], int | None], kill: Callable[[], None]) -> None:
        """Watch the process with this id, if it has started."""
        self._process_id, self._kill = process_id, kill
        self._lock = Lock()
        self._limits: Limits | None = None
        self.excess: Excess | None = None

    def begin(self, limits: Limits, file: Path | None) -> None:
        """Begin a task."""
        with self._lock:
            self._limits, self.excess = limits, None
            self._seconds = limits.seconds(file)
            self._began, self._before = time.monotonic(), resident_bytes(self._process_id())

    def end(self) -> None:
        """End the task."""
        with self._lock:
            self._limits = None

    def look(self) -> None:
        """Kill the process if it exceeds a limit."""
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


class WatchThread:
    """A thread that looks at all watches of a pool, even while the parent is busy."""

    PERIOD_S = 0.1

    def __init__(self, watches: Callable[[], list[Watch]]) -> None:
        """Watch the processes of the pool; ``watches`` returns the current ones."""
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
