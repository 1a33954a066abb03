"""From a cell to an evaluation: the function, its arguments, and the command that asks for the same."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from importlib import import_module
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from seehear.benchmark.cell import Cell
from seehear.errors import SeehearError

EVALUATIONS = {
    "sync": "sync_on:sync_on",
    "animate": "animate:animate_on",
    "emotion": "emotion:evaluate_emotion",
    "words": "words:evaluate_words",
    "transcription": "transcription:evaluate_transcription",
    "affect": "affect:evaluate_affect",
    "speaker": "speaker:evaluate_speaker",
    "identification": "identification:evaluate_identification",
    "facevoice": "facevoice:evaluate_facevoice",
    "lips": "lips:evaluate_lips",
}
"""Module of `seehear.tasks` and function of each task; the flags of its verb are the function's parameters."""

DECIDED = frozenset(
    {"model", "data", "corpus", "against", "seeds", "first_seed", "labels", "noise", "snr_db", "format"}
)
"""What the plan says elsewhere than in the options of a task."""

ELSEWHERE = frozenset({"json", "out", "plot", "calibration", "device"})
"""What does not change a number."""

ONE_THREAD = "export OMP_NUM_THREADS=1"
"""As cells are measured: sums of several threads differ in the last digits, and at times what is said of a word."""

USUAL = {"facevoice": {"split": "dev"}}
"""Where an evaluation's own default looks at the name of the corpus, which is no part of what is asked."""


def evaluation(task: str) -> Callable[..., Any]:
    """The function that measures a task."""
    module, name = EVALUATIONS[task].split(":")
    function: Callable[..., Any] = getattr(import_module(f"seehear.tasks.{module}"), name)
    return function


def arguments(cell: Cell, model: str | Path, data: Path, device: str = "cpu") -> dict[str, Any]:
    """What the evaluation is called with: one row, one seed.

    Args:
        cell: of kind ``measure``.
        model: folder of a run, or an encoder by name.
        data: a prepared corpus.
        device: where networks run.

    Raises:
        SeehearError: the task does not have what the cell asks for.
    """
    spec = cell.spec
    task = str(spec["task"])
    function = evaluation(task)
    known = inspect.signature(function).parameters
    hints = get_type_hints(function)
    given: dict[str, Any] = {"model": str(model)}
    given |= {"corpus": data} if "corpus" in known else {"data": [data]}
    once = {"against": (), "seeds": 1, "first_seed": cell.seed or 0}
    given |= {name: value for name, value in once.items() if name in known}
    given |= {"device": device} if device != "cpu" and "device" in known else {}
    for name, value in (USUAL.get(task, {}) | _row(spec) | _options(task, spec)).items():
        outer, _, inner = name.partition(".")
        if outer not in known:
            raise SeehearError(f"evaluate {task} has no option {outer!r}; leave it out of the plan (it is {value!r})")
        whole = given.get(outer, known[outer].default)
        given[outer] = _fitting(f"{name} of evaluate {task}", whole, inner, value, hints[outer])
    return given


def command(task: str, given: Mapping[str, Any]) -> str:
    """The line that asks `seehear evaluate` for the same: what is as by default is left out.

    Args:
        task: which evaluation.
        given: as `arguments` gives it.
    """
    known = inspect.signature(evaluation(task)).parameters
    places = [given["model"], *map(str, given.get("data") or [given["corpus"]])]
    words = ["seehear", "evaluate", task, *places]
    for name, value in given.items():
        if name not in ("model", "data", "corpus") and value != known[name].default:
            words += _flag(name, value, known[name].default)
    return shlex.join(words)


def _row(spec: Mapping[str, Any]) -> dict[str, Any]:
    """How the encoder is read, with what labels and noise, as far as that is not the usual."""
    told = {"mode": spec.get("mode") or "frozen", "layer": spec.get("layer"), "labels": spec.get("labels", 1.0)}
    noise = spec.get("noise") or "none"
    usual = {"mode": "frozen", "layer": None, "labels": 1.0}
    loud = {} if noise == "none" else {"noise": noise, "snr_db": tuple(spec["snr_db"])}
    return {name: value for name, value in told.items() if value != usual[name]} | loud


def _options(task: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the plan; of an option in parts each part by itself, as ``bgru.epochs``."""
    flat: dict[str, Any] = {}
    for name, value in (spec.get("options") or {}).items():
        if name in DECIDED | ELSEWHERE:
            raise SeehearError(
                f"{name!r} is no option of {task} in a plan: the plan or the command line says it elsewhere"
            )
        parts = value.items() if isinstance(value, Mapping) else [(None, value)]
        flat |= {name if part is None else f"{name}.{part}": one for part, one in parts}
    return flat


def _fitting(called: str, whole: Any, part: str, value: Any, hint: Any) -> Any:
    """The value as the function wants it, or the whole of which it is a part.

    Raises:
        SeehearError: it is none of those that there are.
    """
    if part:
        return _with_part(called, whole, part, value)
    choices = _choices(hint)
    if choices and value not in choices:
        raise SeehearError(f"{called} cannot be {value!r}; it can be {', '.join(map(str, choices))}")
    if not _is_of(value, hint):
        raise SeehearError(
            f"{called} cannot be {value!r}; seehear evaluate {called.rpartition(' ')[2]} --help says what"
        )
    return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


def _with_part(called: str, whole: Any, part: str, value: Any) -> Any:
    if not is_dataclass(whole) or isinstance(whole, type) or part not in {field.name for field in fields(whole)}:
        raise SeehearError(f"there is no {called}; leave it out of the plan (it is {value!r})")
    try:
        return replace(whole, **{part: value})
    except (TypeError, ValueError) as error:  # what the options themselves refuse
        raise SeehearError(f"{called} cannot be {value!r}: {error}") from error


def _choices(hint: Any) -> tuple[Any, ...]:
    """The values that there are; none where anything of a type will do."""
    kinds = (hint,) if get_origin(hint) is Literal else get_args(hint)
    if not all(get_origin(kind) is Literal or kind is NoneType for kind in kinds):
        return ()
    return tuple(value for kind in kinds for value in get_args(kind))


def _is_of(value: Any, hint: Any) -> bool:
    """Whether a plain value is of a type, as far as evaluations have types."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_is_of(value, one) for one in inner)
    if origin is Literal:
        return value in inner
    if origin is not None:
        return isinstance(value, list | tuple) and all(_is_of(one, inner[0]) for one in value)
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, {float: (int, float), Path: (str, Path)}.get(hint, hint))


def _flag(name: str, value: Any, default: Any) -> list[str]:
    """Its words on the command line."""
    flag = f"--{name.replace('_', '-')}"
    if is_dataclass(value) and not isinstance(value, type):
        told = {field.name: getattr(value, field.name) for field in fields(value)}
        return [
            word
            for part, one in told.items()
            if one != getattr(default, part)
            for word in _flag(f"{name}.{part}", one, getattr(default, part))
        ]
    if isinstance(value, tuple):
        return [flag, *map(str, value)]
    if value is True and default is False:
        return [flag]
    return [flag, str(value)]
