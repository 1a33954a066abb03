"""Which frames a word is read from: its own and a margin, so many around its middle, or all of a clip of one word."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seehear.evaluation.lip_clips import MIN_FRAMES, WindowOptions, WordWindow, cut_word, word_window


def test_its_own_and_a_margin() -> None:
    assert word_window(3, 75, (0.95, 1.18), False, WindowOptions(margin=4)) == WordWindow(3, 19, 34, 23.75, 29.5)


def test_so_many_around_its_middle() -> None:
    found = word_window(0, 75, (0.8, 1.2), False, WindowOptions(frames=29))
    assert (found.stop - found.first, found.first + found.stop) == (29, pytest.approx(50, abs=1))
    assert word_window(0, 29, (0.4, 0.76), True, WindowOptions(frames=29))[1:3] == (0, 29)


def test_all_of_a_clip_of_one_word() -> None:
    assert word_window(0, 29, (0.4, 0.76), True, WindowOptions()) == WordWindow(0, 0, 29, 10, 19)
    assert word_window(0, 29, None, True, WindowOptions()) == WordWindow(0, 0, 29, 0, 29)


@given(
    length=st.integers(MIN_FRAMES, 90),
    start=st.floats(0, 4),
    seconds=st.floats(0.08, 3),
    frames=st.none() | st.integers(MIN_FRAMES, 40),
    margin=st.integers(0, 8),
    by=st.integers(-5, 5),
)
def test_frames_that_the_clip_has_however_it_is_moved(
    length: int, start: float, seconds: float, frames: int | None, margin: int, by: int
) -> None:
    found = word_window(0, length, (start, start + seconds), False, WindowOptions(frames, margin))
    for where in (found, found.moved(by, length)):
        assert where.first >= 0
        assert where.first + MIN_FRAMES <= where.stop <= length
        assert where.stop - where.first == found.stop - found.first
    assert abs(found.moved(by, length).first - found.first) <= abs(by)


def test_the_word_s_own_frames_are_told() -> None:
    features = torch.arange(20.0).view(10, 2)
    told = cut_word(features, WordWindow(0, 2, 7, 3.4, 5.6), boundaries=True)
    assert torch.equal(told[:, :2], features[2:7])
    assert told[:, 2].tolist() == [0, 1, 1, 1, 0]  # middles 2.5 to 6.5
    assert torch.equal(cut_word(features, WordWindow(0, 2, 7, 3.4, 5.6), boundaries=False), features[2:7])


def test_counted_from_another_frame_it_is_the_same() -> None:
    features = torch.arange(20.0).view(10, 2)
    where = WordWindow(0, 4, 7, 4.4, 6.6)
    assert torch.equal(cut_word(features[3:], where.counted_from(3), True), cut_word(features, where, True))


def test_options_refuse_what_cannot_be() -> None:
    with pytest.raises(ValueError, match=r"window\.frames must be 2 or more"):
        WindowOptions(frames=1)
