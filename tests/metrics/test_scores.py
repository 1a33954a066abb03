"""Scores of sums against scikit-learn and numpy on the recordings themselves."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, f1_score

from seehear.metrics.scores import accuracy, concordance, concordance_sums, confusion, error_rate, f1, recall


@pytest.mark.parametrize("seed", range(4))
def test_classification_scores_are_those_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truths = rng.integers(0, 4, 60)
    said = np.where(rng.random(60) < 0.5, truths, rng.integers(0, 5, 60))
    sums = confusion(truths.tolist(), said.tolist(), 5).sum(0)
    assert sums.reshape(5, 5).tolist() == confusion_matrix(truths, said, labels=range(5)).tolist()
    assert accuracy(sums) == pytest.approx(accuracy_score(truths, said))
    assert f1(sums) == pytest.approx(f1_score(truths, said, average="macro"))
    assert recall(sums) == pytest.approx(balanced_accuracy_score(truths, said))


def test_classes_that_are_neither_there_nor_said_do_not_count() -> None:
    sums = confusion([0, 0, 1], [0, 0, 1], 9).sum(0)
    assert (f1(sums), recall(sums)) == (1.0, 1.0)


def test_scores_of_nothing_are_zero() -> None:
    assert accuracy(np.zeros(9)) == f1(np.zeros(9)) == recall(np.zeros(9)) == 0.0
    assert error_rate(np.zeros(2)) == 0.0


def test_many_at_once() -> None:
    sums = np.random.default_rng(0).random((3, 2, 16))
    for score in (accuracy, f1, recall):
        assert score(sums).shape == (3, 2)
        assert score(sums)[1, 1] == pytest.approx(float(score(sums[1, 1])))


@pytest.mark.parametrize("seed", range(3))
def test_concordance_is_lins(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(50)
    y = 0.7 * x + 0.3 * rng.standard_normal(50) + 0.2
    expected = 2 * np.cov(x, y, bias=True)[0, 1] / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)
    pieces = concordance_sums(x[:20], y[:20]) + concordance_sums(x[20:], y[20:])
    assert concordance(pieces) == pytest.approx(expected)
    assert concordance(concordance_sums(x, x)) == pytest.approx(1)
    assert concordance(concordance_sums(np.ones(5), x[:5])) == pytest.approx(0, abs=1e-9)
