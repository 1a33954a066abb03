"""Shared blocks, receptive fields, norms, GRU stack, voice and shared heads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Memory = list[Tensor]
"""What recurrent layers know of the past: (1, B, hidden) each."""


MEL_FRAMES = 4
"""Log-mel frames in one video frame: 10 ms against 40 ms."""


class ReceptiveField(NamedTuple):
    """Time seen by a stack of layers that pad no time.

    Attributes:
        field: inputs that one output sees.
        stride: inputs from one output to the next.
    """

    field: int
    stride: int


def receptive_field(layers: Iterable[nn.Module], axis: int) -> ReceptiveField:
    """The span along one axis of the kernels of convolutions and poolings, in the order of their use.

    Args:
        layers: modules, looked into for layers that have a kernel.
        axis: which number of a kernel is time (the first of a Conv3d's three is 0).

    Raises:
        ValueError: a layer that pads time: its outputs at the edges of a clip would tell where the edge is.
    """
    field, stride = 1, 1
    for layer in (module for root in layers for module in root.modules()):
        if not hasattr(layer, "kernel_size"):
            continue
        kernel, step, padding = (_along(getattr(layer, name), axis) for name in ("kernel_size", "stride", "padding"))
        if padding:
            raise ValueError(f"{layer} pads time")
        field += (kernel - 1) * stride
        stride *= step
    return ReceptiveField(field, stride)


def _along(value: int | tuple[int, ...], axis: int) -> int:
    return value if isinstance(value, int) else value[axis]


def lips_context(layers: Iterable[nn.Module]) -> int:
    """Video frames that lip layers lose at each end of a clip (time is axis 0)."""
    seen = receptive_field(layers, axis=0)
    if seen.stride != 1 or seen.field % 2 == 0:
        raise ValueError(f"lips must keep 25 embeddings a second and see an odd number of frames, not {seen}")
    return seen.field // 2


def sound_context(seen: ReceptiveField) -> int:
    """Video frames that sound layers lose at each end of a clip.

    An embedding belongs to the four log-mel frames of its video frame and sees further ones on both sides; half a
    video frame that it does not see is lost too.
    """
    if seen.stride != MEL_FRAMES:
        raise ValueError(f"sound must give 25 embeddings a second: its strides multiply to {seen.stride}, not 4")
    return -((MEL_FRAMES - seen.field) // (2 * MEL_FRAMES))  # rounded up


def trim_to_context(mel: Tensor, seen: ReceptiveField) -> Tensor:
    """Cut a log-mel so that each embedding sees equally far to both sides of its video frame.

    Args:
        mel: (B, 4 T, bins).
        seen: the span of the layers to come.

    Returns:
        (B, 4 T - r, bins) that gives T - 2 c embeddings, c the `sound_context`. Where an odd number r of frames is
        to go, the layers see 5 ms further to the left than to the right.
    """
    spare = 2 * MEL_FRAMES * sound_context(seen) + MEL_FRAMES - seen.field
    left = spare // 2
    return mel[:, left : mel.shape[1] - (spare - left)]


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


class Recurrent(nn.Module):
    """Unidirectional GRU layers, each with its own weights, as `nn.GRU` with ``num_layers`` has them.

    Attributes:
        layers: width by name: ``gru1``, ``gru2``, ...
    """

    def __init__(self, inputs: int, hidden: int, depth: int) -> None:
        super().__init__()
        self.stack = nn.ModuleList(nn.GRU(inputs if i == 0 else hidden, hidden, batch_first=True) for i in range(depth))
        self.layers = {f"gru{i + 1}": hidden for i in range(depth)}

    def forward(self, features: Tensor, memory: Memory | None = None) -> tuple[dict[str, Tensor], Memory]:
        """(B, T, inputs) -> every layer (B, T, hidden), and what to hand to the next piece.

        In float32 whatever autocast is on: rounding would add up over the steps, and bf16 is no faster here.
        """
        found, kept = {}, []
        with torch.autocast(features.device.type, enabled=False):
            features = features.float()
            for number, layer in enumerate(self.stack):
                features, last = layer(features, memory[number] if memory else None)
                found[f"gru{number + 1}"] = features
                kept.append(last)
        return found, kept


HIDDEN = 256


class SharedSubspace(nn.Module):
    """Two layers with dropout between the embedding of a voice and the few numbers that a face may tell of it.

    The embedding comes in without its graph. A voice tower that learns from faces as well learns the training's own
    pairs by heart, and then says less of people whom it has never met.
    """

    def __init__(self, inputs: int, outputs: int, dropout: float = 0.4) -> None:
        """Makes the layers.

        Args:
            inputs: width of a voice's embedding.
            outputs: numbers in common.
            dropout: share of the inputs that are left out in training; of the hidden numbers, half of that.
        """
        super().__init__()
        self.layers = nn.Sequential(
            nn.BatchNorm1d(inputs, affine=False),
            nn.Dropout(dropout),
            nn.Linear(inputs, HIDDEN),
            nn.BatchNorm1d(HIDDEN),
            nn.ReLU(),
            nn.Dropout(dropout / 2),
            nn.Linear(HIDDEN, outputs),
        )

    def forward(self, voice: Tensor) -> Tensor:
        """(B, inputs) -> (B, outputs)."""
        return cast(Tensor, self.layers(voice.detach()))


Pooling = Literal["mean", "mean+deviation", "attentive"]


FLOOR = 1e-5
"""Added to variances: the square root has no gradient at 0."""


class VoiceHead(nn.Module):
    """Pooling over time, then a linear layer.

    ``mean``: as in the papers (arXiv 2002.08742, section 3). ``mean+deviation``: statistics pooling (Snyder et al.
    2017, "Deep neural network embeddings for text-independent speaker verification", section 3). ``attentive``: both,
    weighted by a small network that says how much each moment tells (Okabe et al. 2018, arXiv 1803.10963, section 3).
    Means and deviations are of different sizes, and are brought to one by a batch norm before the linear layer.
    """

    def __init__(self, inputs: int, dim: int, pooling: Pooling = "mean+deviation") -> None:
        """Makes the layers.

        Args:
            inputs: width of the features.
            dim: width of an embedding.
            pooling: see above.
        """
        super().__init__()
        self.pooling = pooling
        self.attention: nn.Module | None = None
        if pooling == "attentive":
            hidden = max(1, inputs // 4)
            self.attention = nn.Sequential(nn.Linear(inputs, hidden), nn.Tanh(), nn.Linear(hidden, 1))
        pooled = inputs if pooling == "mean" else 2 * inputs
        self.norm: nn.Module = nn.Identity() if pooling == "mean" else nn.BatchNorm1d(pooled)
        self.linear = nn.Linear(pooled, dim)

    def forward(self, features: Tensor) -> Tensor:
        """(B, T, inputs) -> (B, dim)."""
        return cast(Tensor, self.linear(self.norm(self.pool(features))))

    def pool(self, features: Tensor) -> Tensor:
        """(B, T, inputs) -> (B, inputs), or (B, 2 inputs) where the deviation stands beside the mean."""
        if self.pooling == "mean":
            return features.mean(1)
        features = features.float()  # the square of what is nearly its mean needs its digits
        if self.attention is None:
            weights = features.new_full((1, features.shape[1], 1), 1 / features.shape[1])
        else:
            weights = self.attention(features).float().softmax(1)
        mean = (weights * features).sum(1)
        variance = (weights * (features - mean.unsqueeze(1)).square()).sum(1)
        return torch.cat([mean, (variance + FLOOR).sqrt()], dim=-1)
