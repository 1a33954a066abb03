"""Plans from YAML, and back: those that come with the package, and anybody's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from seehear.benchmark.planning.coherence import check
from seehear.benchmark.planning.plan import Plan
from seehear.benchmark.planning.typed import PlanError, built, plain
from seehear.benchmark.planning.variants import expanded
from seehear.shipped import PLANS, room, yaml_names

_ENDINGS = (".yaml", ".yml")


def plan_names() -> list[str]:
    """Those that come with the package."""
    return yaml_names(PLANS)


def read_plan(name_or_path: str | Path) -> Plan:
    """A plan, by the name of one that comes with the package or from a YAML file, with its variants in full.

    The keys of the file are the fields of `Plan` and of what is in it. ``name`` is by default the file's. A row that is
    only a text is called as what it reads.

    Raises:
        PlanError: no such plan, no YAML, a key that does not exist, a value of the wrong type, or a name of something
            that the plan does not have.
    """
    name, path = str(name_or_path), Path(name_or_path)
    try:
        if name in plan_names():
            return plan_of((room(PLANS) / f"{name}.yaml").read_text(encoding="utf-8"), name, name)
        if path.suffix in _ENDINGS and path.is_file():
            return plan_of(path.read_text(encoding="utf-8"), path.stem, str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(f"{name} cannot be read ({error}); name another plan") from error
    raise PlanError(f"there is no plan {name!r}; there are {', '.join(plan_names())}, or give a .yaml file")


def plan_of(text: str, name: str, where: str) -> Plan:
    """A plan from the text of a YAML file.

    Args:
        text: all of it.
        name: of the plan, where it does not say one.
        where: what the file is called in errors.

    Raises:
        PlanError: see `read_plan`.
    """
    values = loaded(text, where)
    return plan_from({"name": name, **values} if isinstance(values, dict) else values, where)


def loaded(text: str, where: str) -> Any:
    """The plain values of a YAML file.

    Raises:
        PlanError: it is no YAML, or a key stands twice in a mapping.
    """
    try:
        return yaml.load(text, Loader=_Once)
    except (yaml.YAMLError, ValueError) as error:  # the latter: what looks like a date and is none
        raise PlanError(f"{where} is no YAML ({str(error).splitlines()[0]}); correct it") from error


def plan_from(values: Any, where: str) -> Plan:
    """A plan from plain values, its variants in full.

    Args:
        values: the keys of a plan's file, the name too.
        where: what the file is called in errors.

    Raises:
        PlanError: see `read_plan`.
    """
    if isinstance(values, dict):
        values = values | {"tasks": _with_short_rows(values.get("tasks"))}
    plan = expanded(built(Plan, values, where))
    check(plan, where)
    return plan


def written(plan: Plan) -> str:
    """The YAML of a plan, from which `plan_of` makes the same plan again (its variants in full)."""
    return yaml.dump(plain(plan), Dumper=_Whole, sort_keys=False, allow_unicode=True, width=120)


class _Once(yaml.SafeLoader):
    """Refuses a key that stands twice in a mapping, of which YAML's own loader would silently take the last."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """As it is written: what is merged into it (<<) comes later, and may well have keys of the same name."""
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        told: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in told:
                    place = f"line {key.start_mark.line + 1}"
                    raise yaml.constructor.ConstructorError(problem=f"the key {key.value!r} stands twice, in {place}")
                told.add(key.value)
        return node


class _Whole(yaml.SafeDumper):
    """Writes what occurs twice twice: nobody wants to look up ``*id001``."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _with_short_rows(tasks: Any) -> Any:
    """Rows that are only a text with name and encoder; what is not as it should be is left for `built` to tell."""
    if not isinstance(tasks, Mapping):
        return tasks
    return {key: _with_rows(task) for key, task in tasks.items()}


def _with_rows(task: Any) -> Any:
    if not isinstance(task, Mapping) or not isinstance(task.get("rows"), list):
        return task
    return {**task, "rows": [{"name": row, "of": row} if isinstance(row, str) else row for row in task["rows"]]}
