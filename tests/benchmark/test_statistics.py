"""Intervals, paired differences and Holm against loops written out, and where the answer is known."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_rel

from seehear.benchmark.verdicts import BootstrapDraws, SeedSeries, claim_verdict, row_difference, t_interval
from seehear.metrics.bootstrap import holm

SHARES = st.floats(0, 1, allow_nan=False)
BY_SEED = st.dictionaries(st.integers(0, 9), SHARES, min_size=1)


def test_interval_is_students() -> None:
    """Worked by hand: mean 2, sample deviation 1, t of 2 degrees of freedom 4.3027."""
    low, high = t_interval([1.0, 2.0, 3.0]) or (0, 0)
    assert (low, high) == (pytest.approx(2 - 4.302653 / math.sqrt(3)), pytest.approx(2 + 4.302653 / math.sqrt(3)))


@pytest.mark.parametrize(
    ("seeds", "holds", "believed"), [(5, (0.93, 0.97), (0.0, 0.02)), (10, (0.80, 0.87), (0.04, 0.09))]
)
def test_seeds_that_divide_the_same_people_are_as_sure_as_we_say(
    seeds: int, holds: tuple[float, float], believed: tuple[float, float]
) -> None:
    """What `wording.HOW_TO_READ` says of equally good rows: 200 people, divided as `seehear.evaluation.splits` does."""
    rng = np.random.default_rng(4)
    counts = rng.multinomial(40, np.full(40, 1 / 40), 200) / 40
    held = reproduced = 0
    for _ in range(600):
        gains = rng.normal(size=200)  # of one row over the other, by person
        orders = [rng.permutation(200) for _ in range(seeds // 5)]
        tested = [order[turn::5] for order in orders for turn in range(5)]
        draws = [counts @ gains[people] for people in tested]
        ours = series([gains[people].mean() for people in tested], draws, units=40)
        theirs = series([0.0] * seeds, np.zeros((seeds, 200)))
        found = row_difference("equal", ours, theirs, True)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0 <= found.high
        reproduced += claim_verdict([found], 1) == "reproduced"
    assert holds[0] < held / 600 < holds[1]
    assert believed[0] <= reproduced / 600 < believed[1]


def test_one_seed_has_no_interval() -> None:
    assert t_interval([0.5]) is None
    assert t_interval([]) is None


def test_interval_holds_the_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    drawn = [t_interval(rng.normal(3, 2, 5).tolist()) for _ in range(400)]
    held = sum(low <= 3 <= high for low, high in (one for one in drawn if one))
    assert 367 <= held <= 393


@given(BY_SEED, BY_SEED, st.booleans())
@settings(deadline=None, max_examples=30)
def test_difference_is_over_the_seeds_that_both_have(
    ours: dict[int, float], theirs: dict[int, float], higher: bool
) -> None:
    shared = [seed for seed in range(10) if seed in ours and seed in theirs]
    found = row_difference("other", SeedSeries(ours), SeedSeries(theirs), higher)
    if not shared:
        assert found is None
        return
    gains = [(ours[seed] - theirs[seed]) * (1 if higher else -1) for seed in shared]
    assert found is not None
    assert found.seeds == len(shared)
    assert found.mean == pytest.approx(sum(gains) / len(gains))
    assert (found.low is None) == (len(shared) < 2)
    if found.low is not None and found.high is not None:
        assert found.low <= found.mean <= found.high


@given(BY_SEED, BY_SEED)
@settings(deadline=None, max_examples=30)
def test_difference_turned_round_is_its_mirror(ours: dict[int, float], theirs: dict[int, float]) -> None:
    one = row_difference("", SeedSeries(ours), SeedSeries(theirs), True)
    other = row_difference("", SeedSeries(theirs), SeedSeries(ours), True)
    assert (one is None) == (other is None)
    if one and other:
        assert one.mean == pytest.approx(-other.mean)
        assert (one.p is None) == (other.p is None)
        assert one.p == other.p or one.p == pytest.approx(other.p)
        if one.low is not None and other.high is not None:
            assert one.low == pytest.approx(-other.high)


def test_p_is_that_of_the_paired_test() -> None:
    ours, theirs = [0.6, 0.7, 0.65, 0.8], [0.5, 0.68, 0.6, 0.75]
    found = row_difference("other", series(ours), series(theirs), True)
    assert found is not None
    assert found.p == pytest.approx(ttest_rel(ours, theirs).pvalue)


def test_significant_is_where_the_interval_leaves_zero_out() -> None:
    rng = np.random.default_rng(2)
    for _ in range(50):
        found = row_difference("", series(rng.normal(0.5, 0.4, 5).tolist()), series([0.0] * 5), True)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        assert found.p is not None
        assert (found.p < 0.05) == (found.low > 0 or found.high < 0)


def test_equal_differences_have_no_p() -> None:
    """There is nothing that chance in training could have done; an infinite t would say too much."""
    found = row_difference("", series([0.5, 0.6, 0.7]), series([0.4, 0.5, 0.6]), True)
    assert found is not None
    assert found.p is None
    assert found.low == pytest.approx(0.1)


def test_draws_are_paired_draw_by_draw_and_averaged_over_seeds() -> None:
    rng = np.random.default_rng(3)
    ours, theirs = rng.normal(0.6, 0.1, (2, 200)), rng.normal(0.5, 0.1, (2, 200))
    found = row_difference("", series([0.6, 0.6], ours), series([0.5, 0.4], theirs), True)
    gains = sorted(((ours[0][draw] - theirs[0][draw]) + (ours[1][draw] - theirs[1][draw])) / 2 for draw in range(200))
    assert found is not None
    assert found.bootstrap_low is not None
    assert found.bootstrap_high is not None
    assert gains[4] <= found.bootstrap_low <= gains[5]  # of 200 units a little less than 5 of 200 lie below
    assert gains[194] <= found.bootstrap_high <= gains[195]


def test_draws_of_few_people_are_told_by_t_and_of_one_person_or_of_nobody_knows_how_many_not_at_all() -> None:
    rng = np.random.default_rng(5)
    draws = np.tile(rng.normal(0.1, 0.02, 500), (2, 1))
    ends = {}
    for units in (0, 1, 6, 60):
        ours, theirs = (series([0.6, 0.6], draws, units=units), series([0.5, 0.5], 0 * draws, units=units))
        found = row_difference("", ours, theirs, True)
        assert found is not None
        ends[units] = (found.bootstrap_low, found.bootstrap_high)
    assert ends[0] == ends[1] == (None, None)
    half = 2.570582 * draws[0].std() * math.sqrt(6 / 5)  # t of five degrees of freedom
    assert ends[6] == (pytest.approx(0.1 - half), pytest.approx(0.1 + half))
    assert ends[60][0] == pytest.approx(0.06, abs=0.006)


def test_draws_of_an_error_rate_are_signed_so_that_more_is_better() -> None:
    ours, theirs = np.full((2, 10), 0.2), np.full((2, 10), 0.3)
    found = row_difference("", series([0.2, 0.2], ours), series([0.3, 0.3], theirs), False)
    assert found is not None
    assert (found.mean, found.bootstrap_low) == (pytest.approx(0.1), pytest.approx(0.1))


@pytest.mark.parametrize("how", ["other test", "fewer draws", "none", "not with every seed"])
def test_draws_that_cannot_be_paired_give_no_interval(how: str) -> None:
    ours = series([0.6, 0.6], np.full((2, 10), 0.6))
    theirs = {
        "other test": series([0.5, 0.5], np.full((2, 10), 0.5), test="others"),
        "fewer draws": series([0.5, 0.5], np.full((2, 9), 0.5)),
        "none": series([0.5, 0.5]),
        "not with every seed": series([0.5, 0.5], np.full((1, 10), 0.5)),
    }[how]
    for pair in ((ours, theirs), (theirs, ours)):
        found = row_difference("", *pair, True)
        assert found is not None
        assert (found.bootstrap_low, found.bootstrap_high) == (None, None)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == [pytest.approx(0.03), pytest.approx(0.06), pytest.approx(0.06)]
    assert holm([]) == []


@given(st.lists(SHARES, min_size=1, max_size=8), st.floats(0.001, 0.2))
def test_holm_rejects_what_the_stepwise_procedure_rejects(p: list[float], alpha: float) -> None:
    """Holm as he wrote it: from the smallest on, stop at the first that is too large for those that are left."""
    rejected = set()
    for rank, place in enumerate(sorted(range(len(p)), key=lambda place: p[place])):
        if p[place] * (len(p) - rank) > alpha:
            break
        rejected.add(place)
    assert {place for place, adjusted in enumerate(holm(p)) if adjusted <= alpha} == rejected


@given(st.lists(SHARES, min_size=1, max_size=8))
def test_holm_keeps_the_order_and_never_makes_less(p: list[float]) -> None:
    adjusted = holm(p)
    assert all(before <= after <= 1 for before, after in zip(p, adjusted, strict=True))
    ordered = sorted(range(len(p)), key=lambda place: p[place])
    assert all(adjusted[one] <= adjusted[other] for one, other in pairwise(ordered))


def series(values: list[float], draws: object = (), test: str = "the same", units: int = 200) -> SeedSeries:
    """With seeds 0, 1, ...; ``draws`` has a line a seed."""
    drawn = {seed: BootstrapDraws(tuple(line), test, units) for seed, line in enumerate(np.asarray(draws).tolist())}
    return SeedSeries(dict(enumerate(values)), drawn)
