"""Blocks that the encoder families share."""

from __future__ import annotations

from torch import Tensor, nn


def conv3d(
    inputs: int, outputs: int, kernel: tuple[int, int, int], stride: int = 1, padding: int | None = None
) -> nn.Sequential:
    """Convolution over (time, height, width), batch norm, ReLU. Pads height and width (by half a kernel), never time.

    Stride and padding are those of height and width.
    """
    pad = kernel[1] // 2 if padding is None else padding
    return nn.Sequential(
        nn.Conv3d(inputs, outputs, kernel, (1, stride, stride), (0, pad, pad), bias=False),
        nn.BatchNorm3d(outputs),
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
