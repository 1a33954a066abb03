"""FSDD: names to digits, speakers and parts."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layouts import lay_out
from seehear.data.datasets import find_sources
from seehear.data.datasets.fsdd import DIGITS, parse_name
from seehear.errors import CorpusError


@given(st.integers(0, 9), st.sampled_from(["jackson", "lucas"]), st.integers(0, 49))
def test_every_name_gives_its_labels_back(digit: int, speaker: str, take: int) -> None:
    assert parse_name(f"{digit}_{speaker}_{take}") == {
        "word": DIGITS[digit],
        "text": DIGITS[digit],
        "speaker": speaker,
        "take": str(take),
        "part": "test" if take <= 4 else "train",
    }


@given(st.text(alphabet="0189_ab٣", max_size=8))
def test_other_names_are_none(name: str) -> None:
    labels = parse_name(name)
    assert labels is None or name == f"{DIGITS.index(labels['word'])}_{labels['speaker']}_{name.rpartition('_')[2]}"


def test_refusals(tmp_path: Path) -> None:
    lay_out(tmp_path, ["seven.wav"])
    with pytest.raises(CorpusError, match=r"FSDD.*7_jackson_32"):
        find_sources([tmp_path], "fsdd")


def test_real_data(shared: Path) -> None:
    found = find_sources([shared / "data" / "fsdd"], "fsdd")
    assert len(found) == 3000
    assert not any(source.problem for source in found)
    assert Counter(source.labels["part"] for source in found) == {"train": 2700, "test": 300}
    assert set(Counter((s.labels["word"], s.labels["speaker"]) for s in found).values()) == {50}
