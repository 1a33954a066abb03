"""EmoDB: names to labels, and German words."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layouts import lay_out
from seehear.data.datasets import find_sources
from seehear.data.datasets.emodb import EMOTIONS, SENTENCES, SPEAKERS, parse_name
from seehear.errors import CorpusError


def test_the_example_of_its_page() -> None:
    assert parse_name("03a01Fa") == {
        "speaker": "03",
        "text": "der lappen liegt auf dem eisschrank",
        "emotion": "happy",
        "version": "a",
        "sex": "male",
        "age": "31",
        "language": "de",
    }
    assert (parse_name("14a05Wb") or {})["text"].startswith("das schwarze stück papier")


@given(
    st.sampled_from(list(SPEAKERS)),
    st.sampled_from(list(SENTENCES)),
    st.sampled_from(list(EMOTIONS)),
    st.sampled_from("abcdef"),
)
def test_every_name_gives_its_labels_back(speaker: str, sentence: str, emotion: str, version: str) -> None:
    labels = parse_name(speaker + sentence + emotion + version)
    assert labels is not None
    assert (labels["speaker"], labels["emotion"], labels["version"]) == (speaker, EMOTIONS[emotion], version)


@given(st.text(alphabet="0123ab09WLEXfa", max_size=8))
def test_other_names_are_none(name: str) -> None:
    assert parse_name(name) is None or (name[:2] in SPEAKERS and name[2:5] in SENTENCES and name[5] in EMOTIONS)


def test_folder(tmp_path: Path) -> None:
    lay_out(tmp_path, ["wav/03a01Fa.wav", "wav/16b10Wb.wav", "wav/99a01Fa.wav"])
    first, second, other = find_sources([tmp_path], "emodb")
    assert (first.labels["emotion"], second.labels["emotion"]) == ("happy", "angry")
    assert "03a01Fa" in other.problem


def test_refusals(tmp_path: Path) -> None:
    lay_out(tmp_path, ["speech.wav"])
    with pytest.raises(CorpusError, match="EmoDB"):
        find_sources([tmp_path], "emodb")
