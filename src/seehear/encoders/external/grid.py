"""Features at any rate, brought to one that read-outs know, without moving them in time."""

from __future__ import annotations

import math

import torch
from torch import Tensor

GRIDS = (100, 50, 25)
"""Features a second that read-outs know."""

NEARLY = 1.02  # a rate that lacks this little is that of the grid: 49.95 goes to 50, not to 25


def grid_of(rate: float) -> int:
    """The finest of `GRIDS` that loses no feature and hardly invents any; 25 for whatever is slower."""
    return next((grid for grid in GRIDS if grid <= rate * NEARLY), GRIDS[-1])


def on_grid(features: Tensor, rate: float, grid: int, slots: int) -> Tensor:
    """Features over slots of time, each the mean of those that lie in it, by the time that they share.

    Feature i lasts from i / rate to (i + 1) / rate seconds, the last one for as long as there is sound. Slot i lasts
    from i / grid to (i + 1) / grid. Where both rates are the same, features are as they were.

    Args:
        features: (B, N, D), so many a second: ``rate``.
        rate: of the features; no whole number need be.
        grid: slots a second.
        slots: how many.

    Returns:
        (B, slots, D).
    """
    count = features.shape[1]
    width = rate / grid  # of a slot, in features
    begins = torch.arange(slots, dtype=torch.float64) * rate / grid  # on the CPU: not every device has doubles
    first = begins.floor().long()
    out = torch.zeros(len(features), slots, features.shape[2], dtype=features.dtype, device=features.device)
    for further in range(math.ceil(width) + 1):
        feature = first + further
        shared = torch.minimum(begins + width, feature + 1.0) - torch.maximum(begins, feature.double())
        share = (shared.clamp_min(0) / width)[:, None].to(out)
        out = out + features[:, feature.clamp_max(count - 1).to(out.device)] * share
    return out
