"""LibriSpeech: speaker and chapter from the name, words and sex from side files, as released or in one flat folder."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layouts import lay_out
from seehear.data.datasets import find_sources
from seehear.data.datasets.librispeech import parse_name, parse_speakers, parse_words
from seehear.errors import CorpusError

SPEAKERS = """; Speakers
;ID  |SEX| SUBSET           |MINUTES| NAME
19   | F | train-clean-100  | 25.19 | Kara Shallenberg
26   | M | train-clean-100  | 25.08 | Denny Sayers
"""
WORDS = "19-198-0000 NORTHANGER ABBEY\n19-198-0001 THIS LITTLE WORK WAS FINISHED IN THE YEAR EIGHTEEN O'THREE\n"


def test_layout(tmp_path: Path) -> None:
    chapter = "LibriSpeech/train-clean-100/19/198"
    lay_out(
        tmp_path,
        {
            f"{chapter}/19-198-0000.flac": "",
            f"{chapter}/19-198-0001.flac": "",
            f"{chapter}/19-198.trans.txt": WORDS,
            "LibriSpeech/dev-other/26/495/26-495-0000.flac": "",
            "LibriSpeech/SPEAKERS.TXT": SPEAKERS,
        },
    )
    found = {source.name: source.labels for source in find_sources([tmp_path], "librispeech")}
    assert found[f"{chapter}/19-198-0000.flac"] == {
        "speaker": "19",
        "chapter": "198",
        "utterance": "0000",
        "subset": "train-clean-100",
        "part": "train",
        "sex": "female",
        "text": "northanger abbey",
    }
    assert found[f"{chapter}/19-198-0001.flac"]["text"].endswith("in the year eighteen o'three")
    other = found["LibriSpeech/dev-other/26/495/26-495-0000.flac"]
    assert (other["sex"], other["subset"], other["part"]) == ("male", "dev-other", "dev")
    assert "text" not in other


def test_flat_folder(tmp_path: Path) -> None:
    lay_out(tmp_path, {"19-198-0000.flac": "", "26-495-0003.wav": "", "SPEAKERS.TXT": SPEAKERS})
    first, second = find_sources([tmp_path], "librispeech")
    assert first.labels == {"speaker": "19", "chapter": "198", "utterance": "0000", "sex": "female"}
    assert second.labels["speaker"] == "26"


def test_real_files(shared: Path) -> None:
    found = find_sources([shared / "data" / "librispeech_251"], "librispeech")
    assert len({source.labels["speaker"] for source in found}) == len(found) == 251


def test_refusals(tmp_path: Path) -> None:
    lay_out(tmp_path / "talks", ["monday.flac"])
    with pytest.raises(CorpusError, match="LibriSpeech"):
        find_sources([tmp_path / "talks"], "librispeech")
    lay_out(tmp_path / "libri", {"19-198-0000.flac": "", "SPEAKERS.TXT": "names of people\n"})
    with pytest.raises(CorpusError, match=r"SPEAKERS\.TXT.*line 1 "):
        find_sources([tmp_path / "libri"], "librispeech")


NUMBERS = st.integers(0, 9999).map(str)


@given(NUMBERS, NUMBERS, NUMBERS)
def test_names(speaker: str, chapter: str, utterance: str) -> None:
    assert parse_name(f"{speaker}-{chapter}-{utterance}") == {
        "speaker": speaker,
        "chapter": chapter,
        "utterance": utterance,
    }
    assert parse_name(f"{speaker}-{chapter}") is None


@given(st.dictionaries(NUMBERS, st.tuples(st.sampled_from("FMfm"), st.text(alphabet="abc |", max_size=9))))
def test_tables_of_speakers_round_trip(rows: dict[str, tuple[str, str]]) -> None:
    lines = ["; a comment", *(f"{name}  | {sex} | dev-clean | 8.05 | {who}" for name, (sex, who) in rows.items())]
    wanted = {name: "female" if sex in "Ff" else "male" for name, (sex, _) in rows.items()}
    assert parse_speakers("\n".join(lines)) == wanted


@given(st.text(max_size=60))
def test_tables_of_anything_are_sexes_or_a_value_error(text: str) -> None:
    try:
        found = parse_speakers(text)
    except ValueError:
        return
    assert set(found.values()) <= {"female", "male"}


UTTERANCES = st.dictionaries(NUMBERS, st.lists(st.sampled_from(["HE", "IT'S", "O'CLOCK"]), min_size=1))


@given(UTTERANCES)
def test_transcripts_round_trip(said: dict[str, list[str]]) -> None:
    lines = [f"{name} {' '.join(words)}" for name, words in said.items()]
    assert parse_words("\n".join(lines)) == {name: " ".join(words).lower() for name, words in said.items()}


@given(st.text(max_size=60))
def test_transcripts_of_anything_are_words(text: str) -> None:
    assert all(name and words for name, words in parse_words(text).items())
