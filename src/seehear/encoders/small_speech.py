"""`small`: an encoder of speech that trains on two CPU cores, three million multiplications a video frame."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seehear.bounds import require_at_least
from seehear.encoders.layers import conv2d
from seehear.encoders.mel_speech import MelSpeech, Normalise
from seehear.encoders.recurrent import Recurrent
from seehear.encoders.span import MEL_FRAMES, span
from seehear.encoders.streamed import Memory


@dataclass(frozen=True)
class SmallSpeechOptions:
    """Shape of the encoder.

    Attributes:
        bands: mel bands.
        normalise: by what the log-mel is normalised: ``fixed``, the same for all sound; ``clip``, the clip's own.
        channels: channels of the convolutions over (frequency, time).
        kernels: their kernels, (frequency, time) each.
        strides: their strides, (frequency, time) each; those of time multiply to 4.
        temporal: kernels of the convolutions over time alone that follow, odd.
        dilations: video frames between the taps of those.
        width: their channels.
        gru: recurrent layers, left to right, behind all of that; 0 has none and sees equally far to both sides.
        dim: width of a feature.
    """

    bands: int = 80
    normalise: Normalise = "fixed"
    channels: tuple[int, ...] = (32, 64, 64, 128)
    kernels: tuple[tuple[int, int], ...] = ((5, 5), (3, 4), (3, 4), (3, 1))
    strides: tuple[tuple[int, int], ...] = ((2, 1), (2, 2), (2, 2), (2, 1))
    temporal: tuple[int, ...] = (3, 3, 3)
    dilations: tuple[int, ...] = (1, 1, 2)
    width: int = 256
    gru: int = 0
    dim: int = 256

    def __post_init__(self) -> None:
        require_at_least("sound", self, bands=1, width=1, gru=0, dim=1)
        if not len(self.channels) == len(self.kernels) == len(self.strides):
            raise ValueError("sound.channels, sound.kernels and sound.strides must be equally many")
        if len(self.temporal) != len(self.dilations):
            raise ValueError("sound.temporal and sound.dilations must be equally many")


class SmallSpeech(MelSpeech):
    """Convolutions over (frequency, time), a linear look at all that is left of frequency, convolutions over time.

    Time is padded once, before everything: the first and the last frame of the log-mel go on. So a feature in the
    middle of a recording is the same wherever the recording was cut.

    Layers: ``spectrum``, ``time1``, ``time2``, ..., ``features`` (linear), and ``gru1``, ... where there are any.
    """

    def __init__(self, options: SmallSpeechOptions | None = None) -> None:
        o = options or SmallSpeechOptions()
        super().__init__(o.bands, o.normalise)
        self.spectrum = nn.Sequential(
            *(
                conv2d(width, wider, kernel, stride)
                for (width, wider), kernel, stride in zip(pairwise((1, *o.channels)), o.kernels, o.strides, strict=True)
            )
        ).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        height = o.bands
        for kernel, stride in zip(o.kernels, o.strides, strict=True):
            height = (height + 2 * (kernel[0] // 2) - kernel[0]) // stride[0] + 1
        inner = span([self.spectrum], axis=1)
        if inner.stride != MEL_FRAMES:
            raise ValueError(f"sound.strides of time multiply to {inner.stride}, not {MEL_FRAMES}")
        widths = (o.channels[-1] * height, *(o.width for _ in o.temporal))
        self.times = nn.ModuleList(
            _over_time(width, wider, kernel, dilation)
            for (width, wider), kernel, dilation in zip(pairwise(widths), o.temporal, o.dilations, strict=True)
        )
        self.linear = nn.Conv1d(widths[-1], o.dim, 1)
        self.later = Recurrent(o.dim, o.dim, o.gru)
        around = sum((kernel - 1) * dilation for kernel, dilation in zip(o.temporal, o.dilations, strict=True))
        self._spare = inner.field - MEL_FRAMES + MEL_FRAMES * around  # log-mel frames that all layers swallow
        self.reach = None if o.normalise == "clip" else -(-self._spare // (2 * MEL_FRAMES)) + 1
        self.context = None if o.gru else self.reach
        self.layers = {
            "spectrum": widths[0],
            **{f"time{i}": o.width for i in range(1, len(o.temporal) + 1)},
            "features": o.dim,
            **self.later.layers,
        }

    @property
    def read(self) -> str:
        """The widest layer: those behind it keep little more than what moves the mouth (measured: docs/animate.md)."""
        return "spectrum"

    def local_of_mel(self, mel: Tensor) -> dict[str, Tensor]:
        """See `MelSpeech.local_of_mel`."""
        frames = mel.shape[1] // MEL_FRAMES
        left = self._spare // 2
        planes = self.normalise(mel).transpose(1, 2).unsqueeze(1)  # (B, 1, bands, 4 T)
        planes = F.pad(planes, (left, self._spare - left, 0, 0), mode="replicate")
        features = cast(Tensor, self.spectrum(planes)).flatten(1, 2)  # (B, C h, T + 2 context)
        layers = {"spectrum": _middle(features, frames)}
        for number, layer in enumerate(self.times, 1):
            features = layer(features)
            layers[f"time{number}"] = _middle(features, frames)
        return layers | {"features": _middle(self.linear(features), frames)}

    def recur(self, features: Tensor, memory: Memory | None) -> tuple[dict[str, Tensor], Memory]:
        """See `StreamedSpeech.recur`."""
        return self.later(features, memory)  # type: ignore[no-any-return]


def _over_time(inputs: int, outputs: int, kernel: int, dilation: int) -> nn.Sequential:
    if kernel % 2 == 0:
        raise ValueError(f"sound.temporal must be odd, not {kernel}")
    return nn.Sequential(
        nn.Conv1d(inputs, outputs, kernel, dilation=dilation, bias=False), nn.BatchNorm1d(outputs), nn.ReLU()
    )


def _middle(features: Tensor, frames: int) -> Tensor:
    """The features of the recording itself, (B, C, T + 2 n) -> (B, T, C)."""
    spare = (features.shape[2] - frames) // 2
    return features[:, :, spare : spare + frames].transpose(1, 2)
