"""python:MODULE:CALLABLE@RATE; names of encoders from elsewhere.

``python:MODULE:CALLABLE@RATE``: a function of one's own. ``transformers:NAME[@LAYER]``: wav2vec 2.0, HuBERT, WavLM and
data2vec from the Hugging Face hub or a folder. docs/encoders.md says more of both.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from seehear.clip import SAMPLE_RATE
from seehear.errors import ModelError
from seehear.nn.hub import TRANSFORMERS, init_hub_encoder, layer_in_name, load_hub_encoder, output_rate, to_rate
from seehear.nn.interface import SpeechEncoder

PYTHON = "python:"


HOW = "write python:MODULE:CALLABLE@RATE, such as python:mine:embed@50 for embed of mine.py and 50 features a second"


TRIED_S = (2, 4)
"""Seconds of two pieces of noise that a function is tried with: what the second has more tells the rate, whatever its
windows lose at the ends."""


LOST_S = 0.25
"""So much may be missing at the end: windows that are not padded."""


ADDED = 2  # so many features may be too many: frames centred on the ends


class FunctionName(NamedTuple):
    """What a name says: where the function is, and how many features a second it gives."""

    module: str
    attribute: str
    rate: float


def load_function_encoder(name: str) -> SpeechEncoder:
    """The function of that name, tried out.

    Raises:
        ModelError: it cannot be imported, fails, gives no features, or so many a second as were not said.
    """
    place = _place(name)
    function = _imported(name, place)
    if isinstance(function, nn.Module):
        function.eval()
    return FunctionEncoder(name, function, place.rate).eval()


class FunctionEncoder(SpeechEncoder):
    """Whatever a function makes of sound: one layer, called ``features``.

    Feature i is taken to belong to the time from i / rate on. What its windows lose at the end is filled by the last
    one, what it has too much is dropped, and a rate that is none of 25, 50 and 100 becomes one of them by `to_rate`.
    """

    def __init__(self, name: str, function: Callable[[Any], Any], rate: float) -> None:
        """Tries it.

        Args:
            name: what it is called in errors.
            function: float32 (N,) -> (N', D) or, for a batch, (B, N) -> (B, N', D); numpy, or for a network torch.
            rate: features a second.

        Raises:
            ModelError: see `load_function_encoder`.
        """
        super().__init__()
        self.name, self.function, self.given_rate = name, function, rate
        self.rate = output_rate(rate)
        noise = torch.randn(2, TRIED_S[-1] * SAMPLE_RATE, generator=torch.Generator().manual_seed(0)) / 30
        self.takes_batches = self._takes_batches(noise)
        counts = []
        for seconds in TRIED_S:
            tried = self._features(noise[:, : seconds * SAMPLE_RATE])
            counts.append(tried.shape[1])
        self.layers = {"features": tried.shape[2]}
        found = (counts[1] - counts[0]) / (TRIED_S[1] - TRIED_S[0])
        if abs(found - rate) * (TRIED_S[1] - TRIED_S[0]) > 1:
            raise ModelError(f"{name} gives {found:g} features a second, not {rate:g}; end its name with @{found:g}")
        for seconds, count in zip(TRIED_S, counts, strict=True):
            self._require_so_many(count, seconds)

    @torch.no_grad()
    def layer_outputs(self, audio: Tensor) -> dict[str, Tensor]:
        """See `SpeechEncoder.layer_outputs`."""
        features = self._features(audio)
        self._require_so_many(features.shape[1], audio.shape[1] / SAMPLE_RATE)
        slots = audio.shape[1] * self.rate // SAMPLE_RATE
        return {"features": to_rate(features, self.given_rate, self.rate, slots)}

    def _takes_batches(self, noise: Tensor) -> bool:
        """Whether it takes recordings together; one by one where it takes both, since that cannot mix them up."""
        single = self._tried(noise[0])
        if isinstance(single, Tensor) and single.ndim == 2:
            return False
        together = self._tried(noise)
        if isinstance(together, Tensor) and together.ndim == 3 and len(together) == 2:
            return True
        if isinstance(single, Tensor):
            raise ModelError(self._wrong_shape(noise[0], single))
        if isinstance(together, Tensor):
            raise ModelError(self._wrong_shape(noise, together))
        raise ModelError(f"{self.name} fails on {TRIED_S[-1]} s of sound: {_error_text(single)}") from single

    def _tried(self, audio: Tensor) -> Tensor | Exception:
        try:
            return self._call(audio)
        except Exception as error:  # whatever a function of somebody else raises
            return error

    def _features(self, audio: Tensor) -> Tensor:
        """(B, N) -> (B, N', D), as the function gives them."""
        features = self._call(audio) if self.takes_batches else torch.stack([self._call(one) for one in audio])
        if features.ndim != 3 or not features.shape[1] or not features.shape[2]:
            raise ModelError(self._wrong_shape(audio if self.takes_batches else audio[0], features))
        if not features.isfinite().all():
            raise ModelError(f"{self.name} gives features that are no numbers (NaN or infinite); correct the function")
        return features

    def _call(self, audio: Tensor) -> Tensor:
        """What the function gives, as float32 where the sound was."""
        given = audio if isinstance(self.function, nn.Module) else audio.cpu().numpy()
        with torch.no_grad():
            features = self.function(given)
        if not isinstance(features, Tensor):
            features = torch.from_numpy(np.array(features, dtype=np.float32))
        return features.detach().float().to(audio.device)

    def _require_so_many(self, count: int, seconds: float) -> None:
        expected = seconds * self.given_rate
        if not expected - LOST_S * self.given_rate - 1 <= count <= expected + ADDED:
            raise ModelError(
                f"{self.name} gives {count} features for {seconds:g} s of sound, not {expected:g}, which is what "
                f"{self.given_rate:g} a second would be; pad the sound in the function, or correct the rate"
            )

    def _wrong_shape(self, given: Tensor, found: Tensor) -> str:
        wanted = "(time, width)" if given.ndim == 1 else f"({len(given)}, time, width)"
        return (
            f"{self.name} gives an array of the shape {_shape(found.shape)} for sound of the shape "
            f"{_shape(given.shape)}; it must give {wanted}"
        )


def _place(name: str) -> FunctionName:
    """The parts of a name.

    Raises:
        ModelError: it has not all of them.
    """
    found = re.fullmatch(r"([\w.]+):([\w.]+)@([0-9.]+)", name.removeprefix(PYTHON))
    try:
        rate = float(found[3]) if found else 0.0
    except ValueError:
        rate = 0.0
    if found is None or not rate:
        raise ModelError(f"{name} does not say where the function is and how many features a second it gives; {HOW}")
    return FunctionName(found[1], found[2], rate)


def _imported(name: str, place: FunctionName) -> Callable[[Any], Any]:
    """The function; modules in the folder that one is in are found, as ``python -m`` finds them.

    Raises:
        ModelError: there is none.
    """
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = import_module(place.module)
    except ModuleNotFoundError as error:
        if error.name is not None and (place.module + ".").startswith(error.name + "."):
            raise ModelError(f"{name}: there is no module {place.module}, neither in {here} nor installed") from error
        raise ModelError(f"{name}: {place.module} needs the module {error.name}, which is not installed") from error
    except (Exception, SystemExit) as error:  # whatever a module of somebody else raises; a script may end itself
        raise ModelError(f"{name}: {place.module} cannot be imported: {_error_text(error)}") from error
    try:
        function = reduce(getattr, place.attribute.split("."), module)
    except AttributeError as error:
        raise ModelError(f"{name}: {place.module} ({module.__file__}) has no {place.attribute}") from error
    if not callable(function):
        raise ModelError(f"{name}: {place.attribute} of {place.module} cannot be called; name a function")
    return function


def _error_text(error: BaseException) -> str:
    """An error of somebody else's code in one line."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _shape(shape: Sequence[int]) -> str:
    return str(tuple(shape))


def is_external(name: str) -> bool:
    """Whether a model is named as one from elsewhere."""
    return name.startswith((PYTHON, TRANSFORMERS))


def has_weights(name: str) -> bool:
    """Whether an encoder from elsewhere has weights that can be drawn and moved: those of a function stay its own."""
    return name.startswith(TRANSFORMERS)


def load_external(name: str) -> SpeechEncoder:
    """An encoder from elsewhere, in evaluation mode.

    Args:
        name: one for which `is_external` holds.

    Raises:
        ModelError: it is not there, what it needs is not installed, or it gives something else than features.
    """
    return load_function_encoder(name) if name.startswith(PYTHON) else load_hub_encoder(name)


def init_external(name: str) -> SpeechEncoder:
    """The same network with the weights that its own training would begin with, drawn from torch's random numbers.

    Raises:
        ModelError: see `load_external`; or it is a function, whose weights are its own.
    """
    if not has_weights(name):
        raise ModelError(f"{name} is a function and has no weights that could be drawn anew; leave untrained out")
    return init_hub_encoder(name)


def layer_in_encoder_name(name: str) -> str | None:
    """The layer that a name asks for; None where it says nothing of layers.

    Raises:
        ModelError: a path in the name is not there.
    """
    return layer_in_name(name) if name.startswith(TRANSFORMERS) else None
