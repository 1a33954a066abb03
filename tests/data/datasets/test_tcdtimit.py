"""TCD-TIMIT: speakers and cameras from folders, sentences and phonemes from side files."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layouts import lay_out
from seehear.data.datasets import Span, find_sources
from seehear.data.datasets.tcdtimit import parse_mlf, speaker_of
from seehear.errors import CorpusError

PHONEMES = """#!MLF!#
"Q:/Videos/TCD-TIMIT/volunteers/01M/Clips/straightcam/sa1.rec"
0 11700000 sil
11700000 12000000 sh
12000000 13500000 iy
.
"Q:/Videos/TCD-TIMIT/volunteers/02F/Clips/straightcam/sa1.rec"
0 100 ae
.
"""
WORDS = '#!MLF!#\n"*/volunteers/01M/Clips/straightcam/sa1.lab"\nShe\nHAD\n.\n'


def test_layout(tmp_path: Path) -> None:
    lay_out(
        tmp_path,
        {
            "volunteers/01M/Clips/straightcam/sa1.mp4": "",
            "volunteers/01M/Clips/30degcam/sa1.mp4": "",
            "volunteers/01M/Clips/straightcam/sa1.txt": "0 46797 She had your dark suit in greasy wash water.\n",
            "volunteers/08F/Clips/straightcam/si1000.mp4": "",
            "volunteers/27M/Clips/straightcam/sx5.mp4": "",
            "volunteers/volunteer_labelfiles.mlf": PHONEMES,
            "lipspeakers/Lipspkr1/Clips/straightcam/sx5.mp4": "",
            "lipspeakers/intro.mp4": "",
        },
    )
    found = {source.name: source for source in find_sources([tmp_path], "tcdtimit")}
    first = found["volunteers/01M/Clips/straightcam/sa1.mp4"]
    assert first.labels == {
        "speaker": "01M",
        "sex": "male",
        "camera": "straight",
        "part": "train",
        "text": "she had your dark suit in greasy wash water",
    }
    assert first.spans == {"phonemes": [Span("sh", 1.17, 1.2), Span("iy", 1.2, 1.35)]}
    assert found["volunteers/01M/Clips/30degcam/sa1.mp4"].labels["camera"] == "30 degrees"
    assert found["volunteers/08F/Clips/straightcam/si1000.mp4"].labels["part"] == "test"
    assert "part" not in found["volunteers/27M/Clips/straightcam/sx5.mp4"].labels
    lipspeaker = found["lipspeakers/Lipspkr1/Clips/straightcam/sx5.mp4"].labels
    assert (lipspeaker["speaker"], lipspeaker["sex"]) == ("Lipspkr1", "female")
    assert "part" not in lipspeaker
    assert found["lipspeakers/intro.mp4"].problem


def test_words_of_a_label_file_are_the_text_where_there_is_no_other(tmp_path: Path) -> None:
    lay_out(tmp_path, {"volunteers/01M/Clips/straightcam/sa1.mp4": "", "words.mlf": WORDS})
    (source,) = find_sources([tmp_path], "tcdtimit")
    assert source.labels["text"] == "she had"
    assert source.spans == {}  # they have no times


def test_sound_beside_the_clip(tmp_path: Path) -> None:
    folder = "volunteers/01M/Clips/straightcam"
    lay_out(tmp_path, [f"{folder}/sa1.mp4", f"{folder}/sa1.wav"])
    assert [s.path.suffix for s in find_sources([tmp_path], "tcdtimit")] == [".mp4"]
    assert [s.path.suffix for s in find_sources([tmp_path], "tcdtimit", prefer="sound")] == [".wav"]


def test_two_cameras_see_twice_and_hear_once(tmp_path: Path) -> None:
    clips = [f"volunteers/01M/Clips/{camera}/sa1.mp4" for camera in ("30degcam", "straightcam")]
    lay_out(tmp_path, clips)
    assert [s.name for s in find_sources([tmp_path], "tcdtimit")] == clips
    assert len(find_sources([tmp_path], "tcdtimit", prefer="sound")) == 1


def test_a_broken_label_file_is_a_remark(tmp_path: Path) -> None:
    lay_out(tmp_path, {"volunteers/01M/Clips/straightcam/sa1.mp4": "", "volunteers/x.mlf": "not one"})
    (source,) = find_sources([tmp_path], "tcdtimit")
    assert source.labels["speaker"] == "01M"
    assert "x.mlf is not a master label file" in source.remark


def test_refusals(tmp_path: Path) -> None:
    lay_out(tmp_path, ["people/talk.mp4"])
    with pytest.raises(CorpusError, match="TCD-TIMIT"):
        find_sources([tmp_path], "tcdtimit")


@pytest.mark.parametrize(
    ("path", "speaker"),
    [("a/01m/Clips/x/sa1.mp4", "01M"), ("a/lipspkr2/sa1.mp4", "Lipspkr2"), ("a/001M/sa1.mp4", None)],
)
def test_speaker(path: str, speaker: str | None) -> None:
    assert speaker_of(Path(path)) == speaker


TOKENS = st.text(alphabet="abcxyz", min_size=1, max_size=4)
RECORDINGS = st.dictionaries(TOKENS, st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9), TOKENS)))


@given(RECORDINGS)
def test_label_files_round_trip(recordings: dict[str, list[tuple[int, int, str]]]) -> None:
    lines = ["#!MLF!#"]
    for name, rows in recordings.items():
        lines += [f'"*/{name}.lab"', *(f"{start} {end} {text}" for start, end, text in rows), "."]
    wanted = {f"*/{n}.lab": [Span(t, s / 1e7, e / 1e7) for s, e, t in rows] for n, rows in recordings.items()}
    assert parse_mlf("\n".join(lines)) == wanted


@given(st.text(max_size=60).map("#!MLF!#\n".__add__) | st.text(max_size=20))
def test_label_files_of_anything_are_labels_or_a_value_error(text: str) -> None:
    try:
        found = parse_mlf(text)
    except ValueError:
        return
    assert all(isinstance(span, Span) for spans in found.values() for span in spans)
