"""Features on disk: what other programs read, names, bad files, and nothing half-written."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from scipy.io import wavfile

import seehear
from fake_reader import run as run_prepare
from fake_reader import write_source
from films import speech, write_film
from seehear.apps.embed import feature_writer
from seehear.cli import main
from seehear.errors import SeehearError
from seehear.models.audio_only import CPCModel, CPCOptions
from seehear.models.store import save
from seehear.nn.embed import embed_audio
from seehear.nn.handcrafted import build_handcrafted


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with random weights: 4 features wide."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("models") / "run"
    save(CPCModel(CPCOptions(channels=3, hidden=4, steps=2)), folder)
    return folder


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """one.wav of 1 s, two.wav of 0.5 s at 8 kHz, deep/one.wav of 0.2 s."""
    folder = tmp_path_factory.mktemp("sounds")
    (folder / "deep").mkdir()
    rng = np.random.default_rng(0)
    for name, rate, seconds in (("one.wav", 16000, 1.0), ("two.wav", 8000, 0.5), ("deep/one.wav", 16000, 0.2)):
        wavfile.write(folder / name, rate, (rng.standard_normal(round(rate * seconds)) * 2000).astype(np.int16))
    return folder


@pytest.fixture(scope="module")
def small_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips of 40, 10 and 13 frames, of two sources."""
    folder = tmp_path_factory.mktemp("corpus")
    write_source(folder / "src" / "a.mp4", [40, 10])
    write_source(folder / "src" / "b.mp4", [13])
    run_prepare(folder / "src", folder / "clips", workers=1)
    return folder / "clips"


def embed(*words: object) -> int:
    return main(["embed", *map(str, words)])


def test_a_table_has_a_row_a_feature(run: Path, sounds: Path, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "features.parquet"
    assert embed(run, sounds / "one.wav", sounds / "two.wav", "-o", out) == 0
    assert capsys.readouterr().out == f"2 recordings: 38 features of 4 numbers, 25 a second, are in {out}\n"
    table = pq.read_table(out)
    assert table.column_names == ["file", "time_s", "f0", "f1", "f2", "f3"]
    assert table["file"].to_pylist() == ["one.wav"] * 25 + ["two.wav"] * 13
    np.testing.assert_allclose(table["time_s"].to_numpy()[:25], np.arange(25) / 25)
    rate, wave = wavfile.read(sounds / "one.wav")
    expected = seehear.load(run).embed_audio(wave, rate)
    found = np.stack([table[f"f{i}"].to_numpy()[:25] for i in range(4)], axis=1)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-3)  # FFmpeg's int16 against numpy's
    assert list(tmp_path.iterdir()) == [out]


def test_an_archive_has_an_array_a_recording(run: Path, sounds: Path, tmp_path: Path) -> None:
    assert embed(run, sounds, "--out", tmp_path / "all.npz", "--layer", "z") == 0
    with np.load(tmp_path / "all.npz") as arrays:
        shapes = {name: arrays[name].shape for name in arrays.files}
    assert shapes == {"deep/one.wav": (5, 12), "one.wav": (25, 12), "two.wav": (13, 12)}


def test_a_folder_has_a_file_a_recording(sounds: Path, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    assert embed("logmel", sounds, "-o", tmp_path / "out") == 0
    assert "100 a second" in capsys.readouterr().out
    files = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert files == ["deep/one.wav.npy", "one.wav.npy", "two.wav.npy"]
    rate, wave = wavfile.read(sounds / "deep/one.wav")
    expected = embed_audio(build_handcrafted("logmel"), wave, rate)
    np.testing.assert_allclose(np.load(tmp_path / "out" / files[0]), expected, atol=0.05)


def test_corpora_of_one_name_do_not_overwrite_each_other(
    run: Path, small_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = tmp_path / small_corpus.name
    shutil.copytree(small_corpus, again)
    assert embed(run, small_corpus, again, "-o", tmp_path / "clips.npz") == 2
    assert "embed each of their corpora by itself" in capsys.readouterr().err
    assert not (tmp_path / "clips.npz").exists()


def test_clips_of_a_corpus(run: Path, small_corpus: Path, tmp_path: Path) -> None:
    from seehear.data.corpus import Corpus

    corpus = Corpus(small_corpus)
    assert embed(run, small_corpus, "-o", tmp_path / "clips.npz") == 0
    with np.load(tmp_path / "clips.npz") as arrays:
        lengths = {name: len(arrays[name]) for name in arrays.files}
    keys = corpus.manifest["key"].to_pylist()
    assert lengths == {f"{small_corpus.name}/{key}": n for key, n in zip(keys, corpus.frames.tolist(), strict=True)}


def test_a_bad_file_costs_itself_only(run: Path, sounds: Path, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    wavfile.write(tmp_path / "nan.wav", 16000, np.array([0.1, np.nan, 0.2] * 500, np.float32))
    wavfile.write(tmp_path / "none.wav", 16000, np.zeros(0, np.int16))
    (tmp_path / "text.wav").write_text("no sound")
    bad = [tmp_path / "nan.wav", tmp_path / "none.wav", tmp_path / "text.wav", tmp_path / "gone.wav"]
    assert embed(run, *bad, sounds / "one.wav", "-o", tmp_path / "out.npz") == 2
    said = capsys.readouterr()
    lines = said.err.splitlines()
    assert len(lines) == 4
    for path in bad:
        assert sum(path.name in line for line in lines) == 1
    assert "500 samples that are no numbers" in said.err
    assert "1 recording: 25 features" in said.out
    with np.load(tmp_path / "out.npz") as arrays:
        assert arrays.files == ["one.wav"]


@pytest.mark.parametrize("name", ["out.parquet", "out.npz", "out"])
def test_where_nothing_can_be_read_nothing_is_written(run: Path, tmp_path: Path, name: str, capsys) -> None:  # type: ignore[no-untyped-def]
    assert embed(run, tmp_path / "gone.wav", "-o", tmp_path / name) == 2
    assert "gone.wav does not exist" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["logmel", "x.wav", "-o", "out.csv"], "out.csv is of no kind that features are written as"),
        (["logmel", "x.wav", "-o", "absent/out.npz"], "the folder absent does not exist"),
        (["logmel", "x.wav", "-o", "folder.npz"], "folder.npz is a folder"),
        (["logmel", "x.wav", "-o", "file"], "file is a file; name a folder"),
        (["logmel", "x.wav", "-o", "out", "--layer", "gru9"], "no layer 'gru9' in this encoder; it has logmel"),
        (["nobody", "x.wav", "-o", "out"], "there is no model 'nobody'"),
    ],
)
def test_what_cannot_be_is_a_sentence(tmp_path: Path, monkeypatch, capsys, words: list[str], said: str) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.npz").mkdir()
    (tmp_path / "file").touch()
    assert embed(*words) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_out_is_asked_for(capsys) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SystemExit):
        embed("logmel", "x.wav")
    assert "out" in capsys.readouterr().err


def test_a_folder_may_have_a_dot_in_its_name(tmp_path: Path) -> None:
    (tmp_path / "v1.2").mkdir()
    assert feature_writer(tmp_path / "v1.2").__name__ == "write_folder"
    with pytest.raises(SeehearError, match="of no kind"):
        feature_writer(tmp_path / "v1.3")


def test_the_stream_of_sound_that_is_asked_for_is_embedded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    voices = [0 * speech(1), speech(1, 1), speech(1, 2)]
    film = write_film(tmp_path / "a.mov", voices)
    made = []
    for number, words in enumerate([[], ["--audio-stream", "2"], ["--audio-stream", "3"], ["--audio-stream", "1"]]):
        assert embed("logmel", film, "-o", tmp_path / f"{number}.npz", *words) == 0
        made.append(np.load(tmp_path / f"{number}.npz")["a.mov"])
    said = capsys.readouterr().err
    assert "sound stream 1 is silent: sound stream 2 of 3 was used" in said
    assert (
        "a.mov is silent; its features are those of silence; sound stream 1 of 3 was used, and there are 2, 3" in said
    )
    np.testing.assert_array_equal(made[0], made[1])
    assert np.abs(made[1] - made[2]).max() > 0.5
    assert np.ptp(made[3]) < 1e-3


def test_both_languages_of_left_and_right_can_be_embedded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    left, right = speech(1, 1), speech(1, 2)
    film, alone = write_film(tmp_path / "a.mov", [np.stack([left, right])]), write_film(tmp_path / "b.mov", [right])
    assert embed("logmel", film, "-o", tmp_path / "a.npz", "--audio-stream", "1:right") == 0
    assert embed("logmel", alone, "-o", tmp_path / "b.npz") == 0
    assert "different sound" not in capsys.readouterr().err
    one, other = np.load(tmp_path / "a.npz")["a.mov"], np.load(tmp_path / "b.npz")["b.mov"]
    np.testing.assert_allclose(one, other, atol=1e-3)
    assert embed("logmel", film, "-o", tmp_path / "c.npz") == 0
    assert "left and right hold different sound" in capsys.readouterr().err
