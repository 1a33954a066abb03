"""Corpora: random access to clips, joined corpora, training and development part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self, get_args

import fsspec
import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from seehear.clip import Clip
from seehear.data.manifest import (
    LABEL_PREFIX,
    MEMBERS,
    label_columns,
    read_corpus_file,
    read_manifest,
    recorded_detector,
    shard_name,
    unpack,
)
from seehear.data.split import COLUMNS
from seehear.data.split import By as By
from seehear.data.split import Part as Part
from seehear.data.split import Split as Split
from seehear.errors import LFS_MARK, CorpusError, MediaError, check_not_lfs_pointer


def rows_of_part(table: pa.Table, part: Part, every: int, by: By, name: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the rows of the clips in a part, in order; see `Corpus.split`.

    Joined corpora are split one by one, so a clip is in the same part as when its corpus is used alone.

    Raises:
        CorpusError: see `Corpus.split`
    """
    if part not in get_args(Part) or by not in COLUMNS or every < 2:
        raise ValueError(f"no split {part!r} of every {every!r} by {by!r}")
    if COLUMNS[by] not in table.column_names:
        raise CorpusError(f"{name} has no label 'speaker'; split by source, or prepare it with that label")
    corpora = table["corpus"].to_numpy()
    groups = np.array(table[COLUMNS[by]].to_pylist(), dtype=object)
    if any(group is None for group in groups):
        raise CorpusError(f"{name} has clips without a speaker; split by source, or label them and prepare again")
    parts = [
        rows[_is_dev(groups[rows], every, by, name) == (part == "dev")]
        for rows in (np.flatnonzero(corpora == number) for number in np.unique(corpora))
    ]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


def _is_dev(groups: np.ndarray[Any, Any], every: int, by: By, name: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether the group of each clip is an n-th of the sorted groups of the corpus."""
    names = sorted(set(groups))
    if len(names) < 2:
        raise CorpusError(f"{name} has only one {by} ({names[0]}), so it cannot be split by {by}; add others")
    dev = set(names[::every])
    return np.array([group in dev for group in groups], dtype=bool)


AnyPath = str | Path


class CorpusRoot:
    """A corpus folder.

    Attributes:
        name: path or URL, as given
        info: content of corpus.json
    """

    def __init__(self, path: AnyPath) -> None:
        """Open a corpus folder.

        Raises:
            CorpusError: no corpus, or it is unfinished, damaged or of another version
        """
        self.name = str(path)
        self._fs, self._path = _file_system(self.name)
        self.info: dict[str, Any] = read_corpus_file(self._fs, self._path)

    @property
    def identity(self) -> str:
        """SHA-256 of the manifest, the same for all copies of the corpus."""
        return str(self.info["manifest_sha256"])

    @property
    def has_video(self) -> bool:
        """Whether its clips have video; either all or none do."""
        return int(self.info["made"]["options"].get("size", 1)) > 0

    @property
    def detector(self) -> str | None:
        """Name of the face detector; None for whole frames and audio only."""
        return recorded_detector(self.info["made"]["options"])

    @property
    def folder(self) -> Path | None:
        """Local folder; None if the corpus is remote."""
        return Path(self._path) if "file" in _protocols(self._fs) else None

    def table(self) -> pa.Table:
        """Read the manifest."""
        return read_manifest(self._fs, self._path)

    def text(self, file: str) -> str | None:
        """Read a small text file of the corpus; None if it does not exist."""
        try:
            data: bytes = self._fs.cat_file(f"{self._path}/{file}")
        except FileNotFoundError:
            return None
        return data.decode(errors="replace")

    def bytes(self, shard: int, start: int, stop: int) -> bytes:
        """Read bytes [start, stop) of a shard.

        Raises:
            LfsPointerError: the shard is a Git LFS pointer
        """
        data: bytes = self._fs.cat_file(f"{self._path}/{shard_name(shard)}", start=start, end=stop)
        if len(data) < stop - start:  # the shard was truncated
            name = f"{self._path}/{shard_name(shard)}"
            check_not_lfs_pointer(Path(name), self._fs.cat_file(name, start=0, end=len(LFS_MARK)))
        return data


class Corpus(Sequence[Clip]):
    """Clips of one corpus or of several joined ones, with random access by byte offset; nothing is cached.

    Copies for other processes are small, except for the manifest. Indexing decodes a clip: about 5 ms for 3 s.
    """

    def __init__(self, path: AnyPath, *more: AnyPath) -> None:
        """Open corpora from `seehear prepare`: folders, or URLs for fsspec; several are joined.

        Raises:
            CorpusError: one of them is missing, unfinished, damaged or of another version
        """
        self.roots = [CorpusRoot(p) for p in (path, *more)]
        tables = [_numbered(root.table(), number) for number, root in enumerate(self.roots)]
        self._table: pa.Table = pa.concat_tables(tables, promote_options="default").combine_chunks()
        self._read_columns()

    @property
    def manifest(self) -> pa.Table:
        """One row for each clip: columns of `seehear.data.manifest.SCHEMA`, ``label_...`` for each label, and two more.

        ``corpus`` is the number of the joined corpus, ``row`` the row in its own manifest.
        """
        return self._table

    @property
    def frames(self) -> np.ndarray[Any, np.dtype[np.int32]]:
        """Length of each clip in video frames, (clips,)."""
        return self._column("frames")

    def labels(self, name: str) -> list[str | None]:
        """Return a label of all clips; None for those without it.

        Raises:
            CorpusError: no clip has it
        """
        known = label_columns(self._table)
        if name not in known:
            raise CorpusError(f"{self} has no label '{name}'; it has {', '.join(known) or 'none'}")
        values: list[str | None] = self._table[LABEL_PREFIX + name].to_pylist()
        return values

    @property
    def detectors(self) -> list[str]:
        """Names of the face detectors of these clips."""
        numbers = set(self._column("corpus").tolist())
        return sorted({root.detector for number, root in enumerate(self.roots) if number in numbers and root.detector})

    @property
    def has_video(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which clips have video, (clips,); the others are audio only."""
        return self._column("video_size") > 0

    def subset(self, rows: ArrayLike) -> Self:
        """Return the clips in these rows, in this order; ``rows`` may be a bool mask."""
        indices = np.asarray(rows)
        if indices.dtype == bool:
            indices = np.flatnonzero(indices)
        other = object.__new__(type(self))
        other.roots = self.roots
        other._table = self._table.take(pa.array(indices, type=pa.int64())).combine_chunks()
        other._read_columns()
        return other

    def with_sound(self) -> Self:
        """Return the clips whose source had sound; the others are silent."""
        return self.subset(self._table["has_sound"].to_numpy(zero_copy_only=False))

    def with_faces(self) -> Self:
        """Return the clips with video.

        Raises:
            CorpusError: all clips are audio only
        """
        has_video = self.has_video
        if len(has_video) and not has_video.any():
            raise CorpusError(
                f"{self} has no video (--faces none), which is needed here; "
                "name a corpus of faces, which seehear prepare makes from videos"
            )
        return self.subset(has_video)

    def split(self, part: Part, every: int = 8, by: By = "source") -> Self:
        """Return the training or the development part.

        The names of the sources (or speakers) of each corpus are sorted; every n-th, beginning with the first, is in
        the development part and the rest in the training part, so no source (or speaker) is in both.

        Args:
            part: ``train`` or ``dev``
            every: n
            by: ``source``, or ``speaker`` for corpora with that label

        Raises:
            CorpusError: fewer than two sources or speakers, or clips without a speaker
        """
        return self.subset(rows_of_part(self._table, part, every, by, str(self)))

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __getitem__(self, index: int) -> Clip:  # type: ignore[override]  # subset() is what slices would be
        """Decode a clip.

        Raises:
            CorpusError: its bytes are missing or damaged
        """
        if not -len(self) <= index < len(self):
            raise IndexError(f"clip {index} of {len(self)}")
        position = {name: int(column[index]) for name, column in self._columns.items()}
        root = self.roots[position["corpus"]]
        start, stop = position["video_offset"], position["meta_offset"] + position["meta_size"]
        try:
            data = memoryview(root.bytes(position["shard"], start, stop))
            members = (_member(data, position, member) for member in MEMBERS)
            return unpack(*members)
        except (OSError, MediaError, ValueError, KeyError) as error:
            key = self._table["key"][index].as_py()
            raise CorpusError(
                f"clip {key} in {shard_name(position['shard'])} of {root.name} cannot be read ({error}); "
                "prepare it again"
            ) from error

    def __iter__(self) -> Iterator[Clip]:
        return (self[i] for i in range(len(self)))

    def __str__(self) -> str:
        return " + ".join(root.name for root in self.roots)

    def _read_columns(self) -> None:
        """Keep the numbers for reading clips as arrays: a look-up in the table takes longer than reading the bytes."""
        names = ["corpus", "shard", "frames", *(f"{m}_{what}" for m in MEMBERS for what in ("offset", "size"))]
        self._columns = {name: self._column(name) for name in names}

    def _column(self, name: str) -> np.ndarray[Any, Any]:
        column: np.ndarray[Any, Any] = self._table[name].to_numpy()
        return column


def _member(data: memoryview, position: dict[str, int], member: str) -> bytes:
    """Return the contents of a member from the bytes of a clip."""
    start = position[f"{member}_offset"] - position["video_offset"]
    contents = bytes(data[start : start + position[f"{member}_size"]])
    if len(contents) != position[f"{member}_size"]:
        raise ValueError("the shard is shorter than the manifest says")
    return contents


def _numbered(table: pa.Table, number: int) -> pa.Table:
    """Add the columns ``corpus`` and ``row`` to a manifest."""
    table = table.append_column("corpus", pa.array(np.full(table.num_rows, number, dtype=np.int32)))
    return table.append_column("row", pa.array(np.arange(table.num_rows)))


def _file_system(name: str) -> tuple[fsspec.AbstractFileSystem, str]:
    try:
        fs, path = fsspec.core.url_to_fs(name)
    except (ValueError, ImportError) as error:
        raise CorpusError(
            f"{name} cannot be opened ({error}); name a folder, or install the fsspec package for the URL"
        ) from error
    return fs, path.rstrip("/") or "/"


def _protocols(fs: fsspec.AbstractFileSystem) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)


def open_corpus(*paths: AnyPath) -> Corpus:
    """Open one or several corpora from "seehear prepare"; several are joined.

    Args:
        paths: folders, or URLs for fsspec

    Raises:
        CorpusError: no path, or a corpus is missing, unfinished, damaged or of another version
    """
    if not paths:
        raise CorpusError("open_corpus needs the folder or URL of a corpus")
    return Corpus(*paths)
