"""Any sound through an encoder of speech: any length, any sampling rate, numpy in and numpy out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seehear.audio.sample_rate import at_sample_rate
from seehear.clip import SAMPLES_PER_FRAME
from seehear.encoders.speech import SpeechEncoder
from seehear.errors import SeehearError

Features = NDArray[np.float32]

LOWEST_RATE, HIGHEST_RATE = 1000, 768_000


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
        layer: which layer's; by default the one that the encoder says is read best (`SpeechEncoder.read`).

    Returns:
        float32 (ceil(seconds * 25) * rate / 25, width of the layer), feature i at i / rate seconds.

    Raises:
        SeehearError: no sound, several channels, samples that are no numbers, a strange rate, or no such layer.
    """
    check_layer(encoder, layer)
    heard = torch.from_numpy(as_heard(wave, sample_rate))[None]
    device = next((tensor.device for tensor in (*encoder.parameters(), *encoder.buffers())), torch.device("cpu"))
    with evaluating(encoder), torch.inference_mode():
        parts = [part[0].float().cpu().numpy() for part in encoder.stream(heard.to(device), layer)]
    return np.concatenate(parts)


def check_layer(encoder: SpeechEncoder, layer: str | None) -> None:
    """That there is such a layer.

    Raises:
        SeehearError: no.
    """
    if layer is not None and layer not in encoder.layers:
        raise SeehearError(f"there is no layer {layer!r} in this encoder; it has {', '.join(encoder.layers)}")


def as_heard(wave: NDArray[Any] | Tensor, sample_rate: int) -> NDArray[np.float32]:
    """Sound as encoders take it: float32 in [-1, 1] at 16 kHz, whole video frames, (640 T,).

    Raises:
        SeehearError: see `embed_audio`.
    """
    samples = wave.detach().cpu().numpy() if isinstance(wave, Tensor) else np.asarray(wave)
    if samples.ndim != 1:
        raise SeehearError(f"sound must be one channel of samples, (N,), not {samples.shape}; mix its channels first")
    if not len(samples):
        raise SeehearError("the sound has 0 samples; give a recording that is not empty")
    if not LOWEST_RATE <= sample_rate <= HIGHEST_RATE or sample_rate != int(sample_rate):
        raise SeehearError(f"a sample rate of {sample_rate} Hz cannot be; give that of the recording, such as 16000")
    if np.issubdtype(samples.dtype, np.signedinteger):
        samples = samples / -float(np.iinfo(samples.dtype).min)
    elif not np.issubdtype(samples.dtype, np.floating):
        raise SeehearError(f"sound must be floats or signed whole numbers, not {samples.dtype}; convert it first")
    if not np.isfinite(samples).all():
        raise SeehearError("the sound has samples that are no numbers (NaN or infinite); repair or leave out the file")
    heard = at_sample_rate(samples.astype(np.float32), int(sample_rate))
    return np.pad(heard, (0, -len(heard) % SAMPLES_PER_FRAME))


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Dropout and batch norms do what they do after training; each layer gets its mode back."""
    training = [layer for layer in module.modules() if layer.training]
    module.eval()
    try:
        yield
    finally:
        for layer in training:
            layer.training = True
