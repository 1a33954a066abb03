"""A recording of any length in one vector: mean and deviation of its features in four equal segments of time."""

from __future__ import annotations

import torch
from torch import Tensor

SEGMENTS = 4


def pooled(features: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Mean and (population) deviation of each feature in each segment.

    Segment k of T steps goes from floor(k T / 4) to ceil((k + 1) T / 4): where T is no multiple of four, neighbours
    share a step, and where it is less than four, none is empty.

    Args:
        features: (B, T, D), float32.
        lengths: of each, int64 (B,); by default T. What comes after is not looked at.

    Returns:
        (B, 4 * 2 * D): the four means, then the four deviations.
    """
    count, steps, width = features.shape
    lengths = torch.full((count,), steps, device=features.device) if lengths is None else lengths.to(features.device)
    inside = torch.arange(steps, device=features.device) < lengths[:, None]
    # In double precision: the deviation is a small difference of running sums.
    features = features.double() * inside[..., None]
    middle = features.sum(1, keepdim=True) / lengths[:, None, None]
    features = (features - middle) * inside[..., None]
    segment = torch.arange(SEGMENTS, device=features.device)
    first = segment * lengths[:, None] // SEGMENTS  # (B, 4)
    last = -(-(segment + 1) * lengths[:, None] // SEGMENTS)
    size = (last - first)[..., None]

    def mean(values: Tensor) -> Tensor:
        summed = torch.cat([values.new_zeros(count, 1, width), values.cumsum(1)], dim=1)  # (B, T + 1, D)
        ends = [summed.gather(1, edge[..., None].expand(-1, -1, width)) for edge in (first, last)]
        return (ends[1] - ends[0]) / size

    means = mean(features)
    # The floor keeps the gradient of the root finite where a segment is constant.
    deviations = (mean(features.square()) - means.square()).clamp_min(1e-16).sqrt()
    return torch.cat([(means + middle).flatten(1), deviations.flatten(1)], dim=1).float()
