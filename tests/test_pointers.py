"""A Git LFS pointer in the place of a file is told as such, whatever reads it."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from seehear.apps.verify import read_pairs
from seehear.cli import main
from seehear.data.corpus import Corpus
from seehear.data.datasets import find_sources
from seehear.data.prepare import prepare
from seehear.errors import LfsPointerError, SeehearError, check_not_lfs_pointer, read_text_checked
from seehear.media.face_detector import load_detector
from seehear.metrics.calibration import ScoreCalibration

POINTER = (
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)
HINT = "is a Git LFS pointer, not the file itself; run git lfs pull"


def pointer(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(POINTER)
    return path


def test_text_that_is_no_pointer_is_read_as_it_is(tmp_path):
    (tmp_path / "a.txt").write_bytes("é\r\nb".encode())
    assert read_text_checked(tmp_path / "a.txt") == "é\nb"
    check_not_lfs_pointer(tmp_path / "a.txt")
    with pytest.raises(LfsPointerError, match=HINT):
        check_not_lfs_pointer(pointer(tmp_path / "b.bin"))


@pytest.mark.parametrize(
    "words",
    [
        ["animate", "{}", "{}", "-o", "out.mp4"],
        ["embed", "logmel", "{}", "-o", "out.npz"],
        ["prepare", "{}", "-o", "out", "--faces", "whole-frame", "--workers", "1"],
        ["import-syncnet", "{}", "-o", "out"],
        ["match", "{}", "{}"],
    ],
)
def test_verbs_name_the_pointer(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    film = pointer(tmp_path / "film.mp4")
    assert main([word.format(film) for word in words]) == 2
    assert f"film.mp4 {HINT}" in capsys.readouterr().err


def test_of_a_folder_of_films_the_pointers_are_recorded_and_the_rest_is_done(tmp_path):
    pointer(tmp_path / "in" / "a.wav")
    wavfile.write(tmp_path / "in" / "b.wav", 16000, np.full(16000, 9000, np.int16))
    result = prepare([tmp_path / "in"], tmp_path / "out", faces="none", workers=1)
    assert HINT in (tmp_path / "out" / "report.csv").read_text()
    assert "1 failed" in str(result)


def test_models_detectors_lists_and_calibrations(tmp_path):
    run = tmp_path / "run"
    (run / "config.json").parent.mkdir()
    (run / "config.json").write_text(json.dumps({}))
    for read in (
        lambda: load_detector("yunet", pointer(tmp_path / "yunet.onnx")),
        lambda: read_pairs(pointer(tmp_path / "pairs.txt"), tmp_path),
        lambda: ScoreCalibration.read(pointer(tmp_path / "calibration.json")),
    ):
        with pytest.raises(SeehearError, match=HINT):
            read()


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_model_from_a_repository(name, tmp_path, capsys):
    from seehear.models.audio_only import CPCModel, CPCOptions
    from seehear.models.store import save

    save(CPCModel(CPCOptions(channels=3, hidden=4, steps=2)), tmp_path / "run")
    pointer(tmp_path / "run" / name)
    assert main(["embed", str(tmp_path / "run"), str(tmp_path), "-o", str(tmp_path / "a.npz")]) == 2
    assert f"{name} {HINT}" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["corpus.json", "manifest.parquet", "shard-000000.tar"])
def test_a_corpus_from_a_repository(name, tmp_path):
    (tmp_path / "in").mkdir()
    wavfile.write(tmp_path / "in" / "b.wav", 16000, np.full(16000, 9000, np.int16))
    prepare([tmp_path / "in"], tmp_path / "out", faces="none", workers=1)
    assert (tmp_path / "out" / name).is_file()
    pointer(tmp_path / "out" / name)
    with pytest.raises(SeehearError, match=HINT):
        _ = Corpus(tmp_path / "out")[0]


@pytest.mark.parametrize(
    ("layout", "table", "film"),
    [
        ("folder", "labels.csv", "a.mp4"),
        ("grid", "align/bbaf2n.align", "video/bbaf2n.mp4"),
        ("cremad", "VideoDemographics.csv", "VideoFlash/1001_DFA_ANG_XX.flv"),
        ("voxceleb", "vox1_meta.csv", "wav/id10001/abc/00001.wav"),
        ("librispeech", "SPEAKERS.TXT", "dev-clean/84/121123/84-121123-0000.flac"),
    ],
)
def test_tables_of_data_sets(layout, table, film, tmp_path):
    pointer(tmp_path / table)
    (tmp_path / film).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / film).write_bytes(b"film")
    assert HINT in said_of(tmp_path, layout)


def said_of(folder: Path, layout: str) -> str:
    """What a user is told of the one film of a data set, or of the data set."""
    try:
        (source,) = find_sources([folder], layout)
    except SeehearError as error:
        return str(error)
    return source.problem + source.remark
