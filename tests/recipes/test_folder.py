"""The folder of a recipe: whose it is, and what is done in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from seehear.errors import SeehearError
from seehear.recipes.work import RecipeFolder


def test_a_stage_is_done_with_the_arguments_that_it_was_done_with(tmp_path: Path) -> None:
    folder = RecipeFolder(tmp_path / "out")
    with folder.held("small"):
        assert not folder.is_done("get grid", {"part": ()})
        folder.mark("get grid", {"part": ()})
    assert folder.is_done("get grid", {"part": []})
    assert not folder.is_done("get grid", {"part": ["s1"]})
    (tmp_path / "out" / "done" / "get-grid.json").write_text("{")
    assert not folder.is_done("get grid", {"part": ()})


def test_a_folder_is_of_one_recipe_and_one_process(tmp_path: Path) -> None:
    folder = RecipeFolder(tmp_path / "out")
    told = "another seehear recipe is at work in"
    with folder.held("small"), pytest.raises(SeehearError, match=told), folder.held("small"):
        pass
    with folder.held("small"):
        pass
    told = "is of the recipe small; name another --out for large"
    with pytest.raises(SeehearError, match=told), folder.held("large"):
        pass


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(SeehearError, match="holds other things"), RecipeFolder(tmp_path).held("small"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
