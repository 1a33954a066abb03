"""Cells as Ray tasks give what they give in this process."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from seehear.benchmark.engines import RayEngine, ray_engine
from seehear.benchmark.job import CellJob, run_job
from seehear.benchmark.plan import Cell, Kind
from seehear.errors import SeehearError


def test_without_ray_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SeehearError, match=r"install seehear\[ray\]"), ray_engine(None, None):
        pass


def test_no_cluster_at_that_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise ConnectionError("nobody is there")

    fake = ModuleType("ray")
    fake.init = refuse  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ray", fake)
    told = r"no Ray cluster answers at 10\.0\.0\.1:6379 \(nobody is there\)"
    with pytest.raises(SeehearError, match=told), ray_engine(None, "10.0.0.1:6379"):
        pass


@pytest.mark.parametrize(
    ("kind", "accelerator", "device", "gpus"),
    [
        ("pretrain", "auto", "cpu", 1),
        ("pretrain", "cpu", "cpu", 0),
        ("measure", "auto", "cpu", 0),
        ("measure", "auto", "cuda", 1),
        ("corpus", "auto", "cuda", 0),
    ],
)
def test_what_runs_on_a_gpu_asks_for_one(tmp_path: Path, kind: Kind, accelerator: str, device: str, gpus: int) -> None:
    asked: dict[str, Any] = {}

    def remote(**wanted: Any) -> Any:
        asked.update(wanted)
        return lambda _: SimpleNamespace(remote=lambda *arguments: arguments)

    cell = Cell(kind, "one", 0, {"settings": {"engine": {"accelerator": accelerator}}})
    engine = RayEngine(SimpleNamespace(remote=remote), workers=1, max_processes=1, gpus=True)
    engine._start(CellJob(cell, tmp_path, {}, tmp_path / "log.txt", device=device))
    assert asked["num_gpus"] == gpus


def test_outcomes_come_back_from_a_cluster(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install seehear[ray]")
    cells = [Cell("corpus", name, None, {"path": str(tmp_path / name)}) for name in ("nothing", "neither")]
    waiting = [CellJob(cell, tmp_path / "out", {}, tmp_path / "log.txt") for cell in cells]
    here = [run_job(job).outcome.failed for job in waiting]
    with ray_engine(2, None) as engine:
        assert engine.workers == 2
        assert engine.max_processes >= 1
        ended = list(engine.run(lambda: waiting.pop() if waiting else None, lambda: False))
    assert sorted(one.result.outcome.failed for one in ended) == sorted(here)
    assert all("Traceback" in one.result.traceback for one in ended)
