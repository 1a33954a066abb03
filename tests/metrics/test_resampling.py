"""Draws of people against pairs written out as often as they count."""

from __future__ import annotations

import numpy as np
import pytest

from seehear.metrics import pairs as resampling
from seehear.metrics.detection import ErrorCounts
from seehear.metrics.pairs import bootstrap_counts, bootstrap_people


def pairs(people: int = 8, count: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    one, other = rng.integers(people, size=(2, count))
    targets = one == other
    scores = np.round(rng.standard_normal(count) + 1.5 * targets + 0.3 * one, 1)
    return scores, targets, one, other


def test_a_draw_is_the_pairs_written_out_as_often_as_their_people_were_drawn() -> None:
    scores, targets, one, other = pairs()
    draws = bootstrap_people(8, 12, seed=3)
    told = bootstrap_counts(scores, targets, one, other, draws)
    for place, drawn in enumerate(draws):
        times = (drawn[one] * np.where(one == other, 1, drawn[other])).astype(int)
        written = ErrorCounts.from_scores(np.repeat(scores, times), np.repeat(targets, times))
        assert told.eer[place] == pytest.approx(float(written.eer))
        assert told.auc[place] == pytest.approx(float(written.auc))
        assert told.min_dcf(0.05)[place] == pytest.approx(float(written.min_dcf(0.05)))


def test_everybody_once_is_the_figure_itself_and_pieces_of_draws_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, targets, one, other = pairs()
    once = bootstrap_counts(scores, targets, one, other, np.ones((1, 8)))
    assert once.eer[0] == pytest.approx(float(ErrorCounts.from_scores(scores, targets).eer))
    draws = bootstrap_people(8, 30)
    whole = bootstrap_counts(scores, targets, one, other, draws).eer
    monkeypatch.setattr(resampling, "SAMPLES_PER_BATCH", 7)
    assert bootstrap_counts(scores, targets, one, other, draws).eer == pytest.approx(whole)


def test_bins_are_fine_where_there_are_many_scores() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.integers(50, size=(2, 30000))
    targets = one == other
    scores = rng.standard_normal(30000) + 2 * targets
    told = bootstrap_counts(scores, targets, one, other, np.ones((1, 50)))
    assert told.eer[0] == pytest.approx(float(ErrorCounts.from_scores(scores, targets).eer), abs=2e-3)
    assert told.min_dcf(0.01)[0] == pytest.approx(
        float(ErrorCounts.from_scores(scores, targets).min_dcf(0.01)), abs=5e-3
    )


def test_the_interval_is_that_of_the_people_and_not_of_the_pairs() -> None:
    """Whoever is drawn brings all of his pairs: many pairs of few people say little."""
    rng = np.random.default_rng(2)
    people = np.repeat(np.arange(10), 200)
    easy = np.repeat(rng.random(10) < 0.5, 200)
    scores = np.concatenate([np.where(easy, 2.0, 0.0), np.ones(2000)]) + 1e-3 * rng.standard_normal(4000)
    targets = np.arange(4000) < 2000
    told = bootstrap_counts(
        scores, targets, np.tile(people, 2), np.concatenate([people, (people + 1) % 10]), bootstrap_people(10)
    )
    assert np.nanstd(told.auc) > 0.1


def test_people_are_drawn_with_replacement() -> None:
    draws = bootstrap_people(20, 500)
    assert (draws.sum(1) == 20).all()
    assert (draws == 0).mean() == pytest.approx((1 - 1 / 20) ** 20, abs=0.02)
