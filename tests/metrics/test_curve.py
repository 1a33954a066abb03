"""Errors at every threshold against loops, a library and what is known of normal distributions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import roc_auc_score, roc_curve

from seehear.metrics.detection import ErrorCounts


def normal(pairs: int = 4000, apart: float = 2.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores of two normal distributions, and which of them are of target pairs (a third)."""
    rng = np.random.default_rng(seed)
    targets = np.arange(pairs) % 3 == 0
    return rng.standard_normal(pairs) + apart * targets, targets


def errors(scores: np.ndarray, targets: np.ndarray, threshold: float) -> tuple[float, float]:
    """Misses and false alarms, counted."""
    missed = sum(score < threshold for score in scores[targets]) / targets.sum()
    alarmed = sum(score >= threshold for score in scores[~targets]) / (~targets).sum()
    return missed, alarmed


def test_equal_error_rate_is_where_the_library_says() -> None:
    scores, targets = normal()
    alarms, hits, _ = roc_curve(targets, scores, drop_intermediate=False)
    apart = (1 - hits) - alarms
    after = int((apart < 0).argmax())
    share = apart[after - 1] / (apart[after - 1] - apart[after])
    expected = alarms[after - 1] + share * (alarms[after] - alarms[after - 1])
    assert float(ErrorCounts.from_scores(scores, targets).eer) == pytest.approx(expected, abs=1e-12)


def test_equal_error_rate_of_normal_distributions() -> None:
    counts = ErrorCounts.from_scores(*normal(60000))
    assert float(counts.eer) == pytest.approx(norm.cdf(-1), abs=0.005)
    assert float(counts.eer_threshold) == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("prior", [0.01, 0.05, 0.5])
def test_detection_cost_is_the_least_over_all_thresholds_written_out(prior: float) -> None:
    scores, targets = normal(300)
    costs = []
    for threshold in [-np.inf, *np.unique(scores).tolist(), np.inf]:
        missed, alarmed = errors(scores, targets, threshold)
        costs.append(prior * missed + (1 - prior) * alarmed)
    assert float(ErrorCounts.from_scores(scores, targets).min_dcf(prior)) == pytest.approx(
        min(costs) / min(prior, 1 - prior)
    )


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=40))
def test_auc_and_errors_with_many_equal_scores(pairs: list[tuple[int, bool]]) -> None:
    scores, targets = (np.array(side) for side in zip(*pairs, strict=True))
    if targets.all() or not targets.any():
        return
    counts = ErrorCounts.from_scores(scores, targets)
    assert float(counts.auc) == pytest.approx(roc_auc_score(targets, scores))
    assert 0 <= float(counts.eer) <= 1
    for place, edge in enumerate(counts.edges):
        assert (counts.miss_rates[place], counts.false_alarm_rates[place]) == pytest.approx(
            errors(scores, targets, edge)
        )


def test_what_tells_nothing_is_at_chance_and_what_tells_all_has_no_error() -> None:
    targets = np.arange(90) % 3 == 0
    blind, sure = ErrorCounts.from_scores(np.zeros(90), targets), ErrorCounts.from_scores(targets * 1.0, targets)
    assert (float(blind.eer), float(blind.auc), float(blind.min_dcf(0.01))) == (0.5, 0.5, 1.0)
    assert (float(sure.eer), float(sure.auc), float(sure.min_dcf(0.01))) == (0.0, 1.0, 0.0)
    assert len(sure.det()) == 1


def test_curve_of_errors_goes_down_in_even_steps() -> None:
    scores, targets = normal(9000)
    curve = ErrorCounts.from_scores(scores, targets).det(50)
    thresholds, alarms, misses = np.array(curve).T
    assert 40 <= len(curve) <= 50
    assert (np.diff(thresholds) > 0).all()
    assert (np.diff(alarms) <= 0).all()
    assert (np.diff(misses) >= 0).all()
    for threshold, alarmed, missed in curve[::10]:
        assert (missed, alarmed) == pytest.approx(errors(scores, targets, threshold))


def test_several_sets_of_counts_are_told_at_once() -> None:
    one, other = normal(300, seed=1), normal(300, seed=2)
    edges = np.unique(np.concatenate([one[0], other[0]]))
    sets = [
        [np.bincount(np.searchsorted(edges, scores[side]), minlength=len(edges)) for side in (targets, ~targets)]
        for scores, targets in (one, other)
    ]
    both = ErrorCounts(edges, *(np.array([single[kind] for single in sets], float) for kind in (0, 1)))
    for place, (scores, targets) in enumerate((one, other)):
        alone = ErrorCounts.from_scores(scores, targets)
        assert both.eer[place] == pytest.approx(float(alone.eer))
        assert both.auc[place] == pytest.approx(float(alone.auc))
        assert both.min_dcf(0.05)[place] == pytest.approx(float(alone.min_dcf(0.05)))
