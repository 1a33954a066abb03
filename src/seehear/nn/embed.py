"""Run encoders on whole recordings and clips: padding, chunking, NumPy input and output."""

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
from seehear.errors import ModelError, SeehearError
from seehear.nn.interface import CHUNK_FRAMES, LipEncoder, SoundEncoder, Spectrum, SpeechEncoder
from seehear.nn.layers import MEL_FRAMES

Features = NDArray[np.float32]


MIN_RATE, MAX_RATE = 1000, 768_000


def embed_audio(
    encoder: SpeechEncoder, wave: NDArray[Any] | Tensor, sample_rate: int, layer: str | None = None
) -> Features:
    """Compute the features of one recording.

    A partial last video frame is padded with silence. Long recordings are processed in chunks if the encoder supports
    it; the result is the same.

    Args:
        encoder: any speech encoder. Its mode and weights do not change.
        wave: mono audio (N,): floats in [-1, 1] or signed integers as stored in files (int16, int32).
        sample_rate: of the wave, in Hz; resampled to 16 kHz.
        layer: layer to return; by default the encoder's recommended one (`SpeechEncoder.default_layer`).

    Returns:
        float32 (ceil(seconds * 25) * rate / 25, width of the layer); feature i starts at i / rate seconds.

    Raises:
        SeehearError: empty audio, several channels, samples that are not finite, invalid sample rate, or unknown layer.
    """
    check_layer(encoder, layer)
    audio = torch.from_numpy(to_model_audio(wave, sample_rate))[None]
    device = next((tensor.device for tensor in (*encoder.parameters(), *encoder.buffers())), torch.device("cpu"))
    with eval_mode(encoder), torch.inference_mode():
        parts = [part[0].float().cpu().numpy() for part in encoder.stream(audio.to(device), layer)]
    return np.concatenate(parts)


def check_layer(encoder: SpeechEncoder, layer: str | None) -> None:
    """Check that the encoder has this layer.

    Raises:
        ModelError: it does not.
    """
    if layer is not None and layer not in encoder.layers:
        raise ModelError(f"this encoder has no layer {layer!r}; choose one of {', '.join(encoder.layers)}")


def to_model_audio(wave: NDArray[Any] | Tensor, sample_rate: int) -> NDArray[np.float32]:
    """Convert audio to the encoders' input: float32 in [-1, 1] at 16 kHz, whole video frames, (640 T,).

    Raises:
        SeehearError: see `embed_audio`.
    """
    samples = wave.detach().cpu().numpy() if isinstance(wave, Tensor) else np.asarray(wave)
    if samples.ndim != 1:
        raise SeehearError(f"audio must have one channel, shape (N,), not {samples.shape}; mix its channels first")
    if not len(samples):
        raise SeehearError("the audio is empty; give a recording with samples")
    if not MIN_RATE <= sample_rate <= MAX_RATE or sample_rate != int(sample_rate):
        raise SeehearError(f"a sample rate of {sample_rate} Hz cannot be; give that of the recording, such as 16000")
    if np.issubdtype(samples.dtype, np.signedinteger):
        samples = samples / -float(np.iinfo(samples.dtype).min)
    elif not np.issubdtype(samples.dtype, np.floating):
        raise SeehearError(f"audio must be floating point or signed integer, not {samples.dtype}; convert it first")
    if not np.isfinite(samples).all():
        raise SeehearError("the audio contains NaN or infinite samples; repair the file or leave it out")
    audio = resample(samples.astype(np.float32), int(sample_rate))
    return np.pad(audio, (0, -len(audio) % SAMPLES_PER_FRAME))


@contextmanager
def eval_mode(module: nn.Module) -> Iterator[None]:
    """Switch to evaluation mode and restore the mode of each layer afterwards."""
    training = [layer for layer in module.modules() if layer.training]
    module.eval()
    try:
        yield
    finally:
        for layer in training:
            layer.training = True


def freeze_unused_layers(encoder: SpeechEncoder, layer: str) -> None:
    """Turn off the gradients of all weights that do not influence a layer.

    They would never receive a gradient, and distributed training waits for the gradients of all trainable weights.

    Raises:
        ValueError: unknown layer.
    """
    if layer not in encoder.layers:
        raise ValueError(f"this encoder has no layer {layer!r}; choose one of {', '.join(encoder.layers)}")
    if layer == encoder.last_layer:
        return
    weights = [weight for weight in encoder.parameters() if weight.requires_grad]
    with eval_mode(encoder), torch.enable_grad():
        states = encoder.layer_outputs(torch.zeros(1, FPS * SAMPLES_PER_FRAME))[layer]
    gradients = torch.autograd.grad(states.sum(), weights, allow_unused=True)
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.requires_grad_(gradient is not None)


class PaddedSpeechEncoder(SpeechEncoder):
    """A `SoundEncoder` whose spectrum is padded at both ends by repeating the edge frames.

    The spectrum is normalised over the clip before it is padded, as in training, so padding does not change the
    statistics. Embeddings within ``context`` of either end see padding; synchronisation never uses those.

    Layers: ``spectrum``, features of single time steps; one per additional head; and ``embedding``, which
    synchronisation compares.
    """

    def __init__(
        self,
        sound: SoundEncoder,
        spectrum: Spectrum,
        normalised: bool,
        heads: Mapping[str, nn.Sequential] | None = None,
    ) -> None:
        """Share the layers of both, so that further training of either applies here.

        Args:
            sound: the encoder.
            spectrum: transform that computes its input.
            normalised: scale embeddings to length 1, because they are compared by cosine similarity.
            heads: additional heads of the same shape as the encoder's own, by layer name.
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
        """See `SpeechEncoder.pieces`. Only the normalisation needs the whole recording."""
        total = audio.shape[1] // SAMPLES_PER_FRAME
        chunks = [(start, min(start + frames, total)) for start in range(0, total, frames)]
        mel = self._padded(torch.cat([self._mel(audio, *chunk) for chunk in chunks], dim=1))
        around = 2 * self.sound.context
        for start, stop in chunks:
            yield self._layers(mel[:, MEL_FRAMES * start : MEL_FRAMES * (stop + around)])

    def _mel(self, audio: Tensor, start: int, stop: int) -> Tensor:
        """Frames [start, stop) of the full spectrum; its windows reach up to 15 ms beyond the chunk."""
        first = max(start - 1, 0)
        mel: Tensor = self.spectrum(audio[:, first * SAMPLES_PER_FRAME : (stop + 1) * SAMPLES_PER_FRAME])
        return mel[:, MEL_FRAMES * (start - first) : MEL_FRAMES * (stop - first)]

    def _padded(self, mel: Tensor) -> Tensor:
        reach = MEL_FRAMES * self.sound.context
        return F.pad(self.sound.normalise(mel).transpose(1, 2), (reach, reach), mode="replicate").transpose(1, 2)

    def _layers(self, mel: Tensor) -> dict[str, Tensor]:
        features = self.sound.features(mel)  # (B, C, T'): T embeddings and the context that the head needs
        embeddings = {
            name: head(features).transpose(1, 2).float()
            for name, head in (*self.heads.items(), ("embedding", self.sound.head))
        }
        if self.normalised:
            embeddings = {name: F.normalize(values, dim=-1) for name, values in embeddings.items()}
        spectrum = _centred(features, embeddings["embedding"].shape[1]).transpose(1, 2).float()
        return {"spectrum": spectrum} | embeddings


def _centred(features: Tensor, frames: int) -> Tensor:
    """The middle ``frames`` of (B, C, T'), averaging neighbours if the middle lies between two frames."""
    if (features.shape[2] - frames) % 2:
        features = F.avg_pool1d(features, 2, 1)
    spare = (features.shape[2] - frames) // 2
    return features[:, :, spare : spare + frames]


TRUNK, EMBEDDING = "trunk", "embedding"


class PaddedLipEncoder(nn.Module):
    """A `LipEncoder` whose clips are padded at both ends by repeating the edge frames.

    Frames are normalised over the clip before it is padded, as in training. Embeddings within ``context`` of either
    end see padding; synchronisation never uses those.

    Layers: ``trunk``, features of single time steps (512 in the published network, used by the papers for lip
    reading); ``hidden1`` and so on, the temporal layers of the head; ``embedding``, which synchronisation compares.

    Attributes:
        lips: the encoder.
        layers: width of each layer by name, from first to last.
        read: name of the default layer.
    """

    def __init__(self, lips: LipEncoder, normalised: bool) -> None:
        """Share the layers of the encoder, so that further training of it applies here.

        Args:
            lips: the encoder.
            normalised: scale embeddings to length 1, because they are compared by cosine similarity.
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
        """Compute the features of a batch.

        Args:
            pictures: float (B, 1 or 3, T, size, size) in 0..1, as the encoder takes them.
            layer: layer to return; by default ``default_layer``.

        Returns:
            (B, T, width of the layer).

        Raises:
            KeyError: unknown layer.
        """
        name = layer or self.default_layer
        if name not in self.layers:
            raise KeyError(name)
        depth = list(self.layers).index(name)
        reach = self.lips.context
        padded = F.pad(self.lips.normalise(pictures), (0, 0, 0, 0, reach, reach), mode="replicate")
        states = cast(Tensor, self.lips.head[:depth](self.lips.features(padded)))
        states = _middle(states, pictures.shape[2]).transpose(1, 2).float()
        return F.normalize(states, dim=-1) if self.normalised and name == EMBEDDING else states


def _middle(states: Tensor, frames: int) -> Tensor:
    """The middle ``frames`` of (B, C, T'); the rest is context for layers that were not applied."""
    spare = (states.shape[2] - frames) // 2
    return states[:, :, spare : spare + frames]


class PixelEncoder(LipEncoder):
    """Downsampled grey pixels as features: the baseline for learned features."""

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
