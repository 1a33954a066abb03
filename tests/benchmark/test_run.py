"""The verb from end to end: nothing is done twice, a failure costs its cell, a stop costs nothing."""

from __future__ import annotations

import csv
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from benchmark_tones import Here
from seehear.benchmark.cells import CellOutcome, cells_of_plan
from seehear.benchmark.execution import BenchmarkFolder
from seehear.benchmark.plan import CorpusSpec
from seehear.benchmark.reading import read_plan
from seehear.benchmark.run import benchmark, given_folders
from seehear.benchmark.run_plan import changed_data_notes, dropped_recording_notes, select_work
from seehear.benchmark.sweep import apply_set
from seehear.errors import SeehearError

LOST = ["speaker/lost, seed 0", "speaker/lost, seed 1"]


def numbers(out: Path) -> dict[str, CellOutcome]:
    """What was found, but not how long it took nor where."""
    found = BenchmarkFolder(out).read_outcomes()
    return {key: replace(outcome, seconds=0.0, reproduce=()) for key, outcome in found.items()}


@pytest.mark.trains
def test_a_plan_becomes_tables_and_a_second_run_does_only_what_failed(
    here: Here,
    tones: Path,
    plan: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "seehear")
    out, reports = tmp_path / "out", []
    found = benchmark(plan, out=out, data={"tones": tones}, progress=lambda share, text: reports.append((share, text)))
    assert len(here.begun) == 13
    assert here.begun[0] == "tones"
    assert [table.title for table in found.tables] == ["Same speaker"]
    assert list(found.failed) == LOST
    assert found.failed[LOST[0]].startswith("python:nowhere_at_all")
    assert (found.left, found.out, found.report) == (0, out, out / "report.html")
    assert found.to_dict()["tables"][0]["figures"][0].keys() >= {"row", "mean", "low", "high"}
    assert "Same speaker" in str(found)
    assert capsys.readouterr() == ("", "")
    assert "failed: speaker/lost, seed 0: python:nowhere_at_all" in caplog.text
    assert [share for share, _ in reports] == sorted(share for share, _ in reports)
    assert reports[-1][0] == 1
    assert (out / "report.html").stat().st_size > 1000
    assert "Same speaker" in (out / "tables.md").read_text()
    assert read_plan(out / "plan.yaml").tasks == read_plan(plan).tasks
    with (out / "outcomes.csv").open(newline="") as file:
        rows = {(row["row"], row["seed"]) for row in csv.DictReader(file) if row["value"]}
    assert rows >= {(row, seed) for row in ("apc", "fresh", "mfcc") for seed in "01"}
    trained = next(outcome for outcome in BenchmarkFolder(out).read_outcomes().values() if "EER" in outcome.scores)
    assert trained.reproduce[-1].startswith("seehear evaluate speaker")
    here.begun.clear()
    benchmark(plan, out=out, data=[f"tones={tones}"])
    assert here.begun == LOST


@pytest.mark.trains
@pytest.mark.usefixtures("no_report")
def test_another_plan_in_the_folder_shares_trainings(here: Here, tones: Path, plan: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    benchmark(plan, out=out, data=[f"tones={tones}"], seeds=1, only=["speaker/apc"])
    assert here.begun == ["tones", "apc, seed 0", "speaker/apc, seed 0"]
    here.begun.clear()
    benchmark(plan, out=out, data=[f"tones={tones}"], only=["speaker/apc"], option=["fresh.optim.lr=0.5"])
    assert here.begun == ["apc, seed 1", "speaker/apc, seed 1"]


@pytest.mark.trains
@pytest.mark.usefixtures("no_report")
def test_what_was_removed_is_made_again_only_where_it_is_needed(
    here: Here, tones: Path, plan: str, tmp_path: Path
) -> None:
    out, asked = tmp_path / "out", {"data": [f"tones={tones}"], "seeds": 1, "only": ["speaker/apc", "speaker/fresh"]}
    benchmark(plan, out=out, **asked)
    shutil.rmtree(out / "runs")
    here.begun.clear()
    benchmark(plan, out=out, **asked)
    assert here.begun == []
    (figure,) = (out / "outcomes").glob(f"{key_of(plan, tones, 'speaker/apc, seed 0')}.json")
    figure.unlink()
    benchmark(plan, out=out, **asked)
    assert here.begun == ["apc, seed 0", "speaker/apc, seed 0"]


def key_of(plan: str, tones: Path, called: str) -> str:
    (cell,) = [cell for cell in cells_of_plan(read_plan(plan), {"tones": tones}).cells if cell.label == called]
    return cell.key


@pytest.mark.usefixtures("no_report")
def test_the_time_ends_before_anything_is_done(here: Here, tones: Path, plan: str, tmp_path: Path) -> None:
    found = benchmark(plan, out=tmp_path / "out", data=[f"tones={tones}"], minutes=1e-6)
    assert here.begun == []
    assert found.left == 13


@pytest.mark.trains
@pytest.mark.usefixtures("no_report")
def test_killed_and_given_again_the_numbers_are_those_of_an_undisturbed_run(
    here: Here, tones: Path, plan: str, tmp_path: Path
) -> None:
    asked = {"data": [f"tones={tones}"], "seeds": 1, "only": ["speaker/apc"], "option": ["optim.steps=25"]}
    benchmark(plan, out=tmp_path / "whole", **asked)
    words = ["--data", *asked["data"], "--seeds", "1", "--only", *asked["only"], "--option", *asked["option"]]
    broken = tmp_path / "broken"
    command = [sys.executable, "-m", "seehear", "benchmark", plan, "-o", str(broken), "--workers", "1", *words]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    wait_for(broken, "runs/*/metrics.csv", process)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert "interrupted" in said
    assert "Traceback" not in said
    run = next(path for path in (broken / "runs").iterdir() if path.is_dir())
    assert (run / "checkpoints" / "last.ckpt").is_file()
    assert not (run / "summary.json").exists()
    here.begun.clear()
    benchmark(plan, out=broken, **asked)
    assert here.begun == ["apc, seed 0", "speaker/apc, seed 0"]
    assert numbers(broken) == numbers(tmp_path / "whole")


def wait_for(folder: Path, pattern: str, process: subprocess.Popen[str]) -> None:
    """Until a file is there, as long as there is somebody to write it."""
    while not list(folder.glob(pattern)):
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)


@pytest.mark.trains
@pytest.mark.usefixtures("no_report")
def test_two_runs_give_identical_numbers(here: Here, tones: Path, plan: str, tmp_path: Path) -> None:
    for name in ("one", "two"):
        benchmark(plan, out=tmp_path / name, data=[f"tones={tones}"], seeds=1)
    one, two = numbers(tmp_path / "one"), numbers(tmp_path / "two")
    assert one == two
    assert any(0 < outcome.scores.get("EER", 0) < 0.5 for outcome in one.values())


def test_the_checksum_of_data_that_has_moved_is_told(plan: str, tmp_path: Path) -> None:
    wanted = read_plan(plan)
    people = CorpusSpec(avatars={"clips": 2}, checksum="abc")
    work = cells_of_plan(replace(wanted, corpora={**wanted.corpora, "tones": people}))
    key = work.corpora["tones"]
    assert changed_data_notes(work, {key: CellOutcome(key, 1.0, told={"checksum": "abc"})}) == []
    told = changed_data_notes(work, {key: CellOutcome(key, 1.0, told={"checksum": "def"})})
    assert len(told) == 1
    assert "def" in told[0]
    assert changed_data_notes(work, {}) == []


def test_only_what_patterns_name_and_what_it_needs(tones: Path, plan: str) -> None:
    work = cells_of_plan(read_plan(plan), {"tones": tones})
    assert select_work(work, []) == work
    assert {cell.label for cell in select_work(work, ["speaker/f*", "speaker/mfcc"]).cells} == {
        "tones",
        *(f"{name}, seed {seed}" for name in ("fresh", "speaker/fresh", "speaker/mfcc") for seed in (0, 1)),
    }
    assert select_work(work, ["speaker"]).positions == work.positions
    with pytest.raises(SeehearError, match=r"--only 'emotion/\*' .*speaker"):
        select_work(work, ["emotion/*"])


def test_a_variant_is_named_as_the_table_has_it(tones: Path, plan: str) -> None:
    work = cells_of_plan(apply_set(read_plan(plan), ["apc.optim.steps=1,2"]), {"tones": tones})
    assert {place.row for place in select_work(work, ["speaker/apc[steps=1]"]).positions} == {"apc[steps=1]"}
    assert {place.row for place in select_work(work, ["speaker/apc*"]).positions} == {"apc[steps=1]", "apc[steps=2]"}


@pytest.mark.usefixtures("no_report")
def test_a_device_may_be_named_where_nothing_is_trained(here: Here, tones: Path, plan: str, tmp_path: Path) -> None:
    values = yaml.safe_load(Path(plan).read_text())
    values["pretexts"] = {"fresh": values["pretexts"]["fresh"]}
    values["tasks"]["speaker"]["rows"] = ["fresh", "mfcc"]
    values.pop("claims", None)
    bare = tmp_path / "bare.yaml"
    bare.write_text(yaml.safe_dump(values))
    benchmark(str(bare), out=tmp_path / "out", data=[f"tones={tones}"], seeds=1, device="cpu", only=["speaker/mfcc"])
    assert here.begun == ["tones", "speaker/mfcc, seed 0"]


def test_data_that_is_given(tmp_path: Path) -> None:
    assert given_folders([f"a={tmp_path}"]) == {"a": tmp_path}
    for words, problem in (
        (["a"], "NAME=FOLDER"),
        (["=b"], "NAME=FOLDER"),
        ([f"a={tmp_path}", f"a={tmp_path}"], "gives a twice"),
        (["a=nowhere"], "nowhere"),
    ):
        with pytest.raises(SeehearError, match=problem):
            given_folders(words)


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        ({"minutes": 0}, "--minutes"),
        ({"address": "auto"}, "--engine ray"),
        ({"workers": 0}, "--workers"),
        ({"seeds": 0}, "--seeds"),
        ({"device": "cpu,cuda"}, "--device .*'cpu,cuda'"),
    ],
)
def test_what_cannot_be_is_refused(
    tones: Path, plan: str, tmp_path: Path, flags: dict[str, object], problem: str
) -> None:
    with pytest.raises(SeehearError, match=problem):
        benchmark(plan, out=tmp_path / "out", data=[f"tones={tones}"], **flags)
    assert not list(tmp_path.glob("out/runs/*"))


def test_a_plan_of_which_nothing_is_there_is_refused_before_anything_is_made(plan: str, tmp_path: Path) -> None:
    with pytest.raises(SeehearError, match=r"tones.*--data") as refusal:
        benchmark(plan, out=tmp_path / "out")
    assert refusal.value.code == "no-data"
    assert not (tmp_path / "out").exists()


def test_recordings_that_gave_no_clip_are_told(plan: str, tones: Path) -> None:
    work = cells_of_plan(read_plan(plan), {"tones": tones})
    key = work.corpora["tones"]
    lost = CellOutcome(key, 1.0, told={"left out": 3, "sources": 20})
    assert dropped_recording_notes(work, {key: lost}, Path("here")) == [
        f"3 of the 20 recordings of tones gave no clip; see report.csv in {Path('here/corpora')} for the reasons."
    ]
    assert not dropped_recording_notes(work, {key: replace(lost, told={"left out": 0, "sources": 20})}, Path("here"))
