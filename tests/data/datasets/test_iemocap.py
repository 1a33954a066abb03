"""IEMOCAP: turns by name, what the judges said, what was said."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layouts import lay_out
from seehear.data.datasets import find_sources
from seehear.data.datasets.iemocap import EMOTIONS, FOUR, parse_evaluation, parse_name, parse_transcription
from seehear.errors import CorpusError

EVALUATION = """% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]

[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]
C-E2:\tNeutral;\t()
A-E3:\tval 3; act 2; dom  2;\t()

[10.0100 - 11.3925]\tSes01F_impro01_M001\texc\t[4.0000, 3.6667, 2.5000]
[19.2900 - 20.7875]\tSes01F_impro01_F003\txxx\t[2.5000, 3.0000, 3.0000]
"""
TRANSCRIPTION = """Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.
Ses01F_impro01_M001 [010.0100-011.3925]: [LAUGHTER] Yeah; that's right!
Ses01F_impro01_F003 [019.2900-020.7875]: [BREATHING]
"""
WAVS = "Session1/sentences/wav/Ses01F_impro01"


def session(root: Path) -> Path:
    return lay_out(
        root,
        {
            f"{WAVS}/Ses01F_impro01_F000.wav": "",
            f"{WAVS}/Ses01F_impro01_M001.wav": "",
            f"{WAVS}/Ses01F_impro01_F003.wav": "",
            f"{WAVS}/._Ses01F_impro01_F000.wav": "left there by a Mac",
            "Session1/dialog/avi/DivX/Ses01F_impro01.avi": "",
            "Session1/dialog/wav/Ses01F_impro01.wav": "",
            "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt": EVALUATION,
            "Session1/dialog/EmoEvaluation/._Ses01F_impro01.txt": b"\0\5\x16\7",
            "Session1/dialog/transcriptions/Ses01F_impro01.txt": TRANSCRIPTION,
        },
    )


def test_a_session(tmp_path: Path) -> None:
    found = {Path(source.name).stem: source for source in find_sources([session(tmp_path)], "iemocap")}
    assert found["Ses01F_impro01_F000"].labels == {
        "speaker": "1F",
        "session": "1",
        "sex": "female",
        "setting": "improvised",
        "emotion": "neutral",
        "emotion4": "neutral",
        "valence": "2.5",
        "arousal": "2.5",
        "dominance": "2.5",
        "text": "excuse me",
    }
    excited = found["Ses01F_impro01_M001"].labels
    assert (excited["emotion"], excited["emotion4"], excited["speaker"]) == ("excitement", "happy", "1M")
    assert (excited["valence"], excited["arousal"]) == ("4", "3.6667")
    assert excited["text"] == "yeah that's right"
    undecided = found["Ses01F_impro01_F003"].labels
    assert undecided.keys().isdisjoint({"emotion", "emotion4", "text"})
    assert undecided["valence"] == "2.5"
    assert len(found) == 4  # and the dialogue, whose avi and wav have one name here
    assert "not one turn" in found["Ses01F_impro01"].problem


def test_one_turn_finds_its_session(tmp_path: Path) -> None:
    (source,) = find_sources([session(tmp_path) / WAVS / "Ses01F_impro01_M001.wav"], "iemocap")
    assert source.labels["emotion4"] == "happy"


def test_missing_side_files_are_said(tmp_path: Path) -> None:
    session(tmp_path)
    (tmp_path / "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt").unlink()
    source = next(s for s in find_sources([tmp_path], "iemocap") if not s.problem)
    assert "emotion" not in source.labels
    assert source.labels["text"] == "excuse me"
    assert "EmoEvaluation/Ses01F_impro01.txt not found" in source.remark


@pytest.mark.parametrize("name", ["Ses05M_script01_1b_F000", "Ses03M_impro05a_M012", "Ses02F_script03_2_F003"])
def test_names(name: str) -> None:
    labels = parse_name(name)
    assert labels is not None
    assert labels["speaker"] == f"{name[4]}{name[-4]}"


@given(st.text(max_size=24))
def test_other_names_are_none(name: str) -> None:
    assert parse_name(name) is None


NUMBERS = st.floats(1, 5).map(lambda x: f"{x:.4f}")


@given(st.sampled_from([*EMOTIONS, "xxx"]), NUMBERS, NUMBERS, NUMBERS)
def test_every_evaluation(code: str, valence: str, arousal: str, dominance: str) -> None:
    line = f"[1.0000 - 2.0000]\tSes02M_impro02_M001\t{code}\t[{valence}, {arousal}, {dominance}]"
    labels = parse_evaluation(line)["Ses02M_impro02_M001"]
    assert labels.get("emotion") == EMOTIONS.get(code)
    assert labels.get("emotion4") == FOUR.get(code)
    assert abs(float(labels["valence"]) - float(valence)) < 1e-3


@given(st.text(max_size=80))
def test_anything_else_is_no_turn(text: str) -> None:
    assert parse_evaluation(text) == {}
    assert parse_transcription(text) == {}


def test_refusals(tmp_path: Path) -> None:
    lay_out(tmp_path, ["Session1/dialog/wav/Ses01F_impro01.wav"])
    with pytest.raises(CorpusError, match="IEMOCAP"):
        find_sources([tmp_path], "iemocap")
