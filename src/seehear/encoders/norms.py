"""What keeps the maps of a generator in range."""

from __future__ import annotations

from typing import Literal

from torch import nn

NormName = Literal["group", "batch"]

GROUP = 8
"""Channels that are normalised together."""


def normed(norm: NormName, width: int) -> nn.Sequential:
    """Normalisation and ReLU.

    Args:
        norm: ``batch``, as the papers have it: over all pictures of a batch, in training, and by what was usual in
            training afterwards. ``group`` (Wu & He 2018, arXiv 1803.08494): over each picture by itself, so that a
            few stills a batch are enough and drawing is the same in training and afterwards.
        width: channels.
    """
    layer = nn.BatchNorm2d(width) if norm == "batch" else nn.GroupNorm(max(1, width // GROUP), width)
    return nn.Sequential(layer, nn.ReLU(inplace=True))
