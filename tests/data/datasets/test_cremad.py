"""CREMA-D: names to labels, actors from their table, one file for each recording."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layouts import lay_out
from seehear.data.datasets import find_sources
from seehear.data.datasets.cremad import EMOTIONS, LEVELS, SENTENCES, parse_name
from seehear.errors import CorpusError

DEMOGRAPHICS = '"ActorID","Age","Sex","Race","Ethnicity"\n1001,51,"Male","Caucasian","Not Hispanic"\n'


def test_the_example_of_its_readme() -> None:
    assert parse_name("1001_IEO_ANG_HI") == {
        "speaker": "1001",
        "text": "it's eleven o'clock",
        "emotion": "angry",
        "level": "high",
    }
    assert "level" not in (parse_name("1040_ITH_SAD_X") or {})


@given(st.integers(1001, 1091), st.sampled_from(list(SENTENCES)), st.sampled_from(list(EMOTIONS)))
def test_every_name_gives_its_labels_back(actor: int, sentence: str, emotion: str) -> None:
    for level in LEVELS:
        labels = parse_name(f"{actor}_{sentence}_{emotion}_{level}")
        assert labels is not None
        assert labels["speaker"] == str(actor)
        assert labels["emotion"] == EMOTIONS[emotion]


@given(st.text(alphabet="0123456789_ABCDEFGHIX", max_size=16))
def test_other_names_are_none(name: str) -> None:
    labels = parse_name(name)
    assert labels is None or len(name.split("_")) == 4


def test_the_repository(tmp_path: Path) -> None:
    lay_out(
        tmp_path,
        {
            "VideoDemographics.csv": DEMOGRAPHICS,
            "VideoFlash/1001_DFA_ANG_XX.flv": "",
            "AudioWAV/1001_DFA_ANG_XX.wav": "",
            "AudioMP3/1001_DFA_ANG_XX.mp3": "",
            "AudioWAV/1002_DFA_SAD_XX.wav": "",
            "AudioWAV/noise.wav": "",
        },
    )
    for prefer, names in (
        ("picture", ["AudioWAV/1002_DFA_SAD_XX.wav", "AudioWAV/noise.wav", "VideoFlash/1001_DFA_ANG_XX.flv"]),
        ("sound", ["AudioWAV/1001_DFA_ANG_XX.wav", "AudioWAV/1002_DFA_SAD_XX.wav", "AudioWAV/noise.wav"]),
    ):
        found = find_sources([tmp_path], "cremad", prefer=prefer)  # type: ignore[arg-type]
        assert [source.name for source in found] == names
        assert [bool(source.problem) for source in found] == [name.endswith("noise.wav") for name in names]
        by_actor = {source.labels.get("speaker"): source.labels for source in found}
        assert (by_actor["1001"]["sex"], by_actor["1001"]["age"], by_actor["1001"]["race"]) == (
            "male",
            "51",
            "caucasian",
        )
        assert "sex" not in by_actor["1002"]


def test_one_folder_of_it_and_mp4(tmp_path: Path) -> None:
    lay_out(tmp_path, {"VideoDemographics.csv": DEMOGRAPHICS, "VideoMP4/1001_DFA_ANG_XX.mp4": ""})
    (source,) = find_sources([tmp_path / "VideoMP4"], "cremad")
    assert source.labels["sex"] == "male"
    (source,) = find_sources([tmp_path / "VideoMP4" / "1001_DFA_ANG_XX.mp4"], "cremad")
    assert source.labels["speaker"] == "1001"


@pytest.mark.parametrize("table", ["ActorID,Age\n1001,51\n", b"\xff\xfe\x00", "ActorID,Age,Sex,Race\n1001,51,?,x\n"])
def test_a_broken_table_of_actors(table: str | bytes, tmp_path: Path) -> None:
    lay_out(tmp_path, {"VideoDemographics.csv": table, "1001_DFA_ANG_XX.flv": ""})
    with pytest.raises(CorpusError, match=r"VideoDemographics\.csv"):
        find_sources([tmp_path], "cremad")


def test_refusals(tmp_path: Path) -> None:
    lay_out(tmp_path, ["talk.mp4"])
    with pytest.raises(CorpusError, match=r"talk\.mp4.*CREMA-D.*1001_DFA_ANG_XX"):
        find_sources([tmp_path], "cremad")
    with pytest.raises(CorpusError, match=r"my\.csv.*CREMA-D.*--dataset folder"):
        find_sources([tmp_path], "cremad", tmp_path / "my.csv")


def test_real_sample(shared: Path) -> None:
    found = find_sources([shared / "data" / "cremad_sample"], "cremad")
    assert len(found) == 12
    assert {source.labels["speaker"] for source in found} == {"1001", "1002"}
    assert {source.labels["emotion"] for source in found} == set(EMOTIONS.values())
    assert {source.labels["text"] for source in found} == {"don't forget a jacket"}
