"""Manifests and corpus.json that a stranger wrote: one error that names the file."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seehear.data.corpus import Corpus
from seehear.errors import CorpusError


@pytest.fixture
def copy(corpus_folder: Path, tmp_path: Path) -> Path:
    shutil.copytree(corpus_folder, tmp_path / "copy")
    return tmp_path / "copy"


def replace(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, column)


HOSTILE: dict[str, tuple[str, Callable[[pa.Table], pa.Table]]] = {
    "another type": ("shard", lambda table: replace(table, "shard", pa.array(["../../etc"] * len(table)))),
    "a null": ("shard", lambda table: replace(table, "shard", pa.nulls(len(table), table["shard"].type))),
    "below zero": ("shard", lambda table: replace(table, "shard", pa.array([-1] * len(table), table["shard"].type))),
    "missing": ("shard", lambda table: table.drop_columns(["shard"])),
    "twice": ("shard", lambda table: table.append_column("shard", table["shard"])),
    "a label of numbers": (
        "label_speaker",
        lambda table: replace(table, "label_speaker", pa.array(range(len(table)))),
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_column_is_named(name: str, copy: Path) -> None:
    column, change = HOSTILE[name]
    path = copy / "manifest.parquet"
    pq.write_table(change(pq.read_table(path)), path)
    with pytest.raises(CorpusError) as error:
        Corpus(copy)
    assert column in str(error.value)
    assert str(path) in str(error.value)


def without(key: str) -> Callable[[Any], Any]:
    return lambda content: {name: value for name, value in content.items() if name != key}


@pytest.mark.parametrize(
    "change",
    [
        without("made"),
        without("shards"),
        lambda content: [content],
        lambda content: content | {"shards": "7"},
        lambda content: content | {"made": {"options": []}},
        lambda content: content | {"manifest_sha256": None},
    ],
)
def test_a_hostile_corpus_file_is_damaged(change: Callable[[Any], Any], copy: Path) -> None:
    path = copy / "corpus.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(CorpusError, match=r"corpus\.json"):
        Corpus(copy)


@pytest.mark.parametrize("content", [b"[" * 100_000, b"\xff\xfe\x00"])
def test_a_corpus_file_that_cannot_be_parsed(content: bytes, copy: Path) -> None:
    (copy / "corpus.json").write_bytes(content)
    with pytest.raises(CorpusError, match=r"corpus\.json"):
        Corpus(copy)


def test_a_reader_without_a_size_of_crops(copy: Path) -> None:
    path = copy / "corpus.json"
    content = json.loads(path.read_text())
    del content["made"]["options"]["size"]
    path.write_text(json.dumps(content))
    assert len(Corpus(copy)) == 25
    assert Corpus(copy).roots[0].has_video
