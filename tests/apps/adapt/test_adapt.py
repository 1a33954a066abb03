"""The whole way on a tiny model: what is left behind, going on after kills, and what is refused."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import seehear
from seehear.apps.adapt import adapt as module
from seehear.apps.adapt import learning, measure, stages
from seehear.apps.adapt.result import AdaptResult
from seehear.cli import main
from seehear.data.datasets import find_sources
from seehear.errors import ModelError, SeehearError
from seehear.models.store import load_sync_model
from seehear.training import loop

pytestmark = pytest.mark.trains

Adapt = Callable[..., AdaptResult]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread, and little time for timing."""
    torch.set_num_threads(1)
    monkeypatch.setattr(learning, "WARM", 0)
    monkeypatch.setattr(learning, "TIMED", 1)


@pytest.fixture
def adapt(quick: None, films: Path, tiny_model: str, old_corpus: Path) -> Adapt:
    """adapt(out, **changes) on the films; a model that knows nothing is sure of no delay, so any will do."""

    def run(out: Path, **changes: Any) -> AdaptResult:
        told = {"minutes": 0.001, "model": tiny_model, "replay": old_corpus, "confidence": 0.0, "workers": 1}
        return module.adapt([films], out, **told | changes)

    return run


def table(out: Path) -> list[dict[str, str]]:
    with (out / "sources.csv").open(newline="") as file:
        return list(csv.DictReader(file))


class Killed(BaseException):
    pass


def killed_in(monkeypatch: pytest.MonkeyPatch, where: Any, name: str, adapt: Adapt, out: Path) -> None:
    """Give the command, and end it where that function is called."""

    def end(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(where, name, end)
        with pytest.raises(Killed):
            adapt(out)
    assert not (out / "config.json").exists()


KILLED_WHILE_TRAINING = """
import os, signal, sys
from pathlib import Path
import torch
from seehear.apps.adapt import learning
from seehear.apps.adapt.adapt import adapt
from seehear.data.batches import WindowBatches

torch.set_num_threads(1)
learning.WARM, learning.TIMED = 0, 1
iterate = WindowBatches.__iter__

def dying(self):
    for number, batch in enumerate(iterate(self)):
        if number == 4:
            os.kill(os.getpid(), signal.SIGKILL)
        yield batch

WindowBatches.__iter__ = dying
films, model, corpus, out = sys.argv[1:]
if __name__ == "__main__":
    adapt([Path(films)], Path(out), minutes=0.001, model=model, replay=Path(corpus), confidence=0.0, workers=1)
"""


def test_it_goes_on_after_being_killed_in_each_stage(
    adapt: Adapt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, films: Path, tiny_model: str, old_corpus: Path
) -> None:
    out = tmp_path / "adapted"
    asked: list[str] = []
    run_jobs = measure.measure_sync

    def counted(files: Any, **options: Any) -> Any:
        for outcome in run_jobs(files, **options):
            asked.append(outcome.path.name)
            if len(asked) == 3:
                raise Killed
            yield outcome

    monkeypatch.setattr(measure, "measure_sync", counted)
    with pytest.raises(Killed):
        adapt(out)
    killed_in(monkeypatch, stages, "prepare_sources", adapt, out)
    assert len(asked) == 10  # the third file, whose answer was lost, is measured again
    script = tmp_path / "killed.py"
    script.write_text(KILLED_WHILE_TRAINING)
    words = [sys.executable, str(script), str(films), tiny_model, str(old_corpus), str(out)]
    done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == -signal.SIGKILL, done.stderr
    manifest = (out / "work" / "corpus" / "manifest.parquet").stat().st_mtime_ns
    plan = (out / "work" / "learning" / "plan.json").read_text()
    from_step: list[int | None] = []
    resume = loop.Trainer.resume

    def watched(self: loop.Trainer) -> int | None:
        from_step.append(resume(self))
        return from_step[-1]

    monkeypatch.setattr(loop.Trainer, "resume", watched)
    killed_in(monkeypatch, stages, "accuracy_gains", adapt, out)
    weights = (out / "work" / "learning" / "model.safetensors").stat().st_mtime_ns
    adapted = adapt(out)
    assert from_step == [4]  # it was killed in the fifth step, and is not trained again when it is done
    assert len(asked) == 10
    assert (out / "work" / "corpus" / "manifest.parquet").stat().st_mtime_ns == manifest
    assert (out / "work" / "learning" / "plan.json").read_text() == plan
    assert (out / "work" / "learning" / "model.safetensors").stat().st_mtime_ns == weights

    assert adapted.steps == learning.MIN_STEPS
    rows = {row["file"]: row for row in table(out)}
    assert rows["broken.mp4"]["use"] == "refused"
    assert "cannot be read" in rows["broken.mp4"]["reason"] or "not a video" in rows["broken.mp4"]["reason"]
    uses = [row["use"] for row in rows.values()]
    assert (uses.count("held out"), uses.count("refused")) == (2, 1)
    assert [gain.frames for gain in adapted.gains] == [gain.frames for gain in adapted.replay] == [5, 15]
    assert adapted.replayed == "old-people"
    assert not adapted.calibrated
    assert any("2 held-out videos are too few to fit it again" in note for note in adapted.notes)
    assert adapted.verdict in str(adapted)

    model = load_sync_model(out)
    before, after = load_file(Path(tiny_model) / "model.safetensors"), load_file(out / "model.safetensors")
    assert any(not torch.equal(before[name], after[name]) for name in before)
    trained = model.config["trained"]
    assert trained["preset"] == "sync-small"
    assert trained["corpus"] == ["talkers", "old-people", "own videos"]
    assert len(trained["adapted"]["learned"]) == uses.count("learned")
    assert len(trained["adapted"]["held_out"]) == 2

    found = find_sources([films], "folder")
    learned, held_out = stages._history(found, str(out))  # a second round knows what the first has seen
    assert learned == {name for name, row in rows.items() if row["use"] == "learned"}
    assert held_out == {name for name, row in rows.items() if row["use"] == "held out"}
    assert stages._history(found, tiny_model) == (set(), set())

    stamp = (out / "model.safetensors").stat().st_mtime_ns
    assert adapt(out) == adapted  # done already
    assert (out / "model.safetensors").stat().st_mtime_ns == stamp
    assert AdaptResult.from_dict(json.loads(json.dumps(adapted.to_dict()))) == adapted
    with pytest.raises(SeehearError, match=r"adapted model already, made with minutes 0.001 instead of 0.002"):
        adapt(out, minutes=0.002)


def test_nothing_that_can_be_learned_from_is_a_sentence(adapt: Adapt, tmp_path: Path) -> None:
    with pytest.raises(SeehearError, match=r"none of the 9 videos can be used for training, broken.mp4 .*sources.csv"):
        adapt(tmp_path / "adapted", confidence=0.999)
    rows = table(tmp_path / "adapted")
    assert {row["use"] for row in rows} == {"refused"}
    assert sum("its delay is unsure" in row["reason"] for row in rows) == 8


def test_what_is_no_run_or_no_sync_model_is_refused(adapt: Adapt, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("precious")
    with pytest.raises(SeehearError, match="is not from seehear adapt; name a new folder"):
        adapt(tmp_path / "mine")
    with pytest.raises(ModelError, match="adapt works for sync models only"):
        adapt(tmp_path / "adapted", model="match-small")
    assert not (tmp_path / "adapted").exists()
    for wrong in ({"minutes": 0.0}, {"confidence": 1.0}):
        with pytest.raises(SeehearError, match=f"--{next(iter(wrong))}"):
            adapt(tmp_path / "adapted", **wrong)


def test_the_command_line_prints_the_result(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked: dict[str, Any] = {}

    @wraps(module.adapt)  # the flags come from the signature
    def fake(videos: list[Path], out: Path, **rest: Any) -> AdaptResult:
        asked.update(rest, videos=videos, out=out)
        return AdaptResult(
            str(out), "sync-small", "no better on your videos: keep sync-small", (), (), "", (), 1, 1, 1, 1, 1, False
        )

    monkeypatch.setattr(module, "adapt", fake)
    assert main(["adapt", "a.mp4", "b.mp4", "-o", "run", "--minutes", "3"]) == 0
    assert capsys.readouterr().out.rstrip().endswith("no better on your videos: keep sync-small")
    assert (asked["videos"], asked["out"], asked["minutes"]) == ([Path("a.mp4"), Path("b.mp4")], Path("run"), 3.0)
    assert main(["adapt", "a.mp4", "-o", "run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "no better on your videos: keep sync-small"


def test_it_is_in_the_public_interface() -> None:
    assert seehear.adapt is module.adapt
