"""Tables on a terminal: no number is cut, however narrow it is."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from seehear.benchmark.plan import Claim
from seehear.benchmark.summary import summarise
from small_benchmark import PAPER, outcomes_of, plan_of, work_of

CLAIM = Claim("new is better", "Somebody 2020", "emotion", "new [x]", ("old",))


def shown(told: dict[str, list[float | str | None]], width: int) -> str:
    snr_db = (-5.0, 0.0)
    plan = plan_of(tuple(told), 3, [CLAIM], labels=(0.1, 1.0), scores=("accuracy", "F1"), noise="white", snr_db=snr_db)
    plan = replace(plan, paper=(PAPER,))
    work = work_of(plan)
    console = Console(file=io.StringIO(), width=width)
    console.print(summarise(plan, work, outcomes_of(work, told)))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [40, 80, 200])
def test_every_number_is_there_at_any_width(width: int) -> None:
    text = shown({"new [x]": [0.8, 0.82, 0.81], "old": [0.5, 0.52, 0.54]}, width)
    for number in ("81.0 ± 2.5", "0.405 ± 0.012", "61.0 ± 2.5", "71.0 ± 2.5", "52.0 ± 5.0", "55.01", "0.447"):
        assert number in text
    assert text.count("81.0 ± 2.5") == 2  # with a tenth of the labels, and with all
    assert "new [x]" in text
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width


def test_verdicts_failures_and_what_is_left() -> None:
    text = shown({"new [x]": [0.8, "it broke", None], "old": [0.5, 0.52, 0.54]}, 200)
    assert "not measured: new is better (Somebody 2020; emotion on people, accuracy (points))" in text
    assert "it broke" in text
    assert "2 cells" in text


def test_many_failures_do_not_push_the_tables_away() -> None:
    text = shown({f"row {number}": ["it broke"] * 3 for number in range(4)}, 200)
    assert text.count("it broke") == 10
    assert "14 more" in text
