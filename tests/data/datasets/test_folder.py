"""Plain folders: which files are taken, under which names, and what a labels CSV says of them."""

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seehear.data.datasets import (
    Span,
    begins_like_sound,
    begins_like_video,
    find_media,
    find_sources,
    is_sound,
    natural_key,
    spans_within,
)
from seehear.data.datasets.folder import find_folder, parse_spans, read_labels
from seehear.errors import CorpusError

MP4 = b"\0\0\0\x18ftypisom" + bytes(400)


def touch(*paths: Path, content: bytes = b"") -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def test_suffix_or_content_and_natural_order(tmp_path: Path) -> None:
    touch(*(tmp_path / n for n in ("clip10.mp4", "clip2.MKV", "a/b/deep.webm", "notes.txt", ".hidden.mp4", "w.json")))
    touch(tmp_path / ".trash" / "x.mp4")
    touch(tmp_path / "no_suffix", tmp_path / "take.001", tmp_path / "subtitles.srt", content=MP4)
    touch(tmp_path / "empty")
    assert [name for _, name in find_media([tmp_path])] == [
        "a/b/deep.webm",
        "clip2.MKV",
        "clip10.mp4",
        "no_suffix",
        "take.001",
    ]


@pytest.mark.parametrize(
    "head", [MP4, b"\x1aE\xdf\xa3" + bytes(9), b"RIFF\0\0\0\0AVI LIST", b"FLV\x01\x05", b"G" + bytes(187) + b"G"]
)
def test_containers_by_their_first_bytes(head: bytes) -> None:
    assert begins_like_video(head)


@given(st.binary(max_size=3))
def test_too_little_to_tell(head: bytes) -> None:
    assert not begins_like_video(head)


def test_a_named_file_is_taken_whatever_it_is(tmp_path: Path) -> None:
    touch(tmp_path / "x.txt")
    assert find_media([tmp_path / "x.txt"]) == [(tmp_path / "x.txt", "x.txt")]


def test_the_same_file_twice_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path / "x.mp4")
    monkeypatch.chdir(tmp_path)
    assert len(find_media([Path("x.mp4"), tmp_path / "x.mp4", tmp_path])) == 1


def test_names_that_meet_get_their_folder(tmp_path: Path) -> None:
    touch(*(tmp_path / n for n in ("one/s1/a.mp4", "two/s1/a.mp4", "two/s1/b.mp4")))
    names = [name for _, name in find_media([tmp_path / "one/s1", tmp_path / "two/s1"])]
    assert names == ["b.mp4", "one/s1/a.mp4", "two/s1/a.mp4"]


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "caf\udce9.mp4").touch()
    ((_, name),) = find_media([tmp_path])
    assert name == r"caf\udce9.mp4"


def test_links_in_a_circle(tmp_path: Path) -> None:
    touch(tmp_path / "x.mp4")
    (tmp_path / "round").symlink_to(tmp_path)
    assert [name for _, name in find_media([tmp_path])] == ["x.mp4"]


@given(st.lists(st.text(alphabet="ab0129.é", max_size=8)))
def test_natural_order_is_an_order(names: list[str]) -> None:
    assert sorted(sorted(names, reverse=True), key=natural_key) == sorted(names, key=natural_key)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=str(tmp_path)):
        find_folder([tmp_path])
    with pytest.raises(CorpusError, match="does not exist"):
        find_folder([tmp_path / "x"])
    with pytest.raises(CorpusError, match="nothing"):
        find_sources([], "folder")


def test_labels(tmp_path: Path) -> None:
    touch(tmp_path / "a.mp4", tmp_path / "sub" / "b.mp4", tmp_path / "c.mp4")
    (tmp_path / "labels.csv").write_text(
        '\ufefffile,speaker,text,words\na.mp4,anna,"hello, you","[[""hello"", 0.1, 0.5]]"\nsub/b.mp4,ben,,\n'
    )
    a, c, b = find_folder([tmp_path])
    assert (a.name, a.labels, a.spans) == (
        "a.mp4",
        {"speaker": "anna", "text": "hello, you"},
        {"words": [Span("hello", 0.1, 0.5)]},
    )
    assert (b.name, b.labels, b.spans) == ("sub/b.mp4", {"speaker": "ben"}, {})
    assert (c.labels, c.spans) == ({}, {})


def test_labels_kept_elsewhere_name_files_as_the_corpus_does(tmp_path: Path) -> None:
    touch(tmp_path / "videos" / "sub" / "b.mp4")
    table = tmp_path / "table.csv"
    table.write_text("file,emotion\nsub/b.mp4,joy\n")
    assert find_folder([tmp_path / "videos"], table)[0].labels == {"emotion": "joy"}
    table.write_text("file,emotion\nvideos/sub/b.mp4,joy\n")  # or relative to the table
    assert find_folder([tmp_path / "videos"], table)[0].labels == {"emotion": "joy"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("file,speaker\nb.mp4,anna\n", "names b.mp4, which is not among the files"),
        ("file,speaker\na.mp4,anna\na.mp4,ben\n", "two rows for a.mp4"),
        ("file,speaker\na.mp4,anna\n./a.mp4,ben\n", "two rows for .*a.mp4"),
        ("name,speaker\na.mp4,anna\n", "has no column 'file'"),
        ("", "has no column 'file'"),
        ("file,speaker\na.mp4,anna,extra\n", "line 2 has more cells"),
        ("file,speaker\n,anna\n", "line 2 names no file"),
    ],
)
def test_labels_that_do_not_fit(text: str, sentence: str, tmp_path: Path) -> None:
    touch(tmp_path / "a.mp4")
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(CorpusError, match=sentence):
        find_folder([tmp_path])


def test_labels_that_cannot_be_read(tmp_path: Path) -> None:
    touch(tmp_path / "a.mp4")
    with pytest.raises(CorpusError, match=r"none\.csv does not exist"):
        find_folder([tmp_path], tmp_path / "none.csv")
    (tmp_path / "labels.csv").write_bytes(b"file\n\xff\xfe\n")
    with pytest.raises(CorpusError, match="cannot be read as UTF-8"):
        find_folder([tmp_path])


CELLS = st.text(alphabet=st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=12).map(
    str.strip
)


@given(st.dictionaries(CELLS.filter(bool), st.tuples(CELLS, CELLS), max_size=5))
def test_csv_round_trip(tmp_path_factory: pytest.TempPathFactory, rows: dict[str, tuple[str, str]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([("file", "x", "y"), *((file, *cells) for file, cells in rows.items())])
    path = tmp_path_factory.mktemp("csv") / "labels.csv"
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    read = read_labels(path)
    for file, cells in rows.items():
        wanted = {k: v for k, v in zip("xy", cells, strict=True) if v and parse_spans(v) is None}
        assert read[file][0] == wanted


@given(st.lists(st.tuples(st.text(), st.floats(0, 100), st.floats(0, 100))))
def test_spans_round_trip(spans: list[tuple[str, float, float]]) -> None:
    assert parse_spans(json.dumps(spans)) == [Span(*span) for span in spans]


@given(st.text(max_size=30) | st.text(max_size=20).map("[".__add__))
def test_any_other_cell_is_text(cell: str) -> None:
    assert parse_spans(cell) is None or cell.lstrip().startswith("[")


def test_spans_within_a_clip_are_on_its_clock() -> None:
    spans = {"words": [Span("a", 0.0, 1.0), Span("b", 1.5, 2.5), Span("c", 2.5, 3.0), Span("d", 5.0, 6.0)]}
    assert spans_within(spans, 2.0, 3.0) == {"words": [Span("b", -0.5, 0.5), Span("c", 0.5, 1.0)]}


def test_sound_files_and_labels_that_name_them(tmp_path: Path) -> None:
    touch(*(tmp_path / n for n in ("a.wav", "b.FLAC", "c.mp3", "d.ogg", "e.m4a", "f.aac", "g.opus")))
    touch(tmp_path / "take1", content=b"RIFF\0\0\0\0WAVEfmt ")
    (tmp_path / "labels.csv").write_text("file,emotion\nb.FLAC,joy\n")
    found = find_sources([tmp_path], "folder")
    assert [source.name for source in found] == [
        *("a.wav", "b.FLAC", "c.mp3", "d.ogg", "e.m4a", "f.aac", "g.opus"),
        "take1",
    ]
    assert found[1].labels == {"emotion": "joy"}
    assert all(is_sound(source.path) for source in found)


@pytest.mark.parametrize("head", [b"fLaC\0\0", b"ID3\4", b"RIFF\0\0\0\0WAVEfmt "])
def test_sound_by_its_first_bytes(head: bytes) -> None:
    assert begins_like_sound(head)
    assert not begins_like_video(head)


def test_old_films_are_called_ogg(tmp_path: Path) -> None:
    touch(tmp_path / "film.ogg", content=b"OggS" + bytes(24) + b"\x80theora")
    touch(tmp_path / "song.ogg", content=b"OggS" + bytes(24) + b"\x01vorbis")
    assert not is_sound(tmp_path / "film.ogg")
    assert is_sound(tmp_path / "song.ogg")


def test_a_video_and_its_own_sound_are_one_recording(tmp_path: Path) -> None:
    touch(*(tmp_path / n for n in ("a.mp4", "a.wav", "b.mp4", "b.avi", "sub/a.wav")))
    assert [s.name for s in find_sources([tmp_path], "folder")] == ["a.mp4", "b.avi", "b.mp4", "sub/a.wav"]
    heard = [s.name for s in find_sources([tmp_path], "folder", prefer="sound")]
    assert heard == ["a.wav", "b.avi", "b.mp4", "sub/a.wav"]
    (tmp_path / "labels.csv").write_text("file,speaker\na.wav,anna\na.mp4,anna\n")
    assert {"a.mp4", "a.wav"} <= {s.name for s in find_sources([tmp_path], "folder")}


def test_what_is_said_of_a_video_is_said_of_its_own_sound(tmp_path: Path) -> None:
    touch(*(tmp_path / n for n in ("a.mp4", "a.wav")))
    (tmp_path / "labels.csv").write_text("file,speaker\na.mp4,anna\n")
    heard = find_sources([tmp_path], "folder", prefer="sound")
    assert [(s.name, s.labels) for s in heard] == [("a.wav", {"speaker": "anna"})]


@pytest.mark.parametrize("comma", [",", ";", "\t"])
def test_cells_may_be_parted_by_commas_semicolons_or_tabs(tmp_path, comma):
    table = tmp_path / "labels.csv"
    table.write_text(f"file{comma}speaker{comma}text\nx.mp4{comma}Ann; or{comma}one, two\n".replace("; or", " or"))
    if comma == ",":
        table.write_text('file,speaker,text\nx.mp4,Ann or,"one, two"\n')
    assert read_labels(table) == {"x.mp4": ({"speaker": "Ann or", "text": "one, two"}, {})}
    table.write_text(f"\ufefftext{comma}file\r\nhello{comma}x.mp4{comma}more\r\n", newline="")
    word = {",": "commas", ";": "semicolons", "\t": "tabs"}[comma]
    with pytest.raises(CorpusError, match=f"line 2 has more cells than the first line; quote its {word}"):
        read_labels(table)
