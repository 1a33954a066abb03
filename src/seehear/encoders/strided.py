"""Strided convolutions over the raw sound, then a GRU: the encoder of CPC (van den Oord et al. 2018, section 3.1)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from seehear.bounds import require_at_least
from seehear.encoders.recurrent import Recurrent
from seehear.encoders.span import MEL_FRAMES, span
from seehear.encoders.streamed import Memory, StreamedSpeech

KERNELS, STRIDES = (10, 8, 4, 4, 4), (5, 4, 2, 2, 2)
"""Of the paper: 465 samples, 29 ms, make one output; the strides multiply to 160, 10 ms."""


@dataclass(frozen=True)
class StridedOptions:
    """Shape of the encoder.

    Attributes:
        channels: of the convolutions.
        hidden: width of the recurrent layer.
    """

    channels: int = 512
    hidden: int = 256

    def __post_init__(self) -> None:
        require_at_least("model", self, channels=1, hidden=1)


class Convolution(nn.Module):
    """A strided convolution over time without padding, then a norm over the channels of each moment, then ReLU.

    The paper has no norm; without one the deep stack hardly learns, and one over time would tell of other moments
    (Rivière et al. 2020, arXiv 2002.02848, section 3).
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(inputs, outputs, kernel, stride, bias=False)
        self.norm = nn.LayerNorm(outputs)

    def forward(self, sound: Tensor) -> Tensor:
        """(B, inputs, N) -> (B, outputs, M)."""
        normed: Tensor = self.norm(self.convolution(sound).transpose(1, 2))
        return F.relu(normed).transpose(1, 2)


class StridedSpeech(StreamedSpeech):
    """Works at 100 frames a second and gives 25 features a second.

    Layers: ``z`` (the four moments of a video frame side by side), and ``gru1``, the context (their mean).
    """

    reach = 1  # one output sees 152 samples to either side of its own 10 ms
    causal = True

    def __init__(self, options: StridedOptions | None = None) -> None:
        super().__init__()
        o = options or StridedOptions()
        self.channels = o.channels
        widths = (1, *(o.channels for _ in KERNELS))
        self.convolutions = nn.Sequential(
            *(
                Convolution(width, wider, kernel, stride)
                for (width, wider), kernel, stride in zip(pairwise(widths), KERNELS, STRIDES, strict=True)
            )
        )
        seen = span([self.convolutions], axis=0)
        spare = seen.field - seen.stride
        self.padding = (spare // 2, spare - spare // 2)
        self.recurrent = Recurrent(o.channels, o.hidden, 1)
        self.layers = {"z": MEL_FRAMES * o.channels, **self.recurrent.layers}

    def moments(self, audio: Tensor) -> Tensor:
        """The convolutions' outputs, 100 a second: (B, 640 T) -> (B, 4 T, channels)."""
        outputs: Tensor = self.convolutions(F.pad(audio, self.padding).unsqueeze(1))
        return outputs.transpose(1, 2).float()

    def contexts(self, moments: Tensor) -> Tensor:
        """What is known at each moment of it and of those before: (B, M, channels) -> (B, M, hidden)."""
        found, _ = self.recurrent(moments)
        return cast(Tensor, found["gru1"])

    def local(self, audio: Tensor) -> dict[str, Tensor]:
        """See `StreamedSpeech.local`."""
        return {"z": self.moments(audio).reshape(len(audio), -1, MEL_FRAMES * self.channels)}

    def recur(self, features: Tensor, memory: Memory | None) -> tuple[dict[str, Tensor], Memory]:
        """See `StreamedSpeech.recur`."""
        found, memory = self.recurrent(features.reshape(len(features), -1, self.channels), memory)
        return {
            name: values.reshape(len(values), -1, MEL_FRAMES, values.shape[2]).mean(2) for name, values in found.items()
        }, memory
