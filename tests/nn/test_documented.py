"""What docs/encoders.md shows is what can be done."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import torch
import yaml

from seehear.benchmark.plan import RowSpec
from seehear.nn.external import is_external, load_external

TEXT = (Path(__file__).parents[2] / "docs" / "encoders.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    """The one that is in this language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    return found


def test_the_function_is_an_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text(block("python"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    encoder = load_external("python:mine:embed@100")
    loud = torch.cat([torch.zeros(1, 6400), 0.5 * torch.ones(1, 6400)], 1)
    levels = encoder(loud)[0, :, 0]
    assert levels.shape == (80,)
    assert levels[:40].max() < levels[40:].min()


def test_rows_are_rows_of_a_plan() -> None:
    rows = [RowSpec(**row) for row in yaml.safe_load(block("yaml"))["rows"]]
    assert len(rows) == 3
    assert all(is_external(row.of) for row in rows)
