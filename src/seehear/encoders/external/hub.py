"""`transformers:NAME[@LAYER]`: models of speech in the files of the Hugging Face hub, through transformers (extra)."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError

from seehear.clip import SAMPLE_RATE
from seehear.encoders.external.pretrained import PretrainedSpeech
from seehear.errors import ModelError

TRANSFORMERS = "transformers:"
KINDS = "wav2vec 2.0, HuBERT, WavLM and data2vec-audio"

UNUSED = {"masked_spec_embed"}
"""Weights that may be missing, because only masking in training uses them."""

PROBLEMS = (OSError, ValueError, RuntimeError, KeyError, ImportError, SafetensorError)
"""What transformers raises of models that are not there, not known, or damaged."""


class Place(NamedTuple):
    """What a name says: the model, and the layer that is read."""

    model: str
    layer: str | None


def pretrained_by_name(name: str) -> PretrainedSpeech:
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

    model, told = _asked(name, load)
    missing = sorted({*told["missing_keys"]} - UNUSED) + sorted(str(key) for key in told["mismatched_keys"])
    if missing:
        raise ModelError(f"{name} lacks weights that its config.json asks for: {missing[0]}; download it again")
    return _encoder(transformers, name, place, model)


def untrained_by_name(name: str) -> PretrainedSpeech:
    """The same network with weights as its training would begin with, by torch's random numbers.

    Raises:
        ModelError: as `pretrained_by_name`, but that no weights are read.
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


def _place(name: str) -> Place:
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
        return Place(str(folder), layer or None)
    if not model or model.count("/") > 1 or model[0] in "./~" or ("/" in model and folder.parent.is_dir()):
        raise ModelError(f"{name}: there is no folder {model!r}; name one, or a model on the Hugging Face hub")
    return Place(model, layer or None)


def _config(transformers: Any, name: str, place: Place) -> Any:
    """The configuration of a model that hears raw sound.

    Raises:
        ModelError: there is none, or it is of another kind.
    """
    config = _asked(name, lambda: transformers.AutoConfig.from_pretrained(place.model, trust_remote_code=False))
    if not hasattr(config, "conv_stride"):
        raise ModelError(f"{name} is a {config.model_type} model, which hears no raw sound; those do: {KINDS}")
    layers = [str(number) for number in range(config.num_hidden_layers + 1)]
    if place.layer is not None and place.layer not in layers:
        raise ModelError(f"{name}: there is no layer {place.layer!r}; its layers are 0 to {layers[-1]}")
    config.apply_spec_augment = False  # draws from numpy's random numbers, and not from those that a seed decides
    config.layerdrop = 0.0  # a layer that is skipped in training gives no features
    config.add_adapter = False  # would thin out the last layer alone
    return config


def _encoder(transformers: Any, name: str, place: Place, model: Any) -> PretrainedSpeech:
    """With what its feature extractor says of the sound that it was trained on.

    Raises:
        ModelError: there is none, or it was trained at another rate, or layers have rates of their own.
    """
    extractor = _asked(
        name, lambda: transformers.AutoFeatureExtractor.from_pretrained(place.model, trust_remote_code=False)
    )
    if extractor.sampling_rate != SAMPLE_RATE:
        raise ModelError(f"{name} hears {extractor.sampling_rate} Hz; only models of {SAMPLE_RATE} Hz can be used")
    encoder = PretrainedSpeech(model, bool(getattr(extractor, "do_normalize", False)), place.layer).eval()
    counts = {*encoder.counts(SAMPLE_RATE)}
    if len(counts) > 1 or abs(counts.pop() - encoder.own_rate) > 1 + encoder.own_rate / 10:
        raise ModelError(
            f"{name} is a {model.config.model_type} model, whose layers do not all give {encoder.own_rate:g} features "
            f"a second; those do: {KINDS}"
        )
    return encoder


def _asked(name: str, load: Callable[[], Any]) -> Any:
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
