"""Intervals and paired tests against loops over units, and where the answer is known."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy.stats import ttest_rel

from seehear.metrics import bootstrap
from seehear.metrics.bootstrap import Sums, estimate, interval, p_value, paired_comparison, to_plain_dict, unit_sums
from seehear.metrics.scores import error_rate


def sums(hits: list[list[int]], counts: int = 10) -> Sums:
    """(seeds, units) right out of ``counts`` each."""
    right = np.array(hits, float)
    return np.stack([right, np.full_like(right, counts)], axis=-1)


def permuted(model: list[int], other: list[int]) -> float:
    return bootstrap._permuted(*(sums([hits])[0] for hits in (model, other)), error_rate, seed=0)


def test_units_add_up_their_entries() -> None:
    entries = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    assert unit_sums(entries, np.array([2, 0, 2]), 4).tolist() == [[3, 4], [0, 0], [6, 8], [0, 0]]


def test_figure_is_mean_and_deviation_over_seeds() -> None:
    told = estimate(sums([[10, 8, 6], [10, 10, 10]]), error_rate)
    assert told.per_seed == (pytest.approx(0.8), 1.0)
    assert told.value == pytest.approx(0.9)
    assert told.std == pytest.approx(np.std([0.8, 1.0], ddof=1))
    assert told.low < 0.7 < 0.9 < told.high == 1.0  # three units are not many, and no share is above 1
    assert told.units == 3


def test_one_seed_has_no_deviation_and_equal_units_no_interval() -> None:
    told = estimate(sums([[7] * 20]), error_rate)
    assert (told.std, told.low, told.high) == (0.0, pytest.approx(0.7), pytest.approx(0.7))


def test_interval_is_that_of_a_binomial_where_units_are_recordings() -> None:
    rng = np.random.default_rng(0)
    told = estimate(sums([rng.integers(0, 2, 400).tolist()], counts=1), error_rate)
    assert (told.high - told.low) / 2 == pytest.approx(1.96 * 0.5 / 20, rel=0.1)


def test_units_that_were_not_tested_do_not_widen_the_interval() -> None:
    few = sums([[9, 5, 7, 8, 6]])
    many = np.concatenate([few, np.zeros((1, 50, 2))], axis=1)
    a, b = estimate(few, error_rate), estimate(many, error_rate)
    assert (a.low, a.high) == (pytest.approx(b.low), pytest.approx(b.high))


def test_permutation_equals_all_swaps_written_out() -> None:
    model, other = [9, 8, 4, 7, 10, 6], [7, 8, 5, 3, 6, 6]
    found = abs(sum(model) - sum(other))
    as_large = sum(
        abs(sum((a - b) * sign for a, b, sign in zip(model, other, signs, strict=True))) >= found
        for signs in product((1, -1), repeat=6)
    )
    assert permuted(model, other) == pytest.approx(as_large / 64)
    told = paired_comparison("other", sums([model]), sums([other]), error_rate)
    assert told.difference == pytest.approx(9 / 60)
    assert told.low < told.difference < told.high
    assert told.p_seeds is None


def test_few_units_are_compared_by_the_paired_t_test() -> None:
    model, other = [9, 8, 4, 7, 10, 6], [7, 8, 5, 3, 6, 6]
    told = paired_comparison("other", sums([model]), sums([other]), error_rate)
    known = ttest_rel(model, other)
    assert told.p == pytest.approx(known.pvalue, rel=0.1)  # the bootstrap's standard error is that of 2000 draws
    low, high = known.confidence_interval()
    assert (told.low, told.high) == (pytest.approx(low / 10, abs=0.02), pytest.approx(high / 10, abs=0.02))
    assert told.units == 6


def test_p_and_interval_agree_with_few_units_and_many() -> None:
    rng = np.random.default_rng(3)
    for units in (6, 29, 30, 100):
        for shift in np.linspace(0, 0.06, 25) * 10 / np.sqrt(units):
            draws = rng.multinomial(units, np.full(units, 1 / units), 2000) / units
            gains = rng.normal(0, 0.1, units)
            gains += shift - gains.mean()
            told = interval(shift, draws @ gains, units, (-1, 1)), p_value(shift, draws @ gains, units)
            assert (told[0][0] > 0) == (told[1] < 0.05) or abs(told[1] - 0.05) < 0.003


def test_one_unit_says_nothing_of_others() -> None:
    told = estimate(sums([[7, 0]], counts=10)[:, :1], error_rate)
    assert np.isnan([told.low, told.high]).all()
    against = paired_comparison("b", sums([[7]]), sums([[2]]), error_rate)
    assert np.isnan(against.low)
    assert against.p == 1
    assert to_plain_dict(against)["low"] is None


def test_all_units_perfect_is_not_surely_perfect() -> None:
    """Clopper and Pearson: with 10 of 10 the lower end is 0.025 ** (1 / 10)."""
    told = estimate(sums([[10] * 10]), error_rate)
    assert (told.low, told.high) == (pytest.approx(0.025**0.1), 1.0)
    none = estimate(sums([[0] * 10]), error_rate)
    assert (none.low, none.high) == (0.0, pytest.approx(1 - 0.025**0.1))


def test_no_interval_leaves_the_scale() -> None:
    told = estimate(sums([[10, 10, 10, 6]]), error_rate)
    assert told.high == 1
    rate = estimate(
        sums([[10, 10, 10, 6]]), error_rate, bounds=(0, np.inf)
    )  # of word errors there may be more than words
    assert rate.high > 1
    assert rate.low == told.low


def test_many_units_are_swapped_at_random() -> None:
    rng = np.random.default_rng(1)
    noise = rng.integers(3, 8, 40)
    same = paired_comparison("same", sums([noise.tolist()]), sums([rng.permutation(noise).tolist()]), error_rate)
    better = paired_comparison("worse", sums([(noise + 2).tolist()]), sums([noise.tolist()]), error_rate)
    assert same.p > 0.5
    assert better.p < 0.001
    assert (better.low, better.high) == (pytest.approx(0.2), pytest.approx(0.2))


def test_the_other_way_around_is_the_same_with_the_sign_changed() -> None:
    a, b = sums([[9, 8, 4, 7, 10]]), sums([[7, 8, 5, 3, 6]])
    there, back = paired_comparison("b", a, b, error_rate), paired_comparison("a", b, a, error_rate)
    assert (there.difference, there.p) == (-back.difference, back.p)
    assert (there.low, there.high) == (pytest.approx(-back.high), pytest.approx(-back.low))


def test_seeds_are_paired_by_a_t_test() -> None:
    a, b = [[8, 9], [9, 9], [7, 9]], [[7, 7], [8, 9], [7, 8]]
    told = paired_comparison("b", sums(a), sums(b), error_rate)
    expected = ttest_rel(np.sum(a, 1), np.sum(b, 1)).pvalue
    assert told.p_seeds == pytest.approx(expected)


def test_a_constant_difference_has_no_t_test() -> None:
    assert paired_comparison("b", sums([[8, 9], [9, 9]]), sums([[7, 8], [8, 8]]), error_rate).p_seeds is None


def test_only_the_same_units_are_paired() -> None:
    with pytest.raises(ValueError, match="cannot be paired"):
        paired_comparison("b", sums([[1, 2]]), sums([[1, 2, 3]]), error_rate)


def test_the_same_units_are_drawn_whoever_is_measured_and_draws_are_not_told() -> None:
    one, other = estimate(sums([[9, 5, 7, 8, 6]]), error_rate), estimate(sums([[8, 4, 6, 7, 5]]), error_rate)
    assert one.draws - other.draws == pytest.approx(0.1)  # a tenth in every unit, so a tenth in every draw
    assert (one.low, one.high) == interval(one.value, one.draws, 5)
    assert "draws" not in to_plain_dict(one)
    assert one == replace(one, draws=np.zeros(1))
