"""Rows measured with one seed: the numbers of the command line, whichever the task; and what cannot be asked."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.io import wavfile

from seehear.benchmark.cells import CellOutcome
from seehear.benchmark.job import measure_cell
from seehear.benchmark.page_samples import sample_vectors
from seehear.benchmark.plan import Cell
from seehear.cli import main
from seehear.errors import CorpusError, SeehearError
from seehear.evaluation import evaluation_of
from seehear.metrics.bootstrap import interval
from seehear.models.animate import AnimateModel, AnimateOptions
from seehear.models.match import MatchModel, MatchOptions
from seehear.models.store import save
from seehear.models.sync import SyncModel, SyncOptions

sys.path.insert(0, str(Path(__file__).parent))
from benchmark_crowd import crowd

SOUND = {"bands": 8, "channels": [4, 8, 8, 8], "dim": 8}
SPEECH = {"bands": 8, "channels": [4, 4, 4, 6], "temporal": [], "dilations": []}
LIPS = {"size": 16, "stem_channels": 4, "channels": [8], "strides": [2], "dim": 8}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return crowd(tmp_path_factory.mktemp("crowd"))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Name of a pretext -> folder of a model of it that has learned nothing; other names stay as they are."""
    folder = tmp_path_factory.mktemp("runs")
    still = {"size": 16, "channels": [4, 6], "strides": [2, 2]}
    makes: dict[str, Callable[[], Any]] = {
        "sync": lambda: SyncModel(SyncOptions(lips=LIPS, sound=SOUND)),
        "match": lambda: MatchModel(MatchOptions(sound=SPEECH, still=still, dim=6, seconds=0.4)),
        "animate": lambda: AnimateModel(AnimateOptions(sound=SPEECH, size=16, widths=(8, 8))),
    }

    def run(name: str) -> str:
        if name in makes and not (folder / name).is_dir():
            torch.manual_seed(0)
            save(makes[name](), folder / name, {"split_by": "speaker", "dev_every": 2})
        return str(folder / name) if name in makes else name

    return run


def asked(task: str, seed: int = 2, **spec: Any) -> Cell:
    usual = {"task": task, "of": "", "mode": "frozen", "layer": None, "data": "", "options": {}, "labels": 1.0}
    return Cell("measure", task, seed, usual | {"noise": "none", "snr_db": []} | spec)


def by_command(outcome: CellOutcome, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What the command that an outcome names says, as JSON."""
    before, line = outcome.reproduce
    called, *words = shlex.split(line)
    assert (before, called) == ("export OMP_NUM_THREADS=1", "seehear")
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


TABLES: list[tuple[str, str, Mapping[str, Any]]] = [
    ("words", "logmel", {"noise": "white", "snr_db": [-5, 0.5], "options": {"min_count": 2, "split": "official"}}),
    ("words", "animate", {"labels": 0.5, "mode": "scratch", "options": {"bgru": {"epochs": 1}, "min_count": 1}}),
    ("emotion", "sync", {"layer": "spectrum", "options": {"bgru.epochs": 2, "readout": "bgru", "label": "word"}}),
    ("affect", "mfcc", {"options": {"target": "weight", "readout": "pooled", "where": ["part=train|test"]}}),
    ("lips", "sync", {"options": {"readout": "pooled", "split": "official", "min_count": 2}}),
    ("speaker", "match", {"options": {"seconds": 0.8, "within": ["word"]}}),
    ("speaker", "sync", {"options": {"seconds": 0.8, "split": "official", "pooling": "mean+deviation"}}),
    ("identification", "logmel", {"options": {"seconds": 0.5}}),
    ("emotion", "mfcc", {"options": {"split": "leave-one-speaker-out", "shared_speakers": True}}),
]


@pytest.mark.trains
@pytest.mark.parametrize(("task", "of", "spec"), TABLES, ids=[f"{task}-{of}" for task, of, _ in TABLES])
def test_the_command_gives_the_same_numbers(
    task: str, of: str, spec: Mapping[str, Any], data: Path, runs: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = measure_cell(asked(task, **spec), runs(of), data)
    told = by_command(outcome, capsys)
    (row,) = told["rows"]
    assert outcome.scores == {name: figure["value"] for name, figure in row["figures"].items()}
    assert outcome.by_snr == {snr: figure["value"] for snr, figure in row["by_snr"].items()}
    assert (outcome.chance, outcome.higher_is_better) == (told["chance"], told["higher_is_better"])
    assert list(outcome.classes) == told["classes"]
    assert (outcome.recordings, outcome.tested, outcome.units) == (told["recordings"], told["tested"], told["units"])
    assert [list(counts) for counts in outcome.confusion or ()] == (row["confusion"] or [])
    main_score = next(iter(row["figures"].values()))
    assert outcome.unit_count == main_score["units"]
    bounds = (-1, 1) if task == "affect" else (0, 1)
    low, high = interval(main_score["value"], np.array(outcome.draws), outcome.unit_count, bounds)
    assert (low, high) == (pytest.approx(main_score["low"]), pytest.approx(main_score["high"]))
    assert told["setting"]["seeds"] == "number 2"
    assert (outcome.det is not None) == (task == "speaker")
    assert json.loads(json.dumps(outcome.to_dict()))["draws"]


def test_sync_is_told_for_every_length(data: Path, runs: Any, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = measure_cell(asked("sync", options={"lengths": [5, 3], "split": "official"}), runs("sync"), data)
    told = by_command(outcome, capsys)
    assert list(outcome.scores.items()) == [(f"K={e['frames']}", e["accuracy"]) for e in told["by_length"]]
    assert list(outcome.scores) == ["K=5", "K=3"]
    assert (outcome.tested, outcome.units, outcome.recordings) == (8, "speakers", 8)
    assert outcome.unit_count == told["by_length"][0]["units"] == 2  # of eight people
    low, high = interval(outcome.scores["K=5"], np.array(outcome.draws), 2)
    assert (low, high) == (told["by_length"][0]["low"], told["by_length"][0]["high"])


def test_faces_and_voices_of_people_who_were_kept_for_measuring(
    data: Path, runs: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = measure_cell(asked("facevoice", options={"within": ["word"], "seconds": 0.8}), runs("match"), data)
    told = by_command(outcome, capsys)
    everybody, alike = told["rows"]
    assert (everybody["within"], alike["within"]) == ("all", "word")
    assert outcome.scores["AUC"] == everybody["figures"]["AUC"]["value"]
    assert outcome.scores["AUC within word"] == alike["figures"]["AUC"]["value"]
    assert outcome.scores["voice to face, 1 of 3"] == everybody["figures"]["voice to face, 1 of 3"]["value"]
    assert outcome.chance["voice to face, 1 of 3 within word"] == 1 / 3
    assert outcome.told["people"] == {"unseen-unheard": 4}  # one in two, as the model remembers
    assert outcome.recordings == 16


@pytest.mark.parametrize(
    ("task", "of"), [("facevoice", "match"), ("speaker", "mfcc"), ("sync", "sync"), ("animate", "animate")]
)
def test_an_official_part_is_tested_whatever_the_model_remembers(task: str, of: str, data: Path, runs: Any) -> None:
    outcome = measure_cell(asked(task, options={"split": "official"}), runs(of), data)
    assert outcome.tested == 8  # two of eight people, four clips each


def test_without_an_official_part_there_is_a_sentence(tmp_path: Path) -> None:
    wavfile.write(tmp_path / "a.wav", 16000, np.zeros(16000, np.int16))
    with pytest.raises(CorpusError, match="has no official split"):
        measure_cell(asked("speaker", options={"split": "official"}), "mfcc", tmp_path)


def test_pictures_are_compared_with_the_still(data: Path, runs: Any, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = measure_cell(asked("animate", options={"clips": 3, "sync": runs("sync")}), runs("animate"), data)
    told = by_command(outcome, capsys)
    assert next(iter(outcome.scores.values())) == told["lower"]
    assert outcome.scores["L1 of the mouth"] == told["drawn"]
    assert outcome.scores["drawn clips in sync"] == told["placed"]["drawn"]["value"]
    assert outcome.tested == 3


@pytest.mark.parametrize(
    ("task", "of", "options"),
    [
        ("words", "mfcc", {"min_count": 1}),
        ("identification", "mfcc", {"seconds": 0.5}),
        ("speaker", "mfcc", {"pairs": 20}),
        ("lips", "pixels", {"min_count": 1, "probe": "pooled", "split": "speakers"}),
    ],
)
def test_a_seed_is_the_same_alone_and_among_others(task: str, of: str, options: dict[str, Any], data: Path) -> None:
    alone = [measure_cell(asked(task, seed, options=options), of, data).scores for seed in range(3)]
    among = evaluation_of(task)(of, [data], [], seeds=3, **options).rows[0]
    first = next(iter(among.figures))
    assert [scores[first] for scores in alone] == list(among.main.per_seed)


def test_rows_of_one_table_are_drawn_alike(data: Path, runs: Any) -> None:
    """A difference of rows draw by draw is that of the evaluation that measures both at once."""
    from seehear.evaluation.words import evaluate_words

    options = {"min_count": 1, "split": "speakers"}
    ours, theirs = (measure_cell(asked("words", options=options), of, data) for of in ("mfcc", "logmel"))
    both = evaluate_words("mfcc", [data], ["logmel"], min_count=1, seeds=1, first_seed=2)
    gain = both.comparisons[0].difference
    low, high = interval(gain, np.subtract(ours.draws, theirs.draws), ours.unit_count, (-1, 1))
    assert (low, high) == (both.comparisons[0].low, both.comparisons[0].high)


@pytest.mark.parametrize(
    ("task", "spec", "sentence"),
    [
        ("words", {"options": {"colour": 3}}, "evaluate words has no option 'colour'"),
        ("words", {"options": {"bgru": {"colour": 3}}}, "there is no bgru.colour of evaluate words"),
        ("words", {"options": {"split.by": 3}}, "there is no split.by of evaluate words"),
        ("words", {"options": {"readout": "tea"}}, "readout of evaluate words cannot be 'tea'; it can be pooled, bgru"),
        ("words", {"options": {"bgru": {"epochs": 0}}}, "epochs"),
        ("words", {"options": {"seeds": 3}}, "'seeds' .*words in a plan"),
        ("speaker", {"labels": 0.5}, "evaluate speaker has no option 'labels'"),
        ("facevoice", {"mode": "scratch"}, "evaluate facevoice has no option 'mode'"),
        ("lips", {"noise": "white", "snr_db": [0]}, "evaluate lips has no option 'noise'"),
    ],
)
def test_what_a_task_does_not_have_is_a_sentence(task: str, spec: Mapping[str, Any], sentence: str) -> None:
    with pytest.raises(SeehearError, match=sentence):
        measure_cell(asked(task, **spec), "mfcc", Path("nowhere"))


@pytest.mark.parametrize(
    ("task", "of", "kinds", "count"),
    [
        ("words", "mfcc", {"low", "high"}, 8),
        ("emotion", "logmel", {"calm", "cross"}, 8),
        ("speaker", "match", {"p3", "p7"}, 8),
        ("lips", "sync", {"low", "high"}, 8),
    ],
)
def test_test_recordings_have_a_vector_each(
    task: str, of: str, kinds: set[str], count: int, data: Path, runs: Any
) -> None:
    vectors, labels = sample_vectors(runs(of), data, task)
    assert len(vectors) == len(labels) == count
    assert set(labels) == kinds
    assert np.isfinite(vectors).all()
    again, _ = sample_vectors(runs(of), data, task)
    np.testing.assert_array_equal(vectors, again)


def test_what_is_not_known_has_no_picture(tmp_path: Path) -> None:
    wavfile.write(tmp_path / "a.wav", 16000, np.zeros(16000, np.int16))
    with pytest.raises(CorpusError, match="has no label 'emotion'"):
        sample_vectors("mfcc", tmp_path, "emotion")
