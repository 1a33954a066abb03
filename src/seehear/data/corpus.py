"""`Corpus`: clips at random, joined, split in train and dev; `open_corpus`."""

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
    """Rows of the clips that belong to a part, in order; see `seehear.data.corpus.Corpus.split`.

    Each of several joined corpora is split by itself, so that a clip is on the same side as when it is alone.

    Raises:
        CorpusError: see there.
    """
    if part not in get_args(Part) or by not in COLUMNS or every < 2:
        raise ValueError(f"no split {part!r} of every {every!r} by {by!r}")
    if COLUMNS[by] not in table.column_names:
        raise CorpusError(f"{name} does not know its speakers; split by source, or prepare it with a label 'speaker'")
    corpora = table["corpus"].to_numpy()
    groups = np.array(table[COLUMNS[by]].to_pylist(), dtype=object)
    if any(group is None for group in groups):
        raise CorpusError(f"{name} has clips without a speaker; split by source, or label them and prepare again")
    wanted = [
        rows[_is_dev(groups[rows], every, by, name) == (part == "dev")]
        for rows in (np.flatnonzero(corpora == number) for number in np.unique(corpora))
    ]
    return np.concatenate(wanted) if wanted else np.zeros(0, dtype=np.int64)


def _is_dev(groups: np.ndarray[Any, Any], every: int, by: By, name: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """For the group of each clip of one corpus, whether it is every eighth of the sorted ones."""
    names = sorted(set(groups))
    if len(names) < 2:
        raise CorpusError(f"{name} has only one {by} ({names[0]}) and cannot be split by {by}; add others")
    dev = set(names[::every])
    return np.array([group in dev for group in groups], dtype=bool)


AnyPath = str | Path


class CorpusRoot:
    """One corpus folder: where it is and what its corpus.json says.

    Attributes:
        name: as given.
        told: the contents of corpus.json.
    """

    def __init__(self, path: AnyPath) -> None:
        """Opens a corpus folder.

        Raises:
            CorpusError: there is none, or it is unfinished, damaged or of another version.
        """
        self.name = str(path)
        self._fs, self._place = _file_system(self.name)
        self.told: dict[str, Any] = read_corpus_file(self._fs, self._place)

    @property
    def identity(self) -> str:
        """The SHA-256 of the manifest: the same for every copy of the corpus."""
        return str(self.told["manifest_sha256"])

    @property
    def has_video(self) -> bool:
        """Whether its clips have pictures; all have, or none."""
        return int(self.told["made"]["options"]["size"]) > 0

    @property
    def detector(self) -> str | None:
        """The name of the face detector that has cut it; None for whole frames and for sound alone."""
        return recorded_detector(self.told["made"]["options"])

    @property
    def folder(self) -> Path | None:
        """The folder, if it is on this machine."""
        return Path(self._place) if "file" in _protocols(self._fs) else None

    def table(self) -> pa.Table:
        """The manifest, as it was written."""
        return read_manifest(self._fs, self._place)

    def text(self, file: str) -> str | None:
        """The text of a small file of the corpus; None if it is not there."""
        try:
            data: bytes = self._fs.cat_file(f"{self._place}/{file}")
        except FileNotFoundError:
            return None
        return data.decode()

    def bytes(self, shard: int, start: int, stop: int) -> bytes:
        """Bytes [start, stop) of a shard.

        Raises:
            PointerError: the shard is a Git LFS pointer.
        """
        data: bytes = self._fs.cat_file(f"{self._place}/{shard_name(shard)}", start=start, end=stop)
        if len(data) < stop - start:  # the shard is shorter than it was
            name = f"{self._place}/{shard_name(shard)}"
            check_not_lfs_pointer(Path(name), self._fs.cat_file(name, start=0, end=len(LFS_MARK)))
        return data


class Corpus(Sequence[Clip]):
    """Clips of one corpus or of several joined; random access by byte offset, nothing is unpacked or cached.

    Copies for other processes are small but for the manifest. Indexing decodes: about 5 ms for a clip of 3 s.
    """

    def __init__(self, path: AnyPath, *more: AnyPath) -> None:
        """Opens what `seehear prepare` has made: a folder, or a URL that fsspec knows; with several, all in a row.

        Raises:
            CorpusError: one of them is missing, unfinished, damaged or of another version.
        """
        self.roots = [CorpusRoot(p) for p in (path, *more)]
        tables = [_numbered(root.table(), number) for number, root in enumerate(self.roots)]
        self._table: pa.Table = pa.concat_tables(tables, promote_options="default").combine_chunks()
        self._read_columns()

    @property
    def manifest(self) -> pa.Table:
        """A row a clip: the columns of `seehear.data.manifest.SCHEMA`, ``label_...`` for each label, and two more.

        ``corpus`` is the number of the corpus among those joined, ``row`` the clip's row in that one's own manifest.
        """
        return self._table

    @property
    def frames(self) -> np.ndarray[Any, np.dtype[np.int32]]:
        """Length of each clip in video frames, (clips,)."""
        return self._column("frames")

    def labels(self, name: str) -> list[str | None]:
        """One label of all clips; None for those without.

        Raises:
            CorpusError: no clip has it.
        """
        known = label_columns(self._table)
        if name not in known:
            raise CorpusError(f"{self} has no label '{name}'; it has {', '.join(known) or 'none'}")
        values: list[str | None] = self._table[LABEL_PREFIX + name].to_pylist()
        return values

    @property
    def detectors(self) -> list[str]:
        """The names of the face detectors that have cut these clips."""
        held = set(self._column("corpus").tolist())
        return sorted({root.detector for number, root in enumerate(self.roots) if number in held and root.detector})

    @property
    def has_video(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which clips have pictures, (clips,); the others are sound alone."""
        return self._column("video_size") > 0

    def subset(self, rows: ArrayLike) -> Self:
        """The clips in these rows, in this order; a bool mask does as well."""
        chosen = np.asarray(rows)
        if chosen.dtype == bool:
            chosen = np.flatnonzero(chosen)
        other = object.__new__(type(self))
        other.roots = self.roots
        other._table = self._table.take(pa.array(chosen, type=pa.int64())).combine_chunks()
        other._read_columns()
        return other

    def with_sound(self) -> Self:
        """The clips whose source had sound; the others are silent, and teach nothing about sound and lips."""
        return self.subset(self._table["has_sound"].to_numpy(zero_copy_only=False))

    def with_faces(self) -> Self:
        """The clips with pictures; those of sound alone are left out.

        Raises:
            CorpusError: all are sound alone.
        """
        seen = self.has_video
        if len(seen) and not seen.any():
            raise CorpusError(
                f"{self} is sound alone (--faces none), and pictures are needed here; "
                "name a corpus of faces, which seehear prepare makes of videos"
            )
        return self.subset(seen)

    def split(self, part: Part, every: int = 8, by: By = "source") -> Self:
        """The training or the development clips.

        The names of the sources (or the speakers) of each corpus are sorted; every eighth, from the first on, is
        development and the rest training, so that no source (no speaker) is on both sides.

        Args:
            part: ``train`` or ``dev``.
            every: one in so many is development.
            by: ``source``, or ``speaker`` for a corpus with that label.

        Raises:
            CorpusError: fewer than two sources or speakers, or clips without a speaker.
        """
        return self.subset(rows_of_part(self._table, part, every, by, str(self)))

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __getitem__(self, index: int) -> Clip:  # type: ignore[override]  # subset() is what slices would be
        """One clip, decoded.

        Raises:
            CorpusError: its bytes are gone or damaged.
        """
        if not -len(self) <= index < len(self):
            raise IndexError(f"clip {index} of {len(self)}")
        place = {name: int(column[index]) for name, column in self._columns.items()}
        root = self.roots[place["corpus"]]
        start, stop = place["video_offset"], place["meta_offset"] + place["meta_size"]
        try:
            data = memoryview(root.bytes(place["shard"], start, stop))
            members = (_member(data, place, member) for member in MEMBERS)
            return unpack(*members)
        except (OSError, MediaError, ValueError, KeyError) as error:
            key = self._table["key"][index].as_py()
            raise CorpusError(
                f"clip {key} in {shard_name(place['shard'])} of {root.name} cannot be read ({error}); prepare it again"
            ) from error

    def __iter__(self) -> Iterator[Clip]:
        return (self[i] for i in range(len(self)))

    def __str__(self) -> str:
        return " + ".join(root.name for root in self.roots)

    def _read_columns(self) -> None:
        """The numbers that reading a clip needs, as arrays: looking into a table costs more than reading the bytes."""
        names = ["corpus", "shard", "frames", *(f"{m}_{what}" for m in MEMBERS for what in ("offset", "size"))]
        self._columns = {name: self._column(name) for name in names}

    def _column(self, name: str) -> np.ndarray[Any, Any]:
        column: np.ndarray[Any, Any] = self._table[name].to_numpy()
        return column


def _member(data: memoryview, place: dict[str, int], member: str) -> bytes:
    """One member's contents out of the bytes of a clip."""
    start = place[f"{member}_offset"] - place["video_offset"]
    contents = bytes(data[start : start + place[f"{member}_size"]])
    if len(contents) != place[f"{member}_size"]:
        raise ValueError("the shard is shorter than the manifest says")
    return contents


def _numbered(table: pa.Table, number: int) -> pa.Table:
    """A manifest with the columns that say which corpus and row a clip is."""
    table = table.append_column("corpus", pa.array(np.full(table.num_rows, number, dtype=np.int32)))
    return table.append_column("row", pa.array(np.arange(table.num_rows)))


def _file_system(name: str) -> tuple[fsspec.AbstractFileSystem, str]:
    try:
        fs, place = fsspec.core.url_to_fs(name)
    except (ValueError, ImportError) as error:
        raise CorpusError(f"{name} cannot be opened ({error}); name a folder or install what the URL needs") from error
    return fs, place.rstrip("/") or "/"


def _protocols(fs: fsspec.AbstractFileSystem) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)


def open_corpus(*paths: AnyPath) -> Corpus:
    """Open what "seehear prepare" has made, for reading clips; several corpora are joined.

    Args:
        paths: folders, or URLs that fsspec knows.

    Raises:
        CorpusError: no path, or one of them is missing, unfinished, damaged or of another version.
    """
    if not paths:
        raise CorpusError("open_corpus needs the folder or URL of a corpus")
    return Corpus(*paths)
