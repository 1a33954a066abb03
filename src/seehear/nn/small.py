"""The ``small`` encoders: lips, audio, speech and faces, sized for two CPU cores."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seehear.audio.spectrum import LogMel
from seehear.clip import Region
from seehear.config import check_minimums
from seehear.nn import Encoder
from seehear.nn.interface import FaceEncoder, LipEncoder, SoundEncoder, StreamedSpeech
from seehear.nn.layers import (
    MEL_FRAMES,
    Memory,
    Recurrent,
    conv1d,
    conv2d,
    conv3d,
    lips_context,
    receptive_field,
    sound_context,
    standardise,
    trim_to_context,
)

Normalise = Literal["fixed", "clip"]


MEL_MEAN, MEL_DEVIATION = -5.0, 4.0
"""Of the natural log-mel of speech at usual levels, over all bands; they bring it near mean 0 and deviation 1."""


class MelSpeech(StreamedSpeech):
    """A speech encoder on a normalised log-mel.

    Training augments the log-mel, so both halves can be called separately.

    Attributes:
        logmel: the spectrum, four frames per video frame.
    """

    logmel: LogMel

    def __init__(self, bands: int, normalise: Normalise) -> None:
        super().__init__()
        self.logmel = LogMel(bands)
        self.normalise_by = normalise

    def local(self, audio: Tensor) -> dict[str, Tensor]:
        """See `StreamedSpeech.local`."""
        return self.local_of_mel(self.logmel(audio))

    @abstractmethod
    def local_of_mel(self, mel: Tensor) -> dict[str, Tensor]:
        """Layers of the local part from a natural log-mel (B, 4 T, bands)."""

    def states_of_mel(self, mel: Tensor) -> dict[str, Tensor]:
        """Features of every layer from a natural, possibly augmented log-mel (B, 4 T, bands)."""
        return self.finish(self.local_of_mel(mel))

    def normalise(self, mel: Tensor) -> Tensor:
        """Normalise a log-mel.

        ``fixed``: the same affine map for all audio, so that short words and padding are treated as long recordings.

        ``clip``: mean 0 and standard deviation 1 per band and clip, which removes loudness, microphone and room.
        """
        if self.normalise_by == "clip":
            return standardise(mel, over=(1,), floor=0.5)
        return (mel - MEL_MEAN) / MEL_DEVIATION


@dataclass(frozen=True)
class SmallLipsOptions:
    """Options of the lip encoder.

    Attributes:
        size: side of the frames in pixels.
        region: the mouth region of a face crop, or the whole crop.
        colour: RGB if true, luma otherwise.
        stem_channels: channels of the first convolution, which sees motion.
        stem_kernel: its kernel over height and width.
        stem_stride: its stride over height and width.
        stem_frames: its kernel over time, odd.
        channels: channels of the following 3x3 convolutions.
        strides: their strides.
        temporal: kernels of the temporal layers between the features and the embedding; kernels above 1 add context.
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
    """Options of the audio encoder.

    Attributes:
        bands: number of mel bands.
        channels: channels of the convolutions over (frequency, time).
        kernels: their kernels, (frequency, time) each.
        strides: their strides, (frequency, time) each; those of time multiply to 4.
        temporal: kernels of the temporal layers between the features and the embedding; kernels above 1 add context.
        dim: width of an embedding.
    """

    bands: int = 40
    channels: tuple[int, ...] = (32, 48, 64, 96)
    kernels: tuple[tuple[int, int], ...] = ((5, 5), (3, 4), (3, 4), (3, 1))
    strides: tuple[tuple[int, int], ...] = ((2, 1), (2, 2), (2, 2), (2, 1))
    temporal: tuple[int, ...] = (2, 3, 3)
    dim: int = 128


class SmallLips(LipEncoder):
    """One convolution over space and time, then 2-D convolutions on each frame; by default luma of the mouth."""

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
        """See `LipEncoder.features`."""
        features = cast(Tensor, self.picture(video))  # (B, C, T', h, w)
        return features.permute(0, 1, 3, 4, 2).flatten(1, 3)  # (B, C h w, T')


SMALL_LIPS = Encoder(
    "small", "lips", SmallLips, SmallLipsOptions, "one convolution over space and time, then one per frame"
)


class SmallSound(SoundEncoder):
    """Convolutions over (frequency, time), then a linear layer over the remaining frequency axis."""

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
        inner = receptive_field([self.spectrum], axis=1)
        outer = receptive_field([self.head], axis=0)
        self.span = inner._replace(field=inner.field + (outer.field - 1) * inner.stride)
        self.context = sound_context(self.span)

    def features(self, mel: Tensor) -> Tensor:
        """See `SoundEncoder.features`."""
        mel = trim_to_context(mel, self.span)
        return cast(Tensor, self.spectrum(mel.transpose(1, 2).unsqueeze(1))).flatten(1, 2)  # (B, C h, T')


SMALL_SOUND = Encoder("small", "sound", SmallSound, SmallSoundOptions, "convolutions over frequency and time")


def head(inputs: int, temporal: tuple[int, ...], dim: int) -> nn.Sequential:
    """Features (B, inputs, T) to embeddings (B, dim, T'): optional temporal convolutions and a linear layer."""
    widths = (inputs, *(2 * dim for _ in temporal))
    layers = [conv1d(width, wider, kernel) for (width, wider), kernel in zip(pairwise(widths), temporal, strict=True)]
    return nn.Sequential(*layers, nn.Conv1d(widths[-1], dim, 1))


@dataclass(frozen=True)
class SmallSpeechOptions:
    """Options of the encoder.

    Attributes:
        bands: number of mel bands.
        normalise: normalisation of the log-mel: ``fixed``, the same for all audio; ``clip``, by the clip's statistics.
        channels: channels of the convolutions over (frequency, time).
        kernels: their kernels, (frequency, time) each.
        strides: their strides, (frequency, time) each; those of time multiply to 4.
        temporal: kernels of the following temporal convolutions, odd.
        dilations: their dilations in video frames.
        width: their channels.
        gru: number of left-to-right recurrent layers after them; with 0 the context is symmetric.
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
        check_minimums("sound", self, bands=1, width=1, gru=0, dim=1)
        if not len(self.channels) == len(self.kernels) == len(self.strides):
            raise ValueError("sound.channels, sound.kernels and sound.strides must be equally many")
        if len(self.temporal) != len(self.dilations):
            raise ValueError("sound.temporal and sound.dilations must be equally many")


class SmallSpeech(MelSpeech):
    """Convolutions over (frequency, time), a linear map of the remaining frequency axis, temporal convolutions.

    Time is padded once, at the input, by repeating the first and last log-mel frame. So features in the middle of a
    recording do not depend on where it was cut.

    Layers: ``spectrum``, ``time1``, ``time2``, ..., ``features`` (linear), and ``gru1``, ... if there are any.
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
        inner = receptive_field([self.spectrum], axis=1)
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
        self._spare = inner.field - MEL_FRAMES + MEL_FRAMES * around  # log-mel frames that the layers consume
        self.reach = None if o.normalise == "clip" else -(-self._spare // (2 * MEL_FRAMES)) + 1
        self.context = None if o.gru else self.reach
        self.layers = {
            "spectrum": widths[0],
            **{f"time{i}": o.width for i in range(1, len(o.temporal) + 1)},
            "features": o.dim,
            **self.later.layers,
        }

    @property
    def default_layer(self) -> str:
        """The widest layer: later ones keep little beyond what moves the mouth (measured: docs/animate.md)."""
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


SMALL_SPEECH = Encoder("small", "speech", SmallSpeech, SmallSpeechOptions, "convolutions on a log-mel, then over time")


def _over_time(inputs: int, outputs: int, kernel: int, dilation: int) -> nn.Sequential:
    if kernel % 2 == 0:
        raise ValueError(f"sound.temporal must be odd, not {kernel}")
    return nn.Sequential(
        nn.Conv1d(inputs, outputs, kernel, dilation=dilation, bias=False), nn.BatchNorm1d(outputs), nn.ReLU()
    )


def _middle(features: Tensor, frames: int) -> Tensor:
    """Features without the padding, (B, C, T + 2 n) -> (B, T, C)."""
    spare = (features.shape[2] - frames) // 2
    return features[:, :, spare : spare + frames].transpose(1, 2)


@dataclass(frozen=True)
class SmallFaceOptions:
    """Options of the face encoder.

    Attributes:
        size: side of the image in pixels.
        channels: channels of the convolutions (5x5, then 3x3).
        strides: their strides.
    """

    size: int = 64
    channels: tuple[int, ...] = (32, 64, 96, 128)
    strides: tuple[int, ...] = (2, 2, 2, 2)

    def __post_init__(self) -> None:
        check_minimums("face", self, size=1)
        if not self.channels or len(self.channels) != len(self.strides):
            raise ValueError("face.channels and face.strides must be equally many, and one at least")


class SmallFace(FaceEncoder):
    """Plain convolutions whose last map is flattened, not pooled: crops are canonical, so positions are informative."""

    def __init__(self, options: SmallFaceOptions | None = None) -> None:
        super().__init__()
        o = options or SmallFaceOptions()
        self.size = o.size
        kernels = (5, *(3 for _ in o.channels[1:]))
        widths = pairwise((3, *o.channels))
        self.picture = nn.Sequential(
            *(
                conv2d(width, wider, (kernel, kernel), (stride, stride), (kernel // 2, kernel // 2))
                for (width, wider), kernel, stride in zip(widths, kernels, o.strides, strict=True)
            )
        ).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        side = o.size
        for stride in o.strides:
            side = -(-side // stride)
        self.dim = o.channels[-1] * side**2

    def convolve(self, pictures: Tensor) -> Tensor:
        """See `FaceEncoder.convolve`."""
        return cast(Tensor, self.picture(pictures.contiguous(memory_format=torch.channels_last))).flatten(1)


SMALL_FACE = Encoder("small", "face", SmallFace, SmallFaceOptions, "plain convolutions, whose last map is flattened")
