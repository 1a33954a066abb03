"""This machine: cores, container quotas, one thread per process, what arithmetic the CPU is good at.

The threads of OpenMP share each small piece of work and wait for the last of them. By default they wait by spinning,
for some milliseconds: on a machine with other work they spin on the core that the last one needs, and both are lost.
So they spin for about as long as waking up takes, and sleep after that. Where there are several processes already,
each has one thread, and none waits for another.

Who wants it otherwise sets OMP_WAIT_POLICY or GOMP_SPINCOUNT, and OMP_NUM_THREADS or ``--engine.threads``.
"""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import parent_process
from pathlib import Path, PurePosixPath
from typing import Literal


def use_single_thread() -> None:
    """Decoding runs beside the network: more threads than cores make both many times slower."""
    import cv2
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def decoder_threads() -> int:
    """Threads of a video decoder: 1 in a worker process, whose fellows have the other cores; else 0, all of them."""
    return 1 if parent_process() else 0


@contextmanager
def single_thread() -> Iterator[None]:
    """`use_single_thread` for a while; after it, both libraries have the threads that they had before."""
    import cv2
    import torch

    threads = torch.get_num_threads(), cv2.getNumThreads()
    use_single_thread()
    try:
        yield
    finally:
        torch.set_num_threads(threads[0])
        cv2.setNumThreads(threads[1])


THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""What the libraries read, once, when they are loaded."""


WAIT_VARIABLES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")


MAX_CORES = 1 << 20  # no machine has more


SPIN_COUNT = 1000
"""Turns of the loop in which a thread of GNU's OpenMP waits before it sleeps: some 10 microseconds.

Its own default is 300,000, and 1,000 where it has started more threads than there are cores; of other processes it
knows nothing. With 1,000, a training on two cores (AVX2) beside one busy process is slower than its fair share by 1.2
and beside two by 0.9; with 300,000 by 3.6 and 1.5 (benchmarks/busy_machine.py). Alone both are as fast.
"""


def configure_threads() -> None:
    """Decide for this process and its children how threads wait, and how many there are.

    For entry points, before anything loads torch. Nothing that the user has set is changed; where libraries are loaded
    already, this reaches the children only.
    """
    if not any(name in os.environ for name in WAIT_VARIABLES):
        os.environ["GOMP_SPINCOUNT"] = str(SPIN_COUNT)
    cores = available_cores()
    if cores < _allowed_cores():  # OpenMP knows nothing of quotas: it would take a thread for each core of the machine
        for name in THREAD_VARIABLES:
            os.environ.setdefault(name, str(cores))


def available_cores() -> int:
    """Cores' worth of time that this process may use: those it may run on, or fewer where a container has a quota."""
    return min(_allowed_cores(), max(1, math.ceil(min(cpu_quota(), MAX_CORES))))


@contextmanager
def single_threaded_children() -> Iterator[None]:
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


CPU_KINDS = ("x86-64 without AVX2", "AVX2", "AVX-512", "AVX-512 with bf16")
"""Of the kernels of an x86-64 CPU, each faster than the one before: 3 to 5 times, from AVX2 to bf16."""


ATEN_LIMITS = {"default": 0, "avx2": 1, "avx512": 2}
"""What ATEN_CPU_CAPABILITY allows, as an index of `CPU_KINDS`."""


ONEDNN_LIMITS = {"SSE41": 0, "AVX": 0, "AVX2": 1, "AVX2_VNNI": 1, "AVX2_VNNI_2": 1,
                 "AVX512_CORE": 2, "AVX512_CORE_VNNI": 2}  # fmt: skip
"""The same of ONEDNN_MAX_CPU_ISA; whatever else it may say limits nothing here."""


def default_precision(accelerator: str) -> Literal["bf16-mixed", "32-true"]:
    """bf16-mixed where the hardware itself multiplies in it; emulated, it would be slower than float32."""
    import torch

    if accelerator in ("auto", "cuda", "gpu") and torch.cuda.is_available():
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"
    if accelerator in ("auto", "cpu") and not torch.backends.mps.is_available():
        return "bf16-mixed" if supports_bf16() else "32-true"
    return "32-true"


def supports_bf16() -> bool:
    """Whether the convolutions and products of this CPU run in bf16 natively: the hardware can, and oneDNN may."""
    return min(_hardware(), _limit("ONEDNN_MAX_CPU_ISA", ONEDNN_LIMITS)) == CPU_KINDS.index("AVX-512 with bf16")


def cpu_kind() -> str:
    """The kind of kernels that the CPU runs, which speeds and last digits depend on; with what limits them, if it does.

    Two variables can make a newer CPU do as an older one does: ATEN_CPU_CAPABILITY that of torch's own kernels,
    ONEDNN_MAX_CPU_ISA that of convolutions and products.
    """
    if not _is_x86():
        return platform.machine() or "a CPU of an unknown kind"
    hardware = _hardware()
    limits = {
        "ATEN_CPU_CAPABILITY": _limit("ATEN_CPU_CAPABILITY", ATEN_LIMITS),
        "ONEDNN_MAX_CPU_ISA": _limit("ONEDNN_MAX_CPU_ISA", ONEDNN_LIMITS),
    }
    told = [f"{name}={os.environ[name]}" for name, limit in limits.items() if limit < hardware]
    kind = CPU_KINDS[min(hardware, *limits.values())]
    return f"{kind} ({CPU_KINDS[hardware]} limited by {' and '.join(told)})" if told else kind


def cpu_name() -> str:
    """Its name as people know it, where the system tells."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8").splitlines() if told.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _hardware() -> int:
    """What the CPU itself can do, as an index of `CPU_KINDS`."""
    import torch

    has = torch.cpu.get_capabilities()
    if has.get("avx512_bf16") or has.get("amx_bf16"):
        return 3
    if all(has.get(f"avx512_{part}") for part in ("f", "bw", "vl", "dq")):
        return 2
    return 1 if has.get("avx2") else 0


def _limit(variable: str, limits: dict[str, int]) -> int:
    told = {name.lower(): limit for name, limit in limits.items()}
    return told.get(os.environ.get(variable, "").lower(), len(CPU_KINDS) - 1)


def _is_x86() -> bool:
    return platform.machine().lower() in ("x86_64", "amd64")
