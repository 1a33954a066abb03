"""GRID: names to sentences and back, .align files, speakers from folders."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layouts import lay_out
from seehear.data.datasets import Span, find_sources
from seehear.data.datasets.grid import FIELDS, find_grid, parse_align, parse_sentence, speaker_of
from seehear.errors import CorpusError

NAMES = st.tuples(*map(st.sampled_from, ("blps", "bgrw", "abiw", "abcdefghijklmnopqrstuvxyz", "z123456789", "anps")))
WORDS = "zero one two three four five six seven eight nine"
DIGITS = dict(zip("z123456789", WORDS.split(), strict=True))


@given(NAMES)
def test_every_name_is_a_sentence(letters: tuple[str, ...]) -> None:
    name = "".join(letters)
    words = parse_sentence(name)
    assert words is not None
    assert list(words) == list(FIELDS)
    back = [next(k for k, v in DIGITS.items() if v == w) if f == "digit" else w[0] for f, w in words.items()]
    assert "".join(back) == name


@given(st.text(max_size=8))
def test_other_names_are_none(name: str) -> None:
    words = parse_sentence(name)
    assert words is None or (len(name) == 6 and all(words.values()))


def test_examples() -> None:
    words = parse_sentence("bbaf2n")
    assert words is not None
    assert " ".join(words.values()) == "bin blue at f two now"
    assert " ".join((parse_sentence("swwzzp") or {}).values()) == "set white with z zero please"
    assert parse_sentence("bbaw2n") is None  # there is no w among the letters
    assert parse_sentence("bbaf2") is None


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from(["bin", "sil", "sp", "f"]))))
def test_align_gives_the_words_in_seconds(rows: list[tuple[int, int, str]]) -> None:
    rows = [(min(a, b), max(a, b), word) for a, b, word in rows]
    text = "\n".join(f"{a} {b} {word}" for a, b, word in rows) + "\n\n"
    wanted = [Span(word, a / 25000, b / 25000) for a, b, word in rows if word not in ("sil", "sp")]
    assert parse_align(text) == wanted


@given(st.text(max_size=60))
def test_align_of_anything_is_words_or_a_value_error(text: str) -> None:
    try:
        spans = parse_align(text)
    except ValueError:
        return
    assert all(span.end_s >= span.start_s >= 0 for span in spans)


def test_align_lines_that_are_wrong() -> None:
    with pytest.raises(ValueError, match="line 2 is not"):
        parse_align("0 100 bin\n100 blue\n")
    with pytest.raises(ValueError, match="line 1 ends before"):
        parse_align("100 0 bin")


@pytest.mark.parametrize(
    ("path", "speaker"),
    [
        ("/data/s1/bbaf2n.mpg", "s1"),
        ("/data/grid_s12/video/bbaf2n.mp4", "s12"),
        ("/data/S34.mpg_6000/bbaf2n.mpg", "s34"),
        ("/data/s1/s2/bbaf2n.mpg", "s2"),
        ("/data/videos/bbaf2n.mpg", None),
        ("/data/s123/bbaf2n.mpg", None),
    ],
)
def test_speaker(path: str, speaker: str | None) -> None:
    assert speaker_of(Path(path)) == speaker


def test_folders(tmp_path: Path) -> None:
    for place in ("s1/video/bbaf2n.mpg", "s1/video/lrwp9s.mpg", "s2/video/bbaf2n.mpg", "s2/video/intro.mpg"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).touch()
    (tmp_path / "s1" / "align").mkdir()
    (tmp_path / "s1" / "align" / "bbaf2n.align").write_text("0 23750 sil\n23750 29500 bin\n")
    (tmp_path / "s1" / "video" / "lrwp9s.align").write_text("25000 50000 lay\n")
    found = {source.name: source for source in find_grid([tmp_path])}
    first = found["s1/video/bbaf2n.mpg"]
    assert first.labels["speaker"] == "s1"
    assert first.labels["letter"] == "f"
    assert first.labels["text"] == "bin blue at f two now"
    assert first.spans == {"words": [Span("bin", 0.95, 1.18)]}
    assert found["s1/video/lrwp9s.mpg"].spans["words"] == [Span("lay", 1.0, 2.0)]
    assert found["s2/video/bbaf2n.mpg"].labels["speaker"] == "s2"
    assert found["s2/video/bbaf2n.mpg"].spans == {}
    assert "bbaf2n" in found["s2/video/intro.mpg"].problem


def test_refusals(tmp_path: Path) -> None:
    (tmp_path / "intro.mpg").touch()
    with pytest.raises(CorpusError, match=r"GRID.*bbaf2n"):
        find_grid([tmp_path])
    with pytest.raises(CorpusError, match=r"labels\.csv"):
        find_grid([tmp_path], tmp_path / "labels.csv")


@pytest.mark.parametrize("content", [b"these are not times\n", b"\xff\xfe\x00"])
def test_a_broken_align_file_costs_only_its_recordings_word_times(content: bytes, tmp_path: Path) -> None:
    for name in ("bbaf2n", "lrwp9s"):
        (tmp_path / f"{name}.mpg").touch()
    (tmp_path / "bbaf2n.align").write_bytes(content)
    (tmp_path / "lrwp9s.align").write_text("25000 50000 lay\n")
    broken, whole = find_grid([tmp_path])
    assert broken.labels["text"] == "bin blue at f two now"
    assert broken.spans == {}
    assert "bbaf2n.align is not a GRID .align file" in broken.remark
    assert whole.spans["words"] == [Span("lay", 1.0, 2.0)]
    assert not whole.remark


def test_zenodo_layout_where_alignments_have_other_speakers_names(tmp_path: Path) -> None:
    """In alignments.zip the folder s5 holds the words of s6, and the other way round."""
    five, six = ["bbaf2n", "lrwp9s", "swwzzp"], ["bbaf2n", "pgid6p", "lgbc3a"]
    for speaker, names in (("s5", five), ("s6", six)):
        lay_out(tmp_path, [f"{speaker}/{name}.mpg" for name in names])
    for folder, names, start in (("s5", six, 6), ("s6", five, 5)):
        lay_out(tmp_path / "alignments" / folder, {f"{n}.align": f"{start * 25000} 200000 bin" for n in names})
    for source in find_sources([tmp_path], "grid"):
        assert source.spans["words"][0].start_s == int(source.labels["speaker"][1:])


def test_sound_of_zenodo_is_cut_and_the_film_is_taken_where_words_have_times(tmp_path: Path) -> None:
    lay_out(tmp_path, ["s1/bbaf2n.mpg", "audio_25k/s1/bbaf2n.wav"])
    assert [s.path.suffix for s in find_sources([tmp_path], "grid", prefer="sound")] == [".wav"]
    lay_out(tmp_path / "alignments" / "s1", {"bbaf2n.align": "25000 50000 bin"})
    (seen,) = find_sources([tmp_path], "grid")
    (heard,) = find_sources([tmp_path], "grid", prefer="sound")
    assert (seen.path.suffix, bool(seen.spans)) == (".mpg", True)
    assert heard == seen
    assert heard.labels == seen.labels


def test_real_recordings(shared: Path) -> None:
    found = find_sources([shared / "data" / "grid_s1" / "original_mpg"], "grid")
    assert len(found) == 4
    for source in found:
        assert source.labels["speaker"] == "s1"
        assert " ".join(span.text for span in source.spans["words"]) == source.labels["text"]
