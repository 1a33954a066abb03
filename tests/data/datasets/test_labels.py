"""What all data sets share: words for emotions, parts and sexes, and how text is written."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layouts import lay_out
from seehear.data.datasets import (
    DATASETS,
    EMOTIONS,
    PARTS,
    SEXES,
    cremad,
    emodb,
    find_sources,
    iemocap,
    ravdess,
    spoken_words,
)
from seehear.errors import CorpusError

NAMELESS = {"lrs2", "lrw"}  # whoever was on television


@pytest.mark.parametrize("format", sorted(DATASETS.keys() - {"folder"}))
def test_every_data_set_knows_its_speakers_and_uses_the_shared_words(format: str, tmp_path: Path) -> None:
    (source,) = find_sources([lay_out(tmp_path, [DATASETS[format].example])], format)
    assert bool(source.labels.get("speaker")) == (format not in NAMELESS)
    assert source.labels.get("part", "train") in PARTS
    assert source.labels.get("sex", "female") in SEXES.values()
    assert source.labels.get("emotion", "neutral") in EMOTIONS


@pytest.mark.parametrize("format", sorted(DATASETS.keys() - {"folder"}))
def test_other_files_are_named_with_an_example(format: str, tmp_path: Path) -> None:
    folder = lay_out(tmp_path, ["talk.mp4", "extra.csv"])
    with pytest.raises(CorpusError, match=r"talk\.mp4") as refusal:
        find_sources([folder], format)
    assert refusal.value.code == "wrong-dataset"
    assert Path(DATASETS[format].example).stem in str(refusal.value)
    with pytest.raises(CorpusError, match=r"extra\.csv") as refusal:
        find_sources([folder], format, folder / "extra.csv")
    assert refusal.value.code == "labels-not-used"


def test_an_unknown_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=", ".join(DATASETS.names())) as refusal:
        find_sources([tmp_path], "nosuch")
    assert refusal.value.code == "unknown-dataset"


@pytest.mark.parametrize("module", [cremad, emodb, iemocap, ravdess])
def test_emotions_have_the_shared_names(module: object) -> None:
    assert set(module.EMOTIONS.values()) <= set(EMOTIONS)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("It's eleven o'clock.", "it's eleven o'clock"),
        ("Was sind denn das für Tüten?", "was sind denn das für tüten"),
        ("'Quoted' -- and rock ’n’ roll; it’s", "quoted and rock n roll it's"),
        ("", ""),
    ],
)
def test_spoken(written: str, words: str) -> None:
    assert spoken_words(written) == words


@given(st.text())
def test_spoken_is_words_and_spaces(sentence: str) -> None:
    words = spoken_words(sentence)
    assert spoken_words(words) == words
    assert words == " ".join(words.split())
