"""From a cell to the arguments of an evaluation, and the command that asks for the same."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seehear.benchmark.plan import Cell
from seehear.config import _fitting, _flag
from seehear.errors import SeehearError
from seehear.evaluation import TASKS

PLAN_LEVEL_OPTIONS = frozenset(
    {"model", "data", "corpus", "baselines", "seeds", "first_seed", "label_fraction", "noise", "snr_db", "dataset"}
)
"""What the plan says elsewhere than in the options of a task."""


OUTPUT_OPTIONS = frozenset({"write_calibration", "device", "progress"})
"""What does not change a number."""


PLAN_NAMES = {
    "readout": "probe",
    "against": "baselines",
    "labels": "label_fraction",
    "format": "dataset",
}
"""Names that options have in plans -> the option of the task; a plan is a file format and keeps its names."""


def evaluation_arguments(cell: Cell, model: str | Path, data: Path, device: str = "cpu") -> dict[str, Any]:
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
    known = TASKS[task].options()
    given: dict[str, Any] = {}
    once = {"baselines": (), "seeds": 1, "first_seed": cell.seed or 0}
    given |= {name: value for name, value in once.items() if name in known}
    given |= {"device": device} if device != "cpu" and "device" in known else {}
    for name, value in ({**TASKS[task].plan_defaults} | _row(spec) | _options(task, spec)).items():
        outer, _, inner = name.partition(".")
        parameter = _parameter(task, outer)
        if parameter not in known:
            raise SeehearError(f"evaluate {task} has no option {outer!r}; leave it out of the plan (it is {value!r})")
        whole = given.get(parameter, known[parameter].default)
        given[parameter] = _fitting(f"{name} of evaluate {task}", whole, inner, value, known[parameter].hint)
    several = TASKS[task].takes_several
    return {"model": str(model), **({"data": [data]} if several else {"corpus": data}), **given}


def evaluation_command(task: str, given: Mapping[str, Any]) -> str:
    """The line that asks `seehear evaluate` for the same: what is as by default is left out.

    Args:
        task: which evaluation.
        given: as `evaluation_arguments` gives it.
    """
    known = TASKS[task].options()
    places = [given["model"], *map(str, given.get("data") or [given["corpus"]])]
    words = ["seehear", "evaluate", task, *places]
    for name, value in given.items():
        if name not in ("model", "data", "corpus") and value != known[name].default:
            words += _flag(name, value, known[name].default)
    return shlex.join(words)


def _parameter(task: str, option: str) -> str:
    """The parameter of the evaluation that an option of a plan sets."""
    return TASKS[task].plan_names.get(option) or PLAN_NAMES.get(option, option)


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
        if _parameter(task, name) in PLAN_LEVEL_OPTIONS | OUTPUT_OPTIONS:
            raise SeehearError(
                f"{name!r} is no option of {task} in a plan: the plan or the command line says it elsewhere"
            )
        parts = value.items() if isinstance(value, Mapping) else [(None, value)]
        flat |= {name if part is None else f"{name}.{part}": one for part, one in parts}
    return flat
