"""`small`: encoders that train on two CPU cores, a few million multiplications a video frame."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import cast

from torch import Tensor, nn

from seehear.encoders.interface import LipsEncoder, Region, SoundEncoder
from seehear.encoders.layers import conv1d, conv2d, conv3d
from seehear.encoders.span import lips_context, sound_context, span, trim_to_context


@dataclass(frozen=True)
class SmallLipsOptions:
    """Shape of the lip encoder.

    Attributes:
        size: side of the picture in pixels.
        region: the mouth's part of a face crop, or all of it.
        colour: RGB, or luma only.
        stem_channels: channels of the first convolution, the one that sees motion.
        stem_kernel: its kernel over height and width.
        stem_stride: its stride over height and width.
        stem_frames: its kernel over time, odd.
        channels: channels of the picture convolutions (3x3) that follow.
        strides: their strides.
        temporal: kernels of the layers between the finished features and the embedding, over time; those longer than
            1 add context.
        dim: width of an embedding.
    """

    size: int = 48
    region: Region = "mouth"
    colour: bool = False
    stem_channels: int = 32
    stem_kernel: int = 5
    stem_stride: int = 2
    stem_frames: int = 5
    channels: tuple[int, ...] = (64, 96, 128)
    strides: tuple[int, ...] = (2, 2, 2)
    temporal: tuple[int, ...] = (3, 3)
    dim: int = 128


@dataclass(frozen=True)
class SmallSoundOptions:
    """Shape of the sound encoder.

    Attributes:
        bands: mel bands.
        channels: channels of the convolutions over (frequency, time).
        kernels: their kernels, (frequency, time) each.
        strides: their strides, (frequency, time) each; those of time multiply to 4.
        temporal: kernels of the layers between the finished features and the embedding, over time; those longer than
            1 add context.
        dim: width of an embedding.
    """

    bands: int = 40
    channels: tuple[int, ...] = (32, 48, 64, 96)
    kernels: tuple[tuple[int, int], ...] = ((5, 5), (3, 4), (3, 4), (3, 1))
    strides: tuple[tuple[int, int], ...] = ((2, 1), (2, 2), (2, 2), (2, 1))
    temporal: tuple[int, ...] = (2, 3, 3)
    dim: int = 128


class SmallLips(LipsEncoder):
    """One convolution over space and time, then plain convolutions over each picture; usually luma of the mouth."""

    def __init__(self, options: SmallLipsOptions | None = None) -> None:
        super().__init__()
        o = options or SmallLipsOptions()
        self.size, self.region, self.colour, self.dim = o.size, o.region, o.colour, o.dim
        kernel = (o.stem_frames, o.stem_kernel, o.stem_kernel)
        stem = conv3d(3 if o.colour else 1, o.stem_channels, kernel, o.stem_stride)
        widths = (o.stem_channels, *o.channels)
        layers = [
            conv3d(width, wider, (1, 3, 3), stride)
            for (width, wider), stride in zip(pairwise(widths), o.strides, strict=True)
        ]
        self.picture = nn.Sequential(stem, *layers)
        side = o.size
        for stride in (o.stem_stride, *o.strides):
            side = -(-side // stride)
        self.head = head(widths[-1] * side * side, o.temporal, o.dim)
        self.context = lips_context([self.picture, self.head])

    def features(self, video: Tensor) -> Tensor:
        """See `LipsEncoder.features`."""
        features = cast(Tensor, self.picture(video))  # (B, C, T', h, w)
        return features.permute(0, 1, 3, 4, 2).flatten(1, 3)  # (B, C h w, T')


class SmallSound(SoundEncoder):
    """Convolutions over (frequency, time), then a linear layer over all that is left of frequency."""

    def __init__(self, options: SmallSoundOptions | None = None) -> None:
        super().__init__()
        o = options or SmallSoundOptions()
        self.bands, self.dim = o.bands, o.dim
        widths = (1, *o.channels)
        self.spectrum = nn.Sequential(
            *(
                conv2d(width, wider, kernel, stride)
                for (width, wider), kernel, stride in zip(pairwise(widths), o.kernels, o.strides, strict=True)
            )
        )
        height = o.bands
        for stride in o.strides:
            height = -(-height // stride[0])
        self.head = head(widths[-1] * height, o.temporal, o.dim)
        inner = span([self.spectrum], axis=1)
        outer = span([self.head], axis=0)
        self.span = inner._replace(field=inner.field + (outer.field - 1) * inner.stride)
        self.context = sound_context(self.span)

    def features(self, mel: Tensor) -> Tensor:
        """See `SoundEncoder.features`."""
        mel = trim_to_context(mel, self.span)
        return cast(Tensor, self.spectrum(mel.transpose(1, 2).unsqueeze(1))).flatten(1, 2)  # (B, C h, T')


def head(inputs: int, temporal: tuple[int, ...], dim: int) -> nn.Sequential:
    """Features (B, inputs, T) to embeddings (B, dim, T'): convolutions over time, if any, and a linear layer."""
    widths = (inputs, *(2 * dim for _ in temporal))
    layers = [conv1d(width, wider, kernel) for (width, wider), kernel in zip(pairwise(widths), temporal, strict=True)]
    return nn.Sequential(*layers, nn.Conv1d(widths[-1], dim, 1))
