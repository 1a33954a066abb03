"""transformers:NAME[@LAYER]."""

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
"""Features a second that read-outs know."""


NEARLY = 1.02  # a rate that lacks this little is that of the grid: 49.95 goes to 50, not to 25


def output_rate(rate: float) -> int:
    """The finest of `GRIDS` that loses no feature and hardly invents any; 25 for whatever is slower."""
    return next((grid for grid in GRIDS if grid <= rate * NEARLY), GRIDS[-1])


def to_rate(features: Tensor, rate: float, grid: int, slots: int) -> Tensor:
    """Features over slots of time, each the mean of those that lie in it, by the time that they share.

    Feature i lasts from i / rate to (i + 1) / rate seconds, the last one for as long as there is sound. Slot i lasts
    from i / grid to (i + 1) / grid. Where both rates are the same, features are as they were.

    Args:
        features: (B, N, D), so many a second: ``rate``.
        rate: of the features; no whole number need be.
        grid: slots a second.
        slots: how many.

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
"""Video frames that are heard at once: attention costs the square of the length."""


AROUND = 5 * FPS
"""Video frames that a piece of a longer recording is heard with at either end."""


EPSILON = 1e-7  # of the variance, as transformers' feature extractors add it


class HubEncoder(SpeechEncoder):
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
        """See `SpeechEncoder.pieces`; what is longer than `LONGEST` depends a little on where it is cut."""
        total = audio.shape[1] // SAMPLES_PER_FRAME
        if total <= LONGEST:
            yield self.layer_outputs(audio)
            return
        heard = self._normalised(audio)
        for start in range(0, total, frames):
            stop = min(start + frames, total)
            first, last = max(0, start - AROUND), min(total, stop + AROUND)
            states = self._states(heard[:, first * SAMPLES_PER_FRAME : last * SAMPLES_PER_FRAME])
            inside = slice(self.per_frame * (start - first), self.per_frame * (stop - first))
            yield {name: state[:, inside] for name, state in states.items()}

    def layer_outputs(self, audio: Tensor) -> dict[str, Tensor]:
        """See `SpeechEncoder.layer_outputs`."""
        return self._states(self._normalised(audio))

    @torch.no_grad()
    def counts(self, samples: int) -> list[int]:
        """How many features the model gives of so much sound, layer by layer."""
        silence = torch.zeros(1, samples, device=next(self.parameters()).device)
        return [state.shape[1] for state in self._own_states(silence)]

    def _states(self, heard: Tensor) -> dict[str, Tensor]:
        slots = heard.shape[1] * self.rate // SAMPLE_RATE
        return {
            name: to_rate(state.float(), self.own_rate, self.rate, slots)
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


TRANSFORMERS = "transformers:"


KINDS = "wav2vec 2.0, HuBERT, WavLM and data2vec-audio"


UNUSED = {"masked_spec_embed"}
"""Weights that may be missing, because only masking in training uses them."""


PROBLEMS = (OSError, ValueError, RuntimeError, KeyError, ImportError, SafetensorError)
"""What transformers raises of models that are not there, not known, or damaged."""


class HubName(NamedTuple):
    """What a name says: the model, and the layer that is read."""

    model: str
    layer: str | None


def load_hub_encoder(name: str) -> HubEncoder:
    """A model with its weights, from a folder or the hub, in evaluation mode.

    Weights are read from safetensors, or where there are none, from a checkpoint of torch with ``weights_only``, which
    builds nothing but tensors. Code beside them is never run.

    Raises:
        ModelError: no such model or layer, one that hears no raw sound, weights that are missing or damaged, or
            transformers is not installed.
    """
    transformers, place = _transformers(name), _place(name)
    config = _config(transformers, name, place)

    def load() -> Any:
        return transformers.AutoModel.from_pretrained(
            place.model,
            config=config,
            dtype="float32",
            weights_only=True,
            trust_remote_code=False,
            output_loading_info=True,
        )

    model, told = _requested_layer(name, load)
    missing = sorted({*told["missing_keys"]} - UNUSED) + sorted(str(key) for key in told["mismatched_keys"])
    if missing:
        raise ModelError(f"{name} lacks weights that its config.json asks for: {missing[0]}; download it again")
    return _encoder(transformers, name, place, model)


def init_hub_encoder(name: str) -> HubEncoder:
    """The same network with weights as its training would begin with, by torch's random numbers.

    Raises:
        ModelError: as `load_hub_encoder`, but that no weights are read.
    """
    transformers, place = _transformers(name), _place(name)
    return _encoder(transformers, name, place, transformers.AutoModel.from_config(_config(transformers, name, place)))


def layer_in_name(name: str) -> str | None:
    """The LAYER of ``transformers:NAME@LAYER``.

    Raises:
        ModelError: a path in the name is not there.
    """
    return _place(name).layer


def _transformers(name: str) -> Any:
    """The package, told not to print.

    Raises:
        ModelError: it is not installed.
    """
    os.environ.setdefault("DISABLE_SAFETENSORS_CONVERSION", "1")  # it would ask the hub to convert others' models
    try:
        import transformers
    except ImportError as error:
        raise ModelError(
            f"{name} needs the package transformers, which is not installed; pip install 'seehear[transformers]'"
        ) from error
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers


def _place(name: str) -> HubName:
    """The parts of a name.

    Raises:
        ModelError: a path that is not there: it is not looked for on the hub.
    """
    path = name.removeprefix(TRANSFORMERS)
    model, at, layer = path.rpartition("@")
    if not at or Path(path).expanduser().is_dir():  # a folder may have one in its name
        model, layer = path, ""
    folder = Path(model).expanduser()
    if model and folder.is_dir():
        return HubName(str(folder), layer or None)
    if not model or model.count("/") > 1 or model[0] in "./~" or ("/" in model and folder.parent.is_dir()):
        raise ModelError(f"{name}: there is no folder {model!r}; name one, or a model on the Hugging Face hub")
    return HubName(model, layer or None)


def _config(transformers: Any, name: str, place: HubName) -> Any:
    """The configuration of a model that hears raw sound.

    Raises:
        ModelError: there is none, or it is of another kind.
    """
    config = _requested_layer(
        name, lambda: transformers.AutoConfig.from_pretrained(place.model, trust_remote_code=False)
    )
    if not hasattr(config, "conv_stride"):
        raise ModelError(f"{name} is a {config.model_type} model, which hears no raw sound; those do: {KINDS}")
    layers = [str(number) for number in range(config.num_hidden_layers + 1)]
    if place.layer is not None and place.layer not in layers:
        raise ModelError(f"{name}: there is no layer {place.layer!r}; its layers are 0 to {layers[-1]}")
    config.apply_spec_augment = False  # draws from numpy's random numbers, and not from those that a seed decides
    config.layerdrop = 0.0  # a layer that is skipped in training gives no features
    config.add_adapter = False  # would thin out the last layer alone
    return config


def _encoder(transformers: Any, name: str, place: HubName, model: Any) -> HubEncoder:
    """With what its feature extractor says of the sound that it was trained on.

    Raises:
        ModelError: there is none, or it was trained at another rate, or layers have rates of their own.
    """
    extractor = _requested_layer(
        name, lambda: transformers.AutoFeatureExtractor.from_pretrained(place.model, trust_remote_code=False)
    )
    if extractor.sampling_rate != SAMPLE_RATE:
        raise ModelError(f"{name} hears {extractor.sampling_rate} Hz; only models of {SAMPLE_RATE} Hz can be used")
    encoder = HubEncoder(model, bool(getattr(extractor, "do_normalize", False)), place.layer).eval()
    counts = {*encoder.counts(SAMPLE_RATE)}
    if len(counts) > 1 or abs(counts.pop() - encoder.own_rate) > 1 + encoder.own_rate / 10:
        raise ModelError(
            f"{name} is a {model.config.model_type} model, whose layers do not all give {encoder.own_rate:g} features "
            f"a second; those do: {KINDS}"
        )
    return encoder


def _requested_layer(name: str, load: Callable[[], Any]) -> Any:
    """What transformers loads.

    Raises:
        ModelError: it does not.
    """
    try:
        return load()
    except pickle.UnpicklingError as error:
        raise ModelError(f"{name} has weights in a file that could run code; save them as model.safetensors") from error
    except PROBLEMS as error:
        said = str(error).strip().splitlines()
        reason = said[0].rstrip(". ") if said else type(error).__name__
        raise ModelError(f"{name} cannot be loaded ({reason}); name a model on the hub or a folder of one") from error
