"""What this machine's arithmetic is good at."""

from __future__ import annotations

from typing import Literal

import torch


def native_precision(accelerator: str) -> Literal["bf16-mixed", "32-true"]:
    """bf16-mixed where the hardware itself multiplies in it; emulated, it would be slower than float32."""
    if accelerator in ("auto", "cuda", "gpu") and torch.cuda.is_available():
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"
    if accelerator in ("auto", "cpu") and not torch.backends.mps.is_available():
        has = torch.cpu.get_capabilities()
        return "bf16-mixed" if has.get("avx512_bf16") or has.get("amx_bf16") else "32-true"
    return "32-true"
