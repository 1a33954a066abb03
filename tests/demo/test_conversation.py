"""Who was said to speak is held against who did, face by face and picture by picture."""

from pathlib import Path

import numpy as np
import pytest

from seehear.apps.diarization.active_speaker import ActiveSpeakers
from seehear.apps.diarization.lip_activity import FaceTrack
from seehear.apps.diarization.result import Diarization
from seehear.demo.sync import DialogueDemo, _speech_by_side, _speech_segments, conversation_section, run_dialogue
from seehear.models.store import load_sync_model

LEFT = [1, 1, 0, 0, 0, 0, 0, 0]
RIGHT = [0, 0, 0, 0, 1, 1, 1, 1]


def conversed(tmp_path: Path, found: list[list[int]]) -> DialogueDemo:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"mp4")
    frames = [(0.2, np.zeros((4, 8, 3), np.uint8))]
    return DialogueDemo(film, frames, np.array([LEFT, RIGHT], bool), np.array(found, bool))


def test_a_picture_counts_where_both_faces_are_right(tmp_path: Path) -> None:
    assert conversed(tmp_path, [LEFT, RIGHT]).accuracy == 1
    assert conversed(tmp_path, [LEFT, [1, 0, 0, 0, 0, 1, 1, 1]]).accuracy == 6 / 8
    assert conversed(tmp_path, [RIGHT, LEFT]).accuracy == 2 / 8


def test_the_best_guess_is_what_is_most_often_true(tmp_path: Path) -> None:
    assert conversed(tmp_path, [LEFT, RIGHT]).constant_accuracy == 4 / 8


def test_faces_are_left_and_right_whatever_their_number_and_tracks_may_be_in_pieces() -> None:
    width = 360

    def track(number: int, start: int, left: float, frames: int) -> FaceTrack:
        boxes = np.tile(np.array([left, 10, 40, 40], np.float32), (frames, 1))
        return FaceTrack(number, 0, start, np.zeros((frames, 51), np.float16), boxes)

    tracks = [track(0, 0, width + 20, 50), track(1, 0, 10, 10), track(2, 30, 10, 30)]  # the last one goes on too long
    speaks = [np.arange(50) < 5, np.arange(10) < 3, np.ones(30, bool)]
    film = ActiveSpeakers(Path("film.mp4"), 2.0, 0.0, tracks, [np.zeros(len(s)) for s in speaks], speaks)
    found = _speech_by_side(Diarization(film, [0, 1, 1], [], []), 50, width)
    assert found.shape == (2, 50)
    assert np.flatnonzero(found[0]).tolist() == [0, 1, 2, *range(30, 50)]
    assert np.flatnonzero(found[1]).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("speaks", "stretches"), [([0, 1, 1, 0, 1], [(1, 3), (4, 5)]), ([0, 0], []), ([1, 1], [(0, 2)])]
)
def test_stretches_of_speech(speaks: list[int], stretches: list[tuple[int, int]]) -> None:
    assert _speech_segments(np.array(speaks, bool)) == stretches


def test_the_page_says_how_often_it_is_right_and_what_a_guess_would_be(tmp_path: Path) -> None:
    told = conversation_section(conversed(tmp_path, [LEFT, [1, 0, 0, 0, 0, 1, 1, 1]])).to_html()
    assert "75.0%" in told
    assert "50.0%" in told
    assert "<small>0.2 s</small>" in told
    assert told.count("<video") == 1
    assert ">left, detected<" in told


def test_two_people_talk_and_all_of_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seehear.demo.sync.SECONDS", 4.0)
    made = run_dialogue(tmp_path, load_sync_model("sync-small"), seed=1)
    assert made.truth.shape == made.detected.shape == (2, 100)
    assert made.video.stat().st_size > 10_000
    assert len(made.frames) == 6
    assert [time for time, _ in made.frames] == sorted(time for time, _ in made.frames)
    assert made.accuracy > made.constant_accuracy
