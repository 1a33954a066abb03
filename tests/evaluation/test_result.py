"""What a table says in words: over whom, by which test, and whether a difference is sure."""

import math

import pytest

from seehear.evaluation.lips import GIVEN, LipsResult
from seehear.evaluation.result import EvaluationResult, Row, describe_interval, describe_intervals, format_percent_range
from seehear.metrics.bootstrap import Comparison, Estimate


def result(higher_is_better: bool, *comparisons: Comparison) -> EvaluationResult:
    figure = Estimate(0.05, 0.0, 0.03, 0.08, (0.05,), 51)
    names = ["ours", *(one.against for one in comparisons)]
    rows = tuple(Row(name, "frozen", {"EER": figure}, {}) for name in names)
    return EvaluationResult(
        task="speaker verification", data="voices", rows=rows,
        comparisons=comparisons, higher_is_better=higher_is_better, chance={}, classes=(), recordings=51, tested=51,
        speakers=51, units="speakers", setting={}, left_out={},
    )  # fmt: skip


def test_an_interval_that_holds_0_cannot_be_read_as_a_lead() -> None:
    unsure = Comparison("logmel", -0.012, -0.031, 0.008, 0.2, None, 51)
    sure = Comparison("mfcc", -0.057, -0.08, -0.03, 0.001, None, 51)
    worse = Comparison("paper", 0.02, 0.01, 0.03, 0.002, None, 51)
    lines = result(False, unsure, sure, worse).verdicts()
    assert lines[0] == (
        "ours against logmel, EER: better by +1.2 (-0.8 to +3.1), p 0.2000: NOT SURE, the 95 % interval over 51 "
        "speakers holds 0"
    )
    assert lines[1].endswith("better by +5.7 (+3.0 to +8.0), p 0.0010: surely better, the interval leaves 0 out")
    assert "surely WORSE" in lines[2]
    assert "surely better" in result(True, worse).verdicts()[0]


def test_one_speaker_decides_nothing() -> None:
    (line,) = result(True, Comparison("mfcc", 0.1, math.nan, math.nan, 1.0, None, 1)).verdicts()
    assert line.endswith("p -: nothing can be said with 1 speaker")


@pytest.mark.parametrize(("units", "test"), [(6, "t-test"), (29, "t-test"), (30, "permutation test")])
def test_the_line_below_a_table_says_over_whom_and_how(units: int, test: str) -> None:
    assert f"over {units} speakers" in describe_intervals(units, "speakers")
    assert test in describe_intervals(units, "speakers")


def test_where_there_is_no_interval_that_is_said() -> None:
    assert format_percent_range(math.nan, math.nan) == "-"
    assert "No interval" in describe_interval(1, "sources")
    assert "No interval and no p" in describe_intervals(1, "speakers")


def test_lip_reading_says_that_the_times_of_words_are_given() -> None:
    lips = LipsResult.of(result(True), {})
    assert lips.remarks()[-1] == GIVEN
    assert "cut out by their known times" in str(lips)
