"""The commands of docs/adapt.md, run on real recordings."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
import torch

from seehear import parallel
from seehear.apps.adapt import data, learning
from seehear.cli import main

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "adapt.md"

CLIPS = ("p08_1", "p24_1", "p27_1", "p29_1", "p31_1", "p32_1")
"""Short ones whose delay is sure enough."""


def commands() -> list[str]:
    """In the order of the page."""
    return re.findall(r"^ {4}(seehear .+)$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.trains
def test_its_commands_do_what_it_says(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    faces = shared / "data" / "real_faces"
    if not faces.is_dir():
        pytest.skip(f"real films to learn from are not here ({faces})")
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)
    for name, value in {"WARM": 0, "TIMED": 1, "MIN_STEPS": 2, "MAX_EPOCHS": 0}.items():  # hardly any training
        monkeypatch.setattr(learning, name, value)
    monkeypatch.setattr(parallel, "available_cores", lambda: 1)  # to start a process takes longer than the work
    monkeypatch.setattr(data, "CLIPS", 4)
    monkeypatch.setattr(data, "SPEAKERS", 4)
    (tmp_path / "videos").mkdir()
    for name in CLIPS:
        shutil.copy(faces / f"{name}.mp4", tmp_path / "videos")
    for name in ("talk.mp4", "panel.mp4"):
        shutil.copy(faces / f"{CLIPS[0]}.mp4", tmp_path / name)
    verbs = []
    for command in commands():
        words = shlex.split(command)[1:]
        assert main(words) == 0, command
        verbs.append(words[0])
        said = capsys.readouterr().out
        assert said, command
        if words[0] == "adapt":
            assert "Sync accuracy on held-out clips" in said
    assert verbs == ["adapt", "sync", "diarize"]
