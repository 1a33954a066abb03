"""Encoders from outside the package, addressed by name.

``python:MODULE:CALLABLE@RATE``: a user's function. ``transformers:NAME[@LAYER]``: wav2vec 2.0, HuBERT, WavLM or
data2vec from the Hugging Face hub or a local folder. docs/encoders.md describes both.
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
"""Durations of two noise signals, in seconds, used to test a function. The difference in the number of features gives
its rate, whatever its windows lose at the ends."""


LOST_S = 0.25
"""Tolerated loss at the end, in seconds: functions may use unpadded windows."""


ADDED = 2  # tolerated number of surplus features: frames centred on the ends


class FunctionName(NamedTuple):
    """The parts of a function's name: where it is, and its features per second."""

    module: str
    attribute: str
    rate: float


def load_function_encoder(name: str) -> SpeechEncoder:
    """Load and test the function of that name.

    Raises:
        ModelError: it cannot be imported, fails, returns no features, or has another rate than its name states.
    """
    address = _parse_name(name)
    function = _import_function(name, address)
    if isinstance(function, nn.Module):
        function.eval()
    return FunctionEncoder(name, function, address.rate).eval()


class FunctionEncoder(SpeechEncoder):
    """A user's function of audio as an encoder with one layer, ``features``.

    Feature i starts at i / rate seconds. If the function's windows lose features at the end, the last one is repeated;
    surplus features are dropped. A rate other than 25, 50 or 100 is converted to one of them by `to_rate`.
    """

    def __init__(self, name: str, function: Callable[[Any], Any], rate: float) -> None:
        """Test the function on noise.

        Args:
            name: name for error messages.
            function: maps float32 (N,) to (N', D) or, for a batch, (B, N) to (B, N', D); NumPy arrays, or tensors if
                it is a module.
            rate: features per second.

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
            features = self._features(noise[:, : seconds * SAMPLE_RATE])
            counts.append(features.shape[1])
        self.layers = {"features": features.shape[2]}
        measured = (counts[1] - counts[0]) / (TRIED_S[1] - TRIED_S[0])
        if abs(measured - rate) * (TRIED_S[1] - TRIED_S[0]) > 1:
            raise ModelError(
                f"{name} returns {measured:g} features per second, not {rate:g}; end its name with @{measured:g}"
            )
        for seconds, count in zip(TRIED_S, counts, strict=True):
            self._check_count(count, seconds)

    @torch.no_grad()
    def layer_outputs(self, audio: Tensor) -> dict[str, Tensor]:
        """See `SpeechEncoder.layer_outputs`."""
        features = self._features(audio)
        self._check_count(features.shape[1], audio.shape[1] / SAMPLE_RATE)
        slots = audio.shape[1] * self.rate // SAMPLE_RATE
        return {"features": to_rate(features, self.given_rate, self.rate, slots)}

    def _takes_batches(self, noise: Tensor) -> bool:
        """Whether it accepts batches. If it accepts both, recordings go one by one, so that they cannot mix."""
        single = self._try_call(noise[0])
        if isinstance(single, Tensor) and single.ndim == 2:
            return False
        batch = self._try_call(noise)
        if isinstance(batch, Tensor) and batch.ndim == 3 and len(batch) == 2:
            return True
        if isinstance(single, Tensor):
            raise ModelError(self._wrong_shape(noise[0], single))
        if isinstance(batch, Tensor):
            raise ModelError(self._wrong_shape(noise, batch))
        raise ModelError(f"{self.name} fails on {TRIED_S[-1]} s of audio: {_error_text(single)}") from single

    def _try_call(self, audio: Tensor) -> Tensor | Exception:
        try:
            return self._call(audio)
        except Exception as error:  # user code may raise anything
            return error

    def _features(self, audio: Tensor) -> Tensor:
        """(B, N) -> (B, N', D), at the function's own rate."""
        features = self._call(audio) if self.takes_batches else torch.stack([self._call(one) for one in audio])
        if features.ndim != 3 or not features.shape[1] or not features.shape[2]:
            raise ModelError(self._wrong_shape(audio if self.takes_batches else audio[0], features))
        if not features.isfinite().all():
            raise ModelError(f"{self.name} returns NaN or infinite features; correct the function")
        return features

    def _call(self, audio: Tensor) -> Tensor:
        """Call the function; return float32 on the device of the audio."""
        given = audio if isinstance(self.function, nn.Module) else audio.cpu().numpy()
        with torch.no_grad():
            features = self.function(given)
        if not isinstance(features, Tensor):
            features = torch.from_numpy(np.array(features, dtype=np.float32))
        return features.detach().float().to(audio.device)

    def _check_count(self, count: int, seconds: float) -> None:
        expected = seconds * self.given_rate
        if not expected - LOST_S * self.given_rate - 1 <= count <= expected + ADDED:
            raise ModelError(
                f"{self.name} gives {count} features for {seconds:g} s of audio, not {expected:g}, which is what "
                f"{self.given_rate:g} a second would be; pad the audio in the function, or correct the rate"
            )

    def _wrong_shape(self, given: Tensor, actual: Tensor) -> str:
        expected = "(time, width)" if given.ndim == 1 else f"({len(given)}, time, width)"
        return (
            f"{self.name} gives an array of the shape {_shape(actual.shape)} for sound of the shape "
            f"{_shape(given.shape)}; it must give {expected}"
        )


def _parse_name(name: str) -> FunctionName:
    """Parse a name.

    Raises:
        ModelError: a part is missing.
    """
    match = re.fullmatch(r"([\w.]+):([\w.]+)@([0-9.]+)", name.removeprefix(PYTHON))
    try:
        rate = float(match[3]) if match else 0.0
    except ValueError:
        rate = 0.0
    if match is None or not rate:
        raise ModelError(f"{name} does not name a function and its features per second; {HOW}")
    return FunctionName(match[1], match[2], rate)


def _import_function(name: str, address: FunctionName) -> Callable[[Any], Any]:
    """Import the function; the working directory is on the path, as with ``python -m``.

    Raises:
        ModelError: it does not exist or cannot be imported.
    """
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = import_module(address.module)
    except ModuleNotFoundError as error:
        if error.name is not None and (address.module + ".").startswith(error.name + "."):
            raise ModelError(
                f"{name}: the module {address.module} was not found in {here} or among the installed packages"
            ) from error
        raise ModelError(f"{name}: {address.module} needs the module {error.name}, which is not installed") from error
    except (Exception, SystemExit) as error:  # user code may raise anything; a script may call sys.exit
        raise ModelError(f"{name}: {address.module} cannot be imported: {_error_text(error)}") from error
    try:
        function = reduce(getattr, address.attribute.split("."), module)
    except AttributeError as error:
        raise ModelError(f"{name}: {address.module} ({module.__file__}) has no {address.attribute}") from error
    if not callable(function):
        raise ModelError(f"{name}: {address.attribute} of {address.module} is not callable; name a function")
    return function


def _error_text(error: BaseException) -> str:
    """An exception of user code in one line."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _shape(shape: Sequence[int]) -> str:
    return str(tuple(shape))


def is_external(name: str) -> bool:
    """Whether a name refers to an encoder from outside the package."""
    return name.startswith((PYTHON, TRANSFORMERS))


def has_weights(name: str) -> bool:
    """Whether an external encoder has weights that can be initialised and trained; a function's are its own."""
    return name.startswith(TRANSFORMERS)


def load_external(name: str) -> SpeechEncoder:
    """Load an external encoder in evaluation mode.

    Args:
        name: a name that `is_external` accepts.

    Raises:
        ModelError: it does not exist, a package it needs is not installed, or it does not return features.
    """
    return load_function_encoder(name) if name.startswith(PYTHON) else load_hub_encoder(name)


def init_external(name: str) -> SpeechEncoder:
    """Build the same network with randomly initialised weights, from torch's random state.

    Raises:
        ModelError: see `load_external`; also if it is a function, which has no weights to initialise.
    """
    if not has_weights(name):
        raise ModelError(f"{name} is a function without weights to initialise; leave out untrained")
    return init_hub_encoder(name)


def layer_in_encoder_name(name: str) -> str | None:
    """The layer in an encoder's name; None if it names none.

    Raises:
        ModelError: the name contains a path that does not exist.
    """
    return layer_in_name(name) if name.startswith(TRANSFORMERS) else None
