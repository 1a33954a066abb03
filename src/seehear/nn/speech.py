"""Speech encoders from raw audio and from a log-mel.

`waveform`: raw audio in windows of 200 ms around each video frame (Shukla et al. 2020, arXiv 2001.04316, section 2).
Layer table of the group's published code for the same network (DinoMan/speech-driven-animation).

`resnet1d`: an 18-layer residual network on raw audio (Shukla et al. 2020, arXiv 2007.04134, section 2). The paper
shows its layer table only in a figure. This one, of the group's audio branch for lip reading (mpc001/
Lipreading_using_Temporal_Convolutional_Networks), has exactly the paper's 3 848 576 parameters and its 25 features per
second.

`logmel-gru`: three GRU layers on a log-mel, as in APC (Shukla et al. 2020, arXiv 2005.01400, section 3).

`StridedSpeech`: strided convolutions on raw audio, then a GRU: the encoder of CPC (van den Oord et al. 2018,
section 3.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, cast

from torch import Tensor, nn
from torch.nn import functional as F

from seehear.clip import SAMPLES_PER_FRAME
from seehear.config import check_minimums
from seehear.nn import Encoder
from seehear.nn.interface import StreamedSpeech
from seehear.nn.layers import MEL_FRAMES, Memory, Recurrent, receptive_field
from seehear.nn.small import MelSpeech, Normalise

WINDOW = 3200
"""Samples: 200 ms."""


TABLE = ((80, 16, 16), (4, 2, 32), (4, 2, 64), (4, 2, 128), (10, 5, 256))
"""Kernel, stride and channels: 3200 samples -> 200 -> 100 -> 50 -> 25 -> 5; a final kernel of 5 leaves one."""


@dataclass(frozen=True)
class WaveformOptions:
    """Options of the encoder.

    Attributes:
        dim: width of a window's features.
        hidden: width of the recurrent layers.
        gru: number of recurrent layers.
    """

    dim: int = 256
    hidden: int = 256
    gru: int = 2

    def __post_init__(self) -> None:
        check_minimums("sound", self, dim=1, hidden=1, gru=0)


class WaveformSpeech(StreamedSpeech):
    """Six convolutions on each window, then GRU layers over the windows.

    Windows are centred on their video frames, 40 ms apart; the ends are padded with silence, as in the paper.

    Layers: ``window``, then ``gru1``, ``gru2``.
    """

    reach = 2  # a window extends 1280 samples beyond its video frame
    causal = True

    def __init__(self, options: WaveformOptions | None = None) -> None:
        super().__init__()
        o = options or WaveformOptions()
        stack: list[nn.Module] = []
        width = 1
        for kernel, stride, wider in TABLE:
            padding = -((stride - kernel) // 2)  # rounded up: input length / stride outputs
            convolution = nn.Conv1d(width, wider, kernel, stride, padding, bias=False)
            stack += [convolution, nn.BatchNorm1d(wider), nn.ReLU(inplace=True)]
            width = wider
        self.window = nn.Sequential(*stack, nn.Conv1d(width, o.dim, 5), nn.Tanh())
        self.later = Recurrent(o.dim, o.hidden, o.gru)
        self.context = None if o.gru else self.reach
        self.layers = {"window": o.dim, **self.later.layers}

    def local(self, audio: Tensor) -> dict[str, Tensor]:
        """See `StreamedSpeech.local`."""
        beyond = (WINDOW - SAMPLES_PER_FRAME) // 2
        windows = F.pad(audio, (beyond, beyond)).unfold(1, WINDOW, SAMPLES_PER_FRAME)  # (B, T, 3200), a view
        features = self.window(windows.flatten(0, 1).unsqueeze(1))  # (B T, dim, 1)
        return {"window": features.view(*windows.shape[:2], -1)}

    def recur(self, features: Tensor, memory: Memory | None) -> tuple[dict[str, Tensor], Memory]:
        """See `StreamedSpeech.recur`."""
        return self.later(features, memory)  # type: ignore[no-any-return]


WAVEFORM = Encoder(
    "waveform",
    "speech",
    WaveformSpeech,
    WaveformOptions,
    "convolutions on windows of raw audio, then a GRU",
    "Shukla et al. 2020, arXiv 2001.04316",
)


@dataclass(frozen=True)
class ResNet1DOptions:
    """Options of the encoder.

    Attributes:
        width: channels of the first of four stages; each stage doubles them. The paper uses 64.
    """

    width: int = 64

    def __post_init__(self) -> None:
        check_minimums("sound", self, width=1)


class ResNet1D(StreamedSpeech):
    """A stem with a kernel of 5 ms, four stages of two residual blocks, then the mean over each video frame.

    Layers: ``stage1`` to ``stage4``, each averaged over a video frame.
    """

    reach = context = 1  # the receptive field is 1112 samples: 236 on either side of the video frame

    def __init__(self, options: ResNet1DOptions | None = None) -> None:
        super().__init__()
        width = (options or ResNet1DOptions()).width
        self.stem = nn.Sequential(
            nn.Conv1d(1, width, 80, 4, 38, bias=False), nn.BatchNorm1d(width), nn.ReLU(inplace=True)
        )
        widths = [width, width, 2 * width, 4 * width, 8 * width]
        self.stages = nn.ModuleList(
            nn.Sequential(
                ResidualBlock1d(widths[i], widths[i + 1], 1 if i == 0 else 2),
                ResidualBlock1d(widths[i + 1], widths[i + 1], 1),
            )
            for i in range(4)
        )
        self.layers = {f"stage{i}": widths[i] for i in range(1, 5)}

    def local(self, audio: Tensor) -> dict[str, Tensor]:
        """See `StreamedSpeech.local`."""
        features = self.stem(audio.unsqueeze(1))  # (B, C, 160 T)
        layers = {}
        for number, stage in enumerate(self.stages, 1):
            features = stage(features)
            in_frame = 160 >> (number - 1)
            layers[f"stage{number}"] = features.unflatten(2, (-1, in_frame)).mean(3).transpose(1, 2)
        return layers


RESNET1D = Encoder(
    "resnet1d",
    "speech",
    ResNet1D,
    ResNet1DOptions,
    "an 18-layer residual network on raw audio",
    "Shukla et al. 2020, arXiv 2007.04134",
)


class ResidualBlock1d(nn.Module):
    """Residual block of two convolutions with kernel 3 (He et al. 2016, arXiv 1512.03385, figure 2)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm1d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv1d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm1d(outputs),
        )
        self.around: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.around = nn.Sequential(nn.Conv1d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm1d(outputs))

    def forward(self, features: Tensor) -> Tensor:
        """(B, inputs, N) -> (B, outputs, N / stride)."""
        return cast(Tensor, (self.body(features) + self.around(features)).relu())


KERNELS, STRIDES = (10, 8, 4, 4, 4), (5, 4, 2, 2, 2)
"""As in the paper: one output depends on 465 samples, 29 ms; the strides multiply to 160, 10 ms."""


@dataclass(frozen=True)
class StridedOptions:
    """Options of the encoder.

    Attributes:
        channels: channels of the convolutions.
        hidden: width of the recurrent layer.
    """

    channels: int = 512
    hidden: int = 256

    def __post_init__(self) -> None:
        check_minimums("model", self, channels=1, hidden=1)


class Convolution(nn.Module):
    """A strided convolution without padding, layer norm over the channels of each time step, ReLU.

    The paper has no norm, but without one the deep stack hardly trains. A norm over time would leak information from
    other time steps (Rivière et al. 2020, arXiv 2002.02848, section 3).
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
    """Runs at 100 steps per second and returns 25 features per second.

    Layers: ``z`` (the four steps of a video frame concatenated), and ``gru1``, the context (their mean).
    """

    reach = 1  # one output extends 152 samples to either side of its own 10 ms
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
        field = receptive_field([self.convolutions], axis=0)
        spare = field.field - field.stride
        self.padding = (spare // 2, spare - spare // 2)
        self.recurrent = Recurrent(o.channels, o.hidden, 1)
        self.layers = {"z": MEL_FRAMES * o.channels, **self.recurrent.layers}

    def local_features(self, audio: Tensor) -> Tensor:
        """Outputs of the convolutions, 100 per second: (B, 640 T) -> (B, 4 T, channels)."""
        outputs: Tensor = self.convolutions(F.pad(audio, self.padding).unsqueeze(1))
        return outputs.transpose(1, 2).float()

    def contexts(self, moments: Tensor) -> Tensor:
        """Causal context of each step: (B, M, channels) -> (B, M, hidden)."""
        outputs, _ = self.recurrent(moments)
        return cast(Tensor, outputs["gru1"])

    def local(self, audio: Tensor) -> dict[str, Tensor]:
        """See `StreamedSpeech.local`."""
        return {"z": self.local_features(audio).reshape(len(audio), -1, MEL_FRAMES * self.channels)}

    def recur(self, features: Tensor, memory: Memory | None) -> tuple[dict[str, Tensor], Memory]:
        """See `StreamedSpeech.recur`."""
        outputs, memory = self.recurrent(features.reshape(len(features), -1, self.channels), memory)
        return {
            name: values.reshape(len(values), -1, MEL_FRAMES, values.shape[2]).mean(2)
            for name, values in outputs.items()
        }, memory


@dataclass(frozen=True)
class LogMelGRUOptions:
    """Options of the encoder.

    Attributes:
        bands: number of mel bands.
        normalise: normalisation of the log-mel: ``fixed``, the same for all audio; ``clip``, by the clip's statistics.
        hidden: width of the recurrent layers.
        depth: number of recurrent layers.
        frames: how four frames of 10 ms become one feature: their ``mean``, or the ``last`` one.
        projection: add a final linear layer, as the paper's text says. But the paper's 4 065 282 parameters are those
            of the GRU layers and the two outputs of the `odd` task, without it; and only linear layers use its output.
    """

    bands: int = 80
    normalise: Normalise = "fixed"
    hidden: int = 512
    depth: int = 3
    frames: Literal["mean", "last"] = "mean"
    projection: bool = False

    def __post_init__(self) -> None:
        check_minimums("sound", self, bands=1, hidden=1, depth=1)


class LogMelGRU(MelSpeech):
    """Runs at 100 steps per second and returns 25 features per second.

    Layers: ``mel`` (the four normalised log-mel frames of a video frame concatenated), ``gru1`` to ``gru3``, and
    ``features`` if there is a projection.
    """

    causal = True

    def __init__(self, options: LogMelGRUOptions | None = None) -> None:
        o = options or LogMelGRUOptions()
        super().__init__(o.bands, o.normalise)
        self.bands, self.frames = o.bands, o.frames
        self.reach = None if o.normalise == "clip" else 1  # windows of the log-mel extend slightly beyond a chunk
        self.recurrent = Recurrent(o.bands, o.hidden, o.depth)
        self.projection = nn.Linear(o.hidden, o.hidden) if o.projection else None
        self.layers = {"mel": MEL_FRAMES * o.bands, **self.recurrent.layers}
        if self.projection:
            self.layers["features"] = o.hidden

    def local_of_mel(self, mel: Tensor) -> dict[str, Tensor]:
        """See `MelSpeech.local_of_mel`."""
        return {"mel": self.normalise(mel).reshape(len(mel), -1, MEL_FRAMES * self.bands)}

    def recur(self, features: Tensor, memory: Memory | None) -> tuple[dict[str, Tensor], Memory]:
        """See `StreamedSpeech.recur`."""
        outputs, memory = self._frames100(features.reshape(len(features), -1, self.bands), memory)
        return {name: self._at_25(values) for name, values in outputs.items()}, memory

    def frames100(self, mel: Tensor) -> Tensor:
        """The last layer at 100 steps per second, causal: what APC predicts from.

        Args:
            mel: natural log-mel (B, frames, bands), not yet normalised.

        Returns:
            (B, frames, hidden).
        """
        return self._frames100(self.normalise(mel), None)[0][self.last_layer]

    def _frames100(self, mel: Tensor, memory: Memory | None) -> tuple[dict[str, Tensor], Memory]:
        outputs, memory = self.recurrent(mel, memory)
        if self.projection:
            outputs["features"] = self.projection(outputs[next(reversed(outputs))])
        return outputs, memory

    def _at_25(self, values: Tensor) -> Tensor:
        """(B, 4 T, width) -> (B, T, width)."""
        if self.frames == "last":
            return values[:, MEL_FRAMES - 1 :: MEL_FRAMES]
        return values.view(len(values), -1, MEL_FRAMES, values.shape[-1]).mean(2)


LOGMEL_GRU = Encoder(
    "logmel-gru",
    "speech",
    LogMelGRU,
    LogMelGRUOptions,
    "a GRU on a log-mel, as in APC",
    "Shukla et al. 2020, arXiv 2005.01400",
)
