"""Timestamps to ticks, against definitions written out by hand."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from seehear.media.timebase import (
    BACKWARDS,
    GAP,
    REACH,
    Clock,
    ClockUnwrapper,
    Coverage,
    clock_of,
    place_sound,
    rising_times,
    to_ticks,
)

STEP = Fraction(1, 25)
few = settings(max_examples=25, deadline=None)
steps = st.lists(st.fractions(Fraction(1, 1000), Fraction(3), max_denominator=90_000), max_size=20)


def rising(gaps: list[Fraction]) -> list[Fraction]:
    return [sum(gaps[:k], Fraction(0)) for k in range(len(gaps) + 1)]


def ticks_of(starts: list[Fraction], last: Fraction = STEP, reach: Fraction = REACH) -> list[tuple[int, int]]:
    return list(to_ticks(((start, last, number) for number, start in enumerate(starts)), reach=reach))


@few
@given(steps)
def test_every_tick_gets_the_nearest_item_and_no_tick_twice(gaps: list[Fraction]) -> None:
    starts = rising(gaps)
    ticks = ticks_of(starts)
    assert [tick for tick, _ in ticks] == list(range(len(ticks)))  # no gap here is longer than twice the reach
    for tick, item in ticks:
        distances = [abs(Fraction(tick, 25) - start) for start in starts]
        assert item == distances.index(min(distances))  # of two as near, the earlier


@few
@given(steps, st.fractions(Fraction(1, 1000), Fraction(4)))
def test_ticks_end_where_the_last_item_ends(gaps: list[Fraction], last: Fraction) -> None:
    starts = rising(gaps)
    final = ticks_of(starts, last)[-1][0]
    end = starts[-1] + last
    assert Fraction(final, 25) < end or final == 0
    assert Fraction(final + 1, 25) >= end or ticks_of(starts, last)[-1][1] < len(starts) - 1


@few
@given(st.integers(1, 300), st.sampled_from([Fraction(24), Fraction(30), Fraction(30_000, 1001), Fraction(60)]))
def test_constant_rates_do_not_drift(count: int, rate: Fraction) -> None:
    ticks = ticks_of([k / rate for k in range(count)], 1 / rate)
    assert abs(len(ticks) - count / rate * 25) < 1
    assert all(abs(Fraction(tick, 25) - item / rate) <= 1 / rate for tick, item in ticks)


def test_known_rates() -> None:
    assert [item for _, item in ticks_of([Fraction(k, 50) for k in range(6)], Fraction(1, 50))] == [0, 2, 4]
    assert [item for _, item in ticks_of([Fraction(0), Fraction(2, 25)], Fraction(2, 25))] == [0, 0, 1, 1]
    assert [item for _, item in ticks_of([Fraction(k) for k in range(3)], Fraction(1))].count(1) == 25


def test_hours_without_a_picture_are_not_filled_and_keep_their_time() -> None:
    ticks = ticks_of([Fraction(0), Fraction(7200)], Fraction(3600))
    assert len(ticks) == 3 * 25 * REACH + 1
    assert [tick for tick, item in ticks if item == 0] == list(range(126))
    assert [tick for tick, item in ticks if item == 1] == list(range(7195 * 25, 7205 * 25))


@few
@given(st.lists(st.one_of(st.none(), st.fractions(Fraction(-100), Fraction(100), max_denominator=1000)), max_size=30))
def test_times_rise_whatever_the_timestamps(stamps: list[Fraction | None]) -> None:
    times = [time for time, _ in rising_times([(stamp, None) for stamp in stamps], STEP)]
    assert all(early < late for early, late in pairwise(times))


def test_disorder_is_dropped_and_missing_times_follow_on() -> None:
    stamps = [Fraction(0), None, Fraction(2, 25), Fraction(2, 25), Fraction(1, 25), Fraction(3, 25)]
    kept = list(rising_times([(stamp, number) for number, stamp in enumerate(stamps)], STEP))
    assert kept == [(Fraction(0), 0), (Fraction(1, 25), 1), (Fraction(2, 25), 2), (Fraction(3, 25), 5)]


def test_joined_recordings_go_on() -> None:
    stamps = [Fraction(k, 25) for k in range(100)] * 2 + [Fraction(k, 25) for k in range(50)]
    times = [time for time, _ in rising_times([(stamp, None) for stamp in stamps], STEP)]
    assert times == [Fraction(k, 25) for k in range(250)]


def covered(stamps: list[Fraction], step: Fraction) -> Coverage:
    coverage = Coverage(step)
    for stamp in stamps:
        coverage.add(stamp)
    return coverage


@few
@given(st.lists(st.tuples(st.integers(30, 200), st.integers(-50_000, 50_000)), min_size=1, max_size=5))
def test_parts_with_clocks_of_their_own_go_on_at_once(parts: list[tuple[int, int]]) -> None:
    """Whatever the clocks say, pictures and sound get the same correction, and hours of nothing are left out."""
    pictures, sound, truth, heard, total = [], [], [], [], 0
    for frames, begin in parts:
        if pictures and -1 <= begin - pictures[-1] <= GAP + 1:
            continue  # a pause of up to GAP is one
        pictures += [begin + Fraction(k, 25) for k in range(frames)]
        sound += [begin + Fraction(k, 10) for k in range(frames * 10 // 25)]
        truth += [Fraction(total + k, 25) for k in range(frames)]
        heard += [Fraction(total, 25) + Fraction(k, 10) for k in range(frames * 10 // 25)]
        total += frames
    clock = clock_of(covered(pictures, STEP), [covered(sound, Fraction(1, 10))])
    for stamps, times in ((pictures, truth), (sound, heard)):
        unfold = ClockUnwrapper(lambda: clock)
        found = [unfold(stamp, Fraction(-1)) for stamp in stamps]
        assert [time - found[0] for time in found] == times
    assert clock.end - clock.zero - Fraction(total, 25) < Fraction(1, 5)


def test_a_gap_in_one_stream_alone_is_none() -> None:
    still = covered([Fraction(k, 25) for k in range(50)] + [Fraction(500)], STEP)
    sound = covered([Fraction(k, 10) for k in range(5010)], Fraction(1, 10))
    assert clock_of(still, [sound]).jumps == 0
    assert clock_of(sound, [still]).jumps == 0
    (leap,) = clock_of(still, []).leaps
    assert leap.closed == 500 - Fraction(49, 25) - STEP


def test_sound_that_begins_behind_a_gap_is_moved_with_the_pictures() -> None:
    pictures = [Fraction(k, 25) for k in range(50)] + [500 + Fraction(k, 25) for k in range(50)]
    clock = clock_of(covered(pictures, STEP), [covered([500 + Fraction(k, 10) for k in range(20)], Fraction(1, 10))])
    assert ClockUnwrapper(lambda: clock, begin=Fraction(0))(Fraction(500), Fraction(0)) == 2


def test_a_clock_is_asked_only_where_a_timestamp_jumps() -> None:
    def never() -> Clock:
        raise AssertionError

    unfold = ClockUnwrapper(never)
    stamps = [Fraction(k) for k in (0, 1, 11, 10, 12)]
    assert [unfold(stamp, stamp) for stamp in stamps] == stamps


def test_a_stream_that_restarts_alone_follows_on() -> None:
    unfold = ClockUnwrapper()
    assert [unfold(Fraction(stamp), Fraction(follow)) for stamp, follow in ((0, 0), (5, 5), (1, 6), (2, 7))] == [
        0,
        5,
        6,
        7,
    ]
    assert BACKWARDS == 1


@few
@given(st.integers(1, 400), st.floats(-5, 5), st.integers(1, 3))
def test_rounded_timestamps_give_one_run_that_lies_right(frames: int, start: float, decimals: int) -> None:
    lengths = np.full(frames, 1024 / 44_100)
    exact = start + np.arange(frames) * lengths[0]
    grain = 10.0**-3
    (run,) = place_sound(np.round(exact / grain) * grain, lengths)
    assert (run.first, run.stop) == (0, lengths.sum()) or np.isclose(run.stop, lengths.sum())
    assert abs(run.start - start) <= grain / 2


def test_a_hole_in_the_sound_is_found_where_it_is() -> None:
    lengths = np.full(200, 0.02)
    stamps = np.arange(200) * 0.02 + 0.5
    stamps[120:] += 0.06
    first, second = place_sound(stamps, lengths)
    assert np.allclose([first.first, first.stop, first.start], [0, 2.4, 0.5])
    assert np.allclose([second.first, second.stop, second.start], [2.4, 4.0, 2.96])


def test_unknown_and_jittering_timestamps_make_no_seams() -> None:
    rng = np.random.default_rng(0)
    lengths = np.full(500, 0.026)
    stamps = np.arange(500) * 0.026 + rng.uniform(-0.004, 0.004, 500)
    stamps[rng.random(500) < 0.3] = np.nan
    (run,) = place_sound(stamps, lengths)
    assert abs(run.start) < 0.001
    assert place_sound(np.full(3, np.nan), np.full(3, 0.1))[0].start == 0
    assert place_sound(np.array([]), np.array([])) == []
