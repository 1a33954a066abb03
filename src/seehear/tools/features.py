"""Features of recordings on disk: one table, one archive or a folder of arrays, each whole or not there."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from seehear.beside import LONGEST_NAME, written_beside
from seehear.errors import SeehearError
from seehear.os_errors import refusals_as_sentences, require_place


@dataclass(frozen=True)
class Embedded:
    """What an encoder made of one recording.

    Attributes:
        name: of the recording, unique among those of one file.
        features: float32 (N, width).
        rate: features a second: feature i is at i / rate seconds.
    """

    name: str
    features: NDArray[np.float32]
    rate: int


Write = Callable[[Path, Iterator[Embedded]], None]


def writer(out: Path) -> Write:
    """What writes such a file: ``.parquet``, ``.npz``, or a folder.

    Raises:
        SeehearError: nothing can be written there, or a file of another kind is wanted.
    """
    kind = out.suffix.lower()
    if kind in WRITERS:
        if out.is_dir():
            raise SeehearError(f"{out} is a folder; name a file in it, or a folder that does not end in {kind}")
        require_place(out)
        return WRITERS[kind]
    if kind and not out.is_dir():
        raise SeehearError(f"{out} is of no kind that features are written as; name a .parquet, a .npz or a folder")
    if out.exists() and not out.is_dir():
        raise SeehearError(f"{out} is a file; name a folder, a .parquet or a .npz")
    there = next(folder for folder in (out.absolute(), *out.absolute().parents) if folder.exists())
    require_place(there / "NAME.npy")
    return write_folder


def require_names(out: Path, names: Iterable[str]) -> None:
    """That a file can be written for every recording, where each has its own.

    Raises:
        SeehearError: a name is too long.
    """
    if out.suffix.lower() not in WRITERS:
        for name in names:
            if len(os.fsencode(Path(name).name)) + len(".npy") > LONGEST_NAME:
                raise SeehearError(f"{name}.npy is too long a name for a file; write a .parquet or a .npz instead")


def write_parquet(path: Path, recordings: Iterator[Embedded]) -> None:
    """A table with a row a feature: ``file``, ``time_s``, and ``f0``, ``f1``, ... float32; a row group a recording.

    Nothing is written where there are no recordings.
    """
    first = next(recordings, None)
    if first is None:
        return
    width = first.features.shape[1]
    columns = [("file", pa.string()), ("time_s", pa.float64()), *((f"f{i}", pa.float32()) for i in range(width))]
    schema = pa.schema(columns)
    with (
        refusals_as_sentences(path),
        written_beside(path) as beside,
        beside.open("wb") as opened,  # pyarrow takes no name that is not UTF-8
        pq.ParquetWriter(opened, schema) as file,
    ):
        for recording in chain([first], recordings):
            count = len(recording.features)
            names = pa.array([recording.name]).take(pa.array(np.zeros(count, np.int64)))
            times = pa.array(np.arange(count) / recording.rate)
            numbers = [pa.array(column) for column in np.ascontiguousarray(recording.features.T)]
            file.write_table(pa.table([names, times, *numbers], schema=schema))


def write_npz(path: Path, recordings: Iterator[Embedded]) -> None:
    """An archive that `numpy.load` reads: an array (N, width) a recording, by its name."""
    first = next(recordings, None)
    if first is None:
        return
    with refusals_as_sentences(path), written_beside(path) as beside, zipfile.ZipFile(beside, "w") as archive:
        for recording in chain([first], recordings):
            with archive.open(f"{recording.name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, recording.features, allow_pickle=False)


def write_folder(path: Path, recordings: Iterable[Embedded]) -> None:
    """A file NAME.npy a recording, (N, width)."""
    for recording in recordings:
        place = path / f"{recording.name}.npy"
        with refusals_as_sentences(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            with written_beside(place) as beside, beside.open("wb") as file:
                np.save(file, recording.features, allow_pickle=False)


WRITERS: dict[str, Write] = {".parquet": write_parquet, ".npz": write_npz}
"""By the suffix of what they write."""
