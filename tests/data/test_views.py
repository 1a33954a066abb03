"""Cached views: what the clips hold, made once, shared by parts."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from seehear.data.corpus import Corpus
from seehear.data.views import ClipViews, find_view
from seehear.errors import CorpusError
from view_functions import TOP, UNEVEN


@pytest.fixture(scope="module")
def views(corpus_folder: Path) -> ClipViews:
    return ClipViews(Corpus(corpus_folder), workers=2)


def test_mouth_and_sound_of_every_clip(corpus_folder: Path, views: ClipViews) -> None:
    corpus = Corpus(corpus_folder)
    assert len(views) == 25
    assert views.shape == (64, 64, 3)
    for index in (0, 13, 24):
        clip = corpus[index]
        pictures, sound = views[index]
        np.testing.assert_array_equal(pictures, clip.video[:, 60:124, 32:96])
        np.testing.assert_allclose(sound / 32767, clip.audio, atol=1e-6)


def test_window(views: ClipViews) -> None:
    pictures, sound = views.window(4, 5, 10)
    np.testing.assert_array_equal(pictures, views[4][0][5:15])
    np.testing.assert_array_equal(sound, views[4][1][5 * 640 : 15 * 640])
    for start, frames in ((-1, 5), (0, 1000)):
        with pytest.raises(IndexError):
            views.window(4, start, frames)


def test_nothing_is_copied_and_nothing_can_be_changed(views: ClipViews) -> None:
    pictures, sound = views[3]
    assert not pictures.flags.owndata
    assert not sound.flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        pictures[0] = 0


def test_made_once_and_shared_by_parts(corpus_folder: Path, views: ClipViews, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seehear.data.views.run_tasks", None)  # decoding again would fail
    corpus = Corpus(corpus_folder)
    dev = corpus.split("dev")
    part = ClipViews(dev)
    assert len(part) == len(dev)
    row = int(dev.manifest["row"][2].as_py())
    np.testing.assert_array_equal(part[2][0], views[row][0])
    joined = ClipViews(Corpus(corpus_folder, corpus_folder))
    np.testing.assert_array_equal(joined[30][1], views[5][1])


def test_own_view_in_own_folder(corpus_folder: Path, tmp_path: Path) -> None:
    corpus = Corpus(corpus_folder)
    top = ClipViews(corpus, TOP, tmp_path / "v", workers=1)
    np.testing.assert_array_equal(top[6][0], corpus[6].video[:, :4, :, 0])
    assert [path.name[:6] for path in (tmp_path / "v").iterdir() if not path.name.startswith(".")] == ["top-3-"]
    grey = ClipViews(corpus, "mouth-luma", tmp_path / "v", workers=1)
    wanted = cv2.cvtColor(np.ascontiguousarray(corpus[2].video[7, 60:124, 32:96]), cv2.COLOR_RGB2GRAY)
    np.testing.assert_array_equal(grey[2][0][7], wanted)


def test_leftovers_of_a_killed_process_do_no_harm(corpus_folder: Path, views: ClipViews, tmp_path: Path) -> None:
    name = next(path.name for path in (corpus_folder / "views").iterdir() if path.name.startswith("mouth-1-"))
    (tmp_path / f".{name}.tmp").mkdir()
    (tmp_path / f".{name}.tmp" / "video.u8").write_bytes(b"half")
    again = ClipViews(Corpus(corpus_folder), folder=tmp_path, workers=1)
    np.testing.assert_array_equal(again[9][0], views[9][0])
    assert not (tmp_path / f".{name}.tmp").exists()


def test_refusals(corpus_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="a view must have one shape"):
        ClipViews(Corpus(corpus_folder), UNEVEN, tmp_path / "v", workers=1)
    assert not [path for path in (tmp_path / "v").iterdir() if path.suffix != ".lock"]
    shutil.copytree(corpus_folder, tmp_path / "copy", ignore=shutil.ignore_patterns("views"))
    shard = tmp_path / "copy" / "shard-000003.tar"
    shard.write_bytes(bytes(5000))
    with pytest.raises(CorpusError, match=r"in shard-000003\.tar of .*copy cannot be read"):
        ClipViews(Corpus(tmp_path / "copy"), workers=1)
    damaged = next(path for path in (corpus_folder / "views").iterdir() if path.name.startswith("mouth-1-"))
    shutil.copytree(damaged, tmp_path / "damaged" / damaged.name)
    (tmp_path / "damaged" / damaged.name / "video.u8").write_bytes(b"short")
    with pytest.raises(CorpusError, match="is damaged"):
        ClipViews(Corpus(corpus_folder), folder=tmp_path / "damaged")


@pytest.mark.parametrize("name", ["face-64", "mouth-48", "mouth-32-luma", "face-128"])
def test_views_at_a_size(corpus_folder: Path, name: str) -> None:
    clip = Corpus(corpus_folder)[3]
    region, size, *grey = name.split("-")
    pictures = find_view(name).function(clip)
    assert pictures.dtype == np.uint8
    assert pictures.shape == (clip.frames, int(size), int(size)) + (() if grey else (3,))
    source = clip.video if region == "face" else clip.video[:, 60:124, 32:96]
    if name == "face-128":
        np.testing.assert_array_equal(pictures, source)
    if name == "face-64":  # means of 2 x 2 pixels
        means = source.reshape(-1, 64, 2, 64, 2, 3).mean((2, 4))
        assert np.abs(pictures - means).max() <= 1
    if grey:
        weights = source.reshape(-1, 32, 2, 32, 2, 3).mean((2, 4)) @ [0.299, 0.587, 0.114]
        assert np.abs(pictures - weights).max() <= 2


def test_views_at_a_size_are_kept_by_name(corpus_folder: Path, tmp_path: Path) -> None:
    views = ClipViews(Corpus(corpus_folder), "mouth-16-luma", folder=tmp_path, workers=1)
    assert views.shape == (16, 16)
    assert [path.name for path in tmp_path.glob("mouth-16-luma-1-*")]


def test_a_view_that_is_not_there() -> None:
    with pytest.raises(KeyError):
        find_view("ears-64")
