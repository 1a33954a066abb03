"""A benchmark on tones that is worked through in this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark_tones import PLAN, Here, record
from seehear.benchmark import run_plan
from seehear.data.prepare import prepare


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Here:
    """The engine that `seehear benchmark` then has."""
    engine = Here()
    monkeypatch.setattr(run_plan, "LocalEngine", lambda workers: engine)
    return engine


@pytest.fixture
def no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plots take longer than all that is tested here."""
    monkeypatch.setattr(run_plan, "write_results", lambda *_: None)


@pytest.fixture(scope="session")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared corpus of sound alone."""
    folder = tmp_path_factory.mktemp("tones")
    record(folder / "takes")
    prepare([folder / "takes"], folder / "corpus", faces="none", workers=1)
    return folder / "corpus"


@pytest.fixture(scope="session")
def plan(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Path of a plan on them."""
    path = tmp_path_factory.mktemp("plans") / "tones.yaml"
    path.write_text(PLAN)
    return str(path)
