"""The arguments of the evaluation that a cell describes, and the equivalent command."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_type_hints

from seehear.benchmark.plan import Cell
from seehear.config import _fitting, _flag
from seehear.errors import SeehearError
from seehear.evaluation import evaluation_of

PLAN_LEVEL_OPTIONS = frozenset(
    {"model", "data", "corpus", "baselines", "seeds", "first_seed", "label_fraction", "noise", "snr_db", "dataset"}
)
"""Parameters that a plan sets elsewhere than in the options of a task."""


OUTPUT_OPTIONS = frozenset({"write_calibration", "device"})
"""Parameters that change no result."""


PLAN_NAMES = {
    (None, "readout"): "probe",
    (None, "against"): "baselines",
    (None, "labels"): "label_fraction",
    (None, "format"): "dataset",
    ("affect", "target"): "label",
    ("animate", "sync"): "sync_model",
    ("speaker", "calibration"): "write_calibration",
}
"""Names that options have in plans -> the evaluation's parameter; a plan is a file format and keeps its names."""


USUAL = {"facevoice": {"split": "dev"}}
"""Values where an evaluation's own default depends on the name of the corpus, which is not part of a cell."""


def evaluation_arguments(cell: Cell, model: str | Path, data: Path, device: str = "cpu") -> dict[str, Any]:
    """Return the arguments of the evaluation, for one row and one seed.

    Args:
        cell: a cell of kind ``measure``.
        model: folder of a run, or name of an encoder.
        data: a prepared corpus.
        device: device of the networks.

    Raises:
        SeehearError: the task has no such option, or the value is not valid for it.
    """
    spec = cell.spec
    task = str(spec["task"])
    function = evaluation_of(task)
    known = inspect.signature(function).parameters
    hints = get_type_hints(function)
    given: dict[str, Any] = {"model": str(model)}
    given |= {"corpus": data} if "corpus" in known else {"data": [data]}
    single_run = {"baselines": (), "seeds": 1, "first_seed": cell.seed or 0}
    given |= {name: value for name, value in single_run.items() if name in known}
    given |= {"device": device} if device != "cpu" and "device" in known else {}
    for name, value in (USUAL.get(task, {}) | _row(spec) | _options(task, spec)).items():
        outer, _, inner = name.partition(".")
        parameter = _parameter(task, outer)
        if parameter not in known:
            raise SeehearError(f"evaluate {task} has no option {outer!r}; leave it out of the plan (it is {value!r})")
        whole = given.get(parameter, known[parameter].default)
        given[parameter] = _fitting(f"{name} of evaluate {task}", whole, inner, value, hints[parameter])
    return given


def evaluation_command(task: str, given: Mapping[str, Any]) -> str:
    """Return the equivalent ``seehear evaluate`` command line, without options that have their default.

    Args:
        task: name of the evaluation.
        given: result of `evaluation_arguments`.
    """
    known = inspect.signature(evaluation_of(task)).parameters
    inputs = [given["model"], *map(str, given.get("data") or [given["corpus"]])]
    words = ["seehear", "evaluate", task, *inputs]
    for name, value in given.items():
        if name not in ("model", "data", "corpus") and value != known[name].default:
            words += _flag(name, value, known[name].default)
    return shlex.join(words)


def _parameter(task: str, option: str) -> str:
    """Return the parameter of the evaluation that an option of a plan sets."""
    return PLAN_NAMES.get((task, option)) or PLAN_NAMES.get((None, option), option)


def _row(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return the mode, layer, labels and noise of a row, as far as they differ from the defaults."""
    values = {"mode": spec.get("mode") or "frozen", "layer": spec.get("layer"), "labels": spec.get("labels", 1.0)}
    noise = spec.get("noise") or "none"
    defaults = {"mode": "frozen", "layer": None, "labels": 1.0}
    noisy = {} if noise == "none" else {"noise": noise, "snr_db": tuple(spec["snr_db"])}
    return {name: value for name, value in values.items() if value != defaults[name]} | noisy


def _options(task: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of the plan; an option with fields gives one entry per field, such as ``bgru.epochs``."""
    flat: dict[str, Any] = {}
    for name, value in (spec.get("options") or {}).items():
        if _parameter(task, name) in PLAN_LEVEL_OPTIONS | OUTPUT_OPTIONS:
            raise SeehearError(
                f"{name!r} cannot be an option of {task} in a plan: the plan or the command line sets it elsewhere"
            )
        parts = value.items() if isinstance(value, Mapping) else [(None, value)]
        flat |= {name if part is None else f"{name}.{part}": part_value for part, part_value in parts}
    return flat
