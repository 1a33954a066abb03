"""The ``base`` encoders: ResNet-18 (He et al. 2016, arXiv 1512.03385) for lips, audio and faces, sized for one GPU."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from seehear.clip import Region
from seehear.config import check_minimums
from seehear.nn import Encoder
from seehear.nn.interface import FaceEncoder, LipEncoder, SoundEncoder
from seehear.nn.layers import conv1d, conv2d, conv3d, lips_context, receptive_field, sound_context, trim_to_context


@dataclass(frozen=True)
class BaseLipsOptions:
    """Options of the lip encoder.

    Attributes:
        size: side of the frames in pixels.
        region: the mouth region of a face crop, or the whole crop.
        colour: RGB if true, luma otherwise.
        widths: channels of the four residual stages, two blocks each.
        temporal: kernels of the temporal convolutions on the pooled features; they add context.
        dim: width of an embedding.
    """

    size: int = 64
    region: Region = "mouth"
    colour: bool = False
    widths: tuple[int, ...] = (64, 128, 256, 512)
    temporal: tuple[int, ...] = (3, 3)
    dim: int = 512


@dataclass(frozen=True)
class BaseSoundOptions:
    """Options of the audio encoder.

    Attributes:
        bands: number of mel bands.
        widths: channels of the four convolutional stages; their strides over time are 1, 2 and 2.
        temporal: kernels of the temporal convolutions on the pooled features; they add context.
        dim: width of an embedding.
    """

    bands: int = 80
    widths: tuple[int, ...] = (64, 128, 256, 512)
    temporal: tuple[int, ...] = (3, 3, 3)
    dim: int = 512


class Residual(nn.Module):
    """Residual block of two 3x3 convolutions (He et al. 2016, arXiv 1512.03385), on each frame of a clip."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv3d(inputs, outputs, (1, 3, 3), stride),
            nn.Conv3d(outputs, outputs, (1, 3, 3), padding=(0, 1, 1), bias=False),
            nn.BatchNorm3d(outputs),
        )
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv3d(inputs, outputs, 1, (1, stride, stride), bias=False), nn.BatchNorm3d(outputs)
            )

    def forward(self, features: Tensor) -> Tensor:
        """(B, inputs, T, h, w) -> (B, outputs, T, h / stride, w / stride)."""
        return F.relu(self.body(features) + self.shortcut(features), inplace=True)


class BaseLips(LipEncoder):
    """Standard lip-reading front end (Stafylakis & Tzimiropoulos 2017, arXiv 1703.04105): conv3d, ResNet-18."""

    def __init__(self, options: BaseLipsOptions | None = None) -> None:
        super().__init__()
        o = options or BaseLipsOptions()
        self.size, self.region, self.colour, self.dim = o.size, o.region, o.colour, o.dim
        moving = conv3d(3 if o.colour else 1, o.widths[0], (5, 7, 7), 2)
        stem = nn.Sequential(moving, nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)))
        blocks = [Residual(o.widths[0], o.widths[0], 1), Residual(o.widths[0], o.widths[0], 1)]
        for width, wider in pairwise(o.widths):
            blocks += [Residual(width, wider, 2), Residual(wider, wider, 1)]
        self.picture = nn.Sequential(stem, *blocks)
        self.head = temporal_head(o.widths[-1], o.temporal, o.dim)
        self.context = lips_context([stem, self.head])  # the blocks have kernel 1 in time, and parallel branches

    def features(self, video: Tensor) -> Tensor:
        """See `LipEncoder.features`."""
        return cast(Tensor, self.picture(video)).mean((3, 4))  # (B, C, T')


BASE_LIPS = Encoder(
    "base",
    "lips",
    BaseLips,
    BaseLipsOptions,
    "a convolution over space and time, then ResNet-18",
    "Stafylakis & Tzimiropoulos 2017",
)


class BaseSound(SoundEncoder):
    """Convolutions over (frequency, time), twice as many as in `small` and wider, then the mean over frequency."""

    def __init__(self, options: BaseSoundOptions | None = None) -> None:
        super().__init__()
        o = options or BaseSoundOptions()
        self.bands, self.dim = o.bands, o.dim
        layers = [conv2d(1, o.widths[0], (5, 3), (2, 1))]
        for (width, wider), (kernel, stride) in zip(pairwise(o.widths), ((4, 2), (4, 2), (1, 1)), strict=True):
            layers += [conv2d(width, width, (3, 1)), conv2d(width, wider, (3, kernel), (2, stride))]
        self.spectrum = nn.Sequential(*layers, conv2d(o.widths[-1], o.widths[-1], (3, 1)))
        self.head = temporal_head(o.widths[-1], o.temporal, o.dim)
        inner, outer = receptive_field([self.spectrum], axis=1), receptive_field([self.head], axis=0)
        self.span = inner._replace(field=inner.field + (outer.field - 1) * inner.stride)
        self.context = sound_context(self.span)

    def features(self, mel: Tensor) -> Tensor:
        """See `SoundEncoder.features`."""
        mel = trim_to_context(mel, self.span)
        return cast(Tensor, self.spectrum(mel.transpose(1, 2).unsqueeze(1))).mean(2)


BASE_SOUND = Encoder("base", "sound", BaseSound, BaseSoundOptions, "twice as many and wider convolutions as in small")


def temporal_head(inputs: int, kernels: tuple[int, ...], dim: int) -> nn.Sequential:
    """Features (B, inputs, T) to embeddings (B, dim, T')."""
    widths = (inputs, *(dim for _ in kernels))
    layers = [conv1d(width, wider, kernel) for (width, wider), kernel in zip(pairwise(widths), kernels, strict=True)]
    return nn.Sequential(*layers, nn.Conv1d(widths[-1], dim, 1))


@dataclass(frozen=True)
class BaseFaceOptions:
    """Options of the face encoder.

    Attributes:
        size: side of the image in pixels.
        widths: channels of the four residual stages, two blocks each.
    """

    size: int = 112
    widths: tuple[int, ...] = (64, 128, 256, 512)

    def __post_init__(self) -> None:
        check_minimums("face", self, size=1)
        if not self.widths:
            raise ValueError("face.widths must be one at least")


class BaseFace(FaceEncoder):
    """The blocks of `seehear.nn.resnet.BaseLips` on clips of one frame, then the mean over all positions."""

    def __init__(self, options: BaseFaceOptions | None = None) -> None:
        super().__init__()
        o = options or BaseFaceOptions()
        self.size, self.dim = o.size, o.widths[-1]
        first = o.widths[0]
        blocks = [Residual(first, first, 1), Residual(first, first, 1)]
        for width, wider in pairwise(o.widths):
            blocks += [Residual(width, wider, 2), Residual(wider, wider, 1)]
        stem = (conv3d(3, first, (1, 7, 7), 2), nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)))
        self.picture = nn.Sequential(*stem, *blocks)

    def convolve(self, pictures: Tensor) -> Tensor:
        """See `FaceEncoder.convolve`."""
        return cast(Tensor, self.picture(pictures.unsqueeze(2))).mean((2, 3, 4))


BASE_FACE = Encoder("base", "face", BaseFace, BaseFaceOptions, "ResNet-18", "He et al. 2016")
