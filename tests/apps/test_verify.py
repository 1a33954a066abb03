"""`verify`: scores, verdicts and sentences, with a model that knows voices by their pitch."""

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
from seehear.apps.verify import (
    RecordingPair,
    VoiceComparison,
    VoiceVerdict,
    read_pairs,
    summarize,
    verify,
    verify_pairs,
)
from seehear.cli import main
from seehear.clip import SAMPLE_RATE
from seehear.errors import MediaError, SeehearError
from seehear.metrics.calibration import ScoreCalibration


@pytest.fixture
def model(monkeypatch, tmp_path):
    """Loaded whatever the name, from a folder without a calibration."""
    model = PitchModel()
    (tmp_path / "run").mkdir()
    monkeypatch.setattr("seehear.models.store.load_identity_model", lambda name: model)
    monkeypatch.setattr("seehear.apps.compare_voices.load_identity_model", lambda name: model)
    monkeypatch.setattr("seehear.apps.compare_voices.find_model", lambda name: tmp_path / "run")
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


def test_one_voice_and_two(model, voices, calibration):
    yes = verify(voices / "anna1.wav", voices / "anna2.wav", calibration=calibration)
    no = verify(voices / "anna1.wav", voices / "ben.wav", calibration=calibration)
    assert (yes.verdict, no.verdict) == (VoiceVerdict.SAME, VoiceVerdict.DIFFERENT)
    assert yes.score > 0.9 > 0.5 > no.score
    assert yes.probability > 0.99
    assert no.probability < 0.01
    entry = yes.to_dict()
    assert (entry["threshold"], entry["eer"], entry["measured_on"]) == (0.5, 0.05, "a hundred hums")
    assert all(1 < seconds <= 3 for seconds in entry["speech_s"])
    assert (yes.ok, yes.one, yes.other) == (True, str(voices / "anna1.wav"), str(voices / "anna2.wav"))


def test_the_command_line_prints_the_result(model, voices, calibration, capsys):
    files = [str(voices / "anna1.wav"), str(voices / "ben.wav")]
    assert main(["verify", *files, "--json", "--calibration", str(calibration)]) == 0
    assert entries(capsys) == [verify(*files, calibration=calibration).to_dict()]


def test_samples_in_memory_give_what_their_files_give(model, voices, calibration):
    from_files = verify(voices / "anna1.wav", voices / "ben.wav", calibration=calibration)
    one, other = hum(220, 3.0, 0), hum(110, 3.0, 2)
    known = ScoreCalibration.read(calibration)
    stereo = np.stack([other, other], axis=1)
    for pair in ((one, other), (one, stereo), ((one * 32767).astype(np.int16), other), (one, voices / "ben.wav")):
        found = verify(*pair, calibration=known)
        assert found.score == pytest.approx(from_files.score, abs=1e-3)
        assert found.verdict is VoiceVerdict.DIFFERENT
        assert found.speech_s == pytest.approx(from_files.speech_s, abs=0.1)
        assert found.one == "array 1"
    assert found.other == str(voices / "ben.wav")
    found = verify(np.repeat(one, 2), np.repeat(other, 2), sample_rate=2 * SAMPLE_RATE, calibration=known)
    assert found.score == pytest.approx(from_files.score, abs=0.02)


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (np.zeros((2, 2, 2), np.float32), "audio in memory is"),
        (np.full(SAMPLE_RATE, np.nan, np.float32), "not finite"),
        (np.zeros(2 * SAMPLE_RATE, np.float32), "array 2"),
        (np.zeros(0, np.float32), "array 2"),
    ],
)
def test_samples_that_hold_no_voice_are_refused(model, voices, samples, said):
    with pytest.raises(SeehearError, match=said):
        verify(voices / "ben.wav", samples)


def test_without_a_calibration_there_is_a_score_and_no_verdict(model, voices):
    for choice in ("match-small", model):
        found = verify(voices / "anna1.wav", voices / "anna2.wav", model=choice)
        assert "cannot tell: the model brings no calibration" in " ".join(str(found).split())
        entry = found.to_dict()
        assert entry["verdict"] == "cannot-tell"
        assert entry["probability"] is None
        assert entry["score"] > 0.9


def test_the_models_own_calibration_is_used(model, voices, calibration, tmp_path):
    ScoreCalibration.read(calibration).write(tmp_path / "run")
    said = " ".join(str(verify(voices / "anna1.wav", voices / "ben.wav")).split())
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
    assert VoiceComparison(RecordingPair(Path("a.wav"), Path("b.wav")), 0.9, known).to_dict()["threshold"] is None


def test_many_pairs_from_a_list_and_a_missing_file_is_recorded(model, voices, calibration, tmp_path, capsys):
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("1 anna1.wav anna2.wav\n0 anna1.wav absent.wav\n\n0 anna2.wav ben.wav\n1 anna1.wav ben.wav\n")
    words = ["verify", str(voices), "--pairs", str(pairs), "--calibration", str(calibration)]
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


def test_each_recording_is_heard_once(model, voices, tmp_path):
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("anna1.wav anna2.wav\nanna2.wav anna1.wav\nanna1.wav anna1.wav\n")
    found = list(verify_pairs(pairs, voices))
    assert found[2].score == pytest.approx(1)
    assert found[0].score == pytest.approx(found[1].score)
    assert model.heard == 2


def test_pairs_of_any_iterable(model, voices, calibration):
    paths = [("anna1.wav", "anna2.wav"), (Path("anna1.wav"), "absent.wav"), ("anna1.wav", str(voices / "ben.wav"))]
    found = list(verify_pairs((pair for pair in paths), voices, calibration=calibration))
    assert [comparison.verdict.value for comparison in found] == ["same-speaker", "cannot-tell", "different-speakers"]
    assert [comparison.ok for comparison in found] == [True, False, True]
    assert [comparison.pair.target for comparison in found] == [None] * 3
    assert found[2].other == str(voices / "ben.wav")
    failed = found[1]
    assert (failed.score, failed.code, failed.problems) == (None, "media", (failed.error,))
    assert "absent.wav does not exist" in failed.error
    assert failed.to_dict().keys() == {*found[0].to_dict(), "error"}
    assert failed.line().plain.split(maxsplit=1) == ["failed", failed.error]
    assert summarize(found) == "2 of 3 pairs compared."
    whole = list(verify_pairs([(voices / "anna1.wav", voices / "anna2.wav")], calibration=calibration))
    assert whole[0].score == found[0].score
    assert list(verify_pairs([])) == []


def test_a_row_of_a_table_has_the_numbers_and_the_words(model, voices, calibration):
    found = verify(voices / "anna1.wav", voices / "anna2.wav", calibration=calibration)
    row = found.to_row()
    assert (row["one"], row["verdict"]) == (found.one, "same-speaker")
    assert not any(isinstance(value, (list, dict)) for value in row.values())
    assert found.line().plain.startswith("same speaker")


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
    with pytest.raises(SeehearError, match=said) as refusal:
        verify(voices / "ben.wav", path)
    assert "odd.wav" in str(refusal.value)
    assert main(["verify", str(voices / "ben.wav"), str(path)]) == 2
    assert capsys.readouterr().err == f"seehear: {refusal.value}\n"


def test_a_film_without_sound_is_told(model, voices, lamp, tmp_path):
    path = lamp(tmp_path / "mute.mp4", seconds=0.4, sound=False)
    with pytest.raises(MediaError, match=r"mute\.mp4 has no audio"):
        verify(path, voices / "ben.wav")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a.wav"], "other"),
        (["a.wav", "b.wav", "c.wav"], "c.wav"),
        (["a.wav", "b.wav", "--pairs", "x.txt"], "b.wav"),
        (["a.wav", "--pairs", "x.txt"], "a.wav is no folder"),
        ([".", "--pairs", "absent.txt"], "absent.txt does not exist"),
    ],
)
def test_what_cannot_be_is_told(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("seehear.models.store.load_identity_model", lambda name: pytest.fail("loaded"))
    try:
        code = main(["verify", *words])
    except SystemExit as refusal:  # it is the parser that refuses
        code = refusal.code
    assert code == 2
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


def test_voices_in_channels_that_cancel_and_in_other_streams(model, voices, calibration, tmp_path):
    anna, ben = hum(220, 3.0, 1), hum(110, 3.0, 2)
    write_film(tmp_path / "wired.mov", [np.stack([anna, -anna])])
    write_film(tmp_path / "both.mov", [ben, anna])
    one, both, wired = voices / "anna1.wav", tmp_path / "both.mov", tmp_path / "wired.mov"
    found = verify(one, wired, calibration=calibration)
    assert found.verdict is VoiceVerdict.SAME
    assert "wired.mov: left and right are of opposite polarity: right was inverted" in found.cautions
    assert found.line().plain.endswith("(caution)")
    assert verify(both, both, calibration=calibration).verdict is VoiceVerdict.SAME
    assert verify(one, both, calibration=calibration).verdict is VoiceVerdict.DIFFERENT
    second = verify(both, both, calibration=calibration, audio_stream="2")
    assert second.score == pytest.approx(1)
    with pytest.raises(SeehearError, match=r"wired\.mov has no audio stream 2"):
        verify(both, wired, calibration=calibration, audio_stream="2")


def test_silence_names_the_other_streams(model, voices, tmp_path):
    write_film(tmp_path / "talk.mov", [0 * hum(220, 2.0, 1), hum(220, 2.0, 1)], tags=[("eng", ""), ("ita", "")])
    files = voices / "anna1.wav", tmp_path / "talk.mov"
    with pytest.raises(MediaError, match=r"talk\.mov is silent; give a recording") as refusal:
        verify(*files, audio_stream="1")
    assert "there are 2 (ita): see --audio-stream" in str(refusal.value)
    assert any("sound stream 1 is silent" in caution for caution in verify(*files).cautions)
