"""Speech encoders from Hugging Face transformers, named ``transformers:NAME[@LAYER]``."""

from __future__ import annotations

import math
import os
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from torch import Tensor

from seehear.clip import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME
from seehear.errors import ModelError
from seehear.nn.interface import CHUNK_FRAMES, SpeechEncoder

GRIDS = (100, 50, 25)
"""Feature rates, per second, that probes support."""


NEARLY = 1.02  # rate tolerance: 49.95 counts as 50, not 25


def output_rate(rate: float) -> int:
    """The highest rate in `GRIDS` that needs practically no interpolated features; 25 for anything slower."""
    return next((grid for grid in GRIDS if grid <= rate * NEARLY), GRIDS[-1])


def to_rate(features: Tensor, rate: float, grid: int, slots: int) -> Tensor:
    """Resample features to a grid of time slots: each slot is the mean of its features, weighted by overlap.

    Feature i spans i / rate to (i + 1) / rate seconds; the last one lasts to the end of the audio. Slot i spans
    i / grid to (i + 1) / grid. If both rates are equal, features do not change.

    Args:
        features: (B, N, D) at ``rate`` per second.
        rate: rate of the features; may be fractional.
        grid: slots per second.
        slots: number of slots.

    Returns:
        (B, slots, D).
    """
    count = features.shape[1]
    width = rate / grid  # of a slot, in features
    begins = torch.arange(slots, dtype=torch.float64) * rate / grid  # on the CPU: not every device has doubles
    first = begins.floor().long()
    out = torch.zeros(len(features), slots, features.shape[2], dtype=features.dtype, device=features.device)
    for further in range(math.ceil(width) + 1):
        feature = first + further
        shared = torch.minimum(begins + width, feature + 1.0) - torch.maximum(begins, feature.double())
        share = (shared.clamp_min(0) / width)[:, None].to(out)
        out = out + features[:, feature.clamp_max(count - 1).to(out.device)] * share
    return out


LONGEST = 30 * FPS
"""Maximum video frames per forward pass: the cost of attention is quadratic in the length."""


AROUND = 5 * FPS
"""Video frames of context on either side of a chunk."""


EPSILON = 1e-7  # added to the variance, as in transformers' feature extractors


class HubEncoder(SpeechEncoder):
    """A transformers model that has ``conv_stride`` in its configuration.

    Feature i starts at i / rate seconds, where the audio of its first convolution starts. The convolutions are not
    padded, so one or two features are missing at the end; the last one is repeated.

    Recordings longer than `LONGEST` are processed in chunks with `AROUND` frames of context at both ends.

    Layers: ``0``, the input of the first attention layer, to the number of layers.
    """

    def __init__(self, model: Any, normalise: bool, layer: str | None = None) -> None:
        """Wrap the model.

        Args:
            model: has ``config`` and takes audio (B, N), as the speech models of transformers.
            normalise: whether it was trained on recordings with mean 0 and standard deviation 1.
            layer: default layer; by default the last.
        """
        super().__init__()
        config = model.config
        self.model, self.normalise = model, normalise
        self.own_rate = SAMPLE_RATE / math.prod(config.conv_stride)
        self.rate = output_rate(self.own_rate)
        self.layers = {str(number): config.hidden_size for number in range(config.num_hidden_layers + 1)}
        self._read = layer or self.last_layer

    @property
    def default_layer(self) -> str:
        """See `SpeechEncoder.default_layer`."""
        return self._read

    def forward(self, audio: Tensor, layer: str | None = None) -> Tensor:
        """See `SpeechEncoder.forward`."""
        return torch.cat(list(self.stream(audio, layer)), dim=1)

    def stream_layers(self, audio: Tensor, frames: int = CHUNK_FRAMES) -> Iterator[dict[str, Tensor]]:
        """See `SpeechEncoder.pieces`; beyond `LONGEST`, features depend slightly on the chunk boundaries."""
        total = audio.shape[1] // SAMPLES_PER_FRAME
        if total <= LONGEST:
            yield self.layer_outputs(audio)
            return
        normalised = self._normalised(audio)
        for start in range(0, total, frames):
            stop = min(start + frames, total)
            first, last = max(0, start - AROUND), min(total, stop + AROUND)
            states = self._states(normalised[:, first * SAMPLES_PER_FRAME : last * SAMPLES_PER_FRAME])
            inside = slice(self.per_frame * (start - first), self.per_frame * (stop - first))
            yield {name: state[:, inside] for name, state in states.items()}

    def layer_outputs(self, audio: Tensor) -> dict[str, Tensor]:
        """See `SpeechEncoder.layer_outputs`."""
        return self._states(self._normalised(audio))

    @torch.no_grad()
    def counts(self, samples: int) -> list[int]:
        """Number of features that each layer returns for this many samples."""
        silence = torch.zeros(1, samples, device=next(self.parameters()).device)
        return [state.shape[1] for state in self._own_states(silence)]

    def _states(self, audio: Tensor) -> dict[str, Tensor]:
        slots = audio.shape[1] * self.rate // SAMPLE_RATE
        return {
            name: to_rate(state.float(), self.own_rate, self.rate, slots)
            for name, state in zip(self.layers, self._own_states(audio), strict=True)
        }

    def _own_states(self, audio: Tensor) -> list[Tensor]:
        output = self.model(audio, output_hidden_states=True)
        return [*output.hidden_states[:-1], output.last_hidden_state]  # only the latter always has the final layer norm

    def _normalised(self, audio: Tensor) -> Tensor:
        """Mean 0 and standard deviation 1 over each recording, without its zero padding."""
        if not self.normalise:
            return audio
        positions = torch.arange(1, audio.shape[1] + 1, device=audio.device)
        lengths = (positions * (audio != 0)).amax(1, keepdim=True).clamp_min(1)
        mask = positions <= lengths
        mean = audio.sum(1, keepdim=True) / lengths
        variance = ((audio - mean).square() * mask).sum(1, keepdim=True) / lengths
        return (audio - mean) / (variance + EPSILON).sqrt() * mask


TRANSFORMERS = "transformers:"


KINDS = "wav2vec 2.0, HuBERT, WavLM and data2vec-audio"


UNUSED = {"masked_spec_embed"}
"""Weights that may be missing: only masking in training uses them."""


PROBLEMS = (OSError, ValueError, RuntimeError, KeyError, ImportError, SafetensorError)
"""Exceptions that transformers raises for missing, unsupported or damaged models."""


class HubName(NamedTuple):
    """The parts of a model's name: the model and the layer."""

    model: str
    layer: str | None


def load_hub_encoder(name: str) -> HubEncoder:
    """Load a model with its weights, from a folder or the hub, in evaluation mode.

    Weights come from safetensors or, failing that, from a torch checkpoint with ``weights_only``, which creates
    nothing but tensors. Code in the model's folder is never run.

    Raises:
        ModelError: unknown model or layer, a model that does not take raw audio, missing or damaged weights, or
            transformers is not installed.
    """
    transformers, parts = _transformers(name), _parse_name(name)
    config = _config(transformers, name, parts)

    def load() -> Any:
        return transformers.AutoModel.from_pretrained(
            parts.model,
            config=config,
            dtype="float32",
            weights_only=True,
            trust_remote_code=False,
            output_loading_info=True,
        )

    model, info = _load(name, load)
    missing = sorted({*info["missing_keys"]} - UNUSED) + sorted(str(key) for key in info["mismatched_keys"])
    if missing:
        raise ModelError(f"{name}: the weight {missing[0]} is missing; download the model again")
    return _encoder(transformers, name, parts, model)


def init_hub_encoder(name: str) -> HubEncoder:
    """Build the same network with randomly initialised weights, from torch's random state.

    Raises:
        ModelError: as for `load_hub_encoder`, except that no weights are read.
    """
    transformers, parts = _transformers(name), _parse_name(name)
    return _encoder(transformers, name, parts, transformers.AutoModel.from_config(_config(transformers, name, parts)))


def layer_in_name(name: str) -> str | None:
    """The LAYER of ``transformers:NAME@LAYER``.

    Raises:
        ModelError: the name contains a path that does not exist.
    """
    return _parse_name(name).layer


def _transformers(name: str) -> Any:
    """Import the package and turn off its output.

    Raises:
        ModelError: it is not installed.
    """
    os.environ.setdefault("DISABLE_SAFETENSORS_CONVERSION", "1")  # else it asks the hub to convert other users' models
    try:
        import transformers
    except ImportError as error:
        raise ModelError(
            f"{name} needs the package transformers, which is not installed; pip install 'seehear[transformers]'"
        ) from error
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers


def _parse_name(name: str) -> HubName:
    """Parse a name.

    Raises:
        ModelError: it is a path that does not exist; such names are not looked up on the hub.
    """
    path = name.removeprefix(TRANSFORMERS)
    model, at, layer = path.rpartition("@")
    if not at or Path(path).expanduser().is_dir():  # a folder's name may contain an @
        model, layer = path, ""
    folder = Path(model).expanduser()
    if model and folder.is_dir():
        return HubName(str(folder), layer or None)
    if not model or model.count("/") > 1 or model[0] in "./~" or ("/" in model and folder.parent.is_dir()):
        raise ModelError(f"{name}: there is no folder {model!r}; name a folder, or a model on the Hugging Face hub")
    return HubName(model, layer or None)


def _config(transformers: Any, name: str, parts: HubName) -> Any:
    """Load the configuration of a model that takes raw audio.

    Raises:
        ModelError: there is none, or the model is of another kind.
    """
    config = _load(name, lambda: transformers.AutoConfig.from_pretrained(parts.model, trust_remote_code=False))
    if not hasattr(config, "conv_stride"):
        raise ModelError(f"{name} is a {config.model_type} model, which does not take raw audio; supported are {KINDS}")
    layers = [str(number) for number in range(config.num_hidden_layers + 1)]
    if parts.layer is not None and parts.layer not in layers:
        raise ModelError(f"{name} has no layer {parts.layer!r}; its layers are 0 to {layers[-1]}")
    config.apply_spec_augment = False  # uses NumPy's global random state, which the seed does not control
    config.layerdrop = 0.0  # a skipped layer returns no features
    config.add_adapter = False  # would downsample only the last layer
    return config


def _encoder(transformers: Any, name: str, parts: HubName, model: Any) -> HubEncoder:
    """Wrap a model, with the normalisation and sample rate of its feature extractor.

    Raises:
        ModelError: no feature extractor, another sample rate, or layers with different feature rates.
    """
    extractor = _load(
        name, lambda: transformers.AutoFeatureExtractor.from_pretrained(parts.model, trust_remote_code=False)
    )
    if extractor.sampling_rate != SAMPLE_RATE:
        rate = extractor.sampling_rate
        raise ModelError(f"{name} takes audio at {rate} Hz; only models for {SAMPLE_RATE} Hz are supported")
    encoder = HubEncoder(model, bool(getattr(extractor, "do_normalize", False)), parts.layer).eval()
    counts = {*encoder.counts(SAMPLE_RATE)}
    if len(counts) > 1 or abs(counts.pop() - encoder.own_rate) > 1 + encoder.own_rate / 10:
        raise ModelError(
            f"{name} is a {model.config.model_type} model, whose layers do not all give {encoder.own_rate:g} features "
            f"a second; those do: {KINDS}"
        )
    return encoder


def _load(name: str, load: Callable[[], Any]) -> Any:
    """Call a loader of transformers and convert its exceptions.

    Raises:
        ModelError: it fails.
    """
    try:
        return load()
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"the weights of {name} are in a file that could run code; save them as model.safetensors"
        ) from error
    except PROBLEMS as error:
        lines = str(error).strip().splitlines()
        reason = lines[0].rstrip(". ") if lines else type(error).__name__
        raise ModelError(f"{name} cannot be loaded ({reason}); name a model on the hub or a folder of one") from error
