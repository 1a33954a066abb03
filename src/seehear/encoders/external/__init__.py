"""Encoders of speech that were not learned here, by names that say where they are.

``python:MODULE:CALLABLE@RATE``: a function of one's own. ``transformers:NAME[@LAYER]``: wav2vec 2.0, HuBERT, WavLM and
data2vec from the Hugging Face hub or a folder. docs/encoders.md says more of both.
"""

from __future__ import annotations

from seehear.encoders.external.called import PYTHON, called_by_name
from seehear.encoders.external.hub import TRANSFORMERS, layer_in_name, pretrained_by_name, untrained_by_name
from seehear.encoders.speech import SpeechEncoder
from seehear.errors import ModelError

__all__ = ["can_learn", "is_external", "make_external", "make_untrained", "named_layer"]


def is_external(name: str) -> bool:
    """Whether a model is named as one from elsewhere."""
    return name.startswith((PYTHON, TRANSFORMERS))


def can_learn(name: str) -> bool:
    """Whether an encoder from elsewhere has weights that can be drawn and moved: those of a function stay its own."""
    return name.startswith(TRANSFORMERS)


def make_external(name: str) -> SpeechEncoder:
    """An encoder from elsewhere, in evaluation mode.

    Args:
        name: one for which `is_external` holds.

    Raises:
        ModelError: it is not there, what it needs is not installed, or it gives something else than features.
    """
    return called_by_name(name) if name.startswith(PYTHON) else pretrained_by_name(name)


def make_untrained(name: str) -> SpeechEncoder:
    """The same network with the weights that its own training would begin with, drawn from torch's random numbers.

    Raises:
        ModelError: see `make_external`; or it is a function, whose weights are its own.
    """
    if not can_learn(name):
        raise ModelError(f"{name} is a function and has no weights that could be drawn anew; leave untrained out")
    return untrained_by_name(name)


def named_layer(name: str) -> str | None:
    """The layer that a name asks for; None where it says nothing of layers.

    Raises:
        ModelError: a path in the name is not there.
    """
    return layer_in_name(name) if name.startswith(TRANSFORMERS) else None
