"""The lip encoder of a sync model for reading lips: features for each video frame of a clip, those at the ends too."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from seehear.encoders.interface import LipsEncoder

TRUNK, EMBEDDING = "trunk", "embedding"


class PaddedLips(nn.Module):
    """A `LipsEncoder` that continues a clip beyond both ends by its first and its last picture.

    Pictures are normalised over the clip, as in training, before it is continued. Within its context of the ends, and
    only there, an embedding is one that sync never asks for.

    Layers: ``trunk``, what is seen in single moments (512 numbers in the published network, which the papers read lips
    from); ``hidden1`` and so on, the layers of the head over time; ``embedding``, what sync compares.

    Attributes:
        lips: the encoder.
        layers: width of each layer by name, from the pictures to the last.
        read: name of the layer that is read where no other is asked for.
    """

    def __init__(self, lips: LipsEncoder, normalised: bool) -> None:
        """Shares the layers of the encoder, so that it learns when they do.

        Args:
            lips: the encoder.
            normalised: whether embeddings are compared by their angle and therefore have length 1.
        """
        super().__init__()
        self.lips, self.normalised = lips, normalised
        widths = [layer for layer in lips.head.modules() if isinstance(layer, nn.Conv1d)]
        self.layers = {TRUNK: widths[0].in_channels if widths else lips.dim}
        self.layers |= {f"hidden{n}": layer.out_channels for n, layer in enumerate(widths[:-1], 1)}
        self.layers[EMBEDDING] = lips.dim
        self.read = lips.read
        self.train(lips.training)

    def forward(self, pictures: Tensor, layer: str | None = None) -> Tensor:
        """Features of a batch.

        Args:
            pictures: float (B, 1 or 3, T, size, size) in 0..1, as the encoder takes them.
            layer: whose; by default ``read``.

        Returns:
            (B, T, width of the layer).

        Raises:
            KeyError: no such layer.
        """
        wanted = layer or self.read
        if wanted not in self.layers:
            raise KeyError(wanted)
        depth = list(self.layers).index(wanted)
        reach = self.lips.context
        padded = F.pad(self.lips.normalise(pictures), (0, 0, 0, 0, reach, reach), mode="replicate")
        states = cast(Tensor, self.lips.head[:depth](self.lips.features(padded)))
        states = _middle(states, pictures.shape[2]).transpose(1, 2).float()
        return F.normalize(states, dim=-1) if self.normalised and wanted == EMBEDDING else states


def _middle(states: Tensor, frames: int) -> Tensor:
    """The middle ``frames`` of (B, C, T'): what is left over at both ends was there for later layers to see."""
    spare = (states.shape[2] - frames) // 2
    return states[:, :, spare : spare + frames]


class Pixels(LipsEncoder):
    """The pictures themselves, small and grey: what learned features are compared with."""

    region = "mouth"
    colour = False
    context = 0
    size = 16
    dim = size * size

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Sequential()

    def features(self, video: Tensor) -> Tensor:
        """See `LipsEncoder.features`."""
        return video[:, 0].flatten(2).transpose(1, 2)
