"""Run a command with other kernels than this CPU's own, so that sums end in other digits: as on another machine.

    python scripts/other_kernels.py COMMAND ...

A CPU with AVX-512 does as one with AVX2 does, which is what most laptops have; one with AVX2 as one without.
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
        print(f"{cpu_kind()}: torch has no other kernels for this CPU; nothing is run again", file=sys.stderr)
        return
    print(f"{cpu_kind()}, limited by {' '.join(f'{name}={value}' for name, value in limits.items())}", flush=True)
    os.execvpe(sys.argv[1], sys.argv[1:], os.environ | limits)


if __name__ == "__main__":
    main()
