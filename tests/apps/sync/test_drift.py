import numpy as np
import pytest
from scipy.stats import theilslopes

from seehear.apps.sync.drift import Segment, find_drift, find_speed_error, theil_sen
from seehear.apps.sync.offset import STEP_MS, AgreementCurve


def segments(delay_at, count=40, wrong=0, seed=0, noise=5.0):
    """Ten-second stretches whose delay is ``delay_at(time)`` plus noise; ``wrong`` of them are anything."""
    rng = np.random.default_rng(seed)
    made = []
    for place in range(count):
        start = 10.0 * place
        delay = delay_at(start + 5) + rng.normal(0, noise)
        made.append(Segment(start, start + 10, delay, 0.9))
    for place in rng.choice(count, wrong, replace=False):
        made[place] = Segment(made[place].start_s, made[place].end_s, rng.uniform(-900, 900), 0.6)
    return made


@pytest.mark.parametrize("level", [-300, 0, 120])
@pytest.mark.parametrize("seed", range(5))
def test_a_steady_delay_does_not_drift(level, seed):
    drift = find_drift(segments(lambda t: level, wrong=5, seed=seed))
    assert not drift.changes
    assert drift.at_start_ms == pytest.approx(level, abs=5)


@pytest.mark.parametrize("slope", [-30.0, 15.0, 60.0])
def test_a_steady_drift_is_measured_in_spite_of_wrong_segments(slope):
    drift = find_drift(segments(lambda t: 50 + slope * t / 60, wrong=8))
    assert drift.jumps == ()
    assert drift.ms_per_minute == pytest.approx(slope, abs=2)
    assert drift.delay_at(200) == pytest.approx(50 + slope * 200 / 60, abs=6)


def test_a_line_ends_where_the_measured_part_ends():
    drift = find_drift(segments(lambda t: 50 + t))
    assert drift.delay_at(-1e6) == drift.delay_at(0) == drift.at_start_ms
    assert drift.delay_at(1e6) == drift.at_end_ms


def test_an_edit_is_a_jump_at_its_time():
    drift = find_drift(segments(lambda t: 0 if t < 150 else 240, wrong=4))
    assert drift.ms_per_minute == 0
    ((at, before, after),) = drift.jumps
    assert at == pytest.approx(150, abs=10)
    assert (before, after) == (pytest.approx(0, abs=8), pytest.approx(240, abs=8))
    assert drift.delay_at(10) == pytest.approx(0, abs=8)
    assert drift.delay_at(300) == pytest.approx(240, abs=8)


def test_two_edits_are_two_jumps():
    drift = find_drift(segments(lambda t: 0 if t < 100 else 300 if t < 250 else -100))
    assert [round(at, -1) for at, _, _ in drift.jumps] == [100, 250]


def test_too_few_segments_say_nothing():
    assert find_drift(segments(lambda t: 0, count=3)) is None
    assert find_drift([]) is None


def test_the_robust_line_is_that_of_scipy():
    rng = np.random.default_rng(1)
    for count in (2, 15, 40):
        times, values = np.sort(rng.integers(0, 100, count).astype(float)), rng.normal(size=count)
        assert theil_sen(times, values) == tuple(theilslopes(values, times, method="joint")[:2])


def parts(delay_at, seconds=24, height=0.4, seed=0):
    """A curve a second whose peak lies at ``delay_at(time)`` ms: a bump of an encoder's width on smooth noise."""
    rng = np.random.default_rng(seed)
    delays = np.arange(-1000, 1001, STEP_MS)
    made = []
    for second in range(seconds):
        noise = np.convolve(rng.normal(0, 0.3, len(delays) + 20), np.ones(8) / 8, "same")[10:-10]
        bump = height * np.exp(-0.5 * ((delays - delay_at(second + 0.5)) / 40) ** 2)
        made.append((second + 0.5, AgreementCurve((bump + noise) * 25, 25)))
    return made


@pytest.mark.parametrize("seconds", [12, 24, 45])
@pytest.mark.parametrize("change", [-40.0, 41.7, 12.0])
def test_sound_at_the_wrong_speed_is_found_though_no_delay_holds_for_long(change, seconds):
    found = find_speed_error(parts(lambda time: 30 + change * (time - seconds / 2), seconds))
    assert found.ms_per_second == pytest.approx(change, abs=3)
    assert found.drift(30).delay_at(found.last_s) == pytest.approx(30 + change * (seconds / 2 - 0.5), abs=40)


@pytest.mark.parametrize("seed", range(10))
def test_a_constant_delay_is_no_wrong_speed(seed):
    assert find_speed_error(parts(lambda time: 120, seed=seed)) is None


def test_too_little_says_nothing_about_speed():
    assert find_speed_error(parts(lambda time: 40 * time, seconds=7)) is None
    assert find_speed_error([]) is None


def test_a_long_film_at_the_wrong_speed_is_found_where_the_search_reaches():
    found = find_speed_error(parts(lambda time: -900 + 40 * time, seconds=600, height=0.6))
    assert found.ms_per_second == pytest.approx(40, abs=2)
    assert found.last_s < 100
