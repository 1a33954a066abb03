"""What encoders promise: speech, lips, sound, faces; streamed speech; spectra."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Literal, cast

import torch
from torch import Tensor, nn

from seehear.audio.spectrum import LifteredMFCC, LogMel
from seehear.clip import FPS, SAMPLES_PER_FRAME, Region
from seehear.nn.layers import Memory, standardise

SpectrumName = Literal["logmel", "mfcc"]
"""What a sound encoder hears: `seehear.audio.spectrum.LogMel`, or `seehear.audio.spectrum.LifteredMFCC`."""


class LipEncoder(nn.Module, ABC):
    """Pictures to embeddings, 25 a second, without time padding.

    Attributes:
        region: which part of the face crop it looks at.
        size: side of the square pictures it takes, in pixels.
        colour: RGB, or luma only.
        context: video frames lost at each end of a clip.
        dim: width of an embedding.
        head: from the features of single moments to embeddings, over time.
        read: layer that lip reading reads where no other is asked for; see `seehear.nn.embed.PaddedLipEncoder`.
    """

    region: Region
    size: int
    colour: bool
    context: int
    dim: int
    head: nn.Sequential
    default_layer: str = "embedding"

    def forward(self, video: Tensor) -> Tensor:
        """Float (B, 1 or 3, T, size, size) in 0..1 -> (B, T - 2 context, dim)."""
        return self.convolve(self.normalise(video))

    def normalise(self, video: Tensor) -> Tensor:
        """Take brightness and contrast out of each clip: neither says what is spoken."""
        return standardise(video, over=(1, 2, 3, 4), floor=0.02)

    def convolve(self, video: Tensor) -> Tensor:
        """What `forward` does to the normalised pictures: each embedding sees its 2 context + 1 frames only."""
        return cast(Tensor, self.head(self.features(video))).transpose(1, 2)

    @abstractmethod
    def features(self, video: Tensor) -> Tensor:
        """What the head gets: normalised pictures (B, 1 or 3, T, size, size) -> (B, C, T'), 25 a second."""


class SoundEncoder(nn.Module, ABC):
    """Log-mel to embeddings, 25 a second, without time padding.

    Attributes:
        hears: a log-mel, or MFCC.
        bands: how many bands of it (or cepstra) it takes.
        context: video frames lost at each end of a clip.
        dim: width of an embedding.
        head: from the features of single moments to embeddings, over time.
    """

    spectrum_name: SpectrumName = "logmel"
    bands: int
    context: int
    dim: int
    head: nn.Sequential

    def forward(self, mel: Tensor) -> Tensor:
        """Natural log-mel (B, 4 T, bands) -> (B, T - 2 context, dim)."""
        return self.convolve(self.normalise(mel))

    def normalise(self, mel: Tensor) -> Tensor:
        """Mean 0 and deviation 1 for each band of each clip: takes out loudness, microphone and room."""
        return standardise(mel, over=(1,), floor=0.5)

    def convolve(self, mel: Tensor) -> Tensor:
        """What `forward` does to the normalised log-mel: each embedding sees its own surroundings only."""
        return cast(Tensor, self.head(self.features(mel))).transpose(1, 2)

    @abstractmethod
    def features(self, mel: Tensor) -> Tensor:
        """What the head gets: normalised log-mel (B, 4 T, bands) -> (B, C, T'), 25 a second."""


class FaceEncoder(nn.Module, ABC):
    """Still pictures of canonical face crops to features.

    Unlike a `LipsEncoder` it sees one moment, in colour and in its own light: skin, hair and shape say who it is.

    Attributes:
        size: side of the square pictures it takes, in pixels.
        dim: width of its features.
    """

    size: int
    dim: int

    def forward(self, pictures: Tensor) -> Tensor:
        """Float RGB (B, 3, size, size) in 0..1 -> (B, dim)."""
        return self.convolve(2 * pictures - 1)

    @abstractmethod
    def convolve(self, pictures: Tensor) -> Tensor:
        """What `forward` does to pictures in -1..1."""


CHUNK_FRAMES = 500
"""Video frames of a piece of a long recording: 20 s, beyond which nothing is gained by longer ones."""


class SpeechEncoder(nn.Module, ABC):
    """Sound to features, a fixed number of them a second, in one pass whose cost is linear in the length.

    Unlike `SoundEncoder`, which pads no time so that sync cannot cheat, it gives features for the whole of the sound:
    T video frames of sound (640 T samples) give T * rate / 25 of them, and feature i belongs to i / rate seconds.

    Attributes:
        rate: features a second: 25, or 100 for those that are computed and not learned.
        layers: width of each layer that can be read, by name, from the sound to the last.
    """

    rate: int = FPS
    layers: dict[str, int]

    @property
    def dim(self) -> int:
        """Width of the last layer."""
        return self.layers[self.last_layer]

    @property
    def last_layer(self) -> str:
        """Name of the last layer: what the pretext reads."""
        return next(reversed(self.layers))

    @property
    def default_layer(self) -> str:
        """Name of the layer that tasks and tools read where no other is asked for: the papers read the last."""
        return self.last_layer

    @property
    def per_frame(self) -> int:
        """Features in one video frame."""
        return self.rate // FPS

    def forward(self, audio: Tensor, layer: str | None = None) -> Tensor:
        """Features of a batch.

        Args:
            audio: float32 in [-1, 1] at 16 kHz, (B, 640 T).
            layer: whose; by default `read`.

        Returns:
            (B, T * rate / 25, width of the layer).

        Raises:
            KeyError: no such layer.
            ValueError: the sound is no whole number of video frames.
        """
        if audio.shape[-1] % SAMPLES_PER_FRAME:
            raise ValueError(f"{audio.shape[-1]} samples are no whole number of video frames of {SAMPLES_PER_FRAME}")
        return self.layer_outputs(audio)[layer or self.default_layer]

    def all_layers(self, audio: Tensor) -> dict[str, Tensor]:
        """What `forward` gives of each layer, in one pass: to compare layers costs no more than to read one.

        Args:
            audio: (B, 640 T), of any length.
        """
        pieces = list(self.stream_layers(audio))
        return {name: torch.cat([piece[name] for piece in pieces], dim=1) for name in self.layers}

    def stream(self, audio: Tensor, layer: str | None = None, frames: int = CHUNK_FRAMES) -> Iterator[Tensor]:
        """Features of a recording of any length, in pieces where the encoder can be cut.

        Args:
            audio: (B, 640 T).
            layer: whose; by default `read`.
            frames: video frames of a piece.

        Yields:
            (B, t, width), pieces that joined are what `forward` gives.

        Raises:
            KeyError: no such layer.
            ValueError: the sound is no whole number of video frames.
        """
        if audio.shape[-1] % SAMPLES_PER_FRAME:
            raise ValueError(f"{audio.shape[-1]} samples are no whole number of video frames of {SAMPLES_PER_FRAME}")
        for piece in self.stream_layers(audio, frames):
            yield piece[layer or self.default_layer]

    def stream_layers(self, audio: Tensor, frames: int = CHUNK_FRAMES) -> Iterator[dict[str, Tensor]]:
        """The pieces that `stream` gives, of every layer; here, all in one."""
        yield self.layer_outputs(audio)

    @abstractmethod
    def layer_outputs(self, audio: Tensor) -> dict[str, Tensor]:
        """The features of every layer, in the order of ``layers``."""


class StreamedSpeech(SpeechEncoder):
    """A local part, whose features see a bounded stretch of sound, and a recurrent part, which goes left to right.

    Cut into pieces it gives the same features as in one pass: pieces overlap by ``reach`` on both sides, what lies
    there is dropped, and the recurrent part is handed its own memory.

    Attributes:
        reach: video frames of sound beyond either end of a piece that the local part sees; None where it sees the
            whole recording (statistics of the clip), so that it cannot be cut.
        context: video frames beyond either end of its own that a feature is made of; None where it knows more, as
            recurrent layers do.
        causal: whether no feature knows of sound that is later than its own video frame, but for ``reach``.
    """

    reach: int | None
    context: int | None = None
    causal: bool = False

    @abstractmethod
    def local(self, audio: Tensor) -> dict[str, Tensor]:
        """The layers of the local part, in order: (B, 640 T) -> (B, T, width) each."""

    def recur(self, features: Tensor, memory: Memory | None) -> tuple[dict[str, Tensor], Memory]:
        """The layers of the recurrent part.

        Args:
            features: the last layer of the local part, (B, T, width).
            memory: from the piece before; None at the beginning.

        Returns:
            The layers (B, T, width) each, none where nothing is recurrent; and the memory for the next piece.
        """
        return {}, []

    def forward(self, audio: Tensor, layer: str | None = None) -> Tensor:
        """See `SpeechEncoder.forward`. Long recordings go through in pieces where nothing is learned from them."""
        learning = self.training or torch.is_grad_enabled()
        if learning or self.reach is None or audio.shape[-1] <= CHUNK_FRAMES * SAMPLES_PER_FRAME:
            return super().forward(audio, layer)
        return torch.cat(list(self.stream(audio, layer, CHUNK_FRAMES)), dim=1)

    def layer_outputs(self, audio: Tensor) -> dict[str, Tensor]:
        """See `SpeechEncoder.layer_outputs`."""
        return self.finish(self.local(audio))

    def finish(self, layers: dict[str, Tensor]) -> dict[str, Tensor]:
        """The layers of the local part, and those of the recurrent part after them."""
        return layers | self.recur(layers[next(reversed(layers))], None)[0]

    def stream_layers(self, audio: Tensor, frames: int = CHUNK_FRAMES) -> Iterator[dict[str, Tensor]]:
        """See `SpeechEncoder.pieces`; the memory that it takes does not grow with the recording."""
        total = audio.shape[-1] // SAMPLES_PER_FRAME
        if self.reach is None or total <= frames:
            yield self.layer_outputs(audio)
            return
        memory: Memory | None = None
        for start in range(0, total, frames):
            stop = min(start + frames, total)
            first, last = max(0, start - self.reach), min(total, stop + self.reach)
            wide = self.local(audio[:, first * SAMPLES_PER_FRAME : last * SAMPLES_PER_FRAME])
            layers = {name: values[:, start - first : stop - first] for name, values in wide.items()}
            later, memory = self.recur(layers[next(reversed(layers))], memory)
            yield layers | later


Spectrum = LogMel | LifteredMFCC
"""Sound (B, 640 T) in [-1, 1] -> (B, 4 T, bands)."""


def make_spectrum(sound: SoundEncoder) -> Spectrum:
    """The spectrum that a sound encoder takes."""
    return LifteredMFCC(sound.bands) if sound.spectrum_name == "mfcc" else LogMel(sound.bands)
