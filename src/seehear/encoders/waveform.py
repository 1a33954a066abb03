"""`waveform`: raw sound in windows of 200 ms around each video frame (Shukla et al. 2020, arXiv 2001.04316, section 2).

Layer table of the group's published code for the same network (DinoMan/speech-driven-animation).
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from seehear.bounds import require_at_least
from seehear.clip import SAMPLES_PER_FRAME
from seehear.encoders.recurrent import Recurrent
from seehear.encoders.streamed import Memory, StreamedSpeech

WINDOW = 3200
"""Samples: 200 ms."""

TABLE = ((80, 16, 16), (4, 2, 32), (4, 2, 64), (4, 2, 128), (10, 5, 256))
"""Kernel, stride and channels: 3200 samples -> 200 -> 100 -> 50 -> 25 -> 5; a last kernel of 5 leaves one."""


@dataclass(frozen=True)
class WaveformOptions:
    """Shape of the encoder.

    Attributes:
        dim: width of a window's features.
        hidden: width of the recurrent layers.
        gru: how many of them.
    """

    dim: int = 256
    hidden: int = 256
    gru: int = 2

    def __post_init__(self) -> None:
        require_at_least("sound", self, dim=1, hidden=1, gru=0)


class WaveformSpeech(StreamedSpeech):
    """Six convolutions over each window, all windows at once, then GRU layers over the windows.

    Windows are centred on their video frames, 40 ms apart; beyond the ends there is silence, as in the paper.

    Layers: ``window``, then ``gru1``, ``gru2``.
    """

    reach = 2  # a window reaches 1280 samples over its video frame
    causal = True

    def __init__(self, options: WaveformOptions | None = None) -> None:
        super().__init__()
        o = options or WaveformOptions()
        stack: list[nn.Module] = []
        width = 1
        for kernel, stride, wider in TABLE:
            padding = -((stride - kernel) // 2)  # rounded up: as many outputs as strides fit in
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
        windows = F.pad(audio, (beyond, beyond)).unfold(1, WINDOW, SAMPLES_PER_FRAME)  # (B, T, 3200), nothing copied
        features = self.window(windows.flatten(0, 1).unsqueeze(1))  # (B T, dim, 1)
        return {"window": features.view(*windows.shape[:2], -1)}

    def recur(self, features: Tensor, memory: Memory | None) -> tuple[dict[str, Tensor], Memory]:
        """See `StreamedSpeech.recur`."""
        return self.later(features, memory)  # type: ignore[no-any-return]
