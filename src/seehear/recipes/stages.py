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
    COUNTED,
    Cost,
    DataSpec,
    Recipe,
    RecipeError,
    of_evaluate,
    of_get,
    of_prepare,
    of_pretrain,
    read_out_s,
    where_from,
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
        of: data set or pretext; empty for ``evaluate``
        place: folder of its output
        given: arguments of the verb's function, as in JSON: they decide whether it has been done
        needs: names of the stages that it requires
        command: equivalent command line
        cost: size, hours and disk
    """

    name: str
    kind: Kind
    of: str
    place: Path
    given: Mapping[str, Any]
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


def plan_recipe(recipe: Recipe, asked: RecipeOptions) -> RecipePlan:
    """Plan the stages of a recipe.

    Raises:
        RecipeError: a name that the recipe does not have, a missing data set, or fewer than one device
        OptionsError: an option that no pretext has
    """
    if asked.devices < 1:
        raise RecipeError(f"--devices must be 1 or more, not {asked.devices}")
    _check_names(recipe, asked)
    data, notes = _data_there(recipe, asked)
    plan = apply_set(_without(recipe.plan, data, asked.skip), asked.option)
    recipe = replace(recipe, data=data, plan=plan)
    stages = [*_gets(recipe, asked), *_prepares(recipe, asked)]
    corpora = {name: _corpus(name, asked) for name in data}
    names = {stage.name for stage in stages}
    trained = {name: pretext for name, pretext in plan.pretexts.items() if not pretext.untrained}
    if not trained:
        raise RecipeError(f"nothing of the recipe {recipe.name} would learn; leave less out, or give more with --data")
    cached: set[tuple[int, tuple[str, ...]]] = set()
    for name, pretext in trained.items():
        stages.append(_pretrain(recipe, name, pretext, corpora, names, cached, asked))
    runs = {name: asked.out / "runs" / safe_file_name(name) for name in trained}
    return RecipePlan(recipe, tuple(stages), corpora, runs, tuple(notes))


def evaluation_stage(whole: RecipePlan, asked: RecipeOptions, done: Sequence[str]) -> Stage | None:
    """Return the last stage, for the available rows and data; None if no pretext has been trained.

    Args:
        whole: all stages
        asked: the user's options
        done: names of the completed stages
    """
    plan = whole.recipe.plan
    runs = {name: run for name, run in whole.runs.items() if f"pretrain {name}" in done}
    prepared = {stage.of for stage in whole.stages if stage.kind == "prepare"}
    corpora = {
        name: str(folder) for name, folder in whole.corpora.items() if name not in prepared or f"prepare {name}" in done
    }
    missing = set(whole.runs) - set(runs)
    plan = _measured(_without(plan, corpora, tuple(missing)), runs)
    if not plan.tasks:
        return None
    count = plan.seeds * sum(len(task.rows) * len(task.data) * len(task.labels) for task in plan.tasks.values())
    place = asked.out / EVALUATE
    text = plan_to_yaml(replace(plan, differs=f"{plan.differs} {_licences(whole.recipe)}".strip()))
    folders = [f"{name}={folder}" for name, folder in corpora.items()]
    return Stage(
        name=EVALUATE,
        kind=EVALUATE,
        of="",
        place=place,
        given={"plan": text, "data": folders},
        needs=(),
        command=seehear_command("benchmark", asked.out / "plan.yaml", out=place, data=folders),
        cost=of_evaluate(count, read_out_s(plan, {key: spec.hours for key, spec in whole.recipe.data.items()})),
    )


def safe_file_name(name: str) -> str:
    """Return the name of a pretext as a portable file name: variants contain brackets."""
    return re.sub(r"[^A-Za-z0-9._=-]+", "_", name).strip("_")


def _check_names(recipe: Recipe, asked: RecipeOptions) -> None:
    for name in asked.data:
        if name not in recipe.data:
            raise RecipeError(f"--data gives {name!r}, but the data sets of {recipe.name} are {', '.join(recipe.data)}")
    known = [*recipe.data, *(name for name, pretext in recipe.plan.pretexts.items() if not pretext.untrained)]
    for name in asked.skip:
        if name not in known:
            raise RecipeError(f"--skip {name!r}: {recipe.name} has no such part; its parts are {', '.join(known)}")
        if name in asked.data:
            raise RecipeError(f"{name} is given with --data and left out with --skip; take one of them back")


def _data_there(recipe: Recipe, asked: RecipeOptions) -> tuple[dict[str, DataSpec], list[str]]:
    """Return the data sets that are fetched or given, and sentences about the others.

    Raises:
        RecipeError: a required data set is missing
    """
    available: dict[str, DataSpec] = {}
    notes = []
    for name, spec in recipe.data.items():
        if name in asked.skip:
            notes.append(f"{name} is left out, as you asked.")
        elif spec.fetched or name in asked.data:
            available[name] = spec
        elif spec.optional:
            notes.append(f"{name} was not given and is left out; wanted: {spec.wants.rstrip('.')}.")
        else:
            wants = f"{spec.wants.rstrip('.')}{where_from(spec)}"
            raise RecipeError(f"{recipe.name} needs --data {name}=FOLDER: {wants}")
    return available, notes


def _without(plan: BenchmarkPlan, data: Mapping[str, Any], lost: Sequence[str]) -> BenchmarkPlan:
    """Return a plan without some data and pretexts, and without the rows, tables and claims that need them."""
    kept: dict[str, PretextSpec] = {}
    for name, pretext in plan.pretexts.items():
        corpora = tuple(corpus for corpus in pretext.corpora if corpus in data)
        if name not in lost and (corpora or pretext.untrained):
            kept[name] = replace(pretext, corpora=corpora)
    gone = set(plan.pretexts) - set(kept)
    tasks = {}
    for key, task in plan.tasks.items():
        rows = tuple(row for row in task.rows if row.of not in gone)
        own = any(row.of in plan.pretexts and not plan.pretexts[row.of].untrained for row in rows)
        where = tuple(corpus for corpus in task.data if corpus in data)
        if own and where:
            tasks[key] = replace(task, rows=rows, data=where)
    rows_of = {key: {row.name for row in task.rows} for key, task in tasks.items()}
    claims = tuple(c for c in plan.claims if c.task in tasks and {c.better, *c.than} <= rows_of[c.task])
    read = {row.of for task in tasks.values() for row in task.rows}
    return replace(
        plan,
        corpora={name: corpus for name, corpus in plan.corpora.items() if name in data},
        pretexts={name: pretext for name, pretext in kept.items() if name in read},
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


def _gets(recipe: Recipe, asked: RecipeOptions) -> Iterator[Stage]:
    for name, spec in recipe.data.items():
        if spec.fetched and name not in asked.data:
            place = asked.out / "data" / name
            command = seehear_command("get", name, out=place, **({"parts": spec.part} if spec.part else {}))
            given = {"name": name, "part": list(spec.part)}
            yield Stage(f"get {name}", "get", name, place, given, (), command, of_get(spec.size_gb))


def _prepares(recipe: Recipe, asked: RecipeOptions) -> Iterator[Stage]:
    for name, spec in recipe.data.items():
        place = _corpus(name, asked)
        if place == asked.data.get(name):
            continue  # it is already prepared
        source = asked.data.get(name, asked.out / "data" / name)
        more: dict[str, Any] = {} if spec.faces == "yunet" else {"faces": spec.faces}
        more |= {"min_seconds": MIN_AUDIO_S} if spec.faces == "none" else {}
        yield Stage(
            name=f"prepare {name}",
            kind="prepare",
            of=name,
            place=place,
            given={"source": str(source.resolve()), "format": spec.format, **more},
            needs=() if name in asked.data else (f"get {name}",),
            command=seehear_command("prepare", source, out=place, dataset=spec.format, **more),
            cost=of_prepare(spec.hours, spec.faces != "none"),
        )


def _corpus(name: str, asked: RecipeOptions) -> Path:
    """Return the folder of the clips: the user's own if it is already prepared."""
    given = asked.data.get(name)
    return given if given and (given / CORPUS_FILE).is_file() else asked.out / "corpora" / name


def _pretrain(
    recipe: Recipe,
    name: str,
    pretext: PretextSpec,
    corpora: Mapping[str, Path],
    names: set[str],
    cached: set[tuple[int, tuple[str, ...]]],
    asked: RecipeOptions,
) -> Stage:
    settings = pretext_settings(name, pretext)
    video = sum(recipe.data[corpus].hours for corpus in pretext.corpora)
    cost = of_pretrain(pretext.preset, settings, video, _view(pretext) in cached)
    cached.add(_view(pretext))
    settings_dict = settings.to_dict()
    shared = {key: max(1, ceil(settings_dict["optim"][key] / asked.devices)) for key in ("steps", "warmup")}
    settings_dict["optim"] |= shared if asked.devices > 1 else {}
    settings_dict["engine"]["devices"] = asked.devices  # never auto: the steps are divided by this number
    settings_dict["engine"] |= {"accelerator": asked.device.partition(":")[0]} if asked.device else {}
    place, preset = asked.out / "runs" / safe_file_name(name), asked.out / "presets" / f"{safe_file_name(name)}.yaml"
    folders = [corpora[corpus] for corpus in pretext.corpora]
    return Stage(
        name=f"pretrain {name}",
        kind="pretrain",
        of=name,
        place=place,
        given={"corpora": [str(folder.resolve()) for folder in folders], "settings": settings_dict},
        needs=tuple(need for corpus in pretext.corpora if (need := f"prepare {corpus}") in names),
        command=seehear_command("pretrain", *folders, out=place, preset=preset),
        cost=cost,
    )


def _view(pretext: PretextSpec) -> tuple[int, tuple[str, ...]]:
    """Return which frames are cached for it: their size and the corpora."""
    counted = COUNTED.get(pretext.preset)
    return counted.view_bytes if counted else 0, pretext.corpora
