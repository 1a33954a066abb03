"""Accuracy by kind of words, where the labels of a sentence say which kind each of its words is of."""

from __future__ import annotations

import pytest

from seehear.evaluation.lip_clips import VisibleWord
from seehear.evaluation.lips import LipsResult, kinds_of
from seehear.evaluation.recordings import Recordings
from seehear.evaluation.result import EvaluationResult, Row
from seehear.metrics.bootstrap import Estimate

HALF = Estimate(0.5, 0.0, 0.4, 0.6, (0.5,))


def words(*said: dict[str, str]) -> Recordings:
    sights = [
        VisibleWord(f"{clip}{word}", str(clip), {**labels, "text": "x y", "word": word.lower()}, clip, 20)
        for clip, labels in enumerate(said)
        for word in labels.values()
    ]
    return Recordings(sights, "data")


def test_the_kind_of_a_word_is_the_label_that_says_it() -> None:
    assert kinds_of(words({"letter": "B", "digit": "two"}, {"letter": "A", "digit": "two"})) == {
        "letter": ["a", "b"],
        "digit": ["two"],
    }


def test_words_of_two_kinds_or_of_one_only_have_none() -> None:
    assert kinds_of(words({"letter": "o", "digit": "o"})) == {}
    assert kinds_of(words({"letter": "o", "digit": "one"}, {"letter": "one", "digit": "two"})) == {}
    assert kinds_of(words({"letter": "a"}, {"letter": "b"})) == {}
    assert kinds_of(Recordings([VisibleWord("a", "a", {"word": "a"}, 0, 20)], "data")) == {}


@pytest.fixture
def result() -> LipsResult:
    told = [[3, 1, 0], [0, 2, 2], [0, 0, 5]]
    plain = EvaluationResult(
        "lips", "data", (Row("model", "frozen", {"accuracy": HALF}, {}, told),), (), True, {}, ("a", "b", "two"),
        13, 13, 1, "recordings", {}, {},
    )  # fmt: skip
    return LipsResult.of(plain, {"letter": ["a", "b"], "digit": ["two"]})


def test_accuracy_of_each_kind(result: LipsResult) -> None:
    assert result.by_kind(result.rows[0]) == {"letter": 5 / 8, "digit": 1.0}
    assert result.to_dict()["rows"][0]["by_kind"] == {"letter": 5 / 8, "digit": 1.0}
    assert "62.5%" in str(result)
    assert "letter (2)" in str(result)


def test_without_kinds_the_table_is_that_of_every_task(result: LipsResult) -> None:
    assert "by kind" not in str(LipsResult.of(result, {}))
