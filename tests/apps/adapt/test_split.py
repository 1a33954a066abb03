from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seehear.apps.adapt.data import MAX_SHARE, SplitItem, split_clips
from seehear.errors import SeehearError


def pieces(seconds: Sequence[float], people: int = 0) -> list[SplitItem]:
    """One piece a source; with ``people``, sources are of so many in turn."""
    return [
        SplitItem(f"{number}.mp4", f"p{number % people}" if people else None, 0.0, length)
        for number, length in enumerate(seconds)
    ]


@given(st.lists(st.floats(2, 60), min_size=4, max_size=40), st.integers(0, 9))
def test_no_unit_is_on_both_sides_and_half_is_for_learning(seconds: list[float], people: int) -> None:
    given_ = pieces(seconds, people)
    try:
        parting = split_clips(given_)
    except SeehearError:
        return
    by_part: dict[str, set[str]] = {"learned": set(), "held out": set(), "watched": set()}
    for piece, own in zip(given_, parting.parts, strict=True):
        by_part[own].add(piece.unit)
    assert not parting.within
    assert not by_part["learned"] & by_part["held out"]
    assert not by_part["watched"] & (by_part["learned"] | by_part["held out"])
    assert len(by_part["held out"] | by_part["watched"]) >= 2
    kept = sum(p.seconds for p, own in zip(given_, parting.parts, strict=True) if own != "learned")
    assert kept <= MAX_SHARE * sum(seconds) + 1e-9


def test_one_in_four_is_held_out_and_of_many_one_in_three_of_those_is_watched() -> None:
    parts = split_clips(pieces([10.0] * 32)).parts
    assert (parts.count("learned"), parts.count("watched"), parts.count("held out")) == (24, 3, 5)
    parts = split_clips(pieces([10.0] * 12)).parts
    assert (parts.count("learned"), parts.count("watched"), parts.count("held out")) == (9, 0, 3)


def test_the_split_does_not_depend_on_the_order() -> None:
    made = pieces([10.0] * 12)
    forwards = dict(zip([p.source for p in made], split_clips(made).parts, strict=True))
    backwards = dict(zip([p.source for p in made[::-1]], split_clips(made[::-1]).parts, strict=True))
    assert forwards == backwards


def test_what_was_learned_before_is_not_held_out_and_what_was_held_out_is_again() -> None:
    made = pieces([10.0] * 12)
    first = dict(zip([p.source for p in made], split_clips(made).parts, strict=True))
    held = {source for source, own in first.items() if own == "held out"}
    more = [*made, *[SplitItem(f"new{n}.mp4", None, 0.0, 10.0) for n in range(8)]]
    second = dict(zip([p.source for p in more], split_clips(more, set(first) - held, held).parts, strict=True))
    assert held <= {source for source, own in second.items() if own != "learned"}
    assert all(second[source] == "learned" for source in set(first) - held)


def test_of_few_videos_the_last_quarter_is_held_out() -> None:
    made = [SplitItem("one.mp4", None, 10.0 * n, 10.0) for n in range(18)]
    parting = split_clips(made[::-1])
    assert parting.within
    held = {p.start_s for p, own in zip(made[::-1], parting.parts, strict=True) if own == "held out"}
    assert held == {140.0, 150.0, 160.0, 170.0}


def test_too_little_is_a_sentence() -> None:
    with pytest.raises(SeehearError, match="too little video to hold any of it out"):
        split_clips(pieces([10.0, 10.0]))
