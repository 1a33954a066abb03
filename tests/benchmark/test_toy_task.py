"""A task of a plug-in: by `seehear.evaluate`, on the command line, and in a benchmark."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import seehear
from benchmark_tones import Here
from seehear import cli
from seehear.benchmark.execution import BenchmarkFolder
from seehear.benchmark.run import benchmark
from seehear.evaluation.task import Task


@pytest.fixture(autouse=True)
def toy() -> Iterator[Task]:
    """The task."""
    from toy_task import registered  # registers it

    with registered() as task:
        yield task


def test_a_task_is_evaluated_by_its_name(tones: Path) -> None:
    clips = seehear.evaluate("toy", "none", tones).to_dict()["clips"]
    assert clips > 0
    assert seehear.evaluate("toy", "none", str(tones), extra=1, factor=2).to_dict()["clips"] == 2 * clips + 1


def test_a_task_is_a_verb(toy: Task, tones: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert "evaluate toy" in shown
    assert toy.summary in shown
    words = ["evaluate", "toy", "none", str(tones), "--factor", "2", "--count", str(tmp_path / "count.txt")]
    assert cli.main([*words, "--first-seed", "3", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"clips": int((tmp_path / "count.txt").read_text()), "seed": 3}
    assert cli.main(["evaluate", "telepathy"]) == cli.BAD_INPUT
    assert "evaluate toy" in capsys.readouterr().err


PLAN = """
title: Clips
about: How many are there?
seeds: 2
corpora:
  tones: {wants: Takes of tones.}
pretexts: {}
tasks:
  clips:
    task: toy
    title: Clips
    data: [tones]
    options: {more: 1}
    rows:
      - mfcc
      - {name: twice, of: mfcc, options: {factor: 2}}
claims:
  - {says: Twice as many are more, source: us, task: clips, better: twice, than: [mfcc]}
"""


@pytest.mark.parametrize("process", ["here", "worker"])
def test_a_task_is_measured_in_a_benchmark(
    process: str, tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by worker processes, which import the module that registers it."""
    if process == "here":
        monkeypatch.setattr("seehear.benchmark.run_plan.LocalEngine", lambda workers: Here())
    (tmp_path / "plan.yaml").write_text(PLAN)
    found = benchmark(tmp_path / "plan.yaml", out=tmp_path / "out", data={"tones": tones}, workers=1)
    assert dict(found.failed) == {}
    (table,) = found.tables
    assert (table.columns[0].score, table.columns[0].higher_is_better) == ("misses", False)
    clips = len(seehear.open_corpus(tones))
    assert [table.entries[row, 0].mean for row in table.rows] == [99 - clips, 99 - 2 * clips]
    outcomes = [one for one in BenchmarkFolder(tmp_path / "out").read_outcomes().values() if one.scores]
    assert {one.told["seed"] for one in outcomes} == {0, 1}
    assert {one.draws for one in outcomes} == {(90.0, 92.0)}
    assert {one.higher_is_better for one in outcomes} == {False}
    assert "misses ↓" in (tmp_path / "out" / "tables.md").read_text()


def test_noise_is_for_tasks_that_have_it(tones: Path, tmp_path: Path) -> None:
    lines = "    noise: pink\n    snr_db: [0]\n    options"
    plan = tmp_path / "plan.yaml"
    plan.write_text(PLAN.replace("task: toy", "task: sync").replace("    options", lines))
    with pytest.raises(seehear.SeehearError, match=r"only .*emotion.*toy do"):
        benchmark(plan, data={"tones": tones})
