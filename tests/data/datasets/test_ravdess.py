"""RAVDESS: seven numbers to labels; the three modalities of a recording."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layouts import lay_out
from seehear.data.datasets import find_sources
from seehear.data.datasets.ravdess import EMOTIONS, parse_name
from seehear.errors import CorpusError


def test_the_example_of_its_page() -> None:
    assert parse_name("03-01-06-01-02-01-12") == {
        "speaker": "actor12",
        "text": "dogs are sitting by the door",
        "emotion": "fear",
        "intensity": "normal",
        "channel": "speech",
        "repetition": "1",
        "sex": "female",
    }


@given(st.tuples(*(st.integers(0, top) for top in (4, 3, 9, 3, 3, 3, 26))))
def test_numbers_in_range_are_labels_and_others_none(numbers: tuple[int, ...]) -> None:
    labels = parse_name("-".join(f"{number:02d}" for number in numbers))
    fits = all(1 <= n <= top for n, top in zip(numbers, (3, 2, 8, 2, 2, 2, 24), strict=True))
    assert (labels is not None) == fits
    if labels:
        assert labels["emotion"] == EMOTIONS[f"{numbers[2]:02d}"]
        assert labels["sex"] == ("male" if numbers[6] % 2 else "female")


@given(st.text(max_size=25))
def test_other_names_are_none(name: str) -> None:
    assert parse_name(name) is None


def test_modalities(tmp_path: Path) -> None:
    same = "-01-06-01-02-01-12"
    lay_out(
        tmp_path,
        [
            f"Video/Actor_12/01{same}.mp4",
            f"Video/Actor_12/02{same}.mp4",
            f"Audio/Actor_12/03{same}.wav",
            "Audio/Actor_01/03-02-03-02-01-02-01.wav",
        ],
    )
    seen = [s for s in find_sources([tmp_path], "ravdess") if not s.problem]
    heard = [s for s in find_sources([tmp_path], "ravdess", prefer="sound") if not s.problem]
    assert [Path(s.name).name for s in seen] == ["03-02-03-02-01-02-01.wav", f"01{same}.mp4"]
    assert [Path(s.name).name for s in heard] == ["03-02-03-02-01-02-01.wav", f"03{same}.wav"]
    assert seen[0].labels["channel"] == "song"
    (mute,) = (s for s in find_sources([tmp_path], "ravdess") if s.problem)
    assert "video-only" in mute.problem


def test_refusals(tmp_path: Path) -> None:
    lay_out(tmp_path, ["03-01-06-01-02-01-25.wav"])
    with pytest.raises(CorpusError, match="RAVDESS"):
        find_sources([tmp_path], "ravdess")
