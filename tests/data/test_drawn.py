"""Whether a corpus shows drawn faces or filmed ones."""

from pathlib import Path

import pytest

from fake_reader import run, write_source
from seehear.avatars.rendering import render_clip, render_dialogue
from seehear.data.corpus import Corpus
from seehear.data.manifest import AVATAR_LABELS, combine_face_kinds, face_kind

DRAWN = "file,crf,level_db,reverberation_s,clip_db\na.mp4,23,-20.5,0.21,0.0\n"


def made(folder: Path, labels: str = "") -> Path:
    write_source(folder / "src" / "a.mp4", [10])
    write_source(folder / "src" / "b.mp4", [10])
    if labels:
        (folder / "src" / "labels.csv").write_text(labels)
    run(folder / "src", folder / "out")
    return folder / "out"


def test_avatars_say_what_only_they_know(tmp_path: Path) -> None:
    row = render_clip((tmp_path, 0, 0, 1, 0.4, 0.5, ()))
    assert set(AVATAR_LABELS) <= {name for name, value in row.items() if value not in ("", None)}
    duet = render_dialogue((tmp_path, 0, 0, 2, 4.0, 2, 0.5))
    assert set(AVATAR_LABELS) <= {name for name, value in duet.items() if value not in ("", None)}


def test_clips_are_filmed_unless_all_of_it_is_known(tmp_path: Path) -> None:
    assert face_kind(Corpus(made(tmp_path / "plain")).manifest) == "filmed"
    some = "file,crf,level_db\na.mp4,23,-20\nb.mp4,23,-20\n"
    assert face_kind(Corpus(made(tmp_path / "some", some)).manifest) == "filmed"


def test_drawn_and_mixed(tmp_path: Path) -> None:
    mixed = Corpus(made(tmp_path / "mixed", DRAWN))
    assert face_kind(mixed.manifest) == "drawn and filmed"
    assert face_kind(mixed.subset([0]).manifest) == "drawn"
    assert face_kind(mixed.subset([1]).manifest) == "filmed"
    assert face_kind(mixed.subset([]).manifest) is None


@pytest.mark.parametrize(
    ("one", "other", "met"),
    [
        (None, "drawn", "drawn"),
        ("drawn", None, "drawn"),
        ("drawn", "drawn", "drawn"),
        ("filmed", "drawn", "drawn and filmed"),
        ("drawn and filmed", "drawn", "drawn and filmed"),
    ],
)
def test_what_a_model_has_met_that_learned_twice(one: str | None, other: str | None, met: str) -> None:
    assert combine_face_kinds(one, other) == met  # type: ignore[arg-type]
