"""A file's time in stretches: all of it, each picture once, what is wanted and why the rest is not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seehear.apps.curate import CurationRules
from seehear.apps.diarization.lip_activity import REACH, FaceTrack
from seehear.apps.segments import (
    NOBODY,
    SEVERAL,
    Reason,
    curve_of,
    delay_of_file,
    seconds_by_reason,
    segment_file,
    visible_face,
    with_pauses,
)
from seehear.errors import SeehearError
from seehear.metrics.calibration import DelayCalibration

CALIBRATION = DelayCalibration(bias=-4.0, margin=1.5, evidence=0.7, examples=1000)


def face(start: int, frames: int, delay_ms: float = 0.0, strength: float = 2.0, seed: int = 0) -> FaceTrack:
    """A face whose lips agree with the sound at one delay, as a network sees it: a bump 120 ms wide, and noise."""
    delays_ms = 40.0 * np.arange(-REACH, REACH + 1)
    bump = strength * np.exp(-(((delays_ms - delay_ms) / 60) ** 2))
    agreement = bump + np.random.default_rng(seed).normal(0, 0.3, (frames, len(delays_ms)))
    boxes = np.zeros((frames, 4), np.float32)
    return FaceTrack(seed, 0, start, (agreement - agreement.mean(1, keepdims=True)).astype(np.float16), boxes)


def spoken(frames: int, *silent: tuple[int, int]) -> np.ndarray:
    speaking = np.ones(frames, bool)
    for start, stop in silent:
        speaking[start:stop] = False
    return speaking


def reasons(found: list) -> list[tuple[int, int, Reason | None]]:
    return [(stretch.start, stretch.stop, stretch.reason) for stretch in found]


def test_one_face_among_others() -> None:
    """Nobody, then one, then two at once, then the other alone."""
    faces = [face(25, 125, seed=1), face(100, 150, seed=2)]
    found = segment_file(300, faces, [spoken(125), spoken(150)], CurationRules(), CALIBRATION)
    assert reasons(found) == [
        (0, 25, Reason.NO_FACE),
        (25, 100, None),
        (100, 150, Reason.SEVERAL_FACES),
        (150, 250, None),
        (250, 300, Reason.NO_FACE),
    ]
    assert all(abs(stretch.delay_ms) < 5 and stretch.confidence > 0.9 for stretch in found if stretch.reason is None)
    assert seconds_by_reason(found) == {"no face": 3.0, "several faces": 2.0}


def test_pauses_are_kept_and_listening_is_not() -> None:
    silent = ((50, 60), (100, 150))  # 0.4 s and 2 s
    found = segment_file(200, [face(0, 200)], [spoken(200, *silent)], CurationRules(), CALIBRATION)
    assert reasons(found) == [(0, 103, None), (103, 147, Reason.NOT_SPEAKING), (147, 200, None)]


def test_too_short_and_too_long() -> None:
    faces = [face(0, 20, seed=1), face(30, 200, seed=2)]
    rules = CurationRules(min_seconds=1, max_seconds=3)
    found = segment_file(230, faces, [spoken(20), spoken(200, (20, 60))], rules, CALIBRATION)
    assert reasons(found) == [
        (0, 20, Reason.TOO_SHORT),
        (20, 30, Reason.NO_FACE),
        (30, 53, Reason.TOO_SHORT),  # 0.8 s of speech, and its margin
        (53, 87, Reason.NOT_SPEAKING),
        (87, 162, None),  # 5.72 s in pieces of at most 3
        (162, 230, None),
    ]


def test_out_of_sync_and_what_cannot_be_told() -> None:
    late, dull = face(0, 100, delay_ms=200, seed=1), face(150, 100, strength=0.0, seed=2)
    given_ = (250, [late, dull], [spoken(100), spoken(100)])
    found = segment_file(*given_, CurationRules(), CALIBRATION)
    assert reasons(found) == [(0, 100, Reason.OUT_OF_SYNC), (100, 150, Reason.NO_FACE), (150, 250, Reason.UNSURE)]
    assert found[0].delay_ms == pytest.approx(200, abs=5)
    shifted = segment_file(*given_, CurationRules(fix=True), CALIBRATION, shift_ms=200)
    assert [stretch.reason for stretch in shifted] == [None, Reason.NO_FACE, Reason.UNSURE]
    assert segment_file(*given_, CurationRules(tolerance_ms=250), CALIBRATION)[0].reason is None


def test_delay_of_the_file_is_that_of_whoever_speaks_alone() -> None:
    faces = [face(0, 200, delay_ms=130, seed=1), face(100, 200, delay_ms=-300, strength=4.0, seed=2)]
    silent = spoken(200, (100, 200))
    measured = delay_of_file(300, faces, [spoken(200), silent], CALIBRATION)
    assert measured is not None
    assert measured[0] == pytest.approx(130, abs=5)
    assert measured[1] > 0.9
    assert delay_of_file(300, [], [], CALIBRATION) is None


def test_a_curve_between_whole_frames() -> None:
    curve = curve_of(face(0, 50, delay_ms=110).agreement)
    assert curve.frames == 50
    assert curve.delays_ms[curve.total.argmax()] == 110


def test_owners() -> None:
    assert visible_face(6, [face(0, 3), face(2, 3)]).tolist() == [0, 0, SEVERAL, 1, 1, NOBODY]
    three = [face(0, 2), face(0, 2), face(0, 2)]
    assert visible_face(2, three).tolist() == [SEVERAL, SEVERAL]


@pytest.mark.parametrize(
    "wrong", [{"min_seconds": 0.1}, {"max_seconds": 1.5}, {"confidence": 1.0}, {"tolerance_ms": 0.0}]
)
def test_rules_that_contradict(wrong: dict[str, float]) -> None:
    with pytest.raises(SeehearError, match="--"):
        CurationRules(**wrong)


TRACKS = st.lists(st.tuples(st.integers(0, 250), st.integers(1, 120), st.lists(st.booleans(), min_size=6, max_size=6)))


@given(TRACKS)
def test_every_picture_belongs_to_one_stretch(tracks: list[tuple[int, int, list[bool]]]) -> None:
    rules = CurationRules(min_seconds=1, max_seconds=3)
    faces = [face(start, frames, seed=number) for number, (start, frames, _) in enumerate(tracks)]
    speaking = [np.resize(np.repeat(flags, 20), frames) for _, frames, flags in tracks]
    found = segment_file(370, faces, speaking, rules, CALIBRATION)
    assert [found[0].start, *(stretch.stop for stretch in found)] == [*(s.start for s in found), 370]
    for stretch in found:
        if stretch.reason is None:
            assert 1 <= stretch.seconds <= 3
            assert sum(one.start <= stretch.start and stretch.stop <= one.stop for one in faces) == 1


@given(st.lists(st.booleans(), max_size=120))
def test_speech_stays_speech_with_its_pauses(flags: list[bool]) -> None:
    speaking = np.array(flags, bool)
    filled = with_pauses(speaking)
    assert len(filled) == len(speaking)
    assert filled[speaking].all()
    assert filled.any() == speaking.any()
