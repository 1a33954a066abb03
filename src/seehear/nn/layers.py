"""Shared layers: convolution blocks, receptive fields, normalisation, GRU stack, pooling and projection heads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Memory = list[Tensor]
"""State of recurrent layers: (1, B, hidden) each."""


MEL_FRAMES = 4
"""Log-mel frames per video frame: 10 ms and 40 ms."""


class ReceptiveField(NamedTuple):
    """Receptive field in time of layers without padding in time.

    Attributes:
        field: inputs that one output depends on.
        stride: inputs from one output to the next.
    """

    field: int
    stride: int


def receptive_field(layers: Iterable[nn.Module], axis: int) -> ReceptiveField:
    """Compute the receptive field of convolutions and poolings along one axis, in the order of their use.

    Args:
        layers: modules; their submodules with a kernel count.
        axis: index of time in the kernel size (0 in a Conv3d).

    Raises:
        ValueError: a layer pads time: its outputs would reveal where a clip starts and ends.
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
    """Video frames that the lip layers lose at each end of a clip (time is axis 0)."""
    span = receptive_field(layers, axis=0)
    if span.stride != 1 or span.field % 2 == 0:
        raise ValueError(f"lip encoders must have stride 1 and an odd receptive field in time, not {span}")
    return span.field // 2


def sound_context(seen: ReceptiveField) -> int:
    """Video frames that the audio layers lose at each end of a clip.

    An embedding belongs to the four log-mel frames of its video frame and needs context on both sides. A video frame
    that is only half covered is lost too.
    """
    if seen.stride != MEL_FRAMES:
        raise ValueError(f"sound must give 25 embeddings a second: its strides multiply to {seen.stride}, not 4")
    return -((MEL_FRAMES - seen.field) // (2 * MEL_FRAMES))  # rounded up


def trim_to_context(mel: Tensor, seen: ReceptiveField) -> Tensor:
    """Trim a log-mel so that each embedding has the same context on both sides of its video frame.

    Args:
        mel: (B, 4 T, bins).
        seen: receptive field of the following layers.

    Returns:
        (B, 4 T - r, bins), which gives T - 2 c embeddings with c = `sound_context`. If r is odd, the context is 5 ms
        longer on the left.
    """
    spare = 2 * MEL_FRAMES * sound_context(seen) + MEL_FRAMES - seen.field
    left = spare // 2
    return mel[:, left : mel.shape[1] - (spare - left)]


class _AnyBatchNorm(nn.BatchNorm3d):
    """Batch norm over all axes but the channels, for images and videos."""

    def _check_input_dim(self, input: Tensor) -> None: ...


class FrameBlock(nn.Sequential):
    """Convolution, batch norm and ReLU on each frame separately: (B, C, T, h, w) -> (B, C', T, h', w').

    Results and weight names equal those of an `nn.Conv3d` whose kernel is one frame long. Frames are processed as a
    batch of images, because oneDNN's gradients of such 3-D convolutions take twice as long.
    """

    def forward(self, video: Tensor) -> Tensor:
        conv, norm, relu = cast("tuple[nn.Conv3d, nn.Module, nn.Module]", tuple(self))
        batch, channels, frames, height, width = video.shape
        pictures = video.transpose(1, 2).reshape(batch * frames, channels, height, width)
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        _, down, across = conv.stride
        _, above, left = cast("tuple[int, int, int]", conv.padding)
        pictures = F.conv2d(pictures, conv.weight.squeeze(2), None, (down, across), (above, left))
        pictures = cast(Tensor, relu(norm(pictures)))
        return pictures.view(batch, frames, *pictures.shape[1:]).transpose(1, 2)


def conv3d(
    inputs: int, outputs: int, kernel: tuple[int, int, int], stride: int = 1, padding: int | None = None
) -> nn.Sequential:
    """Convolution over (time, height, width), batch norm, ReLU; pads height and width by half a kernel, never time.

    ``stride`` and ``padding`` are those of height and width.
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
    """Convolution over (frequency, time), batch norm, ReLU; by default pads frequency by half a kernel, not time."""
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
    """Scale to mean 0 and standard deviation 1 over the given axes of each clip.

    Args:
        values: (B, ...).
        over: axes to average over.
        floor: added to the standard deviation, so that constant input (black frames, silence) stays near 0.
    """
    centred = values - values.mean(over, keepdim=True)
    return centred / (centred.square().mean(over, keepdim=True).sqrt() + floor)


class Recurrent(nn.Module):
    """Unidirectional GRU layers that return every layer; same computation as `nn.GRU` with ``num_layers``.

    Attributes:
        layers: width by name: ``gru1``, ``gru2``, ...
    """

    def __init__(self, inputs: int, hidden: int, depth: int) -> None:
        super().__init__()
        self.stack = nn.ModuleList(nn.GRU(inputs if i == 0 else hidden, hidden, batch_first=True) for i in range(depth))
        self.layers = {f"gru{i + 1}": hidden for i in range(depth)}

    def forward(self, features: Tensor, memory: Memory | None = None) -> tuple[dict[str, Tensor], Memory]:
        """(B, T, inputs) -> every layer (B, T, hidden), and the state for the next chunk.

        Always float32, even under autocast: rounding errors would accumulate over the steps, and bf16 is no faster.
        """
        outputs, states = {}, []
        with torch.autocast(features.device.type, enabled=False):
            features = features.float()
            for number, layer in enumerate(self.stack):
                features, last = layer(features, memory[number] if memory else None)
                outputs[f"gru{number + 1}"] = features
                states.append(last)
        return outputs, states


HIDDEN = 256


class SharedSubspace(nn.Module):
    """Two layers with dropout from a voice embedding to the subspace that voices and faces share.

    Gradients do not flow back into the embedding: a voice tower that also learns from faces memorises the training
    pairs and generalises worse to new people.
    """

    def __init__(self, inputs: int, outputs: int, dropout: float = 0.4) -> None:
        """Build the layers.

        Args:
            inputs: width of a voice embedding.
            outputs: dimensions of the shared subspace.
            dropout: dropout rate of the inputs; the hidden layer uses half of it.
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
"""Added to variances, as the gradient of the square root is infinite at 0."""


class VoiceHead(nn.Module):
    """Pooling over time, then a linear layer.

    ``mean``: as in the papers (arXiv 2002.08742, section 3). ``mean+deviation``: statistics pooling (Snyder et al.
    2017, "Deep neural network embeddings for text-independent speaker verification", section 3). ``attentive``: both,
    weighted by a small attention network (Okabe et al. 2018, arXiv 1803.10963, section 3). Means and deviations
    differ in scale, so a batch norm precedes the linear layer.
    """

    def __init__(self, inputs: int, dim: int, pooling: Pooling = "mean+deviation") -> None:
        """Build the layers.

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
        """(B, T, inputs) -> (B, inputs), or (B, 2 inputs) for mean and deviation."""
        if self.pooling == "mean":
            return features.mean(1)
        features = features.float()  # the variance is a small difference and needs the precision
        if self.attention is None:
            weights = features.new_full((1, features.shape[1], 1), 1 / features.shape[1])
        else:
            weights = self.attention(features).float().softmax(1)
        mean = (weights * features).sum(1)
        variance = (weights * (features - mean.unsqueeze(1)).square()).sum(1)
        return torch.cat([mean, (variance + FLOOR).sqrt()], dim=-1)
