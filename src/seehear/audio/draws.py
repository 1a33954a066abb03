"""Random draws, one a batch item, from a generator whose state can be saved."""

from __future__ import annotations

import torch
from torch import Generator, Tensor


def uniform(shape: tuple[int, ...], low: float, high: float, rng: Generator, like: Tensor) -> Tensor:
    """Float32 numbers in [low, high) of ``shape`` on the device of ``like``."""
    return (torch.rand(shape, generator=rng, device=rng.device) * (high - low) + low).to(like.device)


def whole(count: int, stop: int, rng: Generator) -> Tensor:
    """``count`` whole numbers in [0, stop), on the generator's device."""
    return torch.randint(stop, (count,), generator=rng, device=rng.device)
