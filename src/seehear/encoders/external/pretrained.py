"""Networks as wav2vec 2.0 is one: convolutions over raw sound, then attention over all of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from seehear.clip import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME
from seehear.encoders.external.grid import grid_of, on_grid
from seehear.encoders.speech import PIECE, SpeechEncoder

LONGEST = 30 * FPS
"""Video frames that are heard at once: attention costs the square of the length."""

AROUND = 5 * FPS
"""Video frames that a piece of a longer recording is heard with at either end."""

EPSILON = 1e-7  # of the variance, as transformers' feature extractors add it


class PretrainedSpeech(SpeechEncoder):
    """A model of transformers that has ``conv_stride`` in its configuration.

    Its features are what the model itself gives of the same sound: a feature belongs to the time at which the sound
    that it begins with begins, so i to i / rate seconds. As its convolutions pad nothing, one or two are missing at the
    end; the last one stands for them.

    Recordings longer than `LONGEST` are heard in pieces with `AROUND` at both ends; each feature comes from the piece
    that it lies within.

    Layers: ``0``, what attention begins with, to the number of its layers, by their numbers.
    """

    def __init__(self, model: Any, normalise: bool, layer: str | None = None) -> None:
        """Takes the model as it is.

        Args:
            model: with the attributes ``config`` and a call of sound (B, N), as transformers' models of speech.
            normalise: whether it was trained on recordings of mean 0 and deviation 1.
            layer: that is read where no other is asked for; by default the last.
        """
        super().__init__()
        config = model.config
        self.model, self.normalise = model, normalise
        self.own_rate = SAMPLE_RATE / math.prod(config.conv_stride)
        self.rate = grid_of(self.own_rate)
        self.layers = {str(number): config.hidden_size for number in range(config.num_hidden_layers + 1)}
        self._read = layer or self.last

    @property
    def read(self) -> str:
        """See `SpeechEncoder.read`."""
        return self._read

    def forward(self, audio: Tensor, layer: str | None = None) -> Tensor:
        """See `SpeechEncoder.forward`."""
        return torch.cat(list(self.stream(audio, layer)), dim=1)

    def pieces(self, audio: Tensor, frames: int = PIECE) -> Iterator[dict[str, Tensor]]:
        """See `SpeechEncoder.pieces`; what is longer than `LONGEST` depends a little on where it is cut."""
        total = audio.shape[1] // SAMPLES_PER_FRAME
        if total <= LONGEST:
            yield self.states(audio)
            return
        heard = self._normalised(audio)
        for start in range(0, total, frames):
            stop = min(start + frames, total)
            first, last = max(0, start - AROUND), min(total, stop + AROUND)
            states = self._states(heard[:, first * SAMPLES_PER_FRAME : last * SAMPLES_PER_FRAME])
            inside = slice(self.per_frame * (start - first), self.per_frame * (stop - first))
            yield {name: state[:, inside] for name, state in states.items()}

    def states(self, audio: Tensor) -> dict[str, Tensor]:
        """See `SpeechEncoder.states`."""
        return self._states(self._normalised(audio))

    @torch.no_grad()
    def counts(self, samples: int) -> list[int]:
        """How many features the model gives of so much sound, layer by layer."""
        silence = torch.zeros(1, samples, device=next(self.parameters()).device)
        return [state.shape[1] for state in self._own_states(silence)]

    def _states(self, heard: Tensor) -> dict[str, Tensor]:
        slots = heard.shape[1] * self.rate // SAMPLE_RATE
        return {
            name: on_grid(state.float(), self.own_rate, self.rate, slots)
            for name, state in zip(self.layers, self._own_states(heard), strict=True)
        }

    def _own_states(self, heard: Tensor) -> list[Tensor]:
        found = self.model(heard, output_hidden_states=True)
        return [*found.hidden_states[:-1], found.last_hidden_state]  # only the latter is sure to be normalised

    def _normalised(self, audio: Tensor) -> Tensor:
        """Mean 0 and deviation 1 over each recording, but for the zeros that it was continued with."""
        if not self.normalise:
            return audio
        places = torch.arange(1, audio.shape[1] + 1, device=audio.device)
        lengths = (places * (audio != 0)).amax(1, keepdim=True).clamp_min(1)
        counts = places <= lengths
        mean = audio.sum(1, keepdim=True) / lengths
        variance = ((audio - mean).square() * counts).sum(1, keepdim=True) / lengths
        return (audio - mean) / (variance + EPSILON).sqrt() * counts
