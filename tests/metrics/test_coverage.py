"""What intervals and p values are worth, simulated: people differ, and each is asked many times."""

from __future__ import annotations

import numpy as np
import pytest

from seehear.metrics.bootstrap import estimate, paired_comparison
from seehear.metrics.scores import error_rate

TRIALS = {6: 500, 40: 250}
"""Simulated tests, by the number of people: the standard error of a share of 0.95 is 0.010 and 0.014."""

QUIRK = 0.05  # by how much an encoder is better with one person and worse with another


@pytest.mark.parametrize("units", TRIALS)
def test_the_interval_holds_the_truth_in_95_of_100_tests(units: int) -> None:
    """Percentiles of the bootstrap hold it in 86 of 100 where there are six people."""
    rng = np.random.default_rng(units)
    held = percentiles = 0
    for _ in range(TRIALS[units]):
        told = estimate(asked(rng, rng.beta(16, 4, units)), error_rate)
        held += told.low <= 0.8 <= told.high
        low, high = np.percentile(told.draws, [2.5, 97.5])
        percentiles += low <= 0.8 <= high
    assert 0.92 <= held / TRIALS[units] <= 0.98
    assert percentiles < held
    if units == 6:
        assert percentiles / TRIALS[units] < 0.9


@pytest.mark.parametrize("units", TRIALS)
def test_two_equal_encoders_are_seldom_told_apart(units: int) -> None:
    """Each has people whom it suits; neither is better. By percentiles six people tell them apart in 14 of 100."""
    rng = np.random.default_rng(100 + units)
    apart = believed = 0
    for _ in range(TRIALS[units]):
        people = rng.beta(16, 4, units)
        one, other = (asked(rng, np.clip(people + rng.normal(0, QUIRK, units), 0, 1)) for _ in range(2))
        told = paired_comparison("equal", one, other, error_rate)
        apart += told.low > 0 or told.high < 0
        believed += told.p < 0.05
    assert apart / TRIALS[units] <= 0.07
    assert believed / TRIALS[units] <= 0.07


def test_a_better_encoder_is_found_with_six_people() -> None:
    """Not by saying nothing: 15 points are nearly always seen."""
    rng = np.random.default_rng(7)
    found = 0
    for _ in range(100):
        people = rng.beta(16, 4, 6) - 0.15
        one, other = (asked(rng, np.clip(people + rng.normal(gain, QUIRK, 6), 0, 1)) for gain in (0.15, 0))
        told = paired_comparison("worse", one, other, error_rate)
        found += told.low > 0 and told.p < 0.05
    assert found >= 80


def asked(rng: np.random.Generator, accuracies: np.ndarray) -> np.ndarray:
    """Right answers and questions of each person, 250 to 750 of them: (1, people, 2)."""
    questions = rng.integers(250, 750, len(accuracies))
    return np.stack([rng.binomial(questions, accuracies), questions], axis=1)[None].astype(float)
