"""The encoders that a task compares, by name: trained, untrained or handcrafted; frozen, fine-tuned or from scratch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from seehear.encoders.egemaps import installed as egemaps_installed
from seehear.encoders.external import can_learn, is_external, make_external, make_untrained
from seehear.encoders.handcrafted import EGEMAPS, FULL, HANDCRAFTED, SUFFIXES, make_handcrafted
from seehear.encoders.speech import SpeechEncoder
from seehear.errors import ModelError

Mode = Literal["frozen", "finetuned", "scratch"]

UNTRAINED = "untrained"
USUAL = ("logmel", "mfcc", UNTRAINED)
"""What a model is compared with where nothing else is asked for."""

BASELINES = (*(name + suffix for name in FULL for suffix in ("", *SUFFIXES)), EGEMAPS)
"""What nobody has learned, in every form that is usual: the best of them counts."""

WITH_BASELINES = (*BASELINES, UNTRAINED)
"""The same where the read-out is quick."""

AUTO, LAST = "auto", "last"
"""Layers that are no names: chosen in each fold on development data; or the last one of each encoder."""

LEARNED: tuple[Mode, ...] = ("finetuned", "scratch")


@dataclass(frozen=True)
class Contender:
    """One row of a table.

    Attributes:
        name: what the table calls it.
        mode: frozen, its weights stay as they are; else they move with those of the read-out.
        encoder: seed -> the encoder: a `SpeechEncoder`, or for lips `seehear.encoders.padded_lips.PaddedLips`.
        drawn: whether the seed decides its weights.
        layer: which is read: a name, `AUTO` or `LAST`; by default the one that the encoder says is read
            (`SpeechEncoder.read`).
    """

    name: str
    mode: Mode
    encoder: Callable[[int], Any]
    drawn: bool = False
    layer: str | None = None

    @property
    def handcrafted(self) -> bool:
        """Whether nobody has learned it."""
        return self.name in HANDCRAFTED

    def reads(self, encoder: Any) -> str:
        """The layer of an encoder that is read where none is chosen on development data.

        Weights that move with the labels move up to the last layer.
        """
        if self.layer in (AUTO, LAST):
            return str(next(reversed(encoder.layers)))
        return self.layer or str(encoder.read)


def contender(name: str, model: str, mode: Mode = "frozen", layer: str | None = None) -> Contender:
    """An encoder by name.

    Args:
        name: ``mfcc`` or ``logmel``; the folder of a run or the name of a model; one from elsewhere (see
            `seehear.encoders.external`); ``untrained``, which has the shape of ``model`` and random weights, by the
            seed; ``scratch`` or ``finetuned``, which is ``model`` in that mode.
        model: what those three stand for.
        mode: of all but ``scratch``, ``finetuned`` and those that have no weights.
        layer: of the model, and of those of its shape.

    Raises:
        ModelError: there is no such model or layer, or one without weights has none to draw or move.
    """
    if weightless(name):
        if name == model and mode != "frozen":
            raise ModelError(f"{name} has no weights that could be {mode}; use --mode frozen")
        encoder = _trained(name)
        if name == model and layer is not None and layer not in encoder.layers:
            raise ModelError(f"{name} has no layer {layer!r}; its layers are {', '.join(encoder.layers)}")
        return Contender(name, "frozen", lambda seed: encoder)
    if name in (UNTRAINED, *LEARNED) and weightless(model):
        raise ModelError(f"{name!r} has the shape of the model, but {model} has no weights; leave it out of --against")
    as_model = name in (model, UNTRAINED, *LEARNED)
    called = model if name in (UNTRAINED, *LEARNED) else name
    mode = name if name in LEARNED else mode
    if name == UNTRAINED and mode == "finetuned":
        mode = "scratch"  # nothing has been learned that a low learning rate would keep
    trained = _trained(called)
    chosen = layer if as_model else None
    if chosen is not None and chosen not in trained.layers:
        raise ModelError(f"{called} has no layer {chosen!r}; its layers are {', '.join(trained.layers)}")
    if name == UNTRAINED or mode == "scratch":
        return Contender(name, mode, lambda seed: _untrained(called, seed), drawn=True, layer=chosen)
    return Contender(name, mode, lambda seed: trained, layer=chosen)


def weightless(name: str) -> bool:
    """Whether an encoder has no weights that a task could draw or move."""
    return name in HANDCRAFTED or (is_external(name) and not can_learn(name))


def usual(model: str, against: Sequence[str]) -> Sequence[str]:
    """Those of `USUAL` and `WITH_BASELINES` that cannot be had are left out where nothing else was asked for.

    A model without weights has none that are untrained, and eGeMAPS needs a package.
    """
    if tuple(against) not in (USUAL, WITH_BASELINES):
        return against
    missing = {UNTRAINED} if weightless(model) else set()
    missing |= set() if egemaps_installed() else {EGEMAPS}
    return [name for name in against if name not in missing]


def has_run(name: str) -> bool:
    """Whether an encoder is that of a run, with a config.json that says how it came about."""
    return name not in HANDCRAFTED and not is_external(name)


def _trained(name: str) -> SpeechEncoder:
    from seehear.training.run import load

    if name in HANDCRAFTED:
        return make_handcrafted(name).eval()
    return make_external(name) if is_external(name) else load(name).speech.eval()


def _untrained(name: str, seed: int) -> SpeechEncoder:
    """The same encoder with the weights that training would begin with."""
    from seehear.pretext import PRETEXTS
    from seehear.training.run import find, read_config

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if is_external(name):
            return make_untrained(name)
        config = read_config(find(name))
        return PRETEXTS[config["pretext"]].from_config(config).speech.eval()
