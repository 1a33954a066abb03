"""Batch norm over the batches of all processes, so that several small batches train like one large one."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, distributed, nn
from torch.autograd import Function
from torch.nn.modules.batchnorm import _BatchNorm


def synchronise_batch_norms(model: nn.Module) -> nn.Module:
    """Replace every batch norm of a model by one with the statistics of all processes; weights and names stay.

    On GPUs this is `torch.nn.SyncBatchNorm`, which does not run on CPUs.

    Args:
        model: already on its device; changed in place.

    Returns:
        The model.
    """
    if next(model.parameters()).is_cuda:
        return cast(nn.Module, nn.SyncBatchNorm.convert_sync_batchnorm(model))  # type: ignore[no-untyped-call]
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if isinstance(child, _BatchNorm):
                setattr(parent, name, SyncBatchNorm.replacing(child))
    return model


class SyncBatchNorm(_BatchNorm):
    """Batch norm whose training statistics are those of all processes; in evaluation mode a plain one."""

    @classmethod
    def replacing(cls, norm: _BatchNorm) -> SyncBatchNorm:
        """Return one with the same options, parameters and buffers."""
        own = cls(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
        own.weight, own.bias = norm.weight, norm.bias
        own.running_mean, own.running_var = norm.running_mean, norm.running_var
        own.num_batches_tracked = norm.num_batches_tracked
        return own.train(norm.training)

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, ...) -> the same shape; B may differ between the processes."""
        if not self.training or not distributed.is_initialized():
            return super().forward(input)
        axes = [axis for axis in range(input.ndim) if axis != 1]
        broadcast = [1, -1, *[1] * (input.ndim - 2)]
        values = input.float()
        count = torch.tensor([input.numel() / input.shape[1]])
        total = _sum_over_processes(torch.cat([values.sum(axes), count]))
        count = total[-1].detach()
        mean = total[:-1] / count
        centred = values - mean.view(broadcast)
        variance = _sum_over_processes(centred.square().sum(axes)) / count
        self._track(mean.detach(), variance.detach() * count / (count - 1).clamp_min(1))
        normalised = centred * (variance + self.eps).rsqrt().view(broadcast)
        if self.affine:
            normalised = normalised * self.weight.view(broadcast) + self.bias.view(broadcast)
        return normalised.to(input.dtype)

    @torch.no_grad()
    def _track(self, mean: Tensor, variance: Tensor) -> None:
        """Update the running statistics; the variance is the unbiased one."""
        if not self.track_running_stats:
            return
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        weight = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        cast(Tensor, self.running_mean).lerp_(mean, weight)
        cast(Tensor, self.running_var).lerp_(variance, weight)

    def _check_input_dim(self, input: Tensor) -> None: ...


def _sum_over_processes(mine: Tensor) -> Tensor:
    return cast(Tensor, _AllReduce.apply(mine))  # type: ignore[no-untyped-call]


class _AllReduce(Function):
    """Sum over all processes; the gradient is summed likewise, as every process uses the sum in its own loss."""

    @staticmethod
    def forward(ctx: Any, mine: Tensor) -> Tensor:
        total = mine.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total
