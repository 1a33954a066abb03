"""The encoders that a task compares, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from seehear.errors import ModelError
from seehear.evaluation.task import Mode
from seehear.models.interface import LipSyncModel, PretextModel
from seehear.nn.embed import PaddedLipEncoder, PixelEncoder
from seehear.nn.external import has_weights, init_external, is_external, load_external
from seehear.nn.handcrafted import EGEMAPS, FULL, HANDCRAFTED, REMOVED, build_handcrafted
from seehear.nn.handcrafted import installed as egemaps_installed
from seehear.nn.interface import SpeechEncoder

UNTRAINED = "untrained"


DEFAULT_BASELINES = ("logmel", "mfcc", UNTRAINED)
"""Default baselines of a model."""


HANDCRAFTED_BASELINES = (*(name + suffix for name in FULL for suffix in REMOVED), EGEMAPS)
"""Handcrafted features in all their usual forms; the best of them is the baseline to beat."""


ALL_BASELINES = (*HANDCRAFTED_BASELINES, UNTRAINED)
"""Default baselines where the probe is quick."""


AUTO, LAST = "auto", "last"
"""Layers that are not names: chosen in each fold on development data; or the last one of each encoder."""


TRAINED_MODES: tuple[Mode, ...] = ("finetuned", "scratch")


@dataclass(frozen=True)
class ComparedEncoder:
    """One row of a table.

    Attributes:
        name: its name in the table
        mode: frozen, or else its weights are trained with those of the probe
        encoder: seed -> the encoder: a `SpeechEncoder`, or for lips `seehear.nn.embed.PaddedLipEncoder`
        random_weights: whether the seed decides its weights
        layer: layer that is read: a name, `AUTO` or `LAST`; by default `SpeechEncoder.default_layer`
    """

    name: str
    mode: Mode
    encoder: Callable[[int], Any]
    random_weights: bool = False
    layer: str | None = None

    @property
    def handcrafted(self) -> bool:
        """Whether its features are handcrafted."""
        return self.name in HANDCRAFTED

    def layer_read(self, encoder: Any) -> str:
        """Return the layer that is read where none is chosen on development data.

        Encoders that are trained with the labels are trained up to the last layer.
        """
        if self.layer in (AUTO, LAST):
            return str(next(reversed(encoder.layers)))
        return self.layer or str(encoder.default_layer)


def compared_encoder(name: str, model: str, mode: Mode = "frozen", layer: str | None = None) -> ComparedEncoder:
    """Return an encoder by name.

    Args:
        name: ``mfcc`` or ``logmel``; the folder of a run or the name of a model; an external encoder (see
            `seehear.nn.external`); ``untrained``, the architecture of ``model`` with random weights by the seed;
            ``scratch`` or ``finetuned``, ``model`` in that mode
        model: what those three stand for
        mode: of all but ``scratch``, ``finetuned`` and encoders without weights
        layer: of the model, and of encoders of its architecture

    Raises:
        ModelError: there is no such model or layer, or an encoder without weights was to be trained.
    """
    if is_weightless(name):
        if name == model and mode != "frozen":
            raise ModelError(f"{name} has no weights that could be {mode}; use --mode frozen")
        encoder = _trained_speech(name)
        if name == model and layer is not None and layer not in encoder.layers:
            raise ModelError(f"{name} has no layer {layer!r}; its layers are {', '.join(encoder.layers)}")
        return ComparedEncoder(name, "frozen", lambda seed: encoder)
    if name in (UNTRAINED, *TRAINED_MODES) and is_weightless(model):
        raise ModelError(
            f"{name!r} has the shape of the model, but {model} has no weights; leave it out of --baselines"
        )
    as_model = name in (model, UNTRAINED, *TRAINED_MODES)
    called = model if name in (UNTRAINED, *TRAINED_MODES) else name
    mode = name if name in TRAINED_MODES else mode
    if name == UNTRAINED and mode == "finetuned":
        mode = "scratch"  # there are no trained weights that a low learning rate would preserve
    trained = _trained_speech(called)
    chosen = layer if as_model else None
    if chosen is not None and chosen not in trained.layers:
        raise ModelError(f"{called} has no layer {chosen!r}; its layers are {', '.join(trained.layers)}")
    if name == UNTRAINED or mode == "scratch":
        return ComparedEncoder(
            name, mode, lambda seed: _untrained_speech(called, seed), random_weights=True, layer=chosen
        )
    return ComparedEncoder(name, mode, lambda seed: trained, layer=chosen)


def is_weightless(name: str) -> bool:
    """Whether an encoder has no weights that a task could initialise or train."""
    return name in HANDCRAFTED or (is_external(name) and not has_weights(name))


def available_baselines(model: str, against: Sequence[str]) -> Sequence[str]:
    """Leave baselines that are not available out of `DEFAULT_BASELINES` and `ALL_BASELINES`.

    A model without weights has no untrained version, and eGeMAPS needs a package.
    """
    if tuple(against) not in (DEFAULT_BASELINES, ALL_BASELINES):
        return against
    missing = {UNTRAINED} if is_weightless(model) else set()
    missing |= set() if egemaps_installed() else {EGEMAPS}
    return [name for name in against if name not in missing]


def has_run(name: str) -> bool:
    """Whether an encoder comes from a training run, with its config.json."""
    return name not in HANDCRAFTED and not is_external(name)


def _trained_speech(name: str) -> SpeechEncoder:
    from seehear.models.store import load

    if name in HANDCRAFTED:
        return build_handcrafted(name).eval()
    return load_external(name) if is_external(name) else load(name).speech.eval()


def _untrained_speech(name: str, seed: int) -> SpeechEncoder:
    """Return the same encoder with initial weights."""
    from seehear.models.store import load_untrained

    if not is_external(name):
        return load_untrained(name, seed).speech.eval()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return init_external(name)


PIXELS = "pixels"


DEFAULT_LIP_BASELINES = (UNTRAINED, PIXELS)
"""Default baselines of a lip encoder."""


def compared_lip_encoders(
    model: str, against: Sequence[str], mode: Mode = "frozen", layer: str | None = None
) -> list[ComparedEncoder]:
    """Return the model and its baselines, each once; see `compared_lip_encoder`."""
    if tuple(against) == DEFAULT_LIP_BASELINES and model == PIXELS:
        against = ()
    return [compared_lip_encoder(name, model, mode, layer) for name in dict.fromkeys([model, *against])]


def compared_lip_encoder(name: str, model: str, mode: Mode = "frozen", layer: str | None = None) -> ComparedEncoder:
    """Return a lip encoder by name.

    Args:
        name: ``pixels``; the folder of a run or the name of a model; ``untrained``, the architecture of ``model`` with
            random weights by the seed; ``scratch`` or ``finetuned``, ``model`` in that mode
        model: what those three stand for
        mode: of all but ``scratch``, ``finetuned``, ``untrained`` and ``pixels``
        layer: of the model, and of encoders of its architecture

    Raises:
        ModelError: there is no such model or layer, it has no lip encoder, or pixels were to be trained.
    """
    if name == PIXELS:
        if name == model and mode != "frozen":
            raise ModelError(f"{name} have no weights that could be {mode}; use --mode frozen")
        pixels = PaddedLipEncoder(PixelEncoder(), normalised=False).eval()
        return ComparedEncoder(name, "frozen", lambda seed: pixels)
    of_model = name in (UNTRAINED, *TRAINED_MODES)
    if of_model and model == PIXELS:
        raise ModelError(f"{name!r} has the shape of the model, but {PIXELS} have none; leave it out of --baselines")
    called = model if of_model else name
    trained = _lips(_trained_lips(called), called)
    chosen = layer if of_model or name == model else None
    if chosen is not None and chosen not in trained.layers:
        raise ModelError(f"the lips of {called} have no layer {chosen!r}; they have {', '.join(trained.layers)}")
    mode = name if name in TRAINED_MODES else "frozen" if name == UNTRAINED else mode
    if name == UNTRAINED or mode == "scratch":
        return ComparedEncoder(
            name, mode, lambda seed: _lips(_untrained_lips(called, seed), called), random_weights=True, layer=chosen
        )
    return ComparedEncoder(name, mode, lambda seed: trained, layer=chosen)


def _lips(model: PretextModel, name: str) -> PaddedLipEncoder:
    if not isinstance(model, LipSyncModel):
        raise ModelError(
            f"{name} is {model.with_article()} model, which has no eye for lips; name a sync or joint model"
        )
    return PaddedLipEncoder(model.lips, normalised=model.distance == "cosine").eval()


def _trained_lips(name: str) -> PretextModel:
    from seehear.models.store import load

    return load(name)


def _untrained_lips(name: str, seed: int) -> PretextModel:
    """Return the same model with initial weights."""
    from seehear.models.store import load_untrained

    return load_untrained(name, seed)
