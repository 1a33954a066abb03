"""Recipes as they are read: those that come with the package, and what is wrong with others."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from seehear.benchmark.cells import cells_of_plan
from seehear.benchmark.reading import plan_from_yaml, plan_to_yaml
from seehear.errors import SeehearError
from seehear.recipes.recipe import parse_recipe, read_recipe, recipe_names
from seehear.recipes.stages import RecipeOptions, evaluation_stage, plan_recipe

RECALLED = (75.9, 17.52, 87.0)
"""Figures that are remembered and were never read: they may not stand in a recipe."""

TEXT = """
title: Small
about: Does a recipe work?
data:
  grid: {wants: GRID, format: grid, fetched: true, hours: 27.5, size_gb: 16, source: counted}
pretexts:
  sync: {preset: sync-base, corpora: [grid]}
tasks:
  sync: {task: sync, title: Sync, data: [grid], rows: [sync]}
"""


def test_there_are_recipes() -> None:
    assert recipe_names() == ["lrs2", "lrw", "open-data", "voxceleb2"]


@pytest.mark.parametrize("name", recipe_names())
def test_a_shipped_recipe_can_be_worked_through(name: str, tmp_path: Path) -> None:
    recipe = read_recipe(name)
    given = {key: tmp_path for key, spec in recipe.data.items() if not spec.fetched}
    asked = RecipeOptions(tmp_path / "out", given)
    whole = plan_recipe(recipe, asked)
    assert whole.notes == ()
    last = evaluation_stage(whole, asked, [stage.name for stage in whole.stages])
    assert last is not None
    plan = plan_from_yaml(last.arguments["plan"], name, name)
    assert plan_to_yaml(plan) == last.arguments["plan"]
    work = cells_of_plan(plan, dict.fromkeys(recipe.data, tmp_path))
    assert work.notes == ()
    assert {(p.task, p.row) for p in work.positions} == {
        (k, r.name) for k, t in recipe.plan.tasks.items() for r in t.rows
    }
    for stage in [*whole.stages, last]:
        assert stage.cost.size
        assert stage.cost.hours_source
        if stage.kind != "evaluate":
            assert stage.cost.hours
            assert stage.cost.hours[0] >= stage.cost.hours[1] > 0
    for key, spec in recipe.data.items():
        assert recipe.terms_of(key)
        assert spec.source


@pytest.mark.parametrize("name", recipe_names())
def test_the_papers_figures_stand_beside_with_what_differs(name: str) -> None:
    plan = read_recipe(name).plan
    figures = [value for table in plan.paper for row in table.rows.values() for value in row]
    assert figures
    assert not set(RECALLED) & set(figures)
    assert all("arXiv" in table.source and table.differs for table in plan.paper)


def test_nothing_learns_from_what_may_not_be_used_commercially_in_open_data() -> None:
    plan = read_recipe("open-data").plan
    assert "ravdess" in plan.corpora
    assert all("ravdess" not in pretext.corpora for pretext in plan.pretexts.values())


FILMS = {"wants": "films", "format": "grid", "fetched": True, "hours": 1, "source": "counted"}


def changed(path: str, value: object) -> str:
    """The text with a value elsewhere; None takes the key away."""
    values = yaml.safe_load(TEXT)
    *above, last = path.split("/")
    place = values
    for key in above:
        place = place[key]
    place[last] = value
    if value is None:
        del place[last]
    return yaml.safe_dump(values)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("data", None, "mine needs the key data"),
        ("corpora", {}, "mine .*corpora.*data"),
        ("data/grid/hours", 0, "'grid' needs hours above 0"),
        ("data/grid/hours", "many", "mine, data, grid, hours must be a number, not 'many'"),
        ("data/grid/houurs", 1, "has the key 'houurs', which does not exist"),
        ("data/grid/format", "gridd", "names the format 'gridd', which does not exist"),
        ("data/grid/fetched", False, "'grid' has no terms"),
        (
            "data/films",
            FILMS,
            "'films' cannot be",
        ),
        ("pretexts/sync/untrained", True, "nothing is trained; add a pretext"),
        ("pretexts/other", {"preset": "sync-base", "corpora": ["grid"]}, "'other' is used by no row"),
        ("pretexts/sync/preset", "sync-huge", "names the preset 'sync-huge', which does not exist"),
        ("pretexts/sync/init", "sync-small", "'sync' starts from sync-small"),
    ],
)
def test_what_is_wrong_with_a_recipe_is_named(path: str, value: object, said: str) -> None:
    with pytest.raises(SeehearError, match=said):
        parse_recipe(changed(path, value), "mine", "mine")


def test_a_parse_recipe_ones_own(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(TEXT)
    assert read_recipe(str(mine)).name == "mine"
    with pytest.raises(SeehearError, match=r"nosuch\.yaml.*lrs2,") as refusal:
        read_recipe(str(tmp_path / "nosuch.yaml"))
    assert refusal.value.code == "unknown-recipe"
    mine.write_text("data: [")
    with pytest.raises(SeehearError, match=r"mine\.yaml") as refusal:
        read_recipe(str(mine))
    assert refusal.value.code == "yaml"
