"""The lip encoders that are compared, by name: trained, untrained or none; frozen, fine-tuned or from scratch."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from seehear.encoders.padded_lips import PaddedLips, Pixels
from seehear.errors import ModelError
from seehear.pretext.interface import Pretext
from seehear.pretext.lipsync import LipSync
from seehear.tasks.contenders import LEARNED, UNTRAINED, Contender, Mode

PIXELS = "pixels"
USUAL = (UNTRAINED, PIXELS)
"""What a model is compared with where nothing else is asked for."""


def readers(model: str, against: Sequence[str], mode: Mode = "frozen", layer: str | None = None) -> list[Contender]:
    """The model and those it is compared with, each once; see `reader`."""
    if tuple(against) == USUAL and model == PIXELS:
        against = ()
    return [reader(name, model, mode, layer) for name in dict.fromkeys([model, *against])]


def reader(name: str, model: str, mode: Mode = "frozen", layer: str | None = None) -> Contender:
    """A lip encoder by name.

    Args:
        name: ``pixels``; the folder of a run or the name of a model; ``untrained``, which has the shape of ``model``
            and random weights, by the seed; ``scratch`` or ``finetuned``, which is ``model`` in that mode.
        model: what those three stand for.
        mode: of all but ``scratch``, ``finetuned``, ``untrained`` and ``pixels``.
        layer: of the model, and of those of its shape.

    Raises:
        ModelError: there is no such model or layer, it has no lip encoder, or pixels were to be trained.
    """
    if name == PIXELS:
        if name == model and mode != "frozen":
            raise ModelError(f"{name} have no weights that could be {mode}; use --mode frozen")
        pixels = PaddedLips(Pixels(), normalised=False).eval()
        return Contender(name, "frozen", lambda seed: pixels)
    of_model = name in (UNTRAINED, *LEARNED)
    if of_model and model == PIXELS:
        raise ModelError(f"{name!r} has the shape of the model, but {PIXELS} have none; leave it out of --against")
    called = model if of_model else name
    trained = _lips(_trained(called), called)
    chosen = layer if of_model or name == model else None
    if chosen is not None and chosen not in trained.layers:
        raise ModelError(f"the lips of {called} have no layer {chosen!r}; they have {', '.join(trained.layers)}")
    mode = name if name in LEARNED else "frozen" if name == UNTRAINED else mode
    if name == UNTRAINED or mode == "scratch":
        return Contender(name, mode, lambda seed: _lips(_untrained(called, seed), called), drawn=True, layer=chosen)
    return Contender(name, mode, lambda seed: trained, layer=chosen)


def _lips(model: Pretext, name: str) -> PaddedLips:
    if not isinstance(model, LipSync):
        article = "an" if model.name[0] in "aeiou" else "a"
        raise ModelError(
            f"{name} is {article} {model.name} model, which has no eye for lips; name a sync or joint model"
        )
    return PaddedLips(model.lips, normalised=model.distance == "cosine").eval()


def _trained(name: str) -> Pretext:
    from seehear.training.run import load

    return load(name)


def _untrained(name: str, seed: int) -> Pretext:
    """The same model with the weights that training would begin with."""
    from seehear.pretext import PRETEXTS
    from seehear.training.run import find, read_config

    config = read_config(find(name))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return PRETEXTS[config["pretext"]].from_config(config)
