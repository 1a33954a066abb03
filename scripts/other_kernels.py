"""Run a command with kernels for an older CPU, whose rounding errors differ as on another machine.

    python scripts/other_kernels.py COMMAND ...

A CPU with AVX-512 acts like one with AVX2, as in most laptops; one with AVX2 like one without.
"""

from __future__ import annotations

import os
import sys

from seehear.machine import cpu_kind

LIMITS = {
    "AVX-512 with bf16": {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"},
    "AVX-512": {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"},
    "AVX2": {"ONEDNN_MAX_CPU_ISA": "SSE41", "ATEN_CPU_CAPABILITY": "default"},
}


def main() -> None:
    limits = LIMITS.get(cpu_kind())
    if limits is None:
        print(f"{cpu_kind()}: torch has no other kernels for this CPU; nothing is run", file=sys.stderr)
        return
    print(f"{cpu_kind()}, limited by {' '.join(f'{name}={value}' for name, value in limits.items())}", flush=True)
    os.execvpe(sys.argv[1], sys.argv[1:], os.environ | limits)


if __name__ == "__main__":
    main()
