"""`resnet1d`: an 18-layer residual network on raw sound (Shukla et al. 2020, arXiv 2007.04134, section 2).

The paper's layer table is in a figure. This one, that of the group's audio branch for lip reading (mpc001/
Lipreading_using_Temporal_Convolutional_Networks), has exactly the paper's 3 848 576 parameters and its 25 features a
second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn

from seehear.bounds import require_at_least
from seehear.encoders.streamed import StreamedSpeech


@dataclass(frozen=True)
class ResNet1DOptions:
    """Shape of the encoder.

    Attributes:
        width: channels of the first of four stages; each doubles them. The paper: 64.
    """

    width: int = 64

    def __post_init__(self) -> None:
        require_at_least("sound", self, width=1)


class ResNet1D(StreamedSpeech):
    """A stem over 5 ms, four stages of two residual blocks, then the mean over each video frame.

    Layers: ``stage1`` to ``stage4``, each as its mean over a video frame.
    """

    reach = context = 1  # a feature sees 1112 samples, 236 on either side of its video frame

    def __init__(self, options: ResNet1DOptions | None = None) -> None:
        super().__init__()
        width = (options or ResNet1DOptions()).width
        self.stem = nn.Sequential(
            nn.Conv1d(1, width, 80, 4, 38, bias=False), nn.BatchNorm1d(width), nn.ReLU(inplace=True)
        )
        widths = [width, width, 2 * width, 4 * width, 8 * width]
        self.stages = nn.ModuleList(
            nn.Sequential(Block(widths[i], widths[i + 1], 1 if i == 0 else 2), Block(widths[i + 1], widths[i + 1], 1))
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


class Block(nn.Module):
    """Two convolutions of 3 over time and a way around them (He et al. 2016, arXiv 1512.03385, figure 2)."""

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
