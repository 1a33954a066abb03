"""The result of `diarize` as a row of a table, a line, plain values and text."""

import json
from pathlib import Path

import numpy as np
import pytest

from seehear.apps.diarization.active_speaker import ActiveSpeakers
from seehear.apps.diarization.lip_activity import REACH, FaceTrack
from seehear.apps.diarization.result import TURNS_SHOWN, Diarization, SpeechTurn
from seehear.errors import MediaError


def panel(*spans: tuple[int, float, float], names: tuple[str, ...] = ("Anna", "person 2")) -> Diarization:
    """Two people who are seen for 40 s; each span is a person, and from when to when they speak."""
    boxes = np.tile(np.array([10.0, 10, 50, 50], np.float32), (1000, 1))
    tracks = [FaceTrack(n, 0, 0, np.zeros((1000, 2 * REACH + 1), np.float16), boxes) for n in range(len(names))]
    speaks = [np.zeros(1000, bool) for _ in names]
    for person, start_s, end_s in spans:
        speaks[person][round(start_s * 25) : round(end_s * 25)] = True
    film = ActiveSpeakers(
        Path("films/panel.mp4"), 40.0, 80.0, tracks, [own * 0.9 for own in speaks], speaks, np.zeros(1000)
    )
    turns = [SpeechTurn(person, (person,), start_s, end_s, 0.9) for person, start_s, end_s in spans]
    return Diarization(film, list(range(len(names))), list(names), turns, "sface")


@pytest.fixture
def found() -> Diarization:
    return panel((0, 0.0, 4.0), (1, 4.0, 6.5), (0, 6.5, 8.0))


def test_a_row_counts_people_turns_and_seconds(found):
    row = {"file": "films/panel.mp4", "people": 2, "turns": 3, "speaking_s": 8.0, "error": None}
    assert found.to_row() == row


def test_a_line_has_how_long_each_speaks(found):
    assert found.line().plain == "3 turns     films/panel.mp4: Anna 5.5 s, person 2 2.5 s"
    assert panel((0, 0.0, 4.0), names=("Anna",)).line().plain == "1 turn      films/panel.mp4: Anna 4.0 s"


def test_plain_values_go_through_json(found):
    entry = found.to_dict(frames=True)
    assert json.loads(json.dumps(entry)) == entry
    assert entry["people"][0] == {"person": "Anna", "tracks": [0], "turns": 2, "speaking_s": 5.5}
    assert sum(entry["tracks"][1]["speaking"]) == 62
    assert not {"speaking", "probability"} & found.to_dict()["tracks"][0].keys()


def test_a_file_that_failed_has_its_error_everywhere():
    failed = Diarization.failed(Path("absent.mp4"), "absent.mp4 does not exist", "media")
    assert (failed.ok, failed.code, failed.problems) == (False, "media", ("absent.mp4 does not exist",))
    assert failed.path == Path("absent.mp4")
    assert failed.to_dict() == failed.to_dict(frames=True) == {"file": "absent.mp4", "error": failed.error}
    assert failed.to_row() == {
        "file": "absent.mp4", "people": 0, "turns": 0, "speaking_s": 0.0, "error": failed.error,
    }  # fmt: skip
    assert failed.line().plain.split(maxsplit=1) == ["failed", failed.error]
    assert failed.error in str(failed)
    assert failed.to_rttm() == []
    assert repr(failed) == "Diarization(path='absent.mp4', error='absent.mp4 does not exist')"


def test_a_row_has_the_same_columns_whether_or_not_it_failed(found):
    assert found.to_row().keys() == Diarization.failed(Path("x.mp4"), "no").to_row().keys()


def test_print_shows_every_turn_up_to_a_limit(found):
    said = str(found)
    assert all(name in said for name in ("Anna", "person 2"))
    assert said.count("0.90") == 3
    assert "0:06.50" in said
    many = panel(*((0, float(start), start + 0.2) for start in range(TURNS_SHOWN + 5)))
    assert str(many).count("0.90") == TURNS_SHOWN
    assert "and 5 more" in str(many)


def test_repr_is_short(found):
    assert repr(found).startswith("Diarization(path='films/panel.mp4', names=")
    assert repr(found).endswith("delay_ms=80.0)")


def test_the_annotated_film_never_replaces_the_film(lamp, tmp_path):
    path = lamp(tmp_path / "panel.mp4", seconds=0.4)
    before = path.read_bytes()
    with pytest.raises(MediaError):
        Diarization(ActiveSpeakers(path, 0.4, 0.0, unseen=np.zeros(10)), [], [], []).write_video(str(path))
    assert path.read_bytes() == before
