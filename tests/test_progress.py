"""What a log gets to see of a long job, and lengths of time in words."""

import pytest

from seehear.data.report import format_duration
from seehear.progress import ProgressReporter, format_clock


def test_lines_in_a_log(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("seehear.progress.time.monotonic", lambda: now)
    with ProgressReporter("baking", total=10, done=2) as telling:
        assert telling.remaining_s is None
        now += 5
        telling.update(3, "1 loaf")  # too early for a line
        now += 7
        telling.update(4, "2 loaves")
        telling.log("done soon")
    told = capsys.readouterr()
    assert told.err.splitlines() == ["baking: 40 %, 2 loaves, 0:36 left", "done soon"]
    assert told.out == ""


def test_silence(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressReporter("baking", total=10, show=False) as telling:
        telling.log("hello")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "?"), (5.4, "0:05"), (61, "1:01"), (3600, "1 h 00 min"), (7325, "2 h 02 min")]
)
def test_clock(seconds: float | None, text: str) -> None:
    assert format_clock(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(2.35, "2.4 s"), (90, "1.5 min"), (5400, "1.5 h")])
def test_duration(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
