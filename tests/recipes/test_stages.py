"""Which stages there are, what they need, and what is left out with what."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from seehear.benchmark.reading import plan_from_yaml
from seehear.cli import VERBS, split_verb
from seehear.cli.parser import parse
from seehear.recipes.recipe import read_recipe, recipe_names
from seehear.recipes.run_recipe import NOT_RUN, format_disk, format_hours, list_recipes, plan_text
from seehear.recipes.stages import RecipeOptions, Stage, evaluation_stage, plan_recipe, safe_file_name

DOCUMENT = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text(encoding="utf-8")


def stages_of(asked: RecipeOptions, name: str = "open-data") -> dict[str, Stage]:
    return {stage.name: stage for stage in plan_recipe(read_recipe(name), asked).stages}


def test_each_stage_needs_what_it_uses_and_no_more(tmp_path: Path) -> None:
    stages = stages_of(RecipeOptions(tmp_path))
    assert stages["prepare grid"].needs == ("get grid",)
    assert stages["pretrain sync"].needs == ("prepare grid", "prepare cremad")
    assert stages["get ravdess"].needs == ()


def test_what_the_user_has_is_not_fetched_and_what_is_prepared_is_not_prepared(tmp_path: Path) -> None:
    films, corpus = tmp_path / "films", tmp_path / "corpus"
    films.mkdir()
    corpus.mkdir()
    (corpus / "corpus.json").touch()
    asked = RecipeOptions(tmp_path / "out", {"grid": films, "cremad": corpus})
    stages = stages_of(asked)
    assert [name for name in stages if "ravdess" not in name and "pretrain" not in name] == ["prepare grid"]
    assert stages["prepare grid"].arguments["source"] == str(films)
    assert stages["pretrain sync"].arguments["corpora"] == [str(tmp_path / "out" / "corpora" / "grid"), str(corpus)]
    assert stages["pretrain sync"].needs == ("prepare grid",)


def test_devices_share_the_steps(tmp_path: Path) -> None:
    one, eight = (
        stages_of(RecipeOptions(tmp_path, devices=devices, device="cpu"))["pretrain sync"].arguments["settings"]
        for devices in (1, 8)
    )
    assert (one["optim"]["steps"], eight["optim"]["steps"]) == (30000, 3750)
    assert (one["optim"]["warmup"], eight["optim"]["warmup"]) == (2000, 250)
    assert (one["engine"]["devices"], eight["engine"]["devices"]) == (1, 8)
    assert one["engine"]["accelerator"] == "cpu"
    assert one["optim"]["lr"] == eight["optim"]["lr"]


def test_what_is_left_out_takes_along_what_needs_it(tmp_path: Path) -> None:
    asked = RecipeOptions(tmp_path, skip=["ravdess", "animate"])
    whole = plan_recipe(read_recipe("open-data"), asked)
    plan = whole.recipe.plan
    assert plan.tasks.keys() == {"sync", "lips", "speaker", "facevoice"}
    assert plan.claims == ()
    assert {table.task for table in plan.paper} == {"sync"}
    assert set(plan.pretexts) == {"sync", "sync-untrained", "match", "match-untrained"}
    (note,) = whole.notes
    assert "ravdess" in note


def test_an_optional_data_set_that_is_not_given_is_told(tmp_path: Path) -> None:
    given = {"lrs2": tmp_path, "lrs2-test": tmp_path}
    whole = plan_recipe(read_recipe("lrs2"), RecipeOptions(tmp_path / "out", given))
    assert whole.recipe.plan.tasks.keys() == {"sync"}
    assert whole.notes[0].startswith("lrw was not given")


def test_the_evaluation_is_of_what_came_about(tmp_path: Path) -> None:
    asked = RecipeOptions(tmp_path)
    whole = plan_recipe(read_recipe("open-data"), asked)
    names = [stage.name for stage in whole.stages]
    assert evaluation_stage(whole, asked, [name for name in names if "pretrain" not in name]) is None
    last = evaluation_stage(whole, asked, [name for name in names if name not in ("pretrain match", "prepare ravdess")])
    assert last is not None
    plan = plan_from_yaml(last.arguments["plan"], "x", "x")
    assert plan.tasks.keys() == {"sync", "lips", "emotion", "emotion-lstm", "words", "sentences"}
    assert plan.tasks["emotion"].data == ("cremad",)
    assert plan.tasks["sync"].rows[0].of == str(tmp_path / "runs" / "sync")
    assert set(plan.pretexts) == {"sync-untrained", "animate-untrained"}
    assert "CC BY 4.0" in plan.differs


def test_a_sweep_makes_a_stage_of_each_variant(tmp_path: Path) -> None:
    stages = stages_of(RecipeOptions(tmp_path, option=["sync.model.loss=separate,multiway"]))
    assert "pretrain sync[loss=multiway]" in stages
    assert stages["pretrain sync[loss=multiway]"].folder == tmp_path / "runs" / "sync_loss=multiway"
    assert safe_file_name("sync[loss=a,lr=1]") == "sync_loss=a_lr=1"


def expected_arguments(stage: Stage) -> dict[str, object]:
    """Parameter -> value that the command of a stage sets."""
    given = stage.arguments
    if stage.kind == "get":
        return {"name": given["name"], "parts": given["part"]}
    if stage.kind == "prepare":
        options = {option: value for option, value in given.items() if option not in ("source", "format")}
        return {"sources": [Path(given["source"])], "dataset": given["format"], **options}
    if stage.kind == "pretrain":
        return {"corpus": [Path(folder) for folder in given["corpora"]]}
    return {"data": given["data"]}


@pytest.mark.parametrize("name", ["open-data", "lrw"])
def test_the_commands_by_hand_are_commands_and_the_plan_says_all_that_is_wanted(name: str, tmp_path: Path) -> None:
    recipe = read_recipe(name)
    asked = RecipeOptions(tmp_path / "out", {key: tmp_path for key, spec in recipe.data.items() if not spec.fetched})
    whole = plan_recipe(recipe, asked)
    last = evaluation_stage(whole, asked, [stage.name for stage in whole.stages])
    assert last is not None
    for stage in [*whole.stages, last]:
        verb, words = split_verb(shlex.split(stage.command)[1:])
        if verb == "pretrain":  # whose preset is written when it is begun
            (tmp_path / "out" / "presets").mkdir(parents=True, exist_ok=True)
            Path(words[-1]).write_text(yaml.safe_dump(stage.arguments["settings"]))
        understood = parse(verb, VERBS[verb], words).arguments
        assert Path(understood["out"]) == stage.folder
        for option, expected in expected_arguments(stage).items():
            assert understood[option] == expected
    told = plan_text(whole, last, ["get cremad"])
    for stage in whole.stages:
        assert stage.name in told
        assert stage.command in told
    assert "get cremad (done)" in told
    for words in (
        NOT_RUN,
        "no GPU was timed",
        "at 5% of an H100's bf16 (assumed)",
    ):
        assert words in told
    assert "for no commercial purpose" in told


def test_recipes_are_listed_with_what_they_ask_for() -> None:
    told = list_recipes()
    assert "open-data: Sync, animate and match" in told
    assert "fetches grid, cremad, ravdess" in told
    assert "needs --data voxceleb2, voxceleb2-test; may use --data voxceleb1" in told


def test_numbers_in_words() -> None:
    assert [format_hours(hours) for hours in (0.001, 0.5, 1.26, 38.4)] == ["1 min", "30 min", "1.3 h", "38 h"]
    assert [format_disk(gb) for gb in (0.25, 16, 8300)] == ["250 MB", "16 GB", "8.3 TB"]


def test_films_that_are_decoded_for_one_pretext_are_not_counted_twice(tmp_path: Path) -> None:
    whole = stages_of(RecipeOptions(tmp_path / "out", {"lrs2": tmp_path, "lrs2-test": tmp_path}), "lrs2")
    assert whole["pretrain sync"].cost.disk_gb > 50
    assert whole["pretrain perfect-match"].cost.disk_gb == 0
    other = replace(whole["pretrain sync"].cost, disk_gb=0)
    assert other.size == whole["pretrain perfect-match"].cost.size


@pytest.mark.parametrize("name", recipe_names())
def test_the_document_says_what_is_computed(name: str, tmp_path: Path) -> None:
    recipe = read_recipe(name)
    asked = RecipeOptions(tmp_path / "out", {key: tmp_path for key, spec in recipe.data.items() if not spec.fetched})
    whole = plan_recipe(recipe, asked)
    last = evaluation_stage(whole, asked, [stage.name for stage in whole.stages])
    assert last is not None
    (total,) = [line for line in plan_text(whole, last, []).splitlines() if line.startswith("sum ")]
    one, eight, disk = re.split(r" {2,}", total)[-3:]
    fetched = sum(spec.size_gb for spec in recipe.data.values() if spec.fetched)
    (row,) = re.findall(rf"^\| `{name}`.*GB \|.*or more.*$|^\| `{name}`.*TB \|.*or more.*$", DOCUMENT, re.MULTILINE)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1:] == [f"{fetched:g} GB" if fetched else "none", disk, f"{one} or more", f"{eight} or more"]
