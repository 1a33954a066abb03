"""Trainings in processes of their own: what they say is passed on, and they hold the folder as long as they live."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from seehear.errors import SeehearError
from seehear.recipes import work
from seehear.recipes.recipe import read_recipe
from seehear.recipes.stages import RecipeOptions, plan_recipe
from seehear.recipes.work import RecipeFolder


def test_what_a_command_complains_about_is_the_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SeehearError, match=r"there is no preset 'nosuch'") as refusal:
        work._command(["pretrain", str(tmp_path), "-o", str(tmp_path / "run"), "--preset", "nosuch"], None)
    assert not str(refusal.value).startswith("seehear:")
    assert "there is no preset 'nosuch'" in capsys.readouterr().err


def test_a_training_on_several_devices_is_a_command_that_holds_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[list[str], int | None]] = []
    monkeypatch.setattr(work, "_command", lambda words, lock: told.append((words, lock)))
    (tmp_path / "out").mkdir()
    stages = plan_recipe(read_recipe("open-data"), RecipeOptions(tmp_path / "out", devices=2)).stages
    (stage,) = [stage for stage in stages if stage.name == "pretrain sync"]
    work.StageRunner(tmp_path / "out", lock=7).run(stage)
    out = tmp_path / "out"
    preset = out / "presets" / "sync.yaml"
    assert told == [(["pretrain", *stage.arguments["corpora"], "-o", str(stage.folder), "--preset", str(preset)], 7)]
    assert "devices: 2" in preset.read_text()


def test_what_outlives_a_killed_recipe_still_holds_its_folder(tmp_path: Path) -> None:
    folder = RecipeFolder(tmp_path / "out")
    with folder.lock("small") as lock:
        waits = [sys.executable, "-c", "import sys; sys.stdin.read()"]
        training = subprocess.Popen(waits, stdin=subprocess.PIPE, pass_fds=(lock,))
    try:
        with pytest.raises(SeehearError) as refusal, folder.lock("small"):
            pass
        assert refusal.value.code == "folder-locked"
    finally:
        training.communicate()
    with folder.lock("small"):
        pass
