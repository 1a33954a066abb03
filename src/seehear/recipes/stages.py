"""Derive the stages of a recipe from the available data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from pathlib import Path
from typing import Any, Final, Literal

from seehear.benchmark.job import MIN_AUDIO_S, seehear_command
from seehear.benchmark.plan import BenchmarkPlan, PretextSpec
from seehear.benchmark.reading import plan_to_yaml
from seehear.benchmark.sweep import apply_set, pretext_settings
from seehear.data.manifest import CORPUS_FILE
from seehear.recipes.recipe import (
    COUNTS,
    Cost,
    DataSpec,
    Recipe,
    RecipeError,
    evaluate_cost,
    get_cost,
    prepare_cost,
    pretrain_cost,
    probe_seconds,
    source_hint,
)

Kind = Literal["get", "prepare", "pretrain", "evaluate"]


EVALUATE: Final = "evaluate"
"""Name of the last stage."""


@dataclass(frozen=True)
class RecipeOptions:
    """The user's options for a recipe.

    Attributes:
        out: output folder
        data: data set -> the user's folder
        skip: data sets and pretexts to leave out
        option: options of pretexts, as in `seehear benchmark --option`
        devices: number of GPUs (or processes) to train with
        device: cpu, cuda, mps or auto; by default a GPU if there is one
    """

    out: Path
    data: Mapping[str, Path] = field(default_factory=dict)
    skip: Sequence[str] = ()
    option: Sequence[str] = ()
    devices: int = 1
    device: str | None = None


@dataclass(frozen=True)
class Stage:
    """A unit of work that is done once.

    Attributes:
        name: kind and object: ``get grid``
        kind: verb
        target: data set or pretext; empty for ``evaluate``
        folder: folder of its output
        arguments: arguments of the verb's function, as in JSON: they decide whether it has been done
        needs: names of the stages that it requires
        command: equivalent command line
        cost: size, hours and disk
    """

    name: str
    kind: Kind
    target: str
    folder: Path
    arguments: Mapping[str, Any]
    needs: tuple[str, ...]
    command: str
    cost: Cost


@dataclass(frozen=True)
class RecipePlan:
    """The stages of a recipe for the available data, in order.

    Attributes:
        recipe: without the parts left out
        stages: all but the last, ``evaluate``, which depends on their outcome; see `evaluation_stage`
        corpora: data set -> folder of its clips
        runs: trained pretext -> folder of its run
        notes: sentences about what is left out, and why
    """

    recipe: Recipe
    stages: tuple[Stage, ...]
    corpora: Mapping[str, Path]
    runs: Mapping[str, Path]
    notes: tuple[str, ...]


def plan_recipe(recipe: Recipe, options: RecipeOptions) -> RecipePlan:
    """Plan the stages of a recipe.

    Raises:
        RecipeError: a name that the recipe does not have, a missing data set, or fewer than one device
        OptionsError: an option that no pretext has
    """
    if options.devices < 1:
        raise RecipeError(f"--devices must be 1 or more, not {options.devices}")
    _check_names(recipe, options)
    data, notes = _available_data(recipe, options)
    plan = apply_set(_without(recipe.plan, data, options.skip), options.option)
    recipe = replace(recipe, data=data, plan=plan)
    stages = [*_gets(recipe, options), *_prepares(recipe, options)]
    corpora = {name: _corpus(name, options) for name in data}
    names = {stage.name for stage in stages}
    trained = {name: pretext for name, pretext in plan.pretexts.items() if not pretext.untrained}
    if not trained:
        raise RecipeError(
            f"the recipe {recipe.name} would train nothing; leave less out, or give more data with --data"
        )
    cached: set[tuple[int, tuple[str, ...]]] = set()
    for name, pretext in trained.items():
        stages.append(_pretrain(recipe, name, pretext, corpora, names, cached, options))
    runs = {name: options.out / "runs" / safe_file_name(name) for name in trained}
    return RecipePlan(recipe, tuple(stages), corpora, runs, tuple(notes))


def evaluation_stage(planned: RecipePlan, options: RecipeOptions, done: Sequence[str]) -> Stage | None:
    """Return the last stage, for the available rows and data; None if no pretext has been trained.

    Args:
        planned: all other stages
        options: the user's options
        done: names of the completed stages
    """
    plan = planned.recipe.plan
    runs = {name: run for name, run in planned.runs.items() if f"pretrain {name}" in done}
    prepared = {stage.target for stage in planned.stages if stage.kind == "prepare"}
    corpora = {
        name: str(corpus)
        for name, corpus in planned.corpora.items()
        if name not in prepared or f"prepare {name}" in done
    }
    missing = set(planned.runs) - set(runs)
    plan = _measured(_without(plan, corpora, tuple(missing)), runs)
    if not plan.tasks:
        return None
    count = plan.seeds * sum(len(task.rows) * len(task.data) * len(task.labels) for task in plan.tasks.values())
    folder = options.out / EVALUATE
    text = plan_to_yaml(replace(plan, differs=f"{plan.differs} {_licences(planned.recipe)}".strip()))
    folders = [f"{name}={corpus}" for name, corpus in corpora.items()]
    return Stage(
        name=EVALUATE,
        kind=EVALUATE,
        target="",
        folder=folder,
        arguments={"plan": text, "data": folders},
        needs=(),
        command=seehear_command("benchmark", options.out / "plan.yaml", out=folder, data=folders),
        cost=evaluate_cost(count, probe_seconds(plan, {key: spec.hours for key, spec in planned.recipe.data.items()})),
    )


def safe_file_name(name: str) -> str:
    """Return the name of a pretext as a portable file name: variants contain brackets."""
    return re.sub(r"[^A-Za-z0-9._=-]+", "_", name).strip("_")


def _check_names(recipe: Recipe, options: RecipeOptions) -> None:
    for name in options.data:
        if name not in recipe.data:
            raise RecipeError(f"--data gives {name!r}, but the data sets of {recipe.name} are {', '.join(recipe.data)}")
    known = [*recipe.data, *(name for name, pretext in recipe.plan.pretexts.items() if not pretext.untrained)]
    for name in options.skip:
        if name not in known:
            raise RecipeError(f"--skip {name!r}: {recipe.name} has no such part; its parts are {', '.join(known)}")
        if name in options.data:
            raise RecipeError(f"{name} is both in --data and in --skip; remove one of them")


def _available_data(recipe: Recipe, options: RecipeOptions) -> tuple[dict[str, DataSpec], list[str]]:
    """Return the data sets that are fetched or given, and sentences about the others.

    Raises:
        RecipeError: a required data set is missing
    """
    available: dict[str, DataSpec] = {}
    notes = []
    for name, spec in recipe.data.items():
        if name in options.skip:
            notes.append(f"{name} is left out, as requested.")
        elif spec.fetched or name in options.data:
            available[name] = spec
        elif spec.optional:
            notes.append(f"{name} was not given and is left out; it needs: {spec.wants.rstrip('.')}.")
        else:
            wants = f"{spec.wants.rstrip('.')}{source_hint(spec)}"
            raise RecipeError(f"{recipe.name} needs --data {name}=FOLDER: {wants}")
    return available, notes


def _without(plan: BenchmarkPlan, data: Mapping[str, Any], lost: Sequence[str]) -> BenchmarkPlan:
    """Return a plan without some data and pretexts, and without the rows, tables and claims that need them."""
    kept: dict[str, PretextSpec] = {}
    for name, pretext in plan.pretexts.items():
        corpora = tuple(corpus for corpus in pretext.corpora if corpus in data)
        if name not in lost and (corpora or pretext.untrained):
            kept[name] = replace(pretext, corpora=corpora)
    removed = set(plan.pretexts) - set(kept)
    tasks = {}
    for key, task in plan.tasks.items():
        rows = tuple(row for row in task.rows if row.of not in removed)
        has_trained = any(row.of in plan.pretexts and not plan.pretexts[row.of].untrained for row in rows)
        corpora = tuple(corpus for corpus in task.data if corpus in data)
        if has_trained and corpora:
            tasks[key] = replace(task, rows=rows, data=corpora)
    rows_of = {key: {row.name for row in task.rows} for key, task in tasks.items()}
    claims = tuple(c for c in plan.claims if c.task in tasks and {c.better, *c.than} <= rows_of[c.task])
    used = {row.of for task in tasks.values() for row in task.rows}
    return replace(
        plan,
        corpora={name: corpus for name, corpus in plan.corpora.items() if name in data},
        pretexts={name: pretext for name, pretext in kept.items() if name in used},
        tasks=tasks,
        claims=claims,
        paper=tuple(table for table in plan.paper if table.task in tasks),
    )


def _measured(plan: BenchmarkPlan, runs: Mapping[str, Path]) -> BenchmarkPlan:
    """Return the plan for the benchmark: pretexts trained here are read from their runs."""
    tasks = {
        key: replace(
            task,
            rows=tuple(replace(row, of=str(runs[row.of].resolve())) if row.of in runs else row for row in task.rows),
        )
        for key, task in plan.tasks.items()
    }
    return replace(plan, tasks=tasks, pretexts={n: p for n, p in plan.pretexts.items() if n not in runs})


def _licences(recipe: Recipe) -> str:
    licences = [f"{name}: {' '.join(recipe.terms_of(name).split())}" for name in recipe.data]
    return "Data and terms: " + "; ".join(licences) + "."


def _gets(recipe: Recipe, options: RecipeOptions) -> Iterator[Stage]:
    for name, spec in recipe.data.items():
        if spec.fetched and name not in options.data:
            folder = options.out / "data" / name
            command = seehear_command("get", name, out=folder, **({"parts": spec.part} if spec.part else {}))
            arguments = {"name": name, "part": list(spec.part)}
            yield Stage(f"get {name}", "get", name, folder, arguments, (), command, get_cost(spec.size_gb))


def _prepares(recipe: Recipe, options: RecipeOptions) -> Iterator[Stage]:
    for name, spec in recipe.data.items():
        folder = _corpus(name, options)
        if folder == options.data.get(name):
            continue  # it is already prepared
        source = options.data.get(name, options.out / "data" / name)
        more: dict[str, Any] = {} if spec.faces == "yunet" else {"faces": spec.faces}
        more |= {"min_seconds": MIN_AUDIO_S} if spec.faces == "none" else {}
        yield Stage(
            name=f"prepare {name}",
            kind="prepare",
            target=name,
            folder=folder,
            arguments={"source": str(source.resolve()), "format": spec.format, **more},
            needs=() if name in options.data else (f"get {name}",),
            command=seehear_command("prepare", source, out=folder, dataset=spec.format, **more),
            cost=prepare_cost(spec.hours, spec.faces != "none"),
        )


def _corpus(name: str, options: RecipeOptions) -> Path:
    """Return the folder of the clips: the user's own if it is already prepared."""
    given = options.data.get(name)
    return given if given and (given / CORPUS_FILE).is_file() else options.out / "corpora" / name


def _pretrain(
    recipe: Recipe,
    name: str,
    pretext: PretextSpec,
    corpora: Mapping[str, Path],
    names: set[str],
    cached: set[tuple[int, tuple[str, ...]]],
    options: RecipeOptions,
) -> Stage:
    settings = pretext_settings(name, pretext)
    video = sum(recipe.data[corpus].hours for corpus in pretext.corpora)
    cost = pretrain_cost(pretext.preset, settings, video, _view(pretext) in cached)
    cached.add(_view(pretext))
    settings_dict = settings.to_dict()
    shared = {key: max(1, ceil(settings_dict["optim"][key] / options.devices)) for key in ("steps", "warmup")}
    settings_dict["optim"] |= shared if options.devices > 1 else {}
    settings_dict["engine"]["devices"] = options.devices  # never auto: the steps are divided by this number
    settings_dict["engine"] |= {"accelerator": options.device.partition(":")[0]} if options.device else {}
    run, preset = options.out / "runs" / safe_file_name(name), options.out / "presets" / f"{safe_file_name(name)}.yaml"
    folders = [corpora[corpus] for corpus in pretext.corpora]
    return Stage(
        name=f"pretrain {name}",
        kind="pretrain",
        target=name,
        folder=run,
        arguments={"corpora": [str(folder.resolve()) for folder in folders], "settings": settings_dict},
        needs=tuple(need for corpus in pretext.corpora if (need := f"prepare {corpus}") in names),
        command=seehear_command("pretrain", *folders, out=run, preset=preset),
        cost=cost,
    )


def _view(pretext: PretextSpec) -> tuple[int, tuple[str, ...]]:
    """Return what identifies its cached frames: their size and the corpora."""
    counts = COUNTS.get(pretext.preset)
    return counts.view_bytes if counts else 0, pretext.corpora
