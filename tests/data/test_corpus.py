"""Reading a corpus: any clip, joined corpora, parts, and what is said of broken ones."""

import json
import pickle
import shutil
from pathlib import Path

import fsspec
import numpy as np
import pytest

from fake_reader import make_clip, run, write_source
from seehear.data.corpus import Corpus
from seehear.errors import CorpusError


@pytest.fixture
def copy(corpus_folder: Path, tmp_path: Path) -> Path:
    shutil.copytree(corpus_folder, tmp_path / "copy")
    return tmp_path / "copy"


def test_any_clip_in_any_order(corpus_folder: Path) -> None:
    corpus = Corpus(corpus_folder)
    assert len(corpus) == 25
    for index in (24, 0, 11, -1):
        clip, row = corpus[index], corpus.manifest.slice(index % 25, 1).to_pylist()[0]
        assert clip.frames == row["frames"] == corpus.frames[index]
        assert clip.meta["source"] == row["source"]
        wanted = make_clip(Path(row["source"]).stem, row["track"], row["frames"])
        np.testing.assert_allclose(clip.audio, wanted.audio, atol=1 / 32767)
    with pytest.raises(IndexError):
        corpus[25]


def test_labels_and_spans(corpus_folder: Path) -> None:
    corpus = Corpus(corpus_folder)
    assert corpus.labels("speaker")[:3] == ["anna", "anna", "ben"]
    assert corpus.labels("text").count(None) == 3
    assert corpus[0].meta["labels"] == {"speaker": "anna", "text": "said 0"}
    assert corpus[0].meta["spans"]["words"] == [("a", 0.1, 0.5)]
    assert corpus[1].meta["spans"]["words"] == [("b", pytest.approx(0.2), pytest.approx(0.4))]
    with pytest.raises(CorpusError, match=r"'emotion'.* speaker, text"):
        corpus.labels("emotion")


def test_subset(corpus_folder: Path) -> None:
    corpus = Corpus(corpus_folder)
    part = corpus.subset([20, 3]).subset([1])
    assert part[0].meta == corpus[3].meta
    assert len(corpus.subset(corpus.frames == 40)) == 10
    assert len(corpus.subset([])) == 0
    assert len(corpus.with_sound()) == 22


def test_split_by_source(corpus_folder: Path) -> None:
    corpus = Corpus(corpus_folder)
    train, dev = corpus.split("train"), corpus.split("dev")
    assert set(dev.manifest["source"].to_pylist()) == {"v0.mp4", "v8.mp4"}  # the first and the ninth of ten
    assert len(train) + len(dev) == len(corpus)
    assert not set(train.manifest["key"].to_pylist()) & set(dev.manifest["key"].to_pylist())


def test_split_by_speaker(corpus_folder: Path) -> None:
    corpus = Corpus(corpus_folder)
    train, dev = (set(corpus.split(part, every=3, by="speaker").labels("speaker")) for part in ("train", "dev"))
    assert (train, dev) == ({"ben", "cleo"}, {"anna", "dan"})


def test_splits_that_cannot_be(corpus_folder: Path, tmp_path: Path) -> None:
    corpus = Corpus(corpus_folder)
    anna = corpus.subset([name == "anna" for name in corpus.labels("speaker")])
    with pytest.raises(CorpusError, match=r"one speaker \(anna\)"):
        anna.split("dev", by="speaker")
    write_source(tmp_path / "src" / "a.mp4", [10])
    run(tmp_path / "src", tmp_path / "out")
    with pytest.raises(CorpusError, match="label 'speaker'"):
        Corpus(tmp_path / "out").split("dev", by="speaker")
    with pytest.raises(CorpusError, match="only one source"):
        Corpus(tmp_path / "out").split("dev")
    joined = Corpus(corpus_folder, tmp_path / "out")
    with pytest.raises(CorpusError, match="clips without a speaker"):
        joined.split("dev", by="speaker")
    with pytest.raises(ValueError, match="no split"):
        corpus.split("test")  # type: ignore[arg-type]


def test_joined(corpus_folder: Path, copy: Path) -> None:
    joined = Corpus(corpus_folder, copy)
    assert len(joined) == 50
    assert joined[30].meta == Corpus(copy)[5].meta
    dev = joined.split("dev").manifest
    assert dev["row"].to_pylist() == 2 * Corpus(copy).split("dev").manifest["row"].to_pylist()
    assert set(dev["corpus"].to_pylist()) == {0, 1}


def test_behind_a_url(corpus_folder: Path) -> None:
    memory = fsspec.filesystem("memory")
    for path in corpus_folder.iterdir():
        if path.is_file():
            memory.pipe_file(f"/bucket/{path.name}", path.read_bytes())
    corpus = Corpus("memory://bucket")
    assert corpus[7].meta == Corpus(corpus_folder)[7].meta
    assert corpus.roots[0].folder is None
    assert corpus.roots[0].identity == Corpus(corpus_folder).roots[0].identity


def test_travels_to_other_processes(corpus_folder: Path) -> None:
    corpus = Corpus(corpus_folder).subset([3, 9])
    again = pickle.loads(pickle.dumps(corpus))
    assert again[1].meta == corpus[1].meta


def test_other_version(copy: Path) -> None:
    told = json.loads((copy / "corpus.json").read_text())
    (copy / "corpus.json").write_text(json.dumps({**told, "format_version": 2, "seehear": "9.9"}))
    with pytest.raises(CorpusError, match=r"format 2.* format 1.*seehear 9\.9"):
        Corpus(copy)


def test_not_a_corpus(tmp_path: Path, copy: Path) -> None:
    with pytest.raises(CorpusError, match="nowhere does not exist"):
        Corpus(tmp_path / "nowhere")
    with pytest.raises(CorpusError, match="is not a corpus"):
        Corpus(tmp_path)
    with pytest.raises(CorpusError, match="is not a corpus"):
        Corpus(copy / "report.csv")
    with pytest.raises(CorpusError, match="cannot be opened"):
        Corpus("nosuch://bucket")
    (copy / "corpus.json").unlink()
    (copy / ".staging").mkdir()
    with pytest.raises(CorpusError, match="run the same seehear prepare again"):
        Corpus(copy)


def test_damaged(copy: Path) -> None:
    shard = copy / "shard-000000.tar"
    shard.write_bytes(shard.read_bytes()[:3000])
    with pytest.raises(CorpusError, match=r"clip v0-00000 in shard-000000\.tar of .*copy cannot be read"):
        Corpus(copy)[0]
    shard.unlink()
    with pytest.raises(CorpusError, match="cannot be read"):
        Corpus(copy)[0]
    (copy / "manifest.parquet").write_bytes(b"PAR1nonsense")
    with pytest.raises(CorpusError, match=r"manifest\.parquet cannot be read"):
        Corpus(copy)
    (copy / "corpus.json").write_text("{")
    with pytest.raises(CorpusError, match=r"corpus\.json is damaged"):
        Corpus(copy)
