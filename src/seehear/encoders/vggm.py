"""`paper`: the VGG-M encoders of the sync papers, 5 video frames of 224x224 pixels and 20 log-mel frames an embedding.

Layer tables of the group's published code (joonson/syncnet_trainer, FBank variant, and joonson/syncnet_python), which
Chung, Kang & Chung 2020 (arXiv 2004.14326) build on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn

from seehear.encoders.interface import LipsEncoder, SoundEncoder
from seehear.encoders.layers import conv1d, conv2d, conv3d
from seehear.encoders.span import MEL_FRAMES, Span, lips_context, sound_context, trim_to_context

WINDOW = 20
"""Log-mel frames of one window, 0.2 s: as long as the five video frames."""

TRUNK = 512
"""Width of the trunk's features, those that lip reading uses."""


@dataclass(frozen=True)
class PaperOptions:
    """Shape of either encoder.

    Attributes:
        dim: width of an embedding.
    """

    dim: int = 1024


class VGGMLips(LipsEncoder):
    """VGG-M whose first convolution sees five frames; whole face, colour.

    All later layers are 1 in time, so that a clip costs what its frames cost, however the windows overlap.
    """

    region = "face"
    size = 224
    colour = True

    def __init__(self, options: PaperOptions | None = None) -> None:
        super().__init__()
        self.dim = (options or PaperOptions()).dim
        self.trunk = nn.Sequential(
            conv3d(3, 96, (5, 7, 7), 2, padding=0),  # 224 -> 109
            nn.MaxPool3d((1, 3, 3), (1, 2, 2)),  # 54
            conv3d(96, 256, (1, 5, 5), 2, padding=1),  # 26
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),  # 13
            conv3d(256, 256, (1, 3, 3)),
            conv3d(256, 256, (1, 3, 3)),
            conv3d(256, 256, (1, 3, 3)),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2)),  # 6
            conv3d(256, TRUNK, (1, 6, 6), padding=0),  # 1
        )
        self.head = nn.Sequential(conv1d(TRUNK, TRUNK), nn.Conv1d(TRUNK, self.dim, 1))
        self.context = lips_context([self.trunk, self.head])

    def normalise(self, video: Tensor) -> Tensor:
        """Nothing: the published code feeds raw pixels, which the batch norm after the first layer makes up for."""
        return video

    def features(self, video: Tensor) -> Tensor:
        """See `LipsEncoder.features`."""
        return cast(Tensor, self.trunk(video)).flatten(2)  # (B, 512, T')


class VGGMSound(SoundEncoder):
    """VGG-M over windows of 20 log-mel frames, four apart.

    The table pads time inside a window. Run over a whole clip it would pad the clip's ends only, and be another
    function; so every window goes through by itself, as in the papers. Overlapping windows are computed five times
    over: 0.16 GMAC a video frame, beside 1.56 of the lips.
    """

    bands = 40

    def __init__(self, options: PaperOptions | None = None) -> None:
        super().__init__()
        self.dim = (options or PaperOptions()).dim
        self.trunk = nn.Sequential(  # (40, 20)
            conv2d(1, 96, (5, 7), padding=(2, 2)),  # (40, 18)
            nn.MaxPool2d((1, 3), (1, 2)),  # (40, 8)
            conv2d(96, 256, (5, 5), (2, 1), padding=(1, 1)),  # (19, 6)
            nn.MaxPool2d((3, 3), (2, 1)),  # (9, 4)
            conv2d(256, 384, (3, 3), padding=(1, 1)),
            conv2d(384, 256, (3, 3), padding=(1, 1)),
            conv2d(256, 256, (3, 3), padding=(1, 1)),
            nn.MaxPool2d((3, 3), (2, 2)),  # (4, 1)
            conv2d(256, TRUNK, (4, 1), padding=(0, 0)),  # (1, 1)
        )
        self.head = nn.Sequential(conv1d(TRUNK, TRUNK), nn.Conv1d(TRUNK, self.dim, 1))
        self.span = Span(WINDOW, MEL_FRAMES)
        self.context = sound_context(self.span)

    def features(self, mel: Tensor) -> Tensor:
        """See `SoundEncoder.features`."""
        mel = trim_to_context(mel, self.span)
        windows = mel.unfold(1, WINDOW, MEL_FRAMES)  # (B, T', 40, 20)
        features = cast(Tensor, self.trunk(windows.flatten(0, 1).unsqueeze(1)))  # (B T', 512, 1, 1)
        return features.view(len(mel), -1, TRUNK).transpose(1, 2)
