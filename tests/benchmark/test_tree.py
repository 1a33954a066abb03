"""How far a benchmark is, told on a terminal and in a log."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from seehear.benchmark.cells import CellOutcome
from seehear.benchmark.execution import ProgressTree
from seehear.benchmark.plan import Cell
from seehear.benchmark.schedule import Schedule

PEOPLE = Cell("corpus", "people", None, {})
TRAININGS = [Cell("pretrain", "animate", seed, {"preset": "a"}, (PEOPLE.key,)) for seed in range(2)]
FIGURES = [
    Cell("measure", f"emotion/{row}", seed, {"task": "emotion", "row": row}, (PEOPLE.key,))
    for seed in range(2)
    for row in ("mfcc", "logmel")
]


def schedule() -> Schedule:
    now = iter(range(1000))
    return Schedule([PEOPLE, *TRAININGS, *FIGURES], {}, clock=lambda: float(next(now)))


def seen(tree: ProgressTree) -> list[str]:
    console = Console(width=100, height=40, record=True, file=StringIO())
    console.print(tree.render())
    return console.export_text().splitlines()


def line_of(lines: list[str], name: str) -> str:
    (line,) = [line for line in lines if name in line.split()]
    return line


def test_what_is_done_runs_and_has_failed() -> None:
    plan = schedule()
    tree = ProgressTree("mini", plan, 2)
    assert seen(tree)[0] == "mini: 0 of 7 cells, ? left"
    plan.record(PEOPLE, CellOutcome(PEOPLE.key, 5.0))
    plan.record(FIGURES[0], CellOutcome(FIGURES[0].key, 2.0))
    plan.record(FIGURES[1], CellOutcome(FIGURES[1].key, 2.0, failed="no classes"))
    assert plan.next() == TRAININGS[0]
    lines = seen(tree)
    assert lines[0].startswith("mini: 3 of 7 cells")
    assert "1/1" in line_of(lines, "people")
    assert "seed 0" in line_of(lines, "animate")
    assert "1/4" in line_of(lines, "emotion")
    assert "1 failed" in line_of(lines, "emotion")


def test_a_low_screen_shows_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINES", "8")
    plan = schedule()
    plan.record(PEOPLE, CellOutcome(PEOPLE.key, 5.0))
    assert plan.next() == FIGURES[0]
    lines = seen(ProgressTree("mini", plan, 2))
    assert "mfcc seed 0" in line_of(lines, "emotion")
    assert any("1 in total" in line for line in lines)
    assert not any("animate" in line for line in lines)


def test_a_log_has_a_line_for_every_cell(capsys: pytest.CaptureFixture[str]) -> None:
    plan = schedule()
    with ProgressTree("mini", plan, 1) as tree:
        for cell, outcome in (
            (PEOPLE, CellOutcome(PEOPLE.key, 65.0)),
            (FIGURES[0], CellOutcome(FIGURES[0].key, 2.0, scores={"UAR": 0.51234, "F1": 0.4})),
            (FIGURES[1], CellOutcome(FIGURES[1].key, 2.0, failed="[no] classes")),
        ):
            plan.record(cell, outcome)
            tree.update(cell, outcome)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "mini: 0 of 7 cells, ? left"
    assert lines[1].startswith("people (1:05); mini: 1 of 7 cells")
    assert lines[2].startswith("emotion/mfcc, seed 0, UAR 0.5123 (0:02)")
    assert lines[3] == "failed: emotion/logmel, seed 0: [no] classes"
