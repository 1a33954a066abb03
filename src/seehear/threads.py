"""How many threads and processes work, and how threads wait for each other. Decided here, for every entry point.

The threads of OpenMP share each small piece of work and wait for the last of them. By default they wait by spinning,
for some milliseconds: on a machine with other work they spin on the core that the last one needs, and both are lost.
So they spin for about as long as waking up takes, and sleep after that. Where there are several processes already,
each has one thread, and none waits for another.

Who wants it otherwise sets OMP_WAIT_POLICY or GOMP_SPINCOUNT, and OMP_NUM_THREADS or ``--engine.threads``.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""What the libraries read, once, when they are loaded."""

WAIT_VARIABLES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")

MOST_CORES = 1 << 20  # no machine has more

SPINS = 1000
"""Turns of the loop in which a thread of GNU's OpenMP waits before it sleeps: some 10 microseconds.

Its own default is 300,000, and 1,000 where it has started more threads than there are cores; of other processes it
knows nothing. With 1,000, a training on two cores (AVX2) beside one busy process is slower than its fair share by 1.2
and beside two by 0.9; with 300,000 by 3.6 and 1.5 (benchmarks/busy_machine.py). Alone both are as fast.
"""


def share_the_machine() -> None:
    """Decide for this process and its children how threads wait, and how many there are.

    For entry points, before anything loads torch. Nothing that the user has set is changed; where libraries are loaded
    already, this reaches the children only.
    """
    if not any(name in os.environ for name in WAIT_VARIABLES):
        os.environ["GOMP_SPINCOUNT"] = str(SPINS)
    cores = available_cores()
    if cores < _allowed_cores():  # OpenMP knows nothing of quotas: it would take a thread for each core of the machine
        for name in THREAD_VARIABLES:
            os.environ.setdefault(name, str(cores))


def available_cores() -> int:
    """Cores' worth of time that this process may use: those it may run on, or fewer where a container has a quota."""
    return min(_allowed_cores(), max(1, math.ceil(min(cpu_quota(), MOST_CORES))))


@contextmanager
def children_with_one_thread() -> Iterator[None]:
    """Processes that are started within have one thread each of OpenMP and of linear algebra."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def torch_threads_kept() -> Iterator[None]:
    """After it, torch has as many threads as before: tools that decode beside the network set it to one."""
    import torch

    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def cpu_quota(root: Path = Path("/")) -> float:
    """Cores' worth of time that the control groups of this process leave it; infinity where they set no limit.

    Args:
        root: where /proc and /sys are.
    """
    return min((quota for folder in _control_groups(root) for quota in _quotas(folder)), default=math.inf)


def _allowed_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _control_groups(root: Path) -> Iterator[Path]:
    """Folders of the groups that may limit this process: its own and those above, of version 2 or 1."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, place = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        mount = root / "sys/fs/cgroup" / controllers
        own = PurePosixPath(place.lstrip("/"))
        for group in (own, *own.parents):
            yield mount / group


def _quotas(folder: Path) -> Iterator[float]:
    """What one group says; in a container its own path may not be there, which is no limit."""
    for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        try:
            told = " ".join((folder / name).read_text(encoding="utf-8").strip() for name in names)
        except OSError:
            continue
        quota, period = told.split()
        if quota not in ("max", "-1"):
            yield int(quota) / int(period)
