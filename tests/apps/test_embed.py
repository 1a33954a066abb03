"""Features on disk: what other programs read, names, bad files, and nothing half-written."""

from __future__ import annotations

import json
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
from seehear.apps.embed import EmbedResult, embed, write_features
from seehear.apps.feature_files import feature_writer
from seehear.cli import main
from seehear.errors import MediaError, ModelError, SeehearError
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


def test_one_recording_becomes_an_array(run: Path, sounds: Path) -> None:
    found = embed(sounds / "one.wav", model=run)
    assert (found.name, found.rate) == ("one", 25)
    assert (found.features.shape, found.features.dtype) == ((25, 4), np.float32)
    rate, wave = wavfile.read(sounds / "one.wav")
    np.testing.assert_allclose(found.features, seehear.load(run).embed_audio(wave, rate), atol=1e-3)
    other = embed(str(sounds / "one.wav"), model=str(run), layer="z")
    assert other.features.shape == (25, 12)


def test_samples_in_memory_give_what_their_file_gives(run: Path, sounds: Path) -> None:
    rate, wave = wavfile.read(sounds / "one.wav")
    expected = embed(sounds / "one.wav", model=run).features
    encoder = seehear.load(run).speech.eval()
    for samples in (wave, (wave / 32768).astype(np.float32), np.stack([wave, wave], axis=1)):
        found = embed(samples, model=encoder, sample_rate=rate)
        assert found.rate == 25
        np.testing.assert_allclose(found.features, expected, atol=1e-3)
    rate, wave = wavfile.read(sounds / "two.wav")
    found = embed(wave, model=run, sample_rate=rate)
    np.testing.assert_allclose(found.features, embed(sounds / "two.wav", model=run).features, atol=0.02)
    assert embed(wave, model="mfcc", sample_rate=rate).rate == 100


@pytest.mark.parametrize(
    ("samples", "rate", "said"),
    [
        (np.zeros((2, 2, 2), np.float32), 16000, "audio in memory is"),
        (np.zeros(1600, bool), 16000, "audio in memory is"),
        (np.full(1600, np.inf, np.float32), 16000, "not finite"),
        (np.zeros(1600, np.float32), 10, "sample_rate"),
    ],
)
def test_arrays_of_another_form_are_refused(samples: np.ndarray, rate: int, said: str) -> None:
    with pytest.raises(MediaError, match=said):
        embed(samples, model="logmel", sample_rate=rate)


def test_one_recording_that_cannot_be_read_is_an_error(sounds: Path, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(MediaError, match=r"text\.wav"):
        embed(tmp_path / "text.wav", model="logmel")
    with pytest.raises(MediaError, match=r"gone\.wav does not exist"):
        embed(tmp_path / "gone.wav", model="logmel")
    with pytest.raises(ModelError, match="no layer 'gru9'"):
        embed(sounds / "one.wav", model="logmel", layer="gru9")


def test_a_table_has_a_row_a_feature(run: Path, sounds: Path, tmp_path: Path) -> None:
    out = tmp_path / "features.parquet"
    made = write_features(run, [sounds / "one.wav", sounds / "two.wav"], out)
    assert made == EmbedResult(out, recordings=2, features=38, width=4, rate=25)
    assert (made.ok, made.problems) == (True, ())
    assert str(made) == f"2 recordings: 38 features of 4 numbers, 25 a second, are in {out}"
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


def test_the_command_line_prints_what_was_written(
    run: Path, sounds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "features.npz"
    words = [str(run), str(sounds / "one.wav"), str(sounds / "two.wav"), "-o", str(out)]
    assert main(["embed", *words]) == 0
    assert capsys.readouterr().out == f"2 recordings: 38 features of 4 numbers, 25 a second, are in {out}\n"
    assert main(["embed", *words, "--json"]) == 0
    entry = json.loads(capsys.readouterr().out)
    assert entry == {
        "out": str(out), "recordings": 2, "features": 38, "width": 4, "rate": 25, "failed": [], "cautions": [],
    }  # fmt: skip


def test_progress_counts_the_recordings(sounds: Path, tmp_path: Path) -> None:
    told: list[tuple[float, str]] = []
    write_features("logmel", [sounds], tmp_path / "out.npz", progress=lambda share, name: told.append((share, name)))
    assert [name for _, name in told] == ["deep/one.wav", "one.wav", "two.wav"]
    assert [share for share, _ in told] == pytest.approx([1 / 3, 2 / 3, 1])


def test_an_archive_has_an_array_a_recording(run: Path, sounds: Path, tmp_path: Path) -> None:
    assert write_features(str(run), [sounds], tmp_path / "all.npz", layer="z").width == 12
    with np.load(tmp_path / "all.npz") as arrays:
        shapes = {name: arrays[name].shape for name in arrays.files}
    assert shapes == {"deep/one.wav": (5, 12), "one.wav": (25, 12), "two.wav": (13, 12)}


def test_a_folder_has_a_file_a_recording(sounds: Path, tmp_path: Path) -> None:
    assert write_features("logmel", [sounds], tmp_path / "out").rate == 100
    files = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert files == ["deep/one.wav.npy", "one.wav.npy", "two.wav.npy"]
    rate, wave = wavfile.read(sounds / "deep/one.wav")
    expected = embed_audio(build_handcrafted("logmel"), wave, rate)
    np.testing.assert_allclose(np.load(tmp_path / "out" / files[0]), expected, atol=0.05)


def test_corpora_of_one_name_do_not_overwrite_each_other(run: Path, small_corpus: Path, tmp_path: Path) -> None:
    again = tmp_path / small_corpus.name
    shutil.copytree(small_corpus, again)
    with pytest.raises(SeehearError, match="embed each of their corpora by itself"):
        write_features(run, [small_corpus, again], tmp_path / "clips.npz")
    assert not (tmp_path / "clips.npz").exists()


def test_clips_of_a_corpus(run: Path, small_corpus: Path, tmp_path: Path) -> None:
    from seehear.data.corpus import Corpus

    corpus = Corpus(small_corpus)
    write_features(run, [small_corpus], tmp_path / "clips.npz")
    with np.load(tmp_path / "clips.npz") as arrays:
        lengths = {name: len(arrays[name]) for name in arrays.files}
    keys = corpus.manifest["key"].to_pylist()
    assert lengths == {f"{small_corpus.name}/{key}": n for key, n in zip(keys, corpus.frames.tolist(), strict=True)}


def test_a_bad_file_costs_itself_only(run: Path, sounds: Path, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    wavfile.write(tmp_path / "nan.wav", 16000, np.array([0.1, np.nan, 0.2] * 500, np.float32))
    wavfile.write(tmp_path / "none.wav", 16000, np.zeros(0, np.int16))
    (tmp_path / "text.wav").write_text("no sound")
    bad = [tmp_path / "nan.wav", tmp_path / "none.wav", tmp_path / "text.wav", tmp_path / "gone.wav"]
    made = write_features(run, [*bad, sounds / "one.wav"], tmp_path / "out.npz")
    assert (made.recordings, made.features) == (1, 25)
    assert made.problems == made.failures
    assert made.to_dict()["failed"] == list(made.failures)
    assert len(made.problems) == 4
    for path in bad:
        assert sum(path.name in problem for problem in made.problems) == 1
    assert any("500 samples" in problem for problem in made.problems)
    with np.load(tmp_path / "out.npz") as arrays:
        assert arrays.files == ["one.wav"]
    assert main(["embed", *map(str, (run, *bad, sounds / "one.wav", "-o", tmp_path / "out.npz"))]) == 2
    captured = capsys.readouterr()
    assert sorted(captured.err.splitlines()) == sorted(f"seehear: {problem}" for problem in made.problems)
    assert "1 recording: 25 features" in captured.out


@pytest.mark.parametrize("name", ["out.parquet", "out.npz", "out"])
def test_where_nothing_can_be_read_nothing_is_written(run: Path, tmp_path: Path, name: str) -> None:
    made = write_features(run, [tmp_path / "gone.wav"], tmp_path / name)
    assert (made.recordings, made.features) == (0, 0)
    (problem,) = made.problems
    assert "gone.wav does not exist" in problem
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["logmel", "x.wav", "-o", "out.csv"], "out.csv is of no kind that features are written as"),
        (["logmel", "x.wav", "-o", "absent/out.npz"], "the folder absent does not exist"),
        (["logmel", "x.wav", "-o", "folder.npz"], "folder.npz is a folder"),
        (["logmel", "x.wav", "-o", "file"], "file is a file; name a folder"),
        (["logmel", "x.wav", "-o", "out", "--layer", "gru9"], "no layer 'gru9'"),
        (["nobody", "x.wav", "-o", "out"], "there is no model 'nobody'"),
    ],
)
def test_what_cannot_be_is_a_sentence(tmp_path: Path, monkeypatch, capsys, words: list[str], said: str) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.npz").mkdir()
    (tmp_path / "file").touch()
    assert main(["embed", *words]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_out_is_asked_for(capsys) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SystemExit):
        main(["embed", "logmel", "x.wav"])
    assert "-o" in capsys.readouterr().err


def test_a_folder_may_have_a_dot_in_its_name(tmp_path: Path) -> None:
    (tmp_path / "v1.2").mkdir()
    assert feature_writer(tmp_path / "v1.2").__name__ == "write_folder"
    with pytest.raises(SeehearError, match="of no kind"):
        feature_writer(tmp_path / "v1.3")


def test_the_stream_of_sound_that_is_asked_for_is_embedded(tmp_path: Path) -> None:
    voices = [0 * speech(1), speech(1, 1), speech(1, 2)]
    film = write_film(tmp_path / "a.mov", voices)
    made, cautions = [], []
    for stream in (None, "2", "3", "1"):
        written = write_features("logmel", [film], tmp_path / "out.npz", audio_stream=stream)
        cautions.append(" ".join(written.cautions))
        with np.load(tmp_path / "out.npz") as arrays:
            made.append(arrays["a.mov"])
        np.testing.assert_array_equal(embed(film, model="logmel", audio_stream=stream).features, made[-1])
    assert "sound stream 1 is silent: sound stream 2 of 3 was used" in cautions[0]
    silent = "a.mov is silent; its features are those of silence; sound stream 1 of 3 was used, and there are 2, 3"
    assert silent in cautions[3]
    assert not cautions[1]
    np.testing.assert_array_equal(made[0], made[1])
    assert np.abs(made[1] - made[2]).max() > 0.5
    assert np.ptp(made[3]) < 1e-3


def test_both_languages_of_left_and_right_can_be_embedded(tmp_path: Path) -> None:
    left, right = speech(1, 1), speech(1, 2)
    film, alone = write_film(tmp_path / "a.mov", [np.stack([left, right])]), write_film(tmp_path / "b.mov", [right])
    right_only = write_features("logmel", [film], tmp_path / "a.npz", audio_stream="1:right")
    mono = write_features("logmel", [alone], tmp_path / "b.npz")
    assert not any("different sound" in caution for caution in (*right_only.cautions, *mono.cautions))
    one, other = np.load(tmp_path / "a.npz")["a.mov"], np.load(tmp_path / "b.npz")["b.mov"]
    np.testing.assert_allclose(one, other, atol=1e-3)
    (caution,) = write_features("logmel", [film], tmp_path / "c.npz").cautions
    assert "left and right hold different sound" in caution
