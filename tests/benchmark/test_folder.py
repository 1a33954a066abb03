"""What a benchmark keeps, and whom it lets in."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seehear.benchmark.cells import CellOutcome
from seehear.benchmark.execution import BenchmarkFolder
from seehear.benchmark.plan import Cell
from seehear.errors import SeehearError

CELL = Cell("measure", "emotion/animate[loss=avenet]", 3, {"task": "emotion"})
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
OUTCOMES = st.builds(
    CellOutcome,
    key=st.just(CELL.key),
    seconds=NUMBERS,
    failed=st.none() | st.text(),
    scores=st.dictionaries(st.text(), NUMBERS),
    draws=st.lists(NUMBERS).map(tuple),
    confusion=st.none() | st.lists(st.lists(st.integers(), max_size=3).map(tuple), max_size=3).map(tuple),
    classes=st.lists(st.text()).map(tuple),
    det=st.none() | st.lists(st.tuples(NUMBERS, NUMBERS), max_size=3).map(tuple),
    reproduce=st.lists(st.text()).map(tuple),
    told=st.dictionaries(st.text(), st.integers() | st.text() | st.none()),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(outcome=OUTCOMES)
def test_outcomes_read_back_as_they_were(tmp_path: Path, outcome: CellOutcome) -> None:
    folder = BenchmarkFolder(tmp_path / "out")
    with folder.locked():
        folder.write_outcome(CELL, outcome)
    assert folder.read_outcomes() == {CELL.key: outcome}


def test_a_traceback_goes_when_the_cell_succeeds(tmp_path: Path) -> None:
    folder = BenchmarkFolder(tmp_path)
    with folder.locked():
        folder.write_outcome(CELL, CellOutcome(CELL.key, 0.0, failed="a bug"), "Traceback: line 3")
        assert folder.traceback(CELL).read_text() == "Traceback: line 3"
        folder.write_outcome(CELL, CellOutcome(CELL.key, 0.0))
        assert not folder.traceback(CELL).exists()


def test_a_damaged_outcome_is_named(tmp_path: Path) -> None:
    folder = BenchmarkFolder(tmp_path)
    with folder.locked():
        for text in ("{", "[]", json.dumps({"colour": 1})):
            (folder.outcomes / "abc.json").write_text(text)
            with pytest.raises(SeehearError, match=r"abc\.json"):
                folder.read_outcomes()


def test_two_at_once_are_refused_and_one_after_the_other_are_not(tmp_path: Path) -> None:
    with BenchmarkFolder(tmp_path).locked(), pytest.raises(SeehearError) as refusal:
        BenchmarkFolder(tmp_path).locked().__enter__()
    assert refusal.value.code == "folder-locked"
    with BenchmarkFolder(tmp_path).locked():
        pass


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(SeehearError) as refusal:
        BenchmarkFolder(tmp_path).locked().__enter__()
    assert refusal.value.code == "folder-not-empty"
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_places_are_names_that_shells_leave_alone(tmp_path: Path) -> None:
    folder = BenchmarkFolder(tmp_path)
    run = Cell("pretrain", "sync[loss=avenet,lr=0.001]", 2, {})
    assert folder.path_of(run) == tmp_path / "runs" / f"sync_loss=avenet_lr=0.001-s2-{run.key}"
    assert re.fullmatch(r"[\w.=+-]+", folder.log(CELL).name)
    corpus = Cell("corpus", "people", None, {"avatars": {"clips": 3}})
    assert folder.path_of(corpus) == tmp_path / "corpora" / f"people-{corpus.key}"


def test_a_prepared_corpus_is_used_where_it_is(tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    cell = Cell("corpus", "people", None, {"path": str(given)})
    folder = BenchmarkFolder(tmp_path / "out")
    assert folder.path_of(cell) == tmp_path / "out" / "corpora" / f"people-{cell.key}"
    (given / "corpus.json").touch()
    assert folder.path_of(cell) == given
