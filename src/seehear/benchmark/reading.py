"""Plans from YAML, checked against the registries, and back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from seehear.benchmark.plan import BenchmarkPlan, CorpusSpec, PretextSpec, TaskSpec, expand_variants, initial_pretext
from seehear.config import (
    PLANS_FOLDER,
    PRESETS_FOLDER,
    OptionsError,
    build,
    packaged_model_names,
    resource_folder,
    to_plain,
    yaml_names,
)
from seehear.data.datasets import DATASETS
from seehear.evaluation import TASKS
from seehear.models import MODELS
from seehear.nn.handcrafted import HANDCRAFTED

AVATARS = ("clips", "speakers", "seed", "seconds", "neutral")
"""Arguments of `seehear.avatars.make.synthesize_avatars` that decide what is made."""


RESERVED = ("model", "data", "optim", "engine", "loss", "seeds")
"""What ``--option`` begins with when no pretext is meant."""


WITHOUT_PRETEXT = (*HANDCRAFTED, "pixels")


ELSEWHERE = ("python:", "transformers:", "hf:")


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def check_plan(plan: BenchmarkPlan, where: str) -> None:
    """That a plan can be worked through.

    Args:
        plan: with its variants in full.
        where: what its file is called in errors.

    Raises:
        OptionsError: it has no seeds or no tasks, or names something that it does not have.
    """
    for problem in _problems(plan):
        raise OptionsError(f"{where}: {problem}")


def _problems(plan: BenchmarkPlan) -> Iterator[str]:
    """In the order of the file."""
    if not _NAME.fullmatch(plan.name):
        yield f"the name {plan.name!r} should be of letters, digits, - and _: it becomes the name of a folder"
    if plan.seeds < 1:
        yield f"seeds must be 1 or more, not {plan.seeds}"
    for name, corpus in plan.corpora.items():
        yield from _of_corpus(name, corpus)
    for name, pretext in plan.pretexts.items():
        yield from _of_pretext(name, pretext, plan)
    if not plan.tasks:
        yield "there are no tasks; add one"
    for name, task in plan.tasks.items():
        yield from _of_task(name, task, plan)
    yield from _of_claims(plan)
    for table in plan.paper:
        yield from _unknown(f"the paper's table {table.title!r}", "task", [table.task], plan.tasks)
        for row, figures in table.rows.items():
            if len(figures) != len(table.columns):
                yield (
                    f"the paper's table {table.title!r} has {len(table.columns)} columns, "
                    f"but the row {row!r} {len(figures)} figures"
                )


def _of_corpus(name: str, corpus: CorpusSpec) -> Iterator[str]:
    about = f"the corpus {name!r}"
    if not _NAME.fullmatch(name):
        yield f"{about} should be called by letters, digits, - and _: --data names it"
    if bool(corpus.avatars) == bool(corpus.wants):
        yield f"{about} needs either avatars, which are made, or wants, which says what should be given"
    yield from _unknown(about, "format", [corpus.format], DATASETS)
    yield from _unknown(about, "argument of avatars", corpus.avatars, AVATARS)


def _of_pretext(name: str, pretext: PretextSpec, plan: BenchmarkPlan) -> Iterator[str]:
    about = f"the pretext {name!r}"
    if name in RESERVED or "." in name.partition("[")[0] or not name:
        yield f"{about} cannot be called so: --option would not know what is meant"
    if not pretext.preset.endswith((".yaml", ".yml")):
        yield from _unknown(about, "preset", [pretext.preset], [*yaml_names(PRESETS_FOLDER), *MODELS.names()])
    yield from _unknown(about, "corpus", pretext.corpora, plan.corpora)
    if not pretext.corpora and not pretext.untrained:
        yield f"{about} has nothing to learn from; name its corpora"
    if "optim.seed" in pretext.set:
        yield f"{about} sets optim.seed, which the benchmark does: leave it out, and say how many seeds"
    if "engine.threads" in pretext.set:
        yield f"{about} sets engine.threads, which the benchmark does: one thread each, so that numbers are the same"
    before = initial_pretext(pretext)
    if before is not None:
        yield from _unknown(about, "pretext to begin with", [before], plan.pretexts)


def _of_task(name: str, task: TaskSpec, plan: BenchmarkPlan) -> Iterator[str]:
    about = f"the task {name!r}"
    if not _NAME.fullmatch(name):
        yield f"{about} should be called by letters, digits, - and _: files are called so"
    yield from _unknown(about, "corpus", task.data, plan.corpora)
    if not task.data:
        yield f"{about} is measured on nothing; name its data"
    yield from _twice(about, "tables", task.data)
    yield from _twice(about, "scores", task.scores)
    yield from _twice(about, "shares of labels", task.labels)
    yield from _twice(about, "ratios of noise", task.snr_db)
    if not task.rows:
        yield f"{about} has no rows; add one"
    yield from _twice(about, "rows", [row.name for row in task.rows])
    for row in task.rows:
        known = row.of in plan.pretexts or row.of in WITHOUT_PRETEXT or row.of.startswith(ELSEWHERE) or "/" in row.of
        if not known and row.of not in packaged_model_names():
            there = ", ".join([*plan.pretexts, *WITHOUT_PRETEXT, *packaged_model_names()])
            yield (
                f"{about} has a row of {row.of!r}, which is no pretext of the plan and no encoder; there are {there}, "
                f"{', '.join(f'{start}...' for start in ELSEWHERE)}, or folders of runs"
            )
    if not all(0 < share <= 1 for share in task.labels) or not task.labels:
        yield f"{about} has labels {list(task.labels)}; shares are more than 0 and at most 1"
    if task.labels != (1.0,) and not _has("label_fraction", task.task):
        having = ", ".join(filter(partial(_has, "label_fraction"), TASKS))
        yield f"{about} has shares of labels, but {task.task} has none; only {having} have"
    if task.noise != "none" and not _has("noise", task.task):
        having = ", ".join(filter(partial(_has, "noise"), TASKS))
        yield f"{about} has noise, but {task.task} is measured without; only {having} know noise"
    if bool(task.snr_db) != (task.noise != "none"):
        yield f"{about} needs both noise and snr_db, or neither"


def _has(option: str, task: str) -> bool:
    return option in TASKS[task].options()


def _of_claims(plan: BenchmarkPlan) -> Iterator[str]:
    for claim in plan.claims:
        about = f"the claim {claim.says!r}"
        yield from _unknown(about, "task", [claim.task], plan.tasks)
        if claim.task in plan.tasks:
            task = plan.tasks[claim.task]
            yield from _unknown(about, "row", [claim.better, *claim.than], [row.name for row in task.rows])
            if claim.labels not in task.labels:
                yield f"{about} is about {claim.labels:g} of the labels, which {claim.task} does not measure"
        if not claim.than or claim.better in claim.than:
            yield f"{about} needs other rows to be better than"


def _unknown(about: str, what: str, said: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    known = list(known)
    for name in said:
        if name not in known:
            yield f"{about} names the {what} {name!r}, which does not exist; there are {', '.join(known) or 'none'}"


def _twice(about: str, what: str, names: Sequence[str | float]) -> Iterator[str]:
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            yield f"{about} has two {what} that are called {name!r}"


_ENDINGS = (".yaml", ".yml")


def plan_names() -> list[str]:
    """Those that come with the package."""
    return yaml_names(PLANS_FOLDER)


def read_plan(name_or_path: str | Path) -> BenchmarkPlan:
    """A plan, by the name of one that comes with the package or from a YAML file, with its variants in full.

    The keys of the file are the fields of `BenchmarkPlan` and of what is in it. ``name`` is by default the file's.
    A row that is
    only a text is called as what it reads.

    Raises:
        OptionsError: no such plan, no YAML, a key that does not exist, a value of the wrong type, or a name of
            something that the plan does not have.
    """
    name, path = str(name_or_path), Path(name_or_path)
    try:
        if name in plan_names():
            return plan_from_yaml(
                (resource_folder(PLANS_FOLDER) / f"{name}.yaml").read_text(encoding="utf-8"), name, name
            )
        if path.suffix in _ENDINGS and path.is_file():
            return plan_from_yaml(path.read_text(encoding="utf-8"), path.stem, str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise OptionsError(f"{name} cannot be read ({error}); name another plan") from error
    raise OptionsError(f"there is no plan {name!r}; there are {', '.join(plan_names())}, or give a .yaml file")


def plan_from_yaml(text: str, name: str, where: str) -> BenchmarkPlan:
    """A plan from the text of a YAML file.

    Args:
        text: all of it.
        name: of the plan, where it does not say one.
        where: what the file is called in errors.

    Raises:
        OptionsError: see `read_plan`.
    """
    values = loaded(text, where)
    return plan_from({"name": name, **values} if isinstance(values, dict) else values, where)


def loaded(text: str, where: str) -> Any:
    """The plain values of a YAML file.

    Raises:
        OptionsError: it is no YAML, or a key stands twice in a mapping.
    """
    try:
        return yaml.load(text, Loader=_Once)
    except (yaml.YAMLError, ValueError) as error:  # the latter: what looks like a date and is none
        raise OptionsError(f"{where} is no YAML ({str(error).splitlines()[0]}); correct it") from error


def plan_from(values: Any, where: str) -> BenchmarkPlan:
    """A plan from plain values, its variants in full.

    Args:
        values: the keys of a plan's file, the name too.
        where: what the file is called in errors.

    Raises:
        OptionsError: see `read_plan`.
    """
    if isinstance(values, dict):
        values = values | {"tasks": _with_short_rows(values.get("tasks"))}
    plan = expand_variants(build(BenchmarkPlan, values, where))
    check_plan(plan, where)
    return plan


def plan_to_yaml(plan: BenchmarkPlan) -> str:
    """The YAML of a plan, from which `plan_from_yaml` makes the same plan again (its variants in full)."""
    return yaml.dump(to_plain(plan), Dumper=_Whole, sort_keys=False, allow_unicode=True, width=120)


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
    """Rows that are only a text with name and encoder; what is not as it should be is left for `build` to tell."""
    if not isinstance(tasks, Mapping):
        return tasks
    return {key: _with_rows(task) for key, task in tasks.items()}


def _with_rows(task: Any) -> Any:
    if not isinstance(task, Mapping) or not isinstance(task.get("rows"), list):
        return task
    return {**task, "rows": [{"name": row, "of": row} if isinstance(row, str) else row for row in task["rows"]]}
