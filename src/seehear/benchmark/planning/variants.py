"""Pretexts that vary become one pretext for each combination, and the rows that read them one row for each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from seehear.benchmark.planning.plan import Plan, PretextSpec, RowSpec, TaskSpec
from seehear.benchmark.planning.typed import PlanError

INIT = "pretext:"
"""In `PretextSpec.init`, what stands before the name of another pretext of the plan."""

CORPORA = "corpora"
"""The one option that varies without being one of a preset."""


@dataclass(frozen=True)
class _Variant:
    """One combination: what is added to names, and the pretext."""

    label: str
    pretext: PretextSpec


def expanded(plan: Plan) -> Plan:
    """The same plan in which no pretext varies.

    A pretext that begins with another one that varies comes in as many variants. A row that reads a pretext that varies
    becomes one for each variant, named as they are: ``row[loss=avenet]``.

    Raises:
        PlanError: pretexts begin with each other in a ring, one varies over nothing, or a variant is called as another
            pretext is.
    """
    variants: dict[str, list[_Variant]] = {}
    for name in _beginnings_first(plan):
        for option, values in plan.pretexts[name].vary.items():
            _check_values(f"in the plan {plan.name} the pretext {name}", option, values)
        variants[name] = _variants(plan.pretexts[name], variants)
    pretexts: dict[str, PretextSpec] = {}
    for name in plan.pretexts:
        for variant in variants[name]:
            called = _called(name, variant.label)
            if called in pretexts:
                raise PlanError(f"the plan {plan.name} has two pretexts that are called {called}; rename one")
            pretexts[called] = variant.pretext
    tasks = {key: _with_rows(task, variants) for key, task in plan.tasks.items()}
    return replace(plan, pretexts=pretexts, tasks=tasks)


def base_name(name: str) -> str:
    """Of a variant, what it is a variant of: ``sync`` of ``sync[loss=avenet]``."""
    return name.partition("[")[0]


def _beginnings_first(plan: Plan) -> list[str]:
    """Names of pretexts, each after the one that it begins with."""
    order: list[str] = []
    for name in plan.pretexts:
        way = [name]
        while (before := beginning(plan.pretexts[way[-1]])) in plan.pretexts and before not in order:
            if before in way:
                raise PlanError(f"in the plan {plan.name} the pretext {name} begins with itself; change its init")
            way.append(str(before))
        order += [step for step in reversed(way) if step not in order]
    return order


def beginning(pretext: PretextSpec) -> str | None:
    """Name of the pretext of the same plan that it begins with; None where it begins otherwise."""
    return pretext.init.removeprefix(INIT) if pretext.init and pretext.init.startswith(INIT) else None


def _variants(pretext: PretextSpec, known: Mapping[str, list[_Variant]]) -> list[_Variant]:
    before = beginning(pretext)
    found = []
    for begun in known.get(before or "", [_Variant("", pretext)]):
        init = f"{INIT}{_called(before, begun.label)}" if before else pretext.init
        for values in product(*pretext.vary.values()):
            chosen = dict(zip(pretext.vary, values, strict=True))
            corpora = tuple(chosen.pop(CORPORA, pretext.corpora))
            varied = replace(pretext, vary={}, corpora=corpora, set={**pretext.set, **chosen}, init=init)
            found.append(_Variant(_called(begun.label, _label(pretext.vary, values)), varied))
    return found


def _check_values(where: str, option: str, values: Sequence[Any]) -> None:
    """That there is something to vary over.

    Raises:
        PlanError: there is nothing, or something that names no corpora.
    """
    if not values:
        raise PlanError(f"{where} varies {option} over nothing; give values")
    for corpora in values if option == CORPORA else ():
        if not isinstance(corpora, list | tuple) or not all(isinstance(name, str) for name in corpora):
            raise PlanError(f"{where} varies corpora, and {corpora!r} is no list of their names")


def _called(name: str, label: str) -> str:
    """A name with what it is a variant in; what it was a variant in before stands in the same brackets."""
    return f"{name[:-1]},{label[1:]}" if label and name.endswith("]") else name + label


def _label(options: Iterable[str], values: Iterable[Any]) -> str:
    """``[loss=avenet,lr=0.001]``; where two options end alike, their whole names."""
    options = list(options)
    last = [option.rpartition(".")[2] for option in options]
    names = last if len(set(last)) == len(last) else options
    told = ",".join(f"{name}={_in_words(value)}" for name, value in zip(names, values, strict=True))
    return f"[{told}]" if told else ""


def _in_words(value: Any) -> str:
    return "+".join(_in_words(item) for item in value) if isinstance(value, list | tuple) else str(value)


def _with_rows(task: TaskSpec, variants: Mapping[str, list[_Variant]]) -> TaskSpec:
    rows: list[RowSpec] = []
    for row in task.rows:
        for variant in variants.get(row.of, [_Variant("", PretextSpec(""))]):
            rows.append(replace(row, name=_called(row.name, variant.label), of=_called(row.of, variant.label)))
    return replace(task, rows=tuple(rows))
