"""`vggm`: the sound tower of the sync papers as an encoder of speech, an output for each window of 0.2 s.

Averaged over time, as Nagrani, Chung, Albanie & Zisserman 2020 (arXiv 2002.08742) do with what says who speaks, it is
the voice tower of the group's networks.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from seehear.bounds import require_at_least
from seehear.encoders.mel_speech import MelSpeech, Normalise
from seehear.encoders.span import MEL_FRAMES
from seehear.encoders.speech import PIECE
from seehear.encoders.vggm import TRUNK, PaperSoundOptions, VGGMSound


@dataclass(frozen=True)
class VGGMSpeechOptions:
    """Shape of the encoder.

    Attributes:
        normalise: by what the log-mel is normalised: ``clip``, the clip's own statistics, as the papers have it; or
            ``fixed``, the same for all sound.
        dim: width of a window's embedding.
    """

    normalise: Normalise = "clip"
    dim: int = 1024

    def __post_init__(self) -> None:
        require_at_least("sound", self, dim=1)


class VGGMSpeech(MelSpeech):
    """Windows centred on their video frames, 40 ms apart; beyond the ends the spectrum goes on as it is there.

    Layers: ``trunk``, and ``embedding``, what the towers' heads make of it.
    """

    def __init__(self, options: VGGMSpeechOptions | None = None) -> None:
        o = options or VGGMSpeechOptions()
        super().__init__(VGGMSound.bands, o.normalise)
        self.sound = VGGMSound(PaperSoundOptions(o.dim))
        self.context = self.sound.context
        self.reach = None if o.normalise == "clip" else self.context + 1  # the log-mel's windows reach a little further
        self.layers = {"trunk": TRUNK, "embedding": o.dim}

    def local_of_mel(self, mel: Tensor) -> dict[str, Tensor]:
        """See `MelSpeech.local_of_mel`. Windows of a long recording go through in turns where nothing is learned."""
        frames, around = mel.shape[1] // MEL_FRAMES, MEL_FRAMES * self.sound.context
        padded = F.pad(self.normalise(mel).transpose(1, 2), (around, around), mode="replicate").transpose(1, 2)
        step = frames if self.training or torch.is_grad_enabled() else PIECE
        trunk = [
            self.sound.features(padded[:, MEL_FRAMES * start : MEL_FRAMES * (start + step) + 2 * around])
            for start in range(0, frames, step)
        ]
        features = torch.cat(trunk, dim=2)  # (B, 512, T)
        return {"trunk": features.transpose(1, 2), "embedding": self.sound.head(features).transpose(1, 2)}
