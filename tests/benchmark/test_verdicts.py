"""Which row may be called the best, and what may be said of a claim."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seehear.benchmark.table import RowDifference
from seehear.benchmark.verdicts import BootstrapDraws, SeedSeries, best_row, claim_verdict, row_difference

HIGH = [0.80, 0.82, 0.81, 0.83, 0.80]
LOW = [0.60, 0.61, 0.64, 0.62, 0.63]
COLUMN = st.dictionaries(
    st.sampled_from("abcd"), st.dictionaries(st.integers(0, 5), st.floats(0, 1), max_size=6), max_size=4
)


def test_the_best_is_marked_where_it_beats_every_other() -> None:
    column = {"good": series(HIGH), "bad": series(LOW), "worse": series([0.41, 0.43, 0.42, 0.40, 0.44])}
    assert best_row(column, True) == "good"
    assert best_row(column, False) == "worse"


def test_nobody_is_the_best_where_two_are_alike() -> None:
    column = {"good": series(HIGH), "as good": series([0.81, 0.80, 0.82, 0.81, 0.82]), "bad": series(LOW)}
    assert best_row(column, True) is None


def test_a_row_alone_is_not_the_best_of_anything() -> None:
    assert best_row({"only": series(HIGH), "not measured": series([])}, True) is None
    assert best_row({}, True) is None


def test_two_seeds_are_not_enough() -> None:
    assert best_row({"good": series([0.9, 0.91]), "bad": series([0.1, 0.1001])}, True) is None


def test_a_rival_of_too_few_shared_seeds_keeps_the_mark_away() -> None:
    column = {"good": series(HIGH), "bad": series(LOW), "unsure": series([0.1])}
    assert best_row(column, True) is None


def test_draws_have_to_agree_with_the_seeds() -> None:
    unsure = {"good": series(HIGH, 0.02, spread=0.3), "bad": series(LOW, 0.0)}
    sure = {"good": series(HIGH, 0.2, spread=0.01), "bad": series(LOW, 0.0)}
    assert best_row(unsure, True) is None
    assert best_row(sure, True) == "good"


def test_where_seeds_do_nothing_the_draws_decide() -> None:
    alike = {"good": series([0.8] * 3), "bad": series([0.7] * 3)}
    drawn = {"good": series([0.8] * 3, 0.8, spread=0.01), "bad": series([0.7] * 3, 0.7)}
    assert best_row(alike, True) is None
    assert best_row(drawn, True) == "good"


def test_more_rivals_ask_for_more() -> None:
    """One comparison at p = .03 stands alone, but not beside others that are no better."""
    gains = [0.10, 0.01, 0.14, 0.05, 0.16]
    first = series([0.5 + gain for gain in gains])
    found = row_difference("", first, series([0.5] * 5), True)
    assert found is not None
    assert found.p is not None
    assert 0.025 < found.p < 0.05
    rivals = {f"rival {number}": series([0.5] * 5) for number in range(2)}
    assert best_row({"first": first, "rival 0": rivals["rival 0"]}, True) == "first"
    assert best_row({"first": first, **rivals}, True) is None


@given(COLUMN, st.booleans())
@settings(deadline=None, max_examples=40)
def test_a_mark_only_on_the_highest_mean_and_significant_by_itself(
    column: dict[str, dict[int, float]], higher: bool
) -> None:
    rows = {row: SeedSeries(values) for row, values in column.items()}
    best = best_row(rows, higher)
    if best is None:
        return
    for row, other in rows.items():
        if row != best and other.values:
            found = row_difference(row, rows[best], other, higher)
            assert found is not None
            assert found.seeds >= 3
            assert found.mean > 0
            assert found.p is not None
            assert found.p < 0.05


@pytest.mark.parametrize(
    ("differences", "said"),
    [
        ([(0.01, 0.2, None, None)], "reproduced"),
        ([(0.01, 0.2, 0.02, 0.3)], "reproduced"),
        ([(0.01, 0.2, -0.02, 0.3)], "not reproduced"),
        ([(-0.01, 0.2, 0.02, 0.3)], "not reproduced"),
        ([(-0.2, -0.01, None, None)], "contradicted"),
        ([(-0.2, -0.01, -0.3, -0.02)], "contradicted"),
        ([(-0.2, -0.01, -0.3, 0.02)], "not reproduced"),
        ([(0.01, 0.2, 0.02, 0.3), (-0.2, -0.01, -0.3, -0.02)], "contradicted"),
        ([(0.01, 0.2, 0.02, 0.3), (-0.1, 0.1, None, None)], "not reproduced"),
        ([(0.0, 0.0, None, None)], "not reproduced"),
        ([(None, None, None, None)], "not measured"),
        ([(0.01, 0.2, None, None), (None, None, None, None)], "not measured"),
        ([(-0.2, -0.01, None, None), (None, None, None, None)], "contradicted"),
    ],
)
def test_verdicts(differences: list[tuple[float | None, ...]], said: str) -> None:
    assert claim_verdict([between(*ends) for ends in differences], len(differences)) == said


def test_a_row_that_was_not_measured_leaves_a_claim_open() -> None:
    better, worse = between(0.01, 0.2, None, None), between(-0.2, -0.01, None, None)
    assert claim_verdict([better], 2) == "not measured"
    assert claim_verdict([worse], 2) == "contradicted"
    assert claim_verdict([], 1) == "not measured"


def test_seeds_that_do_nothing_prove_nothing_without_draws() -> None:
    """Two handcrafted encoders on one split: the same difference with every seed, an interval without width."""
    alike = row_difference("other", series([0.8] * 5), series([0.7] * 5), True)
    drawn = row_difference("other", series([0.8] * 5, 0.8, spread=0.01), series([0.7] * 5, 0.7), True)
    assert alike is not None
    assert drawn is not None
    assert (claim_verdict([alike], 1), claim_verdict([drawn], 1)) == ("not reproduced", "reproduced")


def between(
    low: float | None, high: float | None, bootstrap_low: float | None, bootstrap_high: float | None
) -> RowDifference:
    mean = 0.1 if low is None or high is None else (low + high) / 2
    p, seeds = (None, 1) if low is None else (0.01, 5)
    return RowDifference("other", mean, low, high, bootstrap_low, bootstrap_high, p, seeds)


def series(values: list[float], around: float | None = None, spread: float = 0.0) -> SeedSeries:
    """With seeds 0, 1, ...; draws lie within ``spread`` of ``around``."""
    by_seed = dict(enumerate(values))
    if around is None:
        return SeedSeries(by_seed)
    draws = tuple((around + np.linspace(-spread, spread, 100)).tolist())
    return SeedSeries(by_seed, {seed: BootstrapDraws(draws, "test", 100) for seed in by_seed})
