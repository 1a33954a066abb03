"""Speech Commands: folders are words, lists are parts, noise is no word."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layouts import lay_out
from seehear.data.datasets import find_sources
from seehear.data.datasets.speechcommands import parse_name
from seehear.errors import CorpusError

FILES = [
    "seven/00176480_nohash_0.wav",
    "seven/0a7c2a8d_nohash_1.wav",
    "yes/0a7c2a8d_nohash_0.wav",
    "_background_noise_/white_noise.wav",
]


@given(st.sampled_from(["yes", "forward"]), st.integers(0, 16**8 - 1), st.integers(0, 9))
def test_every_name_gives_its_labels_back(word: str, speaker: int, take: int) -> None:
    labels = parse_name(word, f"{speaker:08x}_nohash_{take}")
    assert labels == {"word": word, "text": word, "speaker": f"{speaker:08x}", "take": str(take)}


@given(st.text(max_size=12), st.text(max_size=20))
def test_other_names_are_none(folder: str, name: str) -> None:
    assert parse_name(folder, name) is None


def test_parts(tmp_path: Path) -> None:
    lay_out(tmp_path, FILES)
    lay_out(tmp_path, {"testing_list.txt": f"{FILES[0]}\n", "validation_list.txt": f"{FILES[1]}\n"})
    found = {source.name: source for source in find_sources([tmp_path], "speechcommands")}
    assert [found[name].labels["part"] for name in FILES[:3]] == ["test", "dev", "train"]
    assert [found[name].labels["word"] for name in FILES[:3]] == ["seven", "seven", "yes"]
    assert found[FILES[1]].labels["speaker"] == found[FILES[2]].labels["speaker"]
    assert "background noise" in found[FILES[3]].problem
    (one,) = find_sources([tmp_path / FILES[1]], "speechcommands")
    assert one.labels["part"] == "dev"


def test_without_lists_there_are_no_parts(tmp_path: Path) -> None:
    lay_out(tmp_path, FILES)
    assert not any("part" in source.labels for source in find_sources([tmp_path], "speechcommands"))


def test_refusals(tmp_path: Path) -> None:
    lay_out(tmp_path, ["yes/hello.wav"])
    with pytest.raises(CorpusError, match="Speech Commands"):
        find_sources([tmp_path], "speechcommands")
    lay_out(tmp_path, {FILES[0]: "", "testing_list.txt": b"\xff\xfe"})
    with pytest.raises(CorpusError, match=r"testing_list\.txt"):
        find_sources([tmp_path], "speechcommands")
