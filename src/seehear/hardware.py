"""What this machine's arithmetic is good at."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Literal

import torch

KINDS = ("x86-64 without AVX2", "AVX2", "AVX-512", "AVX-512 with bf16")
"""Of the kernels of an x86-64 CPU, each faster than the one before: 3 to 5 times, from AVX2 to bf16."""

ATEN_LIMITS = {"default": 0, "avx2": 1, "avx512": 2}
"""What ATEN_CPU_CAPABILITY allows, as an index of `KINDS`."""

ONEDNN_LIMITS = {"SSE41": 0, "AVX": 0, "AVX2": 1, "AVX2_VNNI": 1, "AVX2_VNNI_2": 1,
                 "AVX512_CORE": 2, "AVX512_CORE_VNNI": 2}  # fmt: skip
"""The same of ONEDNN_MAX_CPU_ISA; whatever else it may say limits nothing here."""


def native_precision(accelerator: str) -> Literal["bf16-mixed", "32-true"]:
    """bf16-mixed where the hardware itself multiplies in it; emulated, it would be slower than float32."""
    if accelerator in ("auto", "cuda", "gpu") and torch.cuda.is_available():
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"
    if accelerator in ("auto", "cpu") and not torch.backends.mps.is_available():
        return "bf16-mixed" if multiplies_bf16() else "32-true"
    return "32-true"


def multiplies_bf16() -> bool:
    """Whether the convolutions and products of this CPU run in bf16 natively: the hardware can, and oneDNN may."""
    return min(_hardware(), _limit("ONEDNN_MAX_CPU_ISA", ONEDNN_LIMITS)) == KINDS.index("AVX-512 with bf16")


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
    kind = KINDS[min(hardware, *limits.values())]
    return f"{kind} ({KINDS[hardware]} limited by {' and '.join(told)})" if told else kind


def cpu_name() -> str:
    """Its name as people know it, where the system tells."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8").splitlines() if told.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _hardware() -> int:
    """What the CPU itself can do, as an index of `KINDS`."""
    has = torch.cpu.get_capabilities()
    if has.get("avx512_bf16") or has.get("amx_bf16"):
        return 3
    if all(has.get(f"avx512_{part}") for part in ("f", "bw", "vl", "dq")):
        return 2
    return 1 if has.get("avx2") else 0


def _limit(variable: str, limits: dict[str, int]) -> int:
    told = {name.lower(): limit for name, limit in limits.items()}
    return told.get(os.environ.get(variable, "").lower(), len(KINDS) - 1)


def _is_x86() -> bool:
    return platform.machine().lower() in ("x86_64", "amd64")
