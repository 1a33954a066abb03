"""Current speed of matrix products on this machine: a reference for the speed of training."""

import time

import torch
from machine import figure

SIDE = 2048
AT_LEAST = 4


def matmul_rate(dtype: torch.dtype = torch.float32, seconds: float = 1.0) -> float:
    """Return the multiply-accumulates per second of a product of square matrices, the best of several runs."""
    one, other = torch.randn(2, SIDE, SIDE, dtype=torch.float32).to(dtype)
    times: list[float] = []
    while len(times) < AT_LEAST or sum(times) < seconds:
        begun = time.perf_counter()
        one @ other
        times.append(time.perf_counter() - begun)
    return SIDE**3 / min(times)


if __name__ == "__main__":
    print(f"{torch.get_num_threads()} threads, {SIDE} x {SIDE}")
    for dtype in (torch.float32, torch.bfloat16):
        arithmetic = {torch.float32: "float32", torch.bfloat16: "bf16"}[dtype]
        figure(f"matrix product, {SIDE} x {SIDE}", f"{matmul_rate(dtype) / 1e9:.1f} GMAC/s", arithmetic)
