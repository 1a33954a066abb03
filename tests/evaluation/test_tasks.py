"""What tasks declare, for all of them and for one that a plug-in adds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from inspect import signature

import pytest

from seehear.evaluation import TASKS, find_score
from seehear.evaluation.task import Score, Task, import_function
from seehear.registry import PluginError, register, registry


@pytest.fixture(autouse=True)
def toy() -> Iterator[Task]:
    """The task of the plug-in."""
    from toy_task import registered  # registers it

    with registered() as task:
        yield task


def test_names_need_nothing_heavy() -> None:
    program = "import sys; from seehear.evaluation import TASKS; dict(TASKS); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"torch", "numpy", "rich", "yaml"} & set(done.stdout.split())


@pytest.mark.parametrize("name", TASKS.names())
def test_what_a_task_names_is_there(name: str) -> None:
    task = TASKS[name]
    assert task.name == name
    assert task.example.startswith(f"seehear evaluate {name} ")
    model, corpora = list(signature(import_function(task.function)).parameters)[:2]
    assert (model, corpora) == ("model", "data" if task.takes_several else "corpus")
    for function in (task.sample_vectors, task.sample_videos):
        assert function is None or callable(import_function(function))
    assert bool(task.sample_vectors) == bool(task.sample_label)
    assert set(task.plan_defaults) | set(task.plan_names.values()) <= set(task.options())
    assert not set(task.plan_names) & set(task.options())


def test_options_are_those_of_flat_dataclasses_too(toy: Task) -> None:
    options = toy.options()
    assert list(options) == ["extra", "factor", "seeds", "first_seed", "noise"]
    assert (options["extra"].section, options["factor"].section, options["factor"].default) == (None, "counting", 1)
    assert {"label_fraction", "noise", "bgru", "baselines", "label"} <= set(TASKS["emotion"].options())
    assert (TASKS["transcription"].options()["seeds"].default, TASKS["words"].options()["seeds"].default) == (1, 3)


def test_a_score_means_the_same_in_all_tasks() -> None:
    declared: dict[str, Score] = {}
    for task in TASKS.values():
        assert task.scores
        for score in task.scores:
            assert declared.setdefault(score.name, score) == score


@pytest.mark.parametrize(
    ("name", "better", "shown"),
    [
        ("accuracy", True, "62.3"),
        ("EER within sex, seen-heard", False, "62.3"),
        ("minDCF 0.05", False, "0.623"),
        ("L1 of the mouth", False, "0.6234"),
        ("voice to face, 1 of 3", True, "62.3"),
        ("misses", False, "1"),
        ("accuracy-like", True, "62.3"),  # declared by nobody
    ],
)
def test_a_score_is_found_by_what_its_name_begins_with(name: str, better: bool, shown: str) -> None:
    score = find_score(name)
    assert (score.higher_is_better, score.format(0.6234)) == (better, shown)


def test_the_longest_name_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    longer = Task("longer", "", "math:sqrt", (Score("EER within sex", percent=False, digits=2),))
    monkeypatch.setitem(TASKS._declared, "longer", longer)
    monkeypatch.setitem(TASKS._added_by, "longer", "somebody")
    assert find_score("EER within sex, seen").format(0.5) == "0.50"
    assert find_score("EER within age").format(0.5, "+") == "+50.0"


def test_a_task_of_the_package_cannot_be_replaced() -> None:
    assert registry("task") is TASKS
    with pytest.raises(PluginError, match="emotion"):
        register(Task("emotion", "mine", "math:sqrt", (Score("accuracy"),)))
