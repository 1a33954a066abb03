"""Whether a corpus shows drawn faces or filmed ones."""

from pathlib import Path

import pytest
from fake_reader import run, write_source

from seehear.avatars.duets import film_duet
from seehear.avatars.make import make_clip
from seehear.corpus.drawn import AVATAR_LABELS, both, faces_in
from seehear.corpus.store import Corpus

DRAWN = "file,crf,level_db,reverberation_s,clip_db\na.mp4,23,-20.5,0.21,0.0\n"


def made(folder: Path, labels: str = "") -> Path:
    write_source(folder / "src" / "a.mp4", [10])
    write_source(folder / "src" / "b.mp4", [10])
    if labels:
        (folder / "src" / "labels.csv").write_text(labels)
    run(folder / "src", folder / "out")
    return folder / "out"


def test_avatars_say_what_only_they_know(tmp_path: Path) -> None:
    row = make_clip((tmp_path, 0, 0, 1, 0.4, 0.5, ()))
    assert set(AVATAR_LABELS) <= {name for name, value in row.items() if value not in ("", None)}
    duet = film_duet((tmp_path, 0, 0, 2, 4.0, 2, 0.5))
    assert set(AVATAR_LABELS) <= {name for name, value in duet.items() if value not in ("", None)}


def test_clips_are_filmed_unless_all_of_it_is_known(tmp_path: Path) -> None:
    assert faces_in(Corpus(made(tmp_path / "plain")).manifest) == "filmed"
    some = "file,crf,level_db\na.mp4,23,-20\nb.mp4,23,-20\n"
    assert faces_in(Corpus(made(tmp_path / "some", some)).manifest) == "filmed"


def test_drawn_and_mixed(tmp_path: Path) -> None:
    mixed = Corpus(made(tmp_path / "mixed", DRAWN))
    assert faces_in(mixed.manifest) == "drawn and filmed"
    assert faces_in(mixed.subset([0]).manifest) == "drawn"
    assert faces_in(mixed.subset([1]).manifest) == "filmed"
    assert faces_in(mixed.subset([]).manifest) is None


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
    assert both(one, other) == met  # type: ignore[arg-type]
