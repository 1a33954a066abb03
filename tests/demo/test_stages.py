"""Parts of the demo tell how far they are, and leave the machine as they found it."""

import pytest
import torch

from seehear.demo.stages import Stages, with_progress
from seehear.machine import single_thread


def test_stages_are_numbered_and_timed(capsys: pytest.CaptureFixture[str]) -> None:
    stage = Stages(count=2)
    with stage("first"):
        pass
    with stage("second"):
        pass
    assert [line.strip() for line in capsys.readouterr().err.splitlines()] == [
        "1/2 first",
        "done in 0 s",
        "2/2 second",
        "done in 0 s",
    ]
    assert list(stage.seconds) == ["first", "second"]


def test_every_item_comes_once_and_the_progress_says_how_many_are_done() -> None:
    reports: dict[str, float] = {}

    def progress(share: float, text: str) -> None:
        reports[text] = share

    assert list(with_progress("counting", "abc", progress)) == ["a", "b", "c"]
    assert reports["counting: 2/3"] == pytest.approx(2 / 3)
    assert list(with_progress("counting", "abc", None)) == ["a", "b", "c"]


def test_threads_come_back_even_if_something_breaks() -> None:
    def break_off() -> None:
        with single_thread():
            assert torch.get_num_threads() == 1
            raise ZeroDivisionError

    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError):
        break_off()
    assert torch.get_num_threads() == before
