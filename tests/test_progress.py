"""Stages of a job as a callback sees them, where the package logs to, and lengths of time in words."""

import logging

import pytest

from seehear.data.report import format_duration
from seehear.progress import Stage, StageText, format_clock, log_to


def test_every_stage_goes_from_0_to_1_in_its_own_texts() -> None:
    reports: list[tuple[float, str]] = []
    for name in ("kneading", "baking"):
        stage = Stage(lambda share, text: reports.append((share, text)), name, total=4, done=1)
        stage.update(4, "3 loaves")
    assert reports == [
        (0.25, "kneading"),
        (1.0, "kneading: 3 loaves"),
        (0.25, "baking"),
        (1.0, "baking: 3 loaves"),
    ]
    first, last = reports[0][1], reports[-1][1]
    assert isinstance(first, StageText)
    assert isinstance(last, StageText)
    assert (last.stage, last.text) == (stage, "3 loaves")
    assert first.stage is not last.stage


def test_remaining_time_leaves_out_what_an_earlier_run_has_done(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("seehear.progress.time.monotonic", lambda: now)
    stage = Stage(None, "baking", total=10, done=2)
    assert stage.remaining_s is None
    now += 12
    stage.update(4, "2 loaves")
    assert stage.elapsed_s == 12
    assert stage.remaining_s == pytest.approx(36)


def test_the_package_logs_to_a_handler_for_a_while(capsys: pytest.CaptureFixture[str]) -> None:
    package = logging.getLogger("seehear")
    before = package.level, list(package.handlers)
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[method-assign]
    with log_to(handler):
        logging.getLogger("seehear.bakery").info("done %s", "soon")
        logging.getLogger("seehear.bakery").debug("a detail")
    logging.getLogger("seehear.bakery").info("too late")
    assert [record.getMessage() for record in records] == ["done soon"]
    assert (package.level, package.handlers) == before
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "?"), (5.4, "0:05"), (61, "1:01"), (3600, "1 h 00 min"), (7325, "2 h 02 min")]
)
def test_clock(seconds: float | None, text: str) -> None:
    assert format_clock(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(2.35, "2.4 s"), (90, "1.5 min"), (5400, "1.5 h")])
def test_duration(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
