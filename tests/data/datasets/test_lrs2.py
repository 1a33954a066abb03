"""LRS2 and LRS3: sentences from text files, parts from lists and folders, word times where they are."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layouts import lay_out
from seehear.data.datasets import Span, find_sources
from seehear.data.datasets.lrs2 import Sentence, parse_sentence
from seehear.errors import CorpusError

MAIN = "Text:  WHEN YOU'RE COOKING CHIPS {LG} AT HOME\nConf:  3\n"
PRETRAIN = "Text:  GOOD EVENING\nConf:  5\n\nWORD START END ASDSCORE\nGOOD 0.10 0.32 6.5\nEVENING 0.32 0.8 7.1\n"
THIRD = (
    "Text:  SO FAR\nConf:  4\nRef:  0Fi83BHQsMA\n\nFRAME X Y W H\n000245 0.3 0.1 0.2 0.2\n\n"
    "WORD START END ASDSCORE\nSO 0.1 0.2 5.1\nFAR 0.2 0.5 5.1\n"
)


def test_layout(tmp_path: Path) -> None:
    lay_out(
        tmp_path,
        {
            "mvlrs_v1/main/553/00001.mp4": "",
            "mvlrs_v1/main/553/00001.txt": MAIN,
            "mvlrs_v1/main/554/00002.mp4": "",
            "mvlrs_v1/main/554/00002.txt": "nothing\n",
            "mvlrs_v1/pretrain/555/00003.mp4": "",
            "mvlrs_v1/pretrain/555/00003.txt": PRETRAIN,
            "mvlrs_v1/val.txt": "553/00001\n",
            "mvlrs_v1/test.txt": "554/00002 NF\n",
        },
    )
    first, second, third = find_sources([tmp_path], "lrs2")
    assert first.labels == {
        "video": "553",
        "subset": "main",
        "part": "dev",
        "text": "when you're cooking chips at home",
    }
    assert second.labels == {"video": "554", "subset": "main", "part": "test"}
    assert "00002.txt cannot be used (it has no line 'Text: ...' with words)" in second.remark
    assert (third.labels["part"], third.labels["text"]) == ("train", "good evening")
    assert third.spans == {"words": [Span("good", 0.1, 0.32), Span("evening", 0.32, 0.8)]}


def test_the_third_of_the_family(tmp_path: Path) -> None:
    lay_out(tmp_path, {"test/0Fi83BHQsMA/00002.mp4": "", "test/0Fi83BHQsMA/00002.txt": THIRD})
    (source,) = find_sources([tmp_path], "lrs2")
    assert source.labels == {"video": "0Fi83BHQsMA", "subset": "test", "part": "test", "text": "so far"}
    assert [word.text for word in source.spans["words"]] == ["so", "far"]


def test_refusals(tmp_path: Path) -> None:
    lay_out(tmp_path, ["films/553/00001.mp4"])
    with pytest.raises(CorpusError, match="LRS2"):
        find_sources([tmp_path], "lrs2")


WORDS = st.lists(st.tuples(st.sampled_from(["SO", "IT'S", "FAR"]), st.integers(0, 500), st.integers(0, 99)), min_size=1)


@given(WORDS)
def test_sentences_round_trip(words: list[tuple[str, int, int]]) -> None:
    rows = [f"{word} {start / 100} {(start + length) / 100} 1.5" for word, start, length in words]
    text = f"Text:  {' '.join(word for word, _, _ in words)}\nConf:  5\n\nWORD START END ASDSCORE\n" + "\n".join(rows)
    spans = tuple(Span(w.lower(), start / 100, (start + length) / 100) for w, start, length in words)
    assert parse_sentence(text) == Sentence(" ".join(word.lower() for word, _, _ in words), spans)


@given(st.text(max_size=30) | st.text(max_size=40).map("Text: A\nWORD START END\n".__add__))
def test_sentences_of_anything_are_words_or_a_value_error(text: str) -> None:
    try:
        found = parse_sentence(text)
    except ValueError:
        return
    assert found.text
    assert all(0 <= span.start_s <= span.end_s for span in found.words)
