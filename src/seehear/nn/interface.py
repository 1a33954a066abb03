"""Interfaces of the encoders: speech, lips, audio and faces; streaming speech encoders; spectra."""

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
"""Input of an audio encoder: `seehear.audio.spectrum.LogMel` or `seehear.audio.spectrum.LifteredMFCC`."""


class LipEncoder(nn.Module, ABC):
    """Encodes video frames as 25 embeddings per second, without padding in time.

    Attributes:
        region: part of the face crop that it takes.
        size: side of its square frames in pixels.
        colour: RGB if true, luma otherwise.
        context: video frames lost at each end of a clip.
        dim: width of an embedding.
        head: temporal layers from the per-frame features to embeddings.
        read: default layer for lip reading; see `seehear.nn.embed.PaddedLipEncoder`.
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
        """Normalise brightness and contrast per clip, as neither depends on what is spoken."""
        return standardise(video, over=(1, 2, 3, 4), floor=0.02)

    def convolve(self, video: Tensor) -> Tensor:
        """`forward` after normalisation: each embedding depends only on its 2 context + 1 frames."""
        return cast(Tensor, self.head(self.features(video))).transpose(1, 2)

    @abstractmethod
    def features(self, video: Tensor) -> Tensor:
        """Input of the head: normalised frames (B, 1 or 3, T, size, size) -> (B, C, T'), 25 per second."""


class SoundEncoder(nn.Module, ABC):
    """Encodes a log-mel as 25 embeddings per second, without padding in time.

    Attributes:
        hears: kind of spectrum: log-mel or MFCC.
        bands: number of bands (or cepstra) that it takes.
        context: video frames lost at each end of a clip.
        dim: width of an embedding.
        head: temporal layers from the per-frame features to embeddings.
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
        """Mean 0 and standard deviation 1 per band and clip: removes loudness, microphone and room."""
        return standardise(mel, over=(1,), floor=0.5)

    def convolve(self, mel: Tensor) -> Tensor:
        """`forward` after normalisation: each embedding depends only on its own context."""
        return cast(Tensor, self.head(self.features(mel))).transpose(1, 2)

    @abstractmethod
    def features(self, mel: Tensor) -> Tensor:
        """Input of the head: normalised log-mel (B, 4 T, bands) -> (B, C, T'), 25 per second."""


class FaceEncoder(nn.Module, ABC):
    """Encodes single images of canonical face crops.

    Unlike a `LipEncoder` it takes one frame, in colour and without normalisation: skin, hair and shape identify a
    person.

    Attributes:
        size: side of its square images in pixels.
        dim: width of its features.
    """

    size: int
    dim: int

    def forward(self, pictures: Tensor) -> Tensor:
        """Float RGB (B, 3, size, size) in 0..1 -> (B, dim)."""
        return self.convolve(2 * pictures - 1)

    @abstractmethod
    def convolve(self, pictures: Tensor) -> Tensor:
        """`forward` after scaling: images in -1..1 to features."""


CHUNK_FRAMES = 500
"""Video frames per chunk of a long recording: 20 s; longer chunks gain nothing."""


class SpeechEncoder(nn.Module, ABC):
    """Encodes audio at a fixed feature rate, in one pass whose cost is linear in the length.

    Unlike `SoundEncoder`, which does not pad time so that synchronisation cannot cheat, it returns features for the
    whole recording: T video frames of audio (640 T samples) give T * rate / 25 features; feature i starts at i / rate
    seconds.

    Attributes:
        rate: features per second: 25, or 100 for handcrafted features.
        layers: width of each layer by name, from first to last.
    """

    rate: int = FPS
    layers: dict[str, int]

    @property
    def dim(self) -> int:
        """Width of the last layer."""
        return self.layers[self.last_layer]

    @property
    def last_layer(self) -> str:
        """Name of the last layer, which pretext tasks use."""
        return next(reversed(self.layers))

    @property
    def default_layer(self) -> str:
        """Name of the default layer for tasks and tools; the papers use the last."""
        return self.last_layer

    @property
    def per_frame(self) -> int:
        """Features in one video frame."""
        return self.rate // FPS

    def forward(self, audio: Tensor, layer: str | None = None) -> Tensor:
        """Compute the features of a batch.

        Args:
            audio: float32 in [-1, 1] at 16 kHz, (B, 640 T).
            layer: layer to return; by default `read`.

        Returns:
            (B, T * rate / 25, width of the layer).

        Raises:
            KeyError: unknown layer.
            ValueError: the audio is not a whole number of video frames.
        """
        if audio.shape[-1] % SAMPLES_PER_FRAME:
            raise ValueError(f"{audio.shape[-1]} samples are not a whole number of video frames of {SAMPLES_PER_FRAME}")
        return self.layer_outputs(audio)[layer or self.default_layer]

    def all_layers(self, audio: Tensor) -> dict[str, Tensor]:
        """Compute all layers in one pass, which costs no more than one layer.

        Args:
            audio: (B, 640 T), of any length.
        """
        pieces = list(self.stream_layers(audio))
        return {name: torch.cat([piece[name] for piece in pieces], dim=1) for name in self.layers}

    def stream(self, audio: Tensor, layer: str | None = None, frames: int = CHUNK_FRAMES) -> Iterator[Tensor]:
        """Yield the features of a recording of any length, in chunks if the encoder supports it.

        Args:
            audio: (B, 640 T).
            layer: layer to return; by default `read`.
            frames: video frames per chunk.

        Yields:
            (B, t, width); concatenated, they equal the result of `forward`.

        Raises:
            KeyError: unknown layer.
            ValueError: the audio is not a whole number of video frames.
        """
        if audio.shape[-1] % SAMPLES_PER_FRAME:
            raise ValueError(f"{audio.shape[-1]} samples are not a whole number of video frames of {SAMPLES_PER_FRAME}")
        for piece in self.stream_layers(audio, frames):
            yield piece[layer or self.default_layer]

    def stream_layers(self, audio: Tensor, frames: int = CHUNK_FRAMES) -> Iterator[dict[str, Tensor]]:
        """The chunks of `stream` with every layer; by default one chunk."""
        yield self.layer_outputs(audio)

    @abstractmethod
    def layer_outputs(self, audio: Tensor) -> dict[str, Tensor]:
        """Features of every layer, in the order of ``layers``."""


class StreamedSpeech(SpeechEncoder):
    """A speech encoder made of a local part, with a bounded receptive field, and a left-to-right recurrent part.

    Chunked processing gives the same features as one pass: chunks overlap by ``reach`` on both sides, the overlap is
    dropped, and the recurrent state is passed on.

    Attributes:
        reach: video frames of audio beyond either end of a chunk that the local part needs; None if it needs the whole
            recording (statistics of the clip), so that it cannot be chunked.
        context: video frames on either side of its own that a feature depends on; None if unbounded, as for recurrent
            layers.
        causal: whether features do not depend on audio after their own video frame, except for ``reach``.
    """

    reach: int | None
    context: int | None = None
    causal: bool = False

    @abstractmethod
    def local(self, audio: Tensor) -> dict[str, Tensor]:
        """Layers of the local part, in order: (B, 640 T) -> (B, T, width) each."""

    def recur(self, features: Tensor, memory: Memory | None) -> tuple[dict[str, Tensor], Memory]:
        """Compute the layers of the recurrent part.

        Args:
            features: the last layer of the local part, (B, T, width).
            memory: recurrent state after the previous chunk; None at the start.

        Returns:
            The layers, (B, T, width) each, none without a recurrent part; and the state for the next chunk.
        """
        return {}, []

    def forward(self, audio: Tensor, layer: str | None = None) -> Tensor:
        """See `SpeechEncoder.forward`. Without gradients, long recordings are processed in chunks."""
        training = self.training or torch.is_grad_enabled()
        if training or self.reach is None or audio.shape[-1] <= CHUNK_FRAMES * SAMPLES_PER_FRAME:
            return super().forward(audio, layer)
        return torch.cat(list(self.stream(audio, layer, CHUNK_FRAMES)), dim=1)

    def layer_outputs(self, audio: Tensor) -> dict[str, Tensor]:
        """See `SpeechEncoder.layer_outputs`."""
        return self.finish(self.local(audio))

    def finish(self, layers: dict[str, Tensor]) -> dict[str, Tensor]:
        """Append the layers of the recurrent part to those of the local part."""
        return layers | self.recur(layers[next(reversed(layers))], None)[0]

    def stream_layers(self, audio: Tensor, frames: int = CHUNK_FRAMES) -> Iterator[dict[str, Tensor]]:
        """See `SpeechEncoder.pieces`; memory use does not grow with the length of the recording."""
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
"""Transforms audio (B, 640 T) in [-1, 1] to (B, 4 T, bands)."""


def make_spectrum(sound: SoundEncoder) -> Spectrum:
    """Build the spectrum that an audio encoder takes."""
    return LifteredMFCC(sound.bands) if sound.spectrum_name == "mfcc" else LogMel(sound.bands)
