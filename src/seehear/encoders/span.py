"""How much time an encoder sees: computed from its kernels and strides, never written down twice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from torch import Tensor, nn

MEL_FRAMES = 4
"""Log-mel frames in one video frame: 10 ms against 40 ms."""


class Span(NamedTuple):
    """Time seen by a stack of layers that pad no time.

    Attributes:
        field: inputs that one output sees.
        stride: inputs from one output to the next.
    """

    field: int
    stride: int


def span(layers: Iterable[nn.Module], axis: int) -> Span:
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
    return Span(field, stride)


def _along(value: int | tuple[int, ...], axis: int) -> int:
    return value if isinstance(value, int) else value[axis]


def lips_context(layers: Iterable[nn.Module]) -> int:
    """Video frames that lip layers lose at each end of a clip (time is axis 0)."""
    seen = span(layers, axis=0)
    if seen.stride != 1 or seen.field % 2 == 0:
        raise ValueError(f"lips must keep 25 embeddings a second and see an odd number of frames, not {seen}")
    return seen.field // 2


def sound_context(seen: Span) -> int:
    """Video frames that sound layers lose at each end of a clip.

    An embedding belongs to the four log-mel frames of its video frame and sees further ones on both sides; half a
    video frame that it does not see is lost too.
    """
    if seen.stride != MEL_FRAMES:
        raise ValueError(f"sound must give 25 embeddings a second: its strides multiply to {seen.stride}, not 4")
    return -((MEL_FRAMES - seen.field) // (2 * MEL_FRAMES))  # rounded up


def trim_to_context(mel: Tensor, seen: Span) -> Tensor:
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
