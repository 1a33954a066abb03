"""What a recipe is: data sets, and a benchmark plan that says what learns from them and what is measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from seehear.benchmark.planning.plan import Plan
from seehear.benchmark.planning.reading import loaded, plan_from
from seehear.benchmark.planning.typed import built
from seehear.downloads.data_sets import DATA_SETS, ON_REQUEST
from seehear.errors import SeehearError
from seehear.shipped import RECIPES, room, yaml_names

_ENDINGS = (".yaml", ".yml")


class RecipeError(SeehearError):
    """A recipe, or what is asked of it, does not make sense."""


@dataclass(frozen=True)
class DataSpec:
    """A data set of a recipe.

    Attributes:
        wants: which folder the user gives with ``--data``, in a sentence.
        hours: length of its recordings.
        size_gb: gigabytes as its makers release it; 0 where that is not known.
        source: where hours and size are from.
        format: layout, as `seehear prepare` knows it.
        faces: yunet, whole-frame or none, as `seehear prepare` takes it.
        fetched: whether `seehear get` brings it where no folder is given; its name is then that of a data set there.
        part: of it, as `seehear get --part` names parts; empty for all.
        optional: whether the recipe goes on without it.
        terms: licence, in a sentence; for data sets that are fetched the one that `seehear get` shows.
    """

    wants: str
    hours: float
    source: str
    format: str
    size_gb: float = 0.0
    faces: Literal["yunet", "whole-frame", "none"] = "yunet"
    fetched: bool = False
    part: tuple[str, ...] = ()
    optional: bool = False
    terms: str = ""


@dataclass(frozen=True)
class Recipe:
    """What is fetched and prepared, what learns from it, and what is measured.

    Attributes:
        name: of its file, or of the shipped one.
        data: by name.
        plan: pretexts, tasks, claims and the papers' tables; its corpora are the data sets.
    """

    name: str
    data: Mapping[str, DataSpec]
    plan: Plan

    def terms_of(self, name: str) -> str:
        """On what terms a data set is given."""
        return str(DATA_SETS[name].terms) if self.data[name].fetched else self.data[name].terms


def recipe_names() -> list[str]:
    """Those that come with the package."""
    return yaml_names(RECIPES)


def read_recipe(name: str) -> Recipe:
    """A recipe, by the name of one that comes with the package or from a YAML file.

    The file has the keys of a benchmark plan but for ``corpora``, whose place is taken by ``data``: fields of
    `DataSpec` by the name of the data set.

    Raises:
        RecipeError: there is no such recipe, or its data sets do not fit.
        PlanError: the rest is no plan; see `seehear.benchmark.planning.reading.read_plan`.
    """
    path = Path(name)
    try:
        if name in recipe_names():
            return recipe_of((room(RECIPES) / f"{name}.yaml").read_text(encoding="utf-8"), name, name)
        if path.suffix in _ENDINGS and path.is_file():
            return recipe_of(path.read_text(encoding="utf-8"), path.stem, str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{name} cannot be read ({error}); name another recipe") from error
    raise RecipeError(f"there is no recipe {name!r}; there are {', '.join(recipe_names())}, or give a .yaml file")


def recipe_of(text: str, name: str, where: str) -> Recipe:
    """A recipe from the text of a YAML file.

    Args:
        text: all of it.
        name: of the recipe.
        where: what the file is called in errors.

    Raises:
        RecipeError, PlanError: see `read_recipe`.
    """
    values = loaded(text, where)
    if not isinstance(values, dict) or not isinstance(values.get("data"), dict) or not values["data"]:
        raise RecipeError(f"{where} needs the key data: data sets by name (docs/recipes.md has how)")
    if "corpora" in values:
        raise RecipeError(f"{where} has the key corpora, which is called data in a recipe; rename it")
    data = {str(key): built(DataSpec, value, f"{where}, data, {key}") for key, value in values["data"].items()}
    rest = {key: value for key, value in values.items() if key != "data"}
    corpora = {key: {"wants": spec.wants, "format": spec.format, "faces": spec.faces} for key, spec in data.items()}
    recipe = Recipe(name, data, plan_from({"name": name, **rest, "corpora": corpora}, where))
    for problem in _problems(recipe):
        raise RecipeError(f"{where}: {problem}")
    return recipe


def _problems(recipe: Recipe) -> Iterator[str]:
    plan = recipe.plan
    for name, spec in recipe.data.items():
        about = f"the data set {name!r}"
        if spec.fetched and name not in DATA_SETS:
            yield f"{about} cannot be fetched; seehear get knows {', '.join(DATA_SETS)}"
        if not spec.fetched and not spec.terms:
            yield f"{about} does not say its terms; seehear get does not know them either"
        if spec.hours <= 0 or spec.size_gb < 0:
            yield f"{about} needs hours of more than 0 and no size below 0"
    if all(pretext.untrained for pretext in plan.pretexts.values()):
        yield "nothing is trained; add a pretext"
    for name, pretext in plan.pretexts.items():
        if pretext.init:
            yield f"the pretext {name!r} begins with {pretext.init}, which a recipe cannot do; leave init out"
    read = {row.of for task in plan.tasks.values() for row in task.rows}
    for name in plan.pretexts:
        if name not in read:
            yield f"the pretext {name!r} is read by no row of a task; add one, or leave it out"


def where_from(spec: DataSpec) -> str:
    """Where a data set that is not fetched can be had, as a sentence's ending; empty where that is not known."""
    return f" (see {ON_REQUEST[spec.format]})" if not spec.fetched and spec.format in ON_REQUEST else ""
