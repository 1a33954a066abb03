"""Turns and names: cuts do not end a turn, and known people get their names by face or by voice."""

import wave

import numpy as np
import pytest
import torch

from pitch_model import PitchModel, hum
from seehear.apps.diarization.active_speaker import ActiveSpeakers, DiarizationOptions
from seehear.apps.diarization.diarize_file import diarize_file
from seehear.apps.diarization.lip_activity import REACH, FaceTrack
from seehear.apps.diarization.people import EnrolledPerson
from seehear.apps.embeddings import MatchFaceModel, sound_voice_activity
from seehear.clip import FPS, SAMPLE_RATE
from seehear.errors import SeehearError
from seehear.media.sound import read_sound


def track(number, start, frames, shot=0):
    boxes = np.tile(np.array([10.0, 10, 50, 50], np.float32), (frames, 1))
    return FaceTrack(number, shot, start, np.zeros((frames, 2 * REACH + 1), np.float16), boxes)


class Prints:
    """Faces of tracks by the pitch that they stand for."""

    hertz = (110.0, 360.0, 110.0)

    def __init__(self, faces):
        self.faces = faces

    def add(self, sighting):
        raise NotImplementedError

    def mean_of(self, tracks):
        return PitchModel().direction(torch.tensor([self.hertz[tracks[0]]]))[0].numpy()


@pytest.fixture
def film(tmp_path, monkeypatch):
    """Two people; the first speaks before and after a cut, low, then the other one, high."""
    path = tmp_path / "film.wav"
    samples = np.concatenate([hum(110, 4.0, 0), hum(360, 4.0, 1)])
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    tracks = [track(0, 0, 50), track(1, 50, 150, shot=1), track(2, 50, 50, shot=1)]
    speaks = [np.ones(50, bool), np.arange(150) >= 50, np.ones(50, bool)]
    likely = [0.9 * own + 0.05 for own in speaks]
    likely[2] = likely[2] - 0.1
    made = ActiveSpeakers(path, 8.0, 0.0, tracks, likely, speaks, np.zeros(200))
    monkeypatch.setattr("seehear.apps.diarization.diarize_file.detect_active_speakers", lambda *given: made)
    monkeypatch.setattr("seehear.apps.diarization.diarize_file.TrackEmbeddings", Prints)
    return path


def known(name, *, face=None, voice=None):
    vectors = [
        None if hertz is None else PitchModel().direction(torch.tensor([hertz]))[0].numpy() for hertz in (face, voice)
    ]
    return EnrolledPerson(name, *vectors)


def test_a_cut_to_another_picture_of_the_same_person_ends_no_turn(film):
    found = diarize_file(film, None, faces=MatchFaceModel(PitchModel(), "pitch"))
    assert found.to_dict()["face_model"] == "pitch"
    assert found.persons == [0, 1, 0]
    assert [(turn.person, turn.tracks, turn.start_s, turn.end_s) for turn in found.turns] == [
        (0, (0, 2), 0.0, 4.0),
        (1, (1,), 4.0, 8.0),
    ]
    assert found.turns[0].probability == pytest.approx(0.9)
    assert found.names == ["person 1", "person 2"]


def test_known_people_are_named_by_face_or_by_voice(film):
    given = [known("Ben", voice=112.0), known("Anna", face=355.0), known("Eve", face=220.0)]
    found = diarize_file(film, None, identity=PitchModel(), known=given, faces=MatchFaceModel(PitchModel(), "pitch"))
    assert found.names == ["Ben", "Anna"]
    assert found.to_rttm()[1] == "SPEAKER film 1 4.000 4.000 <NA> <NA> Anna <NA> <NA>"
    entry = found.to_dict()
    assert [person["person"] for person in entry["people"]] == ["Ben", "Anna"]
    assert [person["speaking_s"] for person in entry["people"]] == [4.0, 4.0]
    assert "speaking" not in entry["tracks"][0]


def test_nobody_is_named_who_is_not_alike(film):
    faces = MatchFaceModel(PitchModel(), "pitch")
    found = diarize_file(film, None, faces=faces, known=[known("Eve", face=200.0)])
    assert found.names == ["person 1", "person 2"]


def test_without_a_face_model_people_are_told_apart_by_place_and_it_is_said(film):
    found = diarize_file(film, None)
    assert found.persons == [0, 1, 2]  # a cut makes a new person
    assert (found.identified_by, found.to_dict()["told_apart"]) == ("by place within a shot", "place")


def test_speech_is_found_in_pieces_as_in_the_whole(tmp_path, monkeypatch):
    path = tmp_path / "x.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes((hum(150, 7.3, 3) * 32767).astype("<i2").tobytes())
    sound = read_sound(path)
    whole = sound_voice_activity(sound)
    monkeypatch.setattr("seehear.apps.embeddings.CHUNK_S", 2.0)
    np.testing.assert_allclose(sound_voice_activity(sound), whole, atol=1e-3)
    assert len(whole) == -(-round(sound.duration_s * FPS * 100) // 100)


def test_a_delay_beyond_the_evidence_is_refused():
    with pytest.raises(SeehearError, match="-1000 to 1000"):
        DiarizationOptions(delay_ms=1200)
