"""One cell, whatever comes of it."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from seehear.benchmark import job as doing
from seehear.benchmark.cells import cells_of_plan
from seehear.benchmark.job import CellJob, JobResult, run_job
from seehear.benchmark.plan import Cell
from seehear.benchmark.reading import read_plan
from seehear.errors import CorpusError
from seehear.models import store
from seehear.training.loop import TrainingStopped


def job(cell: Cell, folder: Path, **given: Path) -> CellJob:
    return CellJob(cell, folder / cell.name, given, folder / "log.txt")


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(_: Any) -> None:
        sys.stderr.write("before it failed\n")
        raise error

    monkeypatch.setitem(doing._RUNNERS, "corpus", fail)


def done(folder: Path) -> JobResult:
    return run_job(job(Cell("corpus", "people", None, {}), folder))


def test_a_sentence_is_the_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    failing(monkeypatch, CorpusError("x is not a corpus; name another"))
    assert done(tmp_path).outcome.failed == "x is not a corpus; name another"


def test_a_bug_is_an_outcome_with_its_traceback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    failing(monkeypatch, KeyError("emotion"))
    found = done(tmp_path)
    assert found.outcome.failed == "unexpected KeyError: 'emotion'"
    assert "in fail" in found.traceback
    assert (tmp_path / "log.txt").read_text() == "before it failed\n"


def test_a_training_that_is_asked_to_stop_is_no_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    failing(monkeypatch, TrainingStopped(3, 9, tmp_path, 15))
    with pytest.raises(TrainingStopped):
        done(tmp_path)


@pytest.mark.trains
def test_untrained_weights_are_those_that_training_begins_with(tones: Path, plan: str, tmp_path: Path) -> None:
    work = cells_of_plan(read_plan(plan), {"tones": tones})
    corpus = work.corpora["tones"]
    (fresh,) = [cell for cell in work.cells if cell.label == "fresh, seed 1"]
    still = fresh.spec["settings"] | {"optim": fresh.spec["settings"]["optim"] | {"steps": 1, "lr": 0.0}}
    moved = Cell("pretrain", "still", 1, {**fresh.spec, "untrained": False, "settings": still})
    for cell in (fresh, moved):
        assert run_job(job(cell, tmp_path, **{corpus: tones})).outcome.failed is None
    one, other = (store.load(tmp_path / name).state_dict() for name in ("fresh", "still"))
    assert all(torch.equal(one[name], other[name]) for name in one)
    (twin,) = [cell for cell in work.cells if cell.label == "fresh, seed 0"]
    assert run_job(job(twin, tmp_path / "twin", **{corpus: tones})).outcome.failed is None
    assert not all(
        torch.equal(tensor, one[name]) for name, tensor in store.load(tmp_path / "twin/fresh").state_dict().items()
    )


def test_what_is_told_to_make_untrained_weights_again_makes_them(tones: Path, plan: str, tmp_path: Path) -> None:
    work = cells_of_plan(read_plan(plan), {"tones": tones})
    (fresh,) = [cell for cell in work.cells if cell.label == "fresh, seed 1"]
    (command,) = run_job(job(fresh, tmp_path, **{work.corpora["tones"]: tones})).outcome.reproduce
    before = store.load(tmp_path / "fresh").state_dict()
    (tmp_path / "fresh" / store.WEIGHTS).unlink()
    _, flag, code = shlex.split(command)
    assert flag == "-c"
    exec(code, {})
    again = store.load(tmp_path / "fresh").state_dict()
    assert all(torch.equal(before[name], again[name]) for name in before)


def test_a_kill_before_a_run_says_what_it_is_does_not_block_it(
    monkeypatch: pytest.MonkeyPatch, tones: Path, plan: str, tmp_path: Path
) -> None:
    work = cells_of_plan(read_plan(plan), {"tones": tones})
    apc = next(cell for cell in work.cells if cell.label == "apc, seed 0")
    (tmp_path / "apc").mkdir()
    (tmp_path / "apc" / ".config.yaml.123.tmp").write_text("corpus: [ton")
    begun = []

    def pretrain(_: list[Path], out: Path, **__: Any) -> Any:
        begun.append(list(out.iterdir()))
        raise CorpusError("that is all")

    monkeypatch.setattr("seehear.training.pretrain.pretrain", pretrain)
    assert run_job(job(apc, tmp_path, **{work.corpora["tones"]: tones})).outcome.failed == "that is all"
    assert begun == [[]]
