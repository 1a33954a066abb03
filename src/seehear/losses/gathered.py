"""The candidates of all processes: what a multi-way choice is made among when several machines train together."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed
from torch.autograd import Function


def gathered(mine: Tensor) -> Tensor:
    """The tensors of all processes one after another along the first axis, each process's own gradient kept.

    The gradient of a process's share is the sum of what all processes ask of it. Each of them has the loss of all
    candidates, and data parallel training takes the mean of their gradients: what comes of it is the gradient of a
    single process that has all candidates itself.

    Args:
        mine: (B, ...), of the same shape and type on every process. All of them must call this at the same time.

    Returns:
        (world * B, ...) in the order of their ranks; ``mine`` where there is but one process.
    """
    if not distributed.is_available() or not distributed.is_initialized() or distributed.get_world_size() == 1:
        return mine
    return _Gather.apply(mine)  # type: ignore[no-any-return, no-untyped-call]


class _Gather(Function):
    """`torch.distributed.nn` has one too; it is deprecated from torch 2.13 on, its successor still private."""

    @staticmethod
    def forward(ctx: Any, mine: Tensor) -> Tensor:
        parts = [torch.empty_like(mine, memory_format=torch.contiguous_format) for _ in _ranks()]
        distributed.all_gather(parts, mine.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)  # summed; gloo has no reduce_scatter
        return total.chunk(len(_ranks()))[distributed.get_rank()]


def _ranks() -> range:
    return range(distributed.get_world_size())
