"""Read plans from YAML, check them against the registries, and write them."""

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
from seehear.plain_yaml import PlainLoader, load_yaml

AVATARS = ("clips", "speakers", "seed", "seconds", "neutral")
"""Arguments of `seehear.avatars.make.synthesize_avatars` that determine the videos."""


RESERVED = ("model", "data", "optim", "engine", "loss", "seeds")
"""First words of ``--option`` that do not name a pretext."""


WITHOUT_PRETEXT = (*HANDCRAFTED, "pixels")


EXTERNAL_PREFIXES = ("python:", "transformers:", "hf:")


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def check_plan(plan: BenchmarkPlan, where: str) -> None:
    """Check that a plan can be run.

    Args:
        plan: the plan with all variants expanded
        where: name of its file in errors

    Raises:
        OptionsError: it has no seeds or no tasks, or refers to something that does not exist.
    """
    for problem in _problems(plan):
        raise OptionsError(f"{where}: {problem}")


def _problems(plan: BenchmarkPlan) -> Iterator[str]:
    """Yield the problems of a plan, in the order of its file."""
    if not _NAME.fullmatch(plan.name):
        yield f"the name {plan.name!r} must consist of letters, digits, - and _, as it becomes the name of a folder"
    if plan.seeds < 1:
        yield f"seeds must be 1 or more, not {plan.seeds}"
    for name, corpus in plan.corpora.items():
        yield from _corpus_problems(name, corpus)
    for name, pretext in plan.pretexts.items():
        yield from _pretext_problems(name, pretext, plan)
    if not plan.tasks:
        yield "there are no tasks; add one"
    for name, task in plan.tasks.items():
        yield from _task_problems(name, task, plan)
    yield from _claim_problems(plan)
    for table in plan.paper:
        yield from _unknown(f"the paper's table {table.title!r}", "task", [table.task], plan.tasks)
        for row, numbers in table.rows.items():
            if len(numbers) != len(table.columns):
                yield (
                    f"the paper's table {table.title!r} has {len(table.columns)} columns, "
                    f"but its row {row!r} has {len(numbers)} numbers"
                )


def _corpus_problems(name: str, corpus: CorpusSpec) -> Iterator[str]:
    about = f"the corpus {name!r}"
    if not _NAME.fullmatch(name):
        yield f"the name of {about} must consist of letters, digits, - and _, as --data uses it"
    if bool(corpus.avatars) == bool(corpus.wants):
        yield f"{about} needs either avatars (to generate) or wants (a description of the data to give)"
    yield from _unknown(about, "format", [corpus.format], DATASETS)
    yield from _unknown(about, "argument of avatars", corpus.avatars, AVATARS)


def _pretext_problems(name: str, pretext: PretextSpec, plan: BenchmarkPlan) -> Iterator[str]:
    about = f"the pretext {name!r}"
    if name in RESERVED or "." in name.partition("[")[0] or not name:
        yield f"{about} needs another name, as --option could not refer to it"
    if not pretext.preset.endswith((".yaml", ".yml")):
        yield from _unknown(about, "preset", [pretext.preset], [*yaml_names(PRESETS_FOLDER), *MODELS.names()])
    yield from _unknown(about, "corpus", pretext.corpora, plan.corpora)
    if not pretext.corpora and not pretext.untrained:
        yield f"{about} has no corpora; add some"
    if "optim.seed" in pretext.set:
        yield f"{about} sets optim.seed, which the benchmark sets itself; leave it out and give the number of seeds"
    if "engine.threads" in pretext.set:
        yield f"{about} sets engine.threads, which the benchmark sets to 1 for reproducible results; leave it out"
    initial = initial_pretext(pretext)
    if initial is not None:
        yield from _unknown(about, "initial pretext", [initial], plan.pretexts)


def _task_problems(name: str, task: TaskSpec, plan: BenchmarkPlan) -> Iterator[str]:
    about = f"the task {name!r}"
    if not _NAME.fullmatch(name):
        yield f"the name of {about} must consist of letters, digits, - and _, as files are named after it"
    yield from _unknown(about, "corpus", task.data, plan.corpora)
    if not task.data:
        yield f"{about} has no data; name a corpus"
    yield from _duplicates(about, "table", task.data)
    yield from _duplicates(about, "score", task.scores)
    yield from _duplicates(about, "fraction of labels", task.labels)
    yield from _duplicates(about, "signal-to-noise ratio", task.snr_db)
    if not task.rows:
        yield f"{about} has no rows; add one"
    yield from _duplicates(about, "row", [row.name for row in task.rows])
    external = EXTERNAL_PREFIXES
    for row in task.rows:
        known = row.of in plan.pretexts or row.of in WITHOUT_PRETEXT or row.of.startswith(external) or "/" in row.of
        if not known and row.of not in packaged_model_names():
            choices = ", ".join([*plan.pretexts, *WITHOUT_PRETEXT, *packaged_model_names()])
            yield (
                f"{about} has a row of {row.of!r}, which is neither a pretext of the plan nor an encoder; "
                f"choose one of {choices}, {', '.join(f'{prefix}...' for prefix in external)}, or a folder of a run"
            )
    if not all(0 < fraction <= 1 for fraction in task.labels) or not task.labels:
        yield f"{about} has labels {list(task.labels)}; fractions must be above 0 and at most 1"
    if task.labels != (1.0,) and not _has("label_fraction", task.task):
        supported = ", ".join(filter(partial(_has, "label_fraction"), TASKS))
        yield f"{about} has fractions of labels, which {task.task} does not support; only {supported} do"
    if task.noise != "none" and not _has("noise", task.task):
        supported = ", ".join(filter(partial(_has, "noise"), TASKS))
        yield f"{about} has noise, which {task.task} does not support; only {supported} do"
    if bool(task.snr_db) != (task.noise != "none"):
        yield f"{about} needs both noise and snr_db, or neither"


def _has(option: str, task: str) -> bool:
    return option in TASKS[task].options()


def _claim_problems(plan: BenchmarkPlan) -> Iterator[str]:
    for claim in plan.claims:
        about = f"the claim {claim.says!r}"
        yield from _unknown(about, "task", [claim.task], plan.tasks)
        if claim.task in plan.tasks:
            task = plan.tasks[claim.task]
            yield from _unknown(about, "row", [claim.better, *claim.than], [row.name for row in task.rows])
            if claim.labels not in task.labels:
                yield f"{about} is checked at labels {claim.labels:g}, which {claim.task} does not measure"
        if not claim.than or claim.better in claim.than:
            yield f"{about} needs other rows in than, to compare with"


def _unknown(about: str, what: str, names: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    known = list(known)
    for name in names:
        if name not in known:
            yield f"{about} names the {what} {name!r}, which does not exist; known: {', '.join(known) or 'none'}"


def _duplicates(about: str, what: str, names: Sequence[str | float]) -> Iterator[str]:
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            yield f"{about} has the {what} {name!r} twice"


_SUFFIXES = (".yaml", ".yml")


def plan_names() -> list[str]:
    """Return the names of the packaged plans."""
    return yaml_names(PLANS_FOLDER)


def read_plan(name_or_path: str | Path) -> BenchmarkPlan:
    """Read a packaged plan or a YAML file, with all variants expanded.

    The keys of the file are the fields of `BenchmarkPlan` and of the dataclasses in it. ``name`` defaults to the name
    of the file. A row given as a string is the name of both the row and its encoder.

    Raises:
        OptionsError: there is no such plan, it is not YAML, a key does not exist, a value has the wrong type, or the
            plan refers to something that it does not have.
    """
    name, path = str(name_or_path), Path(name_or_path)
    try:
        if name in plan_names():
            return plan_from_yaml(
                (resource_folder(PLANS_FOLDER) / f"{name}.yaml").read_text(encoding="utf-8"), name, name
            )
        if path.suffix in _SUFFIXES and path.is_file():
            return plan_from_yaml(path.read_text(encoding="utf-8"), path.stem, str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise OptionsError(f"{name} cannot be read ({error}); name another plan") from error
    raise OptionsError(f"there is no plan {name!r}; choose one of {', '.join(plan_names())}, or give a .yaml file")


def plan_from_yaml(text: str, name: str, where: str) -> BenchmarkPlan:
    """Build a plan from the text of a YAML file.

    Args:
        text: content of the file
        name: name of the plan, if the text does not set it
        where: name of the file in errors

    Raises:
        OptionsError: see `read_plan`.
    """
    values = parse_yaml(text, where)
    return plan_from_values({"name": name, **values} if isinstance(values, dict) else values, where)


def parse_yaml(text: str, where: str) -> Any:
    """Return the plain values of a YAML file.

    Raises:
        OptionsError: it is not valid YAML, or a mapping has a key twice.
    """
    try:
        return load_yaml(text, _UniqueKeyLoader)
    except yaml.YAMLError as error:
        raise OptionsError(
            f"{where} is not valid YAML ({str(error).splitlines()[0]}); correct it", code="yaml"
        ) from error


def plan_from_values(values: Any, where: str) -> BenchmarkPlan:
    """Build a plan from plain values, with all variants expanded.

    Args:
        values: the keys of a plan file, including the name
        where: name of the file in errors

    Raises:
        OptionsError: see `read_plan`.
    """
    if isinstance(values, dict):
        values = values | {"tasks": _with_short_rows(values.get("tasks"))}
    plan = expand_variants(build(BenchmarkPlan, values, where))
    check_plan(plan, where)
    return plan


def plan_to_yaml(plan: BenchmarkPlan) -> str:
    """Return the YAML of a plan; `plan_from_yaml` restores the same plan (with its variants expanded)."""
    return yaml.dump(to_plain(plan), Dumper=_AliasFreeDumper, sort_keys=False, allow_unicode=True, width=120)


class _UniqueKeyLoader(PlainLoader):
    """Rejects duplicate keys in a mapping, of which PyYAML would silently use the last."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Check a mapping as written: merge keys (<<) are applied later, and may contain the same keys."""
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        keys: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in keys:
                    line = f"line {key.start_mark.line + 1}"
                    raise yaml.constructor.ConstructorError(problem=f"duplicate key {key.value!r} in {line}")
                keys.add(key.value)
        return node


class _AliasFreeDumper(yaml.SafeDumper):
    """Writes repeated values in full instead of as aliases such as ``*id001``, for readability."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _with_short_rows(tasks: Any) -> Any:
    """Expand rows given as strings; invalid values are left for `build` to report."""
    if not isinstance(tasks, Mapping):
        return tasks
    return {key: _with_rows(task) for key, task in tasks.items()}


def _with_rows(task: Any) -> Any:
    if not isinstance(task, Mapping) or not isinstance(task.get("rows"), list):
        return task
    return {**task, "rows": [{"name": row, "of": row} if isinstance(row, str) else row for row in task["rows"]]}
