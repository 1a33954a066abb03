import pytest

from seehear.apps.sync.verdict import Verdict, classify_delay, format_delay, format_time


@pytest.mark.parametrize(
    ("delay", "verdict"),
    [
        (0, "in-sync"),
        (-40, "in-sync"),
        (60, "in-sync"),
        (-41, "out-of-sync"),
        (61, "out-of-sync"),
        (500, "out-of-sync"),
    ],
)
def test_limits_are_those_of_ebu_r37(delay, verdict):
    assert classify_delay(delay, 0.9) == verdict


@pytest.mark.parametrize("delay", [0, 300])
def test_an_unsure_delay_gives_no_verdict(delay):
    assert classify_delay(delay, 0.3) is Verdict.CANNOT_TELL


@pytest.mark.parametrize(("delay", "words"), [(120.2, "120 ms late"), (-39.7, "40 ms early"), (0.4, "0 ms off")])
def test_the_sign_is_said_in_words(delay, words):
    assert format_delay(delay) == words


@pytest.mark.parametrize(("seconds", "words"), [(0, "0:00"), (200.4, "3:20"), (59.6, "1:00"), (3725, "1:02:05")])
def test_times_are_minutes_and_seconds(seconds, words):
    assert format_time(seconds) == words
