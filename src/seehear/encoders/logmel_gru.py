"""`logmel-gru`: three GRU layers over a log-mel, as in APC (Shukla et al. 2020, arXiv 2005.01400, section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from seehear.bounds import require_at_least
from seehear.encoders.mel_speech import MelSpeech, Normalise
from seehear.encoders.recurrent import Recurrent
from seehear.encoders.span import MEL_FRAMES
from seehear.encoders.streamed import Memory


@dataclass(frozen=True)
class LogMelGRUOptions:
    """Shape of the encoder.

    Attributes:
        bands: mel bands.
        normalise: by what the log-mel is normalised: ``fixed``, the same for all sound; ``clip``, the clip's own.
        hidden: width of the recurrent layers.
        depth: how many of them.
        frames: what one feature makes of its four frames of 10 ms: their ``mean``, or the ``last`` of them.
        projection: a linear layer behind, as the paper's text has it. Its count of parameters, 4 065 282, is that of
            the GRU layers and of two outputs, the `odd` task's, without it; and nothing but linear layers read it.
    """

    bands: int = 80
    normalise: Normalise = "fixed"
    hidden: int = 512
    depth: int = 3
    frames: Literal["mean", "last"] = "mean"
    projection: bool = False

    def __post_init__(self) -> None:
        require_at_least("sound", self, bands=1, hidden=1, depth=1)


class LogMelGRU(MelSpeech):
    """Works at 100 frames a second and gives 25 features a second.

    Layers: ``mel`` (the four normalised log-mel frames of a video frame side by side), ``gru1`` to ``gru3``, and
    ``features`` where there is a projection.
    """

    causal = True

    def __init__(self, options: LogMelGRUOptions | None = None) -> None:
        o = options or LogMelGRUOptions()
        super().__init__(o.bands, o.normalise)
        self.bands, self.frames = o.bands, o.frames
        self.reach = None if o.normalise == "clip" else 1  # windows of the log-mel reach a little over a piece's ends
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
        found, memory = self._frames100(features.reshape(len(features), -1, self.bands), memory)
        return {name: self._at_25(values) for name, values in found.items()}, memory

    def frames100(self, mel: Tensor) -> Tensor:
        """The last layer at 100 frames a second, each of which knows of no later one: what APC predicts from.

        Args:
            mel: natural log-mel (B, frames, bands), not normalised yet.

        Returns:
            (B, frames, hidden).
        """
        return self._frames100(self.normalise(mel), None)[0][self.last]

    def _frames100(self, mel: Tensor, memory: Memory | None) -> tuple[dict[str, Tensor], Memory]:
        found, memory = self.recurrent(mel, memory)
        if self.projection:
            found["features"] = self.projection(found[next(reversed(found))])
        return found, memory

    def _at_25(self, values: Tensor) -> Tensor:
        """(B, 4 T, width) -> (B, T, width)."""
        if self.frames == "last":
            return values[:, MEL_FRAMES - 1 :: MEL_FRAMES]
        return values.view(len(values), -1, MEL_FRAMES, values.shape[-1]).mean(2)
