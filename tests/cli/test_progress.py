"""What a log and a terminal show of a long job."""

from __future__ import annotations

import logging
import sys
from inspect import signature

import pytest
from rich.text import Text

from seehear.cli.parser import import_object
from seehear.cli.progress import ProgressDisplay
from seehear.cli.verbs import VERBS
from seehear.progress import Stage


class Clock:
    """Time that passes when told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr("seehear.progress.time.monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")


def test_a_log_has_a_line_every_ten_seconds_and_what_is_logged(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with ProgressDisplay("bakery") as display:
        stage = Stage(display, "baking", total=10, done=2)
        clock.now += 5
        stage.update(3, "1 loaf")  # too early for a line
        clock.now += 7
        stage.update(4, "2 loaves")
        logging.getLogger("seehear.bakery").info("[done] soon")
        clock.now += 9
        display(0.5, "a job without stages")
    assert capsys.readouterr() == ("", "baking: 40 %, 2 loaves, 0:36 left\n[done] soon\n")


def test_remaining_time_is_that_of_the_stage(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressDisplay("bakery") as display:
        for name in ("kneading", "baking"):
            stage = Stage(display, name, total=2)
            clock.now += 20
            stage.update(1, "half")
        clock.now += 20
        stage.update(1.5, "more")
    assert capsys.readouterr().err.splitlines() == [
        "kneading: 50 %, half, 0:20 left",
        "baking: 50 %, half, 0:20 left",
        "baking: 75 %, more, 0:13 left",
    ]


def test_a_job_without_stages_goes_by_its_name(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressDisplay("diarize") as display:
        clock.now += 15
        display(0.75, "talk: part 1.mp4")
    assert capsys.readouterr().err == "diarize: 75 %, talk: part 1.mp4, 0:05 left\n"


def test_a_short_job_leaves_a_log_alone(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressDisplay("sync", log=False) as display:
        clock.now += 15
        display(0.5, "talk.mp4")
        logging.getLogger("seehear.sync").info("hello")
    assert capsys.readouterr() == ("", "")


def test_a_stage_with_a_display_of_its_own_has_all_its_texts_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressDisplay("benchmark") as display:
        stage = Stage(display, "benchmark", total=2, display=Text("a tree"))
        for done in (1, 2):
            stage.update(done, f"cell {done}")
    assert capsys.readouterr().err.splitlines() == ["cell 1", "cell 2"]


@pytest.mark.usefixtures("terminal")
def test_a_terminal_has_a_bar_below_what_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    stderr = sys.stderr
    with ProgressDisplay("bakery") as display:
        assert capsys.readouterr().err == ""
        stage = Stage(display, "baking", total=4)
        assert sys.stderr is not stderr  # what is printed meanwhile goes above the bar
        logging.getLogger("seehear.bakery").info("the oven is hot")
        stage.update(1, "[1 loaf]")
        stage.update(4, "4 loaves")
        assert sys.stderr is stderr  # a stage that is done has no bar
        Stage(display, "eating", total=4)
        assert sys.stderr is not stderr
    assert sys.stderr is stderr
    shown = Text.from_ansi(capsys.readouterr().err).plain
    assert "the oven is hot\n" in shown
    assert "eating" in shown


@pytest.mark.usefixtures("terminal")
def test_a_terminal_shows_the_display_of_a_stage(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressDisplay("benchmark") as display:
        Stage(display, "benchmark", total=2, display=Text("a tree")).update(1, "cell 1")
    shown = capsys.readouterr().err
    assert "a tree" in shown
    assert "cell 1" not in shown


@pytest.mark.parametrize("verb", [name for name, entry in VERBS.items() if entry.logs_progress])
def test_long_jobs_report_to_a_callback_and_are_silent_without(verb: str) -> None:
    assert signature(import_object(VERBS[verb].function)).parameters["progress"].default is None
