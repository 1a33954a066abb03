"""The learning rate as a function of the step, so that a resumed run needs no state for it."""

from __future__ import annotations

import math

import torch
from torch import nn

from seehear.training.options import OptimOptions


def learning_rate(step: int, options: OptimOptions) -> float:
    """Of the update number ``step``, counted from 0: a line up to the peak, then half a cosine down."""
    if step < options.warmup:
        return options.lr * (step + 1) / options.warmup
    done = (step - options.warmup) / max(1, options.steps - options.warmup)
    low = options.lr * options.final
    return low + (options.lr - low) * (1 + math.cos(math.pi * done)) / 2


def make_optimizer(model: nn.Module, options: OptimOptions) -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101); weight decay on what has two or more dimensions."""
    weights = [p for p in model.parameters() if p.requires_grad]
    device = weights[0].device.type
    return torch.optim.AdamW(
        [
            {"params": [p for p in weights if p.ndim > 1], "weight_decay": options.weight_decay},
            {"params": [p for p in weights if p.ndim <= 1], "weight_decay": 0.0},
        ],
        lr=options.lr,
        betas=(options.beta1, options.beta2),
        fused=device in ("cpu", "cuda"),
    )
