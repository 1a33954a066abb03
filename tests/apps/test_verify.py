"""`seehear verify`: scores, verdicts and sentences, with a model that knows voices by their pitch."""

import json
import wave
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from films import write_film
from pitch_model import PitchModel, hum
from seehear.apps.verify import RecordingPair, VoiceComparison, VoiceVerdict, read_pairs
from seehear.cli import main
from seehear.clip import SAMPLE_RATE
from seehear.errors import SeehearError
from seehear.metrics.calibration import ScoreCalibration


@pytest.fixture
def model(monkeypatch, tmp_path):
    """Loaded whatever the name, from a folder without a calibration."""
    model = PitchModel()
    (tmp_path / "run").mkdir()
    monkeypatch.setattr("seehear.models.store.load_identity_model", lambda name: model)
    monkeypatch.setattr("seehear.apps.adapt.adapt.find_model", lambda name: tmp_path / "run")
    monkeypatch.setattr("seehear.apps.adapt.stages.find_model", lambda name: tmp_path / "run")
    monkeypatch.setattr("seehear.models.store.find_model", lambda name: tmp_path / "run")
    monkeypatch.setattr("seehear.training.pretrain.find_model", lambda name: tmp_path / "run")
    return model


def write(path, samples):
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


@pytest.fixture
def voices(tmp_path):
    """Two recordings of one voice and one of another, in a folder."""
    folder = tmp_path / "voices"
    folder.mkdir()
    for name, pitch, seed in (("anna1", 220, 0), ("anna2", 224, 1), ("ben", 110, 2)):
        write(folder / f"{name}.wav", hum(pitch, 3.0, seed))
    return folder


@pytest.fixture
def calibration(tmp_path):
    known = ScoreCalibration(slope=20.0, offset=-10.0, eer_threshold=0.5, eer=0.05, trials=100, data="a hundred hums")
    return known.write(tmp_path / "calibration.json")


def entries(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_one_voice_and_two(model, voices, calibration, capsys):
    same = [voices / "anna1.wav", voices / "anna2.wav", "--json", "--calibration", calibration]
    other = [voices / "anna1.wav", voices / "ben.wav", "--json", "--calibration", calibration]
    assert main(["verify", *map(str, same)]) == 0
    assert main(["verify", *map(str, other)]) == 0
    yes, no = entries(capsys)
    assert (yes["verdict"], no["verdict"]) == ("same-speaker", "different-speakers")
    assert yes["score"] > 0.9 > 0.5 > no["score"]
    assert yes["probability"] > 0.99
    assert no["probability"] < 0.01
    assert (yes["threshold"], yes["eer"], yes["measured_on"]) == (0.5, 0.05, "a hundred hums")
    assert all(1 < seconds <= 3 for seconds in yes["speech_s"])


def test_without_a_calibration_there_is_a_score_and_no_verdict(model, voices, capsys):
    assert main(["verify", str(voices / "anna1.wav"), str(voices / "anna2.wav")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "cannot tell: the model brings no calibration" in said
    assert main(["verify", str(voices / "anna1.wav"), str(voices / "anna2.wav"), "--json"]) == 0
    (entry,) = entries(capsys)
    assert entry["verdict"] == "cannot-tell"
    assert entry["probability"] is None


def test_the_models_own_calibration_is_used(model, voices, calibration, tmp_path, capsys):
    ScoreCalibration.read(calibration).write(tmp_path / "run")
    assert main(["verify", str(voices / "anna1.wav"), str(voices / "ben.wav")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "different speakers" in said
    assert "+0.500: above it one speaker is more probable than two" in said
    assert "5.0 % of either kind at +0.500, measured on a hundred hums" in said


@settings(deadline=None)
@given(
    st.floats(-1, 1),
    st.floats(0.5, 40),
    st.floats(-20, 20),
    st.floats(-1, 1),
    st.floats(0.01, 0.99),
)
def test_verdict_probability_and_threshold_never_contradict_each_other(score, slope, offset, equal_errors, prior):
    known = ScoreCalibration(slope, offset, equal_errors, 0.1, prior)
    found = VoiceComparison(RecordingPair(Path("a.wav"), Path("b.wav")), score, known)
    assert (found.verdict is VoiceVerdict.SAME) == (found.probability >= 0.5)
    if abs(score - known.threshold) > 1e-6:
        assert (found.verdict is VoiceVerdict.SAME) == (score > known.threshold)


def test_scores_that_say_nothing_have_no_threshold():
    known = ScoreCalibration(0.0, 0.0, 0.3, 0.5)
    assert known.threshold is None
    assert VoiceComparison(RecordingPair(Path("a.wav"), Path("b.wav")), 0.9, known).to_json()["threshold"] is None


def test_many_pairs_from_a_list_and_a_missing_file_is_recorded(model, voices, calibration, tmp_path, capsys):
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("1 anna1.wav anna2.wav\n0 anna1.wav absent.wav\n\n0 anna2.wav ben.wav\n1 anna1.wav ben.wav\n")
    words = ["verify", str(voices), "--list", str(pairs), "--calibration", str(calibration)]
    assert main([*words, "--json"]) == 2
    captured = capsys.readouterr()
    found = [json.loads(line) for line in captured.out.splitlines()]
    verdicts = ["same-speaker", "cannot-tell", "different-speakers", "different-speakers"]
    assert [entry["verdict"] for entry in found] == verdicts
    assert [entry["target"] for entry in found] == [True, False, False, True]
    assert "absent.wav does not exist" in found[1]["error"]
    assert captured.err.count("\n") == 1
    assert main(words) == 2
    said = capsys.readouterr().out
    assert "3 of 4 pairs compared. The list says who is who: 1 of 3 verdicts are wrong." in said


def test_each_recording_is_heard_once(model, voices, tmp_path, capsys):
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("anna1.wav anna2.wav\nanna2.wav anna1.wav\nanna1.wav anna1.wav\n")
    assert main(["verify", str(voices), "--list", str(pairs), "--json"]) == 0
    assert [round(entry["score"], 3) for entry in entries(capsys)][2] == 1
    assert model.heard == 2


@pytest.mark.parametrize(
    ("sound", "said"),
    [
        (np.zeros(SAMPLE_RATE * 2), "is silent"),
        (0.05 * np.random.default_rng(0).standard_normal(SAMPLE_RATE * 4), "there is no speech in"),
        (np.concatenate([np.zeros(SAMPLE_RATE), hum(200, 0.24, 0), np.zeros(SAMPLE_RATE)]), "too short"),
    ],
)
def test_what_has_no_voice_is_told(model, voices, tmp_path, capsys, sound, said):
    path = write(tmp_path / "odd.wav", sound)
    assert main(["verify", str(voices / "ben.wav"), str(path)]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "odd.wav" in err
    assert err.count("\n") == 1


def test_a_film_without_sound_is_told(model, voices, lamp, tmp_path, capsys):
    path = lamp(tmp_path / "mute.mp4", seconds=0.4, sound=False)
    assert main(["verify", str(path), str(voices / "ben.wav")]) == 2
    assert "mute.mp4 has no sound" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a.wav"], "compares two recordings, not 1"),
        (["a.wav", "b.wav", "c.wav"], "not 3"),
        (["a.wav", "b.wav", "--list", "x.txt"], "the one folder"),
        ([".", "--list", "absent.txt"], "absent.txt does not exist"),
    ],
)
def test_what_cannot_be_is_told(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("seehear.models.store.load_identity_model", lambda name: pytest.fail("loaded"))
    assert main(["verify", *words]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


names = st.text("abcXYZ019_-./é", min_size=1, max_size=12)
lines = st.lists(st.tuples(st.sampled_from([None, True, False]), names, names), min_size=1, max_size=8)


@settings(max_examples=40, deadline=None)
@given(lines, st.sampled_from(["\n", "\r\n"]), st.sampled_from([" ", "\t", "  "]))
def test_a_list_comes_back_as_it_was_written(tmp_path_factory, pairs, end, blank):
    file = tmp_path_factory.getbasetemp() / "list.txt"
    marks = {None: [], True: ["1"], False: ["0"]}
    file.write_bytes(end.join(blank.join([*marks[t], a, b]) for t, a, b in pairs).encode())
    read = read_pairs(file, file.parent)
    assert [(pair.target, pair.one, pair.other) for pair in read] == [
        (target, file.parent / one, file.parent / other) for target, one, other in pairs
    ]


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=200))
def test_anything_else_is_pairs_or_a_sentence(tmp_path_factory, content):
    file = tmp_path_factory.getbasetemp() / "any.txt"
    file.write_bytes(content)
    with suppress(SeehearError):
        assert read_pairs(file, file.parent)


def test_voices_in_channels_that_cancel_and_in_other_streams(model, voices, calibration, tmp_path, capsys):
    anna, ben = hum(220, 3.0, 1), hum(110, 3.0, 2)
    write_film(tmp_path / "wired.mov", [np.stack([anna, -anna])])
    write_film(tmp_path / "both.mov", [ben, anna])
    known = ["--json", "--calibration", str(calibration)]
    one = str(voices / "anna1.wav")
    assert main(["verify", one, str(tmp_path / "wired.mov"), *known]) == 0
    (wired,) = entries(capsys)
    assert wired["verdict"] == "same-speaker"
    assert "wired.mov: left and right are of opposite polarity: right was inverted" in wired["cautions"]
    both = str(tmp_path / "both.mov")
    assert main(["verify", both, both, *known]) == 0
    assert main(["verify", one, both, *known]) == 0
    assert [entry["verdict"] for entry in entries(capsys)] == ["same-speaker", "different-speakers"]
    assert main(["verify", both, str(tmp_path / "wired.mov"), "--audio-stream", "2", *known]) == 2
    assert "wired.mov has no sound stream 2" in capsys.readouterr().err


def test_silence_names_the_other_streams(model, voices, tmp_path, capsys):
    write_film(tmp_path / "talk.mov", [0 * hum(220, 2.0, 1), hum(220, 2.0, 1)], tags=[("eng", ""), ("ita", "")])
    words = ["verify", str(voices / "anna1.wav"), str(tmp_path / "talk.mov")]
    assert main([*words, "--audio-stream", "1"]) == 2
    assert "talk.mov is silent; give a recording" in (said := capsys.readouterr().err)
    assert "there are 2 (ita): see --audio-stream" in said
    assert main(words) == 0
    assert "sound stream 1 is silent" in capsys.readouterr().out.replace("\n", " ")
