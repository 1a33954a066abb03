"""Any sound or clip through an encoder: padding, pieces, numpy in and out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from seehear.audio.recording import resample
from seehear.clip import FPS, SAMPLES_PER_FRAME
from seehear.errors import SeehearError
from seehear.nn.interface import CHUNK_FRAMES, LipEncoder, SoundEncoder, Spectrum, SpeechEncoder
from seehear.nn.layers import MEL_FRAMES

Features = NDArray[np.float32]


MIN_RATE, MAX_RATE = 1000, 768_000


def embed_audio(
    encoder: SpeechEncoder, wave: NDArray[Any] | Tensor, sample_rate: int, layer: str | None = None
) -> Features:
    """Features of one recording.

    Sound that ends within a video frame is continued by silence to its end. Long recordings go through in pieces where
    the encoder can be cut; what comes of it is the same.

    Args:
        encoder: any; its mode and its weights stay as they are.
        wave: one channel of sound, (N,): floats in [-1, 1], or whole numbers as files have them (int16, int32).
        sample_rate: of the wave, in Hz; resampled to 16 kHz.
        layer: which layer's; by default the one that the encoder says is read best (`SpeechEncoder.default_layer`).

    Returns:
        float32 (ceil(seconds * 25) * rate / 25, width of the layer), feature i at i / rate seconds.

    Raises:
        SeehearError: no sound, several channels, samples that are no numbers, a strange rate, or no such layer.
    """
    check_layer(encoder, layer)
    heard = torch.from_numpy(to_model_audio(wave, sample_rate))[None]
    device = next((tensor.device for tensor in (*encoder.parameters(), *encoder.buffers())), torch.device("cpu"))
    with eval_mode(encoder), torch.inference_mode():
        parts = [part[0].float().cpu().numpy() for part in encoder.stream(heard.to(device), layer)]
    return np.concatenate(parts)


def check_layer(encoder: SpeechEncoder, layer: str | None) -> None:
    """That there is such a layer.

    Raises:
        SeehearError: no.
    """
    if layer is not None and layer not in encoder.layers:
        raise SeehearError(f"there is no layer {layer!r} in this encoder; it has {', '.join(encoder.layers)}")


def to_model_audio(wave: NDArray[Any] | Tensor, sample_rate: int) -> NDArray[np.float32]:
    """Sound as encoders take it: float32 in [-1, 1] at 16 kHz, whole video frames, (640 T,).

    Raises:
        SeehearError: see `embed_audio`.
    """
    samples = wave.detach().cpu().numpy() if isinstance(wave, Tensor) else np.asarray(wave)
    if samples.ndim != 1:
        raise SeehearError(f"sound must be one channel of samples, (N,), not {samples.shape}; mix its channels first")
    if not len(samples):
        raise SeehearError("the sound has 0 samples; give a recording that is not empty")
    if not MIN_RATE <= sample_rate <= MAX_RATE or sample_rate != int(sample_rate):
        raise SeehearError(f"a sample rate of {sample_rate} Hz cannot be; give that of the recording, such as 16000")
    if np.issubdtype(samples.dtype, np.signedinteger):
        samples = samples / -float(np.iinfo(samples.dtype).min)
    elif not np.issubdtype(samples.dtype, np.floating):
        raise SeehearError(f"sound must be floats or signed whole numbers, not {samples.dtype}; convert it first")
    if not np.isfinite(samples).all():
        raise SeehearError("the sound has samples that are no numbers (NaN or infinite); repair or leave out the file")
    heard = resample(samples.astype(np.float32), int(sample_rate))
    return np.pad(heard, (0, -len(heard) % SAMPLES_PER_FRAME))


@contextmanager
def eval_mode(module: nn.Module) -> Iterator[None]:
    """Dropout and batch norms do what they do after training; each layer gets its mode back."""
    training = [layer for layer in module.modules() if layer.training]
    module.eval()
    try:
        yield
    finally:
        for layer in training:
            layer.training = True


def freeze_unused_layers(encoder: SpeechEncoder, layer: str) -> None:
    """Ask no gradients of what lies behind a layer: it would never get any, and processes that train together wait for
    the gradients of all that ask for them.

    Raises:
        ValueError: no such layer.
    """
    if layer not in encoder.layers:
        raise ValueError(f"there is no layer {layer!r} in this encoder; it has {', '.join(encoder.layers)}")
    if layer == encoder.last_layer:
        return
    weights = [weight for weight in encoder.parameters() if weight.requires_grad]
    with eval_mode(encoder), torch.enable_grad():
        heard = encoder.layer_outputs(torch.zeros(1, FPS * SAMPLES_PER_FRAME))[layer]
    gradients = torch.autograd.grad(heard.sum(), weights, allow_unused=True)
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.requires_grad_(gradient is not None)


class PaddedSpeechEncoder(SpeechEncoder):
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

    def layer_outputs(self, audio: Tensor) -> dict[str, Tensor]:
        """See `SpeechEncoder.layer_outputs`."""
        return self._layers(self._padded(self.spectrum(audio)))

    def stream_layers(self, audio: Tensor, frames: int = CHUNK_FRAMES) -> Iterator[dict[str, Tensor]]:
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


TRUNK, EMBEDDING = "trunk", "embedding"


class PaddedLipEncoder(nn.Module):
    """A `LipEncoder` that continues a clip beyond both ends by its first and its last picture.

    Pictures are normalised over the clip, as in training, before it is continued. Within its context of the ends, and
    only there, an embedding is one that sync never asks for.

    Layers: ``trunk``, what is seen in single moments (512 numbers in the published network, which the papers read lips
    from); ``hidden1`` and so on, the layers of the head over time; ``embedding``, what sync compares.

    Attributes:
        lips: the encoder.
        layers: width of each layer by name, from the pictures to the last.
        read: name of the layer that is read where no other is asked for.
    """

    def __init__(self, lips: LipEncoder, normalised: bool) -> None:
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
        self.default_layer = lips.default_layer
        self.train(lips.training)

    def forward(self, pictures: Tensor, layer: str | None = None) -> Tensor:
        """Features of a batch.

        Args:
            pictures: float (B, 1 or 3, T, size, size) in 0..1, as the encoder takes them.
            layer: whose; by default ``default_layer``.

        Returns:
            (B, T, width of the layer).

        Raises:
            KeyError: no such layer.
        """
        wanted = layer or self.default_layer
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


class PixelEncoder(LipEncoder):
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
