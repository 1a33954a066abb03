"""What `seehear info` knows of a corpus."""

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from seehear.data.corpus import Corpus
from seehear.data.report import corpus_info
from seehear.errors import CorpusError


def test_numbers(corpus_folder: Path) -> None:
    info = corpus_info(corpus_folder)
    frames = Corpus(corpus_folder).frames
    assert (info.clips, info.sources, info.speakers, info.shards, info.silent_clips) == (25, 10, 4, 7, 3)
    assert info.hours == pytest.approx(frames.sum() / 25 / 3600, abs=1e-4)
    assert info.mean_seconds == pytest.approx(frames.mean() / 25, abs=1e-3)
    assert (info.shortest_seconds, info.longest_seconds) == (0.4, 1.6)
    assert info.labels == {"speaker": 25, "text": 22}
    assert info.failed == info.skipped == info.empty == {}
    assert 0 < info.bytes < sum(path.stat().st_size for path in corpus_folder.glob("*.tar"))
    assert json.loads(json.dumps(info.to_dict()))["format"] == "folder"


def test_no_corpus(tmp_path: Path) -> None:
    with pytest.raises(CorpusError):
        corpus_info(tmp_path)


def test_no_clips_and_a_damaged_report(corpus_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(corpus_folder, copy)
    for content in (b"a,b\n1,2\n", b"\xff\xfe\x00", b'"' + b"x" * 200_000):
        (copy / "report.csv").write_bytes(content)
        with pytest.raises(CorpusError, match="report"):
            corpus_info(copy)
    shutil.copy(corpus_folder / "report.csv", copy)
    pq.write_table(pq.read_table(copy / "manifest.parquet").slice(0, 0), copy / "manifest.parquet")
    with pytest.raises(CorpusError, match="no clip"):
        corpus_info(copy)
