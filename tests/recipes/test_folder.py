"""The folder of a recipe: whose it is, and what is done in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from seehear.errors import SeehearError
from seehear.recipes.work import RecipeFolder


def test_a_stage_is_done_with_the_arguments_that_it_was_done_with(tmp_path: Path) -> None:
    folder = RecipeFolder(tmp_path / "out")
    with folder.lock("small"):
        assert not folder.is_done("get grid", {"part": ()})
        folder.mark("get grid", {"part": ()})
    assert folder.is_done("get grid", {"part": []})
    assert not folder.is_done("get grid", {"part": ["s1"]})
    (tmp_path / "out" / "done" / "get-grid.json").write_text("{")
    assert not folder.is_done("get grid", {"part": ()})


def test_a_folder_is_of_one_recipe_and_one_process(tmp_path: Path) -> None:
    folder = RecipeFolder(tmp_path / "out")
    with folder.lock("small"), pytest.raises(SeehearError) as refusal, folder.lock("small"):
        pass
    assert refusal.value.code == "folder-locked"
    with folder.lock("small"):
        pass
    with pytest.raises(SeehearError, match=r"small.*large") as refusal, folder.lock("large"):
        pass
    assert refusal.value.code == "folder-of-another-recipe"


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(SeehearError) as refusal, RecipeFolder(tmp_path).lock("small"):
        pass
    assert refusal.value.code == "folder-not-empty"
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
