"""The verb from end to end on small stand-ins: what is done is kept, what fails costs only what needs it."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import seehear
from benchmark_tones import Here
from seehear import config
from seehear.benchmark import run_plan
from seehear.cli import main
from seehear.data import views
from seehear.data.batches import WindowBatches
from seehear.data.datasets import DATASETS
from seehear.data.get import TermsNotAcceptedError
from seehear.recipes.recipe import read_recipe
from seehear.recipes.run import RecipeResult, recipe
from seehear.recipes.stages import RecipeOptions, Stage, plan_recipe
from seehear.recipes.work import RecipeFolder, StageRunner
from server import Server, serving
from tiny import ANIMATE, MATCH, SYNC, TRAINING, served

OPTIONS = [*TRAINING, *SYNC, *ANIMATE, *MATCH]
ONLY = ["sync/sync", "emotion/animate on ravdess", "speaker-ravdess/match"]
FETCHED = ["grid", "cremad", "ravdess"]
GETS = [f"get {name}" for name in FETCHED]
PREPARES = [f"prepare {name}" for name in FETCHED]
PRETRAINS = ["pretrain sync", "pretrain animate", "pretrain match"]


def cook(out: Path, **more: Any) -> RecipeResult:
    asked = {"accept_terms": FETCHED, "option": OPTIONS, "only": ONLY, "device": "cpu", "workers": 1, **more}
    found = recipe("open-data", out=out, **asked)
    assert isinstance(found, RecipeResult)
    return found


@contextmanager
def watched() -> Iterator[list[str]]:
    """Names of the stages that are begun."""
    told: list[str] = []
    run_stage = StageRunner.run

    def watching(self: StageRunner, stage: Stage) -> None:
        told.append(stage.name)
        run_stage(self, stage)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StageRunner, "run", watching)
        yield told


@contextmanager
def on_this_machine(server: Server, films: list[bytes]) -> Iterator[Here]:
    """The data sets on a server of a test, and measurements in this process."""
    engine = Here()
    with pytest.MonkeyPatch.context() as patch:
        for name, data_set in served(server, films).items():
            patch.setitem(DATASETS._declared, name, data_set)
        patch.setattr(run_plan, "LocalEngine", lambda workers: engine)
        patch.setattr(views, "worker_count", lambda workers: 1)
        patch.setenv("no_proxy", "127.0.0.1")
        yield engine


@pytest.fixture
def no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plots take longer than all that is tested here."""
    monkeypatch.setattr(run_plan, "write_results", lambda *_: None)


@pytest.fixture(scope="module")
def cooked(films: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the recipe open-data, all of it done."""
    out = tmp_path_factory.mktemp("cooked") / "out"
    with serving() as server, on_this_machine(server, films), watched() as begun:
        found = cook(out)
    assert begun == [*GETS, *PREPARES, *PRETRAINS, "evaluate"]
    assert list(found.done) == begun
    assert found.problems == ()
    assert found.report == out / "evaluate" / "report.html"
    assert str(found.report) in str(found)
    return out


@pytest.mark.trains
def test_open_data_from_the_network_to_the_report(cooked: Path) -> None:
    page, tables = ((cooked / "evaluate" / name).read_text() for name in ("report.html", "tables.md"))
    for told in (page, tables):
        for what in ("Sync accuracy among 31 offsets", "CC BY-NC-SA 4.0", "Perfect Match", "SyncNet"):
            assert what in told
    for name in ("sync", "animate", "match"):
        assert json.loads((cooked / "runs" / name / "summary.json").read_text())["steps"] == 2
        assert (cooked / "done" / f"pretrain-{name}.json").is_file()
    assert seehear.load(str(cooked / "runs" / "animate")).config["trained"]["split_by"] == "speaker"


@pytest.mark.trains
@pytest.mark.usefixtures("no_report")
def test_given_again_nothing_is_done_twice(
    cooked: Path, films: list[bytes], server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "seehear")
    with on_this_machine(server, films) as here, watched() as begun:
        assert cook(cooked).problems == ()
    assert begun == ["evaluate"]  # a benchmark itself knows what is left: nothing
    assert here.begun == []
    assert server.asked == []
    assert "prepare grid: already done" in caplog.text


def given(cooked: Path, *names: str) -> list[str]:
    """Prepared corpora for ``--data``."""
    return [f"{name}={cooked / 'corpora' / name}" for name in names]


@pytest.mark.trains
@pytest.mark.usefixtures("no_report")
def test_killed_in_a_training_it_goes_on_from_its_checkpoint(
    cooked: Path, here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    iterate = WindowBatches.__iter__

    def until_killed(self: WindowBatches) -> Iterator[Any]:
        for count, batch in enumerate(iterate(self)):
            if count == 2:
                raise Killed
            yield batch

    out = tmp_path / "out"
    asked = {
        "data": given(cooked, "grid", "cremad"),
        "skip": ["ravdess", "animate", "match"],
        "accept_terms": (),
        "option": [*TRAINING, *SYNC, "optim.steps=3", "engine.save_every=1"],
        "only": ["sync/sync"],
    }
    with monkeypatch.context() as patch:
        patch.setattr(WindowBatches, "__iter__", until_killed)
        with pytest.raises(Killed):
            cook(out, **asked)
    assert not (out / "done" / "pretrain-sync.json").exists()
    assert not (out / "runs" / "sync" / "summary.json").exists()
    with watched() as begun:
        assert cook(out, **asked).problems == ()
    assert begun == ["pretrain sync", "evaluate"]
    steps = [row.partition(",")[0] for row in (out / "runs/sync/metrics.csv").read_text().splitlines()[1:]]
    assert sorted(set(steps), key=int)[-1] == "3"
    assert json.loads((out / "runs" / "sync" / "summary.json").read_text())["steps"] == 3


@pytest.mark.trains
@pytest.mark.usefixtures("no_report")
def test_a_stage_that_fails_costs_only_what_needs_it(
    cooked: Path, films: list[bytes], server: Server, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    asked = {
        "data": given(cooked, "grid", "cremad"),
        "skip": ["animate", "sync"],
        "accept_terms": ["ravdess"],
        "option": [*TRAINING, *MATCH],
        "only": ["speaker*/match"],
    }
    with on_this_machine(server, films), watched() as begun:
        lost = server.pages.pop("/api/records/1188976/files/Video_Speech_Actor_02.zip/content")
        found = cook(out, **{**asked, "only": ["speaker/match on grid"]})
        assert begun == ["get ravdess", "pretrain match", "evaluate"]
        assert found.done == ("pretrain match",)
        assert list(found.failed) == ["get ravdess", "prepare ravdess", "evaluate"]
        assert found.failed["get ravdess"].startswith("http://127.0.0.1")
        assert "(404)" in found.failed["get ravdess"]
        assert found.failed["prepare ravdess"] == "it needs get ravdess, which failed"
        assert "no pair of recordings of two speakers" in found.failed["evaluate"]  # one of the three is held out
        assert [problem.partition(":")[0] for problem in found.problems] == [f"{name} failed" for name in found.failed]
        assert "repeat the command" in str(found)
        server.pages["/api/records/1188976/files/Video_Speech_Actor_02.zip/content"] = lost
        begun.clear()
        assert cook(out, **{**asked, "only": ["speaker-ravdess/match"]}).problems == ()
    assert begun == ["get ravdess", "prepare ravdess", "evaluate"]


def test_terms_that_are_not_accepted_are_named_before_anything_is_done(
    films: list[bytes], server: Server, tmp_path: Path
) -> None:
    with on_this_machine(server, films), watched() as begun, pytest.raises(TermsNotAcceptedError) as refusal:
        cook(tmp_path / "out", accept_terms=["grid", "cremad"], option=())
    assert (refusal.value.code, refusal.value.name) == ("terms", "ravdess")
    assert "no commercial purpose" in refusal.value.terms
    assert "--accept-terms ravdess, or --skip ravdess" in str(refusal.value)
    assert begun == []
    assert {path.stem for path in (tmp_path / "out" / "done").iterdir()} == {"terms-grid", "terms-cremad"}


def test_the_command_line_asks_for_each_data_set(
    films: list[bytes], server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Answers(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(StageRunner, "run", lambda self, stage: None)
    monkeypatch.setattr(sys, "stdin", Answers("y\nyes\n"))
    words = ["recipe", "open-data", "-o", str(tmp_path / "out"), "--accept-terms", "cremad"]
    with on_this_machine(server, films):
        assert main(words) == 0
    done = {path.stem for path in (tmp_path / "out" / "done").iterdir()}
    assert done >= {"terms-grid", "terms-cremad", "terms-ravdess", "get-ravdess", "evaluate"}


def test_terms_are_asked_for_once(
    films: list[bytes],
    server: Server,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level("INFO", "seehear")
    monkeypatch.setattr(StageRunner, "run", lambda self, stage: None)
    with on_this_machine(server, films):
        assert cook(tmp_path / "out", option=()).problems == ()
        assert "accepted with --accept-terms ravdess" in caplog.text
        caplog.clear()
        assert cook(tmp_path / "out", accept_terms=(), option=()).problems == ()
        assert "NonCommercial" not in caplog.text


@pytest.mark.usefixtures("no_report")
def test_a_measurement_that_fails_is_told(cooked: Path, here: Here, tmp_path: Path) -> None:
    text = Path(str(config.resource_folder(config.RECIPES) / "open-data.yaml")).read_text()
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        text.replace("      - pixels\n", "      - {name: pixels, of: 'python:nowhere_at_all:nothing@25'}\n")
    )
    out = tmp_path / "out"
    (out / "done").mkdir(parents=True)
    (out / ".recipe").write_text("mine\n")
    asked = RecipeOptions(
        out,
        {name: cooked / "corpora" / name for name in ("grid", "cremad")},
        ["ravdess", "animate", "match"],
        [*TRAINING, *SYNC],
    )
    (stage,) = plan_recipe(read_recipe(str(mine)), asked).stages
    RecipeFolder(out).mark(stage.name, stage.arguments)
    shutil.copytree(cooked / "runs" / "sync", out / "runs" / "sync")
    words = {
        "data": given(cooked, "grid", "cremad"),
        "skip": asked.skip,
        "option": asked.option,
        "only": ["lips/pixels"],
    }
    found = recipe(str(mine), out=out, **words)
    assert isinstance(found, RecipeResult)
    assert list(found.failed) == ["evaluate"]
    assert found.failed["evaluate"].startswith("1 of 2 measurements failed, such as lips/pixels, seed 0:")
    assert not (out / "done" / "evaluate.json").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nosuch"], "lrs2, lrw, open-data, voxceleb2"),
        (["lrs2"], "lrs2 needs --data lrs2=FOLDER: LRS2's folder pretrain"),
        (["lrs2", "--data", "lrs2=nowhere"], "lrs2=nowhere"),
        (["lrs2", "--data", "grid=."], "--data gives 'grid', but the data sets of lrs2 are lrs2, lrs2-test, lrw"),
        (
            ["open-data", "--accept-terms", "lrw"],
            "open-data downloads no such data set; it downloads grid, cremad, ravdess",
        ),
        (["open-data", "--skip", "lrw"], "open-data has no such part; its parts are grid, cremad, ravdess, sync,"),
        (["open-data", "--skip", "grid", "cremad"], "open-data would train nothing"),
        (["open-data", "--data", "grid=.", "--skip", "grid"], "grid is both in --data and in --skip"),
        (["open-data", "--devices", "0"], "--devices must be 1 or more, not 0"),
        (["open-data", "--option", "optim.stepps=1"], "no pretext has the option optim.stepps"),
        (["open-data", "--out", "taken"], "taken contains other files"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_exit_2(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "notes.txt").touch()
    assert main(["recipe", *words]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
