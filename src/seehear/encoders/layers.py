"""Blocks that the encoder families share."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class _AnyBatchNorm(nn.BatchNorm3d):
    """Batch norm over all but the channels, of pictures as well as of videos."""

    def _check_input_dim(self, input: Tensor) -> None: ...


class FrameBlock(nn.Sequential):
    """Convolution, batch norm, ReLU over each frame of a video by itself: (B, C, T, h, w) -> (B, C', T, h', w').

    The numbers are those of a `nn.Conv3d` whose kernel is one frame long, and so are the names of the weights. The
    frames go through as a batch of pictures, because oneDNN's gradients of such a 3-D convolution take twice as long.
    """

    def forward(self, video: Tensor) -> Tensor:
        conv, norm, relu = cast("tuple[nn.Conv3d, nn.Module, nn.Module]", tuple(self))
        batch, channels, frames, height, width = video.shape
        pictures = video.transpose(1, 2).reshape(batch * frames, channels, height, width)
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        _, down, across = conv.stride
        _, above, beside = cast("tuple[int, int, int]", conv.padding)
        pictures = F.conv2d(pictures, conv.weight.squeeze(2), None, (down, across), (above, beside))
        pictures = cast(Tensor, relu(norm(pictures)))
        return pictures.view(batch, frames, *pictures.shape[1:]).transpose(1, 2)


def conv3d(
    inputs: int, outputs: int, kernel: tuple[int, int, int], stride: int = 1, padding: int | None = None
) -> nn.Sequential:
    """Convolution over (time, height, width), batch norm, ReLU. Pads height and width (by half a kernel), never time.

    Stride and padding are those of height and width.
    """
    pad = kernel[1] // 2 if padding is None else padding
    block = FrameBlock if kernel[0] == 1 else nn.Sequential
    return block(
        nn.Conv3d(inputs, outputs, kernel, (1, stride, stride), (0, pad, pad), bias=False),
        _AnyBatchNorm(outputs),
        nn.ReLU(inplace=True),
    )


def conv2d(
    inputs: int,
    outputs: int,
    kernel: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int] | None = None,
) -> nn.Sequential:
    """Convolution over (frequency, time), batch norm, ReLU. By default pads frequency (half a kernel), not time."""
    pad = (kernel[0] // 2, 0) if padding is None else padding
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, pad, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def conv1d(inputs: int, outputs: int, kernel: int = 1) -> nn.Sequential:
    """Convolution over time without padding, batch norm, ReLU."""
    return nn.Sequential(nn.Conv1d(inputs, outputs, kernel, bias=False), nn.BatchNorm1d(outputs), nn.ReLU(inplace=True))


def standardise(values: Tensor, over: tuple[int, ...], floor: float) -> Tensor:
    """Mean 0 and standard deviation 1 over the given axes of each clip.

    Args:
        values: (B, ...).
        over: axes to average over.
        floor: added to the standard deviation: what is flat (a black picture, silence) stays near 0.
    """
    centred = values - values.mean(over, keepdim=True)
    return centred / (centred.square().mean(over, keepdim=True).sqrt() + floor)
