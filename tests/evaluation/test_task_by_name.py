"""`seehear.evaluate`: the task by its name, one corpus or several."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import seehear
from people import Knows, clips_of, speaking
from seehear.errors import SeehearError
from seehear.evaluation import TASKS
from seehear.evaluation.speaker import facevoice
from seehear.models import store


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return speaking(tmp_path_factory.mktemp("speaking"), speakers=5)


def test_unknown_task_names_those_there_are() -> None:
    with pytest.raises(SeehearError, match="there is no task 'emotions'") as refused:
        seehear.evaluate("emotions", "mfcc", "corpus")
    assert refused.value.code == "unknown-task"
    assert all(task in str(refused.value) for task in TASKS)


def test_one_corpus_need_not_be_in_a_list(data: Path) -> None:
    given = {"baselines": [], "label": "sex", "split": "random", "seeds": 1}
    listed = seehear.evaluate("emotion", "mfcc", [data], **given)
    assert isinstance(listed, seehear.EvaluationResult)
    for one in (data, str(data), [str(data)], (data,)):
        found = seehear.evaluate("emotion", "mfcc", one, **given)
        assert json.dumps(found.to_dict()) == json.dumps(listed.to_dict())


def test_a_part_of_one_folder_given_as_text(data: Path) -> None:
    given = {"baselines": [], "seeds": 1, "seconds": 0.4, "split": "dev", "split_by": "speaker", "dev_every": 2}
    assert seehear.evaluate("speaker", "mfcc", str(data), **given).to_dict()["tested"] < 15


def test_tasks_of_a_single_corpus_take_its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(store, "load_identity_model", lambda name, device=None: Knows())
    monkeypatch.setattr(facevoice, "Corpus", lambda place: opened.append(str(place)) or clips_of())
    for place in ("people", Path("people")):
        assert seehear.evaluate("facevoice", "knows", place, baselines=[], seconds=0.2).ok
    assert opened == ["people", "people"]
