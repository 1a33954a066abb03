"""LRW: the word and the part from the place, the middle of the film from the side file."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layouts import lay_out
from seehear.data.datasets import Span, find_sources
from seehear.data.datasets.lrw import SECONDS, parse_duration
from seehear.errors import CorpusError

INFO = """Disk reference: 6216010085612389967
Channel: 1
Program start: 2010-08-17 22:30:00 +0100
Clip start: 1384.87
Duration: 0.36 seconds
"""


def test_layout(tmp_path: Path) -> None:
    lay_out(
        tmp_path,
        {
            "lipread_mp4/ABOUT/train/ABOUT_00001.mp4": "",
            "lipread_mp4/ABOUT/train/ABOUT_00001.txt": INFO,
            "lipread_mp4/ABOUT/val/ABOUT_00001.mp4": "",
            "lipread_mp4/YOUNG/test/YOUNG_00050.mp4": "",
            "lipread_mp4/YOUNG/test/YOUNG_00050.txt": "Duration: long\n",
        },
    )
    about, other, young = find_sources([tmp_path], "lrw")
    assert about.labels == {"word": "about", "take": "00001", "part": "train"}
    assert about.spans == {"words": [Span("about", 0.4, 0.76)]}
    assert other.labels["part"] == "dev"
    assert (other.spans, other.remark) == ({}, "")
    assert young.labels == {"word": "young", "take": "00050", "part": "test"}
    assert "YOUNG_00050.txt cannot be used (it has no line 'Duration" in young.remark


def test_refusals(tmp_path: Path) -> None:
    lay_out(tmp_path, ["ABOUT/train/about.mp4"])
    with pytest.raises(CorpusError, match="LRW"):
        find_sources([tmp_path], "lrw")


@given(st.integers(1, 116))
def test_the_word_is_in_the_middle(hundredths: int) -> None:
    span = parse_duration(INFO.replace("0.36", f"{hundredths / 100:.2f}"), "about")
    assert span.start_s + span.end_s == pytest.approx(SECONDS, abs=1e-3)
    assert span.end_s - span.start_s == pytest.approx(hundredths / 100, abs=1e-3)


@given(st.text(max_size=40) | st.text(max_size=20).map("Duration: {} seconds".format))
def test_side_files_of_anything_are_a_span_or_a_value_error(text: str) -> None:
    try:
        span = parse_duration(text, "about")
    except ValueError:
        return
    assert 0 <= span.start_s < span.end_s <= SECONDS
