"""The sound encoder of a sync model as a speech encoder: an embedding for each video frame, those at the ends too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seehear.clip import SAMPLES_PER_FRAME
from seehear.encoders.interface import SoundEncoder
from seehear.encoders.span import MEL_FRAMES
from seehear.encoders.spectrum import Spectrum
from seehear.encoders.speech import PIECE, SpeechEncoder


class PaddedSpeech(SpeechEncoder):
    """A `SoundEncoder` that continues the spectrum beyond both ends by what it is there.

    It is normalised over the clip, as in training, before it is continued: what is added changes no statistic. Within
    its context of the ends, and only there, an embedding is one that sync never asks for.

    Layers: ``spectrum``, the features of single moments; those of further heads; and ``embedding``, what sync compares.
    """

    def __init__(
        self,
        sound: SoundEncoder,
        spectrum: Spectrum,
        normalised: bool,
        heads: Mapping[str, nn.Sequential] | None = None,
    ) -> None:
        """Shares the layers of both, so that it learns when they do.

        Args:
            sound: the encoder.
            spectrum: what it takes.
            normalised: whether embeddings are compared by their angle and therefore have length 1.
            heads: further ones of the shape of the encoder's own, by the names of their layers.
        """
        super().__init__()
        self.sound, self.spectrum, self.normalised = sound, spectrum, normalised
        self.heads = nn.ModuleDict(heads or {})
        first = next(layer for layer in sound.head.modules() if isinstance(layer, nn.Conv1d))
        self.layers = {"spectrum": first.in_channels, **dict.fromkeys((*self.heads, "embedding"), sound.dim)}
        self.train(sound.training)

    def states(self, audio: Tensor) -> dict[str, Tensor]:
        """See `SpeechEncoder.states`."""
        return self._layers(self._padded(self.spectrum(audio)))

    def pieces(self, audio: Tensor, frames: int = PIECE) -> Iterator[dict[str, Tensor]]:
        """See `SpeechEncoder.pieces`. In pieces but for its normalisation, which is over all."""
        total = audio.shape[1] // SAMPLES_PER_FRAME
        places = [(start, min(start + frames, total)) for start in range(0, total, frames)]
        mel = self._padded(torch.cat([self._mel(audio, *place) for place in places], dim=1))
        around = 2 * self.sound.context
        for start, stop in places:
            yield self._layers(mel[:, MEL_FRAMES * start : MEL_FRAMES * (stop + around)])

    def _mel(self, audio: Tensor, start: int, stop: int) -> Tensor:
        """Frames [start, stop) of the spectrum of all; its windows reach up to 15 ms over the ends."""
        first = max(start - 1, 0)
        mel: Tensor = self.spectrum(audio[:, first * SAMPLES_PER_FRAME : (stop + 1) * SAMPLES_PER_FRAME])
        return mel[:, MEL_FRAMES * (start - first) : MEL_FRAMES * (stop - first)]

    def _padded(self, mel: Tensor) -> Tensor:
        reach = MEL_FRAMES * self.sound.context
        return F.pad(self.sound.normalise(mel).transpose(1, 2), (reach, reach), mode="replicate").transpose(1, 2)

    def _layers(self, mel: Tensor) -> dict[str, Tensor]:
        features = self.sound.features(mel)  # (B, C, T'): T embeddings and what the head sees around them
        embeddings = {
            name: head(features).transpose(1, 2).float()
            for name, head in (*self.heads.items(), ("embedding", self.sound.head))
        }
        if self.normalised:
            embeddings = {name: F.normalize(values, dim=-1) for name, values in embeddings.items()}
        spectrum = _centred(features, embeddings["embedding"].shape[1]).transpose(1, 2).float()
        return {"spectrum": spectrum} | embeddings


def _centred(features: Tensor, frames: int) -> Tensor:
    """The middle ``frames`` of (B, C, T'); the means of neighbours where the middle lies between two."""
    if (features.shape[2] - frames) % 2:
        features = F.avg_pool1d(features, 2, 1)
    spare = (features.shape[2] - frames) // 2
    return features[:, :, spare : spare + frames]
