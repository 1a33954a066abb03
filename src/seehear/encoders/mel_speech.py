"""Encoders of speech that begin with a log-mel spectrogram."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

from torch import Tensor

from seehear.audio.logmel import LogMel
from seehear.encoders.layers import standardise
from seehear.encoders.streamed import StreamedSpeech

Normalise = Literal["fixed", "clip"]

MEL_MEAN, MEL_DEVIATION = -5.0, 4.0
"""Of the natural log-mel of speech at usual levels, over all bands: brings it near mean 0 and deviation 1."""


class MelSpeech(StreamedSpeech):
    """A log-mel, normalised, then whatever the encoder does with it.

    Training disturbs the log-mel in between, so both halves can be called by themselves.

    Attributes:
        logmel: the first half; four frames a video frame.
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
        """The layers of the local part from a natural log-mel (B, 4 T, bands)."""

    def states_of_mel(self, mel: Tensor) -> dict[str, Tensor]:
        """The features of every layer from a natural log-mel (B, 4 T, bands), disturbed perhaps."""
        return self.finish(self.local_of_mel(mel))

    def normalise(self, mel: Tensor) -> Tensor:
        """``fixed``: one affine map for all sound, so that short words and padding are treated as long ones are.

        ``clip``: mean 0 and deviation 1 for each band of each clip, which takes out loudness, microphone and room.
        """
        if self.normalise_by == "clip":
            return standardise(mel, over=(1,), floor=0.5)
        return (mel - MEL_MEAN) / MEL_DEVIATION
