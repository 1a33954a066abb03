"""What shipped plans ask for is what evaluations have."""

from __future__ import annotations

import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest

from seehear.benchmark.arguments import evaluation_arguments, evaluation_command
from seehear.benchmark.cells import cells_of_plan
from seehear.benchmark.plan import Cell
from seehear.benchmark.reading import plan_names, read_plan
from seehear.cli import VERBS, split_verb
from seehear.cli.parser import parse
from seehear.errors import SeehearError


@pytest.mark.parametrize("name", plan_names())
def test_every_measurement_of_a_shipped_plan_can_be_asked_for(name: str) -> None:
    """Of each table and row once: the command is understood, and says what the arguments are."""
    plan = read_plan(name)
    wanted = {corpus: Path("given") for corpus, spec in plan.corpora.items() if not spec.avatars}
    asked = {cell.name: cell for cell in cells_of_plan(plan, wanted).cells if cell.kind == "measure" and cell.seed == 0}
    assert asked
    for cell in asked.values():
        task = str(cell.spec["task"])
        given = evaluation_arguments(cell, "mfcc", Path("corpus"))
        _, *words = shlex.split(evaluation_command(task, given))
        verb, words = split_verb(words)
        understood = parse(verb, VERBS[verb], words).arguments
        understood |= vars(understood.get("protocol", SimpleNamespace()))
        assert verb == f"evaluate {task}"
        for option, value in given.items():
            told = understood[option]
            assert (type(value)(told) if isinstance(value, (tuple, Path)) else told) == value


@pytest.mark.parametrize(
    ("task", "options", "told"),
    [
        ("words", {"vocabulary": "many"}, "vocabulary of evaluate words cannot be 'many'"),
        ("words", {"vocabulary": True}, "vocabulary of evaluate words cannot be True"),
        ("emotion", {"bgru": 3}, "bgru of evaluate emotion cannot be 3"),
        ("emotion", {"where": "sex=f"}, "where of evaluate emotion cannot be 'sex=f'"),
        ("speaker", {"seconds": "2"}, "seconds of evaluate speaker cannot be '2'"),
        ("speaker", {"pairs": "some"}, "pairs of evaluate speaker cannot be 'some'"),
        ("sync", {"lengths": [5, "7"]}, r"lengths of evaluate sync cannot be \[5, '7'\]"),
    ],
)
def test_an_option_of_another_type_is_told_before_anything_is_done(
    task: str, options: dict[str, object], told: str
) -> None:
    with pytest.raises(SeehearError, match=told):
        evaluation_arguments(asked(task, options), "mfcc", Path("corpus"))


@pytest.mark.parametrize(
    ("task", "options"),
    [
        ("words", {"vocabulary": 20, "where": ["sex=f"], "bgru": {"epochs": 3}}),
        ("speaker", {"seconds": 2, "pairs": "all", "layer": None}),
        ("sync", {"lengths": [5, 7], "split": "all"}),
    ],
)
def test_options_as_yaml_has_them(task: str, options: dict[str, object]) -> None:
    given = evaluation_arguments(asked(task, options), "mfcc", Path("corpus"))
    assert {name: given[name] for name in options if name != "bgru"} == {
        name: tuple(value) if isinstance(value, list) else value for name, value in options.items() if name != "bgru"
    }


def asked(task: str, options: dict[str, object]) -> Cell:
    return Cell("measure", task, 0, {"task": task, "of": "mfcc", "data": "here", "options": options})
