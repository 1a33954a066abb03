"""Preparing data sets as they come: labels arrive in the corpus, sound alone is refused."""

import csv
import wave
from pathlib import Path

import pytest

from seehear.data.corpus import Corpus
from seehear.data.prepare import prepare
from seehear.data.report import corpus_info
from seehear.errors import CorpusError


def write_wav(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(bytes(3200))


def test_sound_alone_is_refused_before_any_work(tmp_path: Path) -> None:
    write_wav(tmp_path / "fsdd" / "7_jackson_32.wav")
    with pytest.raises(CorpusError, match=r"7_jackson_32\.wav.*seehear evaluate"):
        prepare([tmp_path / "fsdd"], tmp_path / "out", dataset="fsdd", faces="whole-frame")
    assert not (tmp_path / "out").exists()


def test_sound_among_videos_fails_by_itself(shared: Path, tmp_path: Path) -> None:
    clip = shared / "data" / "cremad_sample" / "1001_DFA_ANG_XX.flv"
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / clip.name).write_bytes(clip.read_bytes())
    write_wav(tmp_path / "set" / "1002_DFA_SAD_XX.wav")
    out = tmp_path / "out"
    report = prepare([tmp_path / "set"], out, dataset="cremad", faces="whole-frame", workers=1)
    assert (report.done, report.failed) == (1, 1)
    with (out / "report.csv").open(newline="") as file:
        reasons = {row["file"]: row["reason"] for row in csv.DictReader(file)}
    assert "there is no video: it is audio only" in reasons["1002_DFA_SAD_XX.wav"]


def test_cremad(shared: Path, tmp_path: Path) -> None:
    """Six VP6 films at 29.97 pictures a second and, of another actor, six mp3."""
    detector = shared / "models" / "yunet_n_640_640.onnx"
    out = tmp_path / "out"
    sample = shared / "data" / "cremad_sample"
    report = prepare([sample], out, dataset="cremad", detector=detector, workers=1)
    assert (report.done, report.failed) == (6, 6)
    corpus = Corpus(out)
    assert set(corpus.labels("emotion")) == {"angry", "disgust", "fear", "happy", "neutral", "sad"}
    assert set(corpus.labels("speaker")) == {"1001"}
    clip = corpus[0]
    assert clip.meta["labels"]["text"] == "don't forget a jacket"
    assert clip.audio.std() > 0.005
    told = corpus_info(out)
    assert (told.format, told.speakers, told.labels["emotion"]) == ("cremad", 1, len(corpus))
    assert all("audio only" in reason for reason in told.failed.values())


def test_grid_as_it_was_released(shared: Path, tmp_path: Path) -> None:
    """Two MPEG-1 films with damaged pictures; the others, and the transcoded copies, are tested elsewhere."""
    source = tmp_path / "s1"
    source.mkdir()
    for name in ("bbaf2n", "lbad6n"):
        (source / f"{name}.mpg").write_bytes((shared / "data/grid_s1/original_mpg" / f"{name}.mpg").read_bytes())
        words = (shared / "data/grid_s1/align" / f"{name}.align").read_text()
        (tmp_path / "alignments" / "s1").mkdir(parents=True, exist_ok=True)
        (tmp_path / "alignments" / "s1" / f"{name}.align").write_text(words)
    detector = shared / "models" / "yunet_n_640_640.onnx"
    report = prepare([tmp_path], tmp_path / "out", dataset="grid", detector=detector, workers=1)
    assert report.done == 2
    clip = Corpus(tmp_path / "out")[0]
    assert clip.meta["labels"]["text"] == "bin blue at f two now"
    assert [word.text for word in clip.meta["spans"]["words"]] == ["bin", "blue", "at", "f", "two", "now"]
