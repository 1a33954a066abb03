"""How scores are told."""

import pytest

from seehear.benchmark.table import Column, column_heading, format_difference, format_score
from seehear.evaluation import find_score


@pytest.mark.parametrize(
    ("score", "value", "shown"),
    [
        ("accuracy", 0.6234, "62.3"),
        ("F1", 0.5312, "0.531"),
        ("L1 of the mouth", 0.01234, "0.0123"),
        ("K=5", 1.0, "100.0"),
    ],
)
def test_digits(score: str, value: float, shown: str) -> None:
    assert format_score(score, value) == shown


def test_differences_have_their_sign() -> None:
    assert (
        format_difference("accuracy", 0.051),
        format_difference("accuracy", -0.051),
        format_difference("CCC", 0.0),
    ) == ("+5.1", "-5.1", "+0.000")


@pytest.mark.parametrize("score", ["EER", "EER within sex", "minDCF 0.05", "WER", "CER", "L1 of the picture"])
def test_errors_are_better_when_less(score: str) -> None:
    assert not find_score(score).higher_is_better


@pytest.mark.parametrize("score", ["accuracy", "F1", "UAR", "CCC", "AUC within sex", "K=15", "voice to face, 1 of 2"])
def test_the_others_when_more(score: str) -> None:
    assert find_score(score).higher_is_better


def test_headings_say_unit_condition_and_direction() -> None:
    assert column_heading(Column("accuracy", 1.0, None, True, None)) == "accuracy (%) ↑"
    assert column_heading(Column("EER", 0.1, -5.0, False, 0.5)) == "EER (%), 10 % of the labels at -5 dB ↓"
    assert column_heading(Column("F1", 1.0, 0.0, True, None)) == "F1 at 0 dB ↑"
