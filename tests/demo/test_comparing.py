"""What is called better, worse or neither."""

import pytest

from seehear.demo.stages import difference, verdict
from seehear.metrics.bootstrap import Comparison

CALLED = {"untrained": "the same, untrained", "logmel": "log-mel", "mfcc": "MFCC"}


def against(name: str, difference: float, p: float) -> Comparison:
    return Comparison(name, difference, difference - 0.04, difference + 0.04, p, None)


COMPARISONS = [against("untrained", 0.12, 0.001), against("logmel", -0.03, 0.01), against("mfcc", 0.01, 0.6)]


def test_a_baseline_that_wins_is_called_better_and_a_close_one_is_not_called_anything() -> None:
    said = verdict("Emotions", "ours", COMPARISONS, CALLED)
    assert "ours is better than the same, untrained;" in said
    assert "it is worse than log-mel;" in said
    assert "it is not significantly different from MFCC (" in said


def test_of_errors_fewer_are_better() -> None:
    said = verdict("Voices", "ours", COMPARISONS, CALLED, higher_is_better=False)
    assert "ours is better than log-mel; it is worse than the same, untrained" in said


def test_several_are_listed() -> None:
    said = verdict("Voices", "ours", [against(name, 0.1, 0.01) for name in CALLED], CALLED)
    assert "ours is better than the same, untrained, log-mel and MFCC (" in said


@pytest.mark.parametrize("p", [0.049, 0.051])
def test_only_a_clear_difference_counts(p: float) -> None:
    assert ("is better" in verdict("Words", "ours", [against("mfcc", 0.02, p)], CALLED)) == (p < 0.05)


def test_a_difference_is_told_in_points_with_its_interval() -> None:
    assert difference(against("mfcc", 0.12, 0.001)) == "+12.0 (+8.0 to +16.0), p = 0.001"
    assert difference(against("mfcc", -0.12, 0.0002)) == "-12.0 (-16.0 to -8.0), p < 0.001"
