"""How scores are told."""

import pytest

from seehear.benchmark.tables.scores import gained, headed, higher_is_better, told
from seehear.benchmark.tables.table import Column


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
    assert told(score, value) == shown


def test_differences_have_their_sign() -> None:
    assert (gained("accuracy", 0.051), gained("accuracy", -0.051), gained("CCC", 0.0)) == ("+5.1", "-5.1", "+0.000")


@pytest.mark.parametrize("score", ["EER", "EER within sex", "minDCF 0.05", "WER", "CER", "L1 of the picture"])
def test_errors_are_better_when_less(score: str) -> None:
    assert not higher_is_better(score)


@pytest.mark.parametrize("score", ["accuracy", "F1", "UAR", "CCC", "AUC within sex", "K=15", "voice to face, 1 of 2"])
def test_the_others_when_more(score: str) -> None:
    assert higher_is_better(score)


def test_headings_say_unit_condition_and_direction() -> None:
    assert headed(Column("accuracy", 1.0, None, True, None)) == "accuracy (%) ↑"
    assert headed(Column("EER", 0.1, -5.0, False, 0.5)) == "EER (%), 10 % of the labels at -5 dB ↓"
    assert headed(Column("F1", 1.0, 0.0, True, None)) == "F1 at 0 dB ↑"
