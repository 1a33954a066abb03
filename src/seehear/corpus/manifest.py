"""What is in a corpus: a table with a row a clip, and a small file that says how it was made and by which version."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from seehear.beside import write_text, written_beside
from seehear.errors import CorpusError
from seehear.pointers import MARK, PointerError, require_content

FORMAT_VERSION = 1
CORPUS_FILE = "corpus.json"
MANIFEST_FILE = "manifest.parquet"
REPORT_FILE = "report.csv"
LABEL_PREFIX = "label_"  # of the columns that hold labels, so that they cannot meet the others

SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("shard", pa.int32()),
        ("video_offset", pa.int64()),  # bytes from the start of the shard
        ("video_size", pa.int64()),
        ("audio_offset", pa.int64()),
        ("audio_size", pa.int64()),
        ("meta_offset", pa.int64()),
        ("meta_size", pa.int64()),
        ("frames", pa.int32()),
        ("seconds", pa.float64()),
        ("source", pa.string()),
        ("start_s", pa.float64()),
        ("track", pa.int32()),
        ("has_sound", pa.bool_()),
    ]
)

Row = dict[str, Any]


def shard_name(number: int) -> str:
    """File name of a shard."""
    return f"shard-{number:06d}.tar"


def to_table(rows: Sequence[Row]) -> pa.Table:
    """Rows to a table: the columns of `SCHEMA`, then a text column for each label that any row has, by name."""
    labels = sorted({column for row in rows for column in row if column.startswith(LABEL_PREFIX)})
    schema = pa.schema([*SCHEMA, *((column, pa.string()) for column in labels)])
    return pa.Table.from_pylist(list(rows), schema=schema)


def label_columns(table: pa.Table) -> list[str]:
    """Names of the labels of a manifest, without the prefix of their columns."""
    return [name.removeprefix(LABEL_PREFIX) for name in table.column_names if name.startswith(LABEL_PREFIX)]


def write_manifest(folder: Path, rows: Sequence[Row]) -> str:
    """Writes the manifest and gives its SHA-256, by which views and runs know the corpus again."""
    path = folder / MANIFEST_FILE
    with written_beside(path) as temporary, temporary.open("wb") as file:  # pyarrow takes no name that is not UTF-8
        pq.write_table(to_table(rows), file, compression="zstd")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_corpus_file(folder: Path, told: dict[str, Any]) -> None:
    """Writes ``corpus.json``: the last file of a preparation, whose presence says that the corpus is whole."""
    told = {"format_version": FORMAT_VERSION, **told}
    write_text(folder / CORPUS_FILE, json.dumps(told, indent=1, ensure_ascii=False) + "\n")


def read_corpus_file(fs: fsspec.AbstractFileSystem, root: str) -> dict[str, Any]:
    """Reads and checks ``corpus.json``.

    Raises:
        CorpusError: none there, unfinished, damaged, or of another version.
    """
    try:
        content = fs.cat_file(f"{root}/{CORPUS_FILE}")
        require_content(Path(f"{root}/{CORPUS_FILE}"), content)
        told: dict[str, Any] = json.loads(content)
        version = told["format_version"]
    except PointerError:
        raise
    except (FileNotFoundError, NotADirectoryError):
        raise CorpusError(_why_no_corpus(fs, root)) from None
    except (ValueError, KeyError, TypeError) as error:
        raise CorpusError(f"{root}/{CORPUS_FILE} is damaged ({error}); prepare the corpus again") from error
    if version != FORMAT_VERSION:
        raise CorpusError(
            f"{root} is a corpus of format {version}, and this seehear reads format {FORMAT_VERSION}; "
            f"prepare it again, or use the seehear {told.get('seehear', 'version')} that made it"
        )
    return told


def read_manifest(fs: fsspec.AbstractFileSystem, root: str) -> pa.Table:
    """Reads the manifest of a corpus whose ``corpus.json`` has been checked.

    Raises:
        CorpusError: missing, damaged, or without a column that is needed.
    """
    try:
        with fs.open(f"{root}/{MANIFEST_FILE}", "rb") as file:
            require_content(Path(f"{root}/{MANIFEST_FILE}"), file.read(len(MARK)))
            file.seek(0)
            # not read_table: its threads hold the file for a moment longer, and a process that ends then is aborted
            table = pq.ParquetFile(file).read(use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise CorpusError(f"{root}/{MANIFEST_FILE} cannot be read ({error}); prepare the corpus again") from error
    if missing := [name for name in SCHEMA.names if name not in table.column_names]:
        raise CorpusError(f"{root}/{MANIFEST_FILE} lacks the column {missing[0]}; prepare the corpus again")
    return table


def _why_no_corpus(fs: fsspec.AbstractFileSystem, root: str) -> str:
    if not fs.exists(root):
        return f"{root} does not exist; name a folder that seehear prepare has made"
    if not fs.isdir(root):
        return f"{root} is not a corpus; name a folder that seehear prepare has made"
    if fs.exists(f"{root}/.staging"):
        return f"{root} is not finished; run the same seehear prepare again, which goes on where it stopped"
    return f"{root} is not a corpus (it has no {CORPUS_FILE}); name a folder that seehear prepare has made"
