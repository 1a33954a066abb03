"""What every format of a table says in the same words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seehear.benchmark import table
from seehear.benchmark.plan import PaperTable
from seehear.benchmark.table import Column, RowDifference, TableEntry
from small_benchmark import PAPER

ACCURACY = Column("accuracy", 1.0, None, True, None)


def entry(mean: float | None, low: float | None = None, high: float | None = None, seeds: int = 0) -> TableEntry:
    failed = {} if mean is not None or not seeds else {0: "it broke"}
    return TableEntry(dict.fromkeys(range(seeds), 0.0) if mean is not None else {}, mean, low, high, False, failed, ())


@pytest.mark.parametrize(
    ("one", "centre", "interval", "few"),
    [
        (entry(0.623, 0.609, 0.637, 5), "62.3 ± 1.4", "[60.9, 63.7]", ""),
        (entry(0.623, 0.609, 0.637, 3), "62.3 ± 1.4", "[60.9, 63.7]", "n 3"),
        (entry(0.623, seeds=1), "62.3", "", "n 1"),
        (entry(None, seeds=1), "failed", "", ""),
        (entry(None), "–", "", ""),
    ],
)
def test_a_number_and_how_sure_it_is(one: TableEntry, centre: str, interval: str, few: str) -> None:
    assert table.mean_text(ACCURACY, one) == centre
    assert table.interval_text(ACCURACY, one) == interval
    assert table.few_seeds(one, 5) == few


def test_differences() -> None:
    told = table.difference_text("accuracy", RowDifference("mfcc", 0.051, 0.012, 0.09, -0.008, 0.093, 0.00312, 5))
    assert told == "+5.1 [+1.2, +9.0], bootstrap [-0.8, +9.3], p = 0.003, n 5"
    assert table.difference_text("F1", RowDifference("mfcc", -0.1, None, None, None, None, None, 1)) == "-0.100, n 1"
    assert table.format_p(0.0001) == "< 0.001"


def test_papers_figures_have_the_digits_of_their_column() -> None:
    paper = PaperTable("Table", "Somebody", "emotion", ("accuracy",), {"a": (92.8,), "b": (95.06,), "c": (None,)}, "")
    assert [table.paper_value(paper, 0, row) for row in "abc"] == ["92.80", "95.06", "–"]
    assert table.paper_value(PAPER, 1, "mfcc & co") == "0.447"


@given(st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=5), st.integers(0, 4))
def test_no_papers_figure_is_rounded(figures: list[int], digits: int) -> None:
    rows = {str(place): (figure / 10**digits,) for place, figure in enumerate(figures)}
    paper = PaperTable("Table", "Somebody", "emotion", ("accuracy",), rows, "")
    assert [float(table.paper_value(paper, 0, row)) for row in rows] == [value for (value,) in rows.values()]
