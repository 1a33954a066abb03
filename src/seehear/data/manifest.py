"""corpus.json, manifest.parquet, tar shards, and what a corpus says of its faces (detector, drawn or filmed).

A clip of sound alone has no KEY.mp4.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from seehear.atomic_io import atomic_write, write_text
from seehear.clip import FPS, Clip
from seehear.data.datasets import Source, Span, spans_within
from seehear.errors import LFS_MARK, CorpusError, LfsPointerError, check_not_lfs_pointer
from seehear.media.encode import decode_clip, decode_sound, encode_clip, encode_sound
from seehear.media.weights import YUNET

FORMAT_VERSION = 1


CORPUS_FILE = "corpus.json"


MANIFEST_FILE = "manifest.parquet"


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
    with atomic_write(path) as temporary, temporary.open("wb") as file:  # pyarrow takes no name that is not UTF-8
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
        check_not_lfs_pointer(Path(f"{root}/{CORPUS_FILE}"), content)
        told: dict[str, Any] = json.loads(content)
        version = told["format_version"]
    except LfsPointerError:
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
            check_not_lfs_pointer(Path(f"{root}/{MANIFEST_FILE}"), file.read(len(LFS_MARK)))
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


BLOCK = tarfile.BLOCKSIZE  # 512: members start and end on whole blocks


END_OF_TAR = bytes(2 * BLOCK)


MEMBERS = ("video", "audio", "meta")


SUFFIXES = {"video": "mp4", "audio": "flac", "meta": "json"}


@dataclass(frozen=True)
class Packed:
    """One clip as bytes of a tar file.

    Attributes:
        blocks: headers and contents of its members, padded to whole blocks.
        spans: offset in ``blocks`` and size of each member's contents, by the names in `MEMBERS`; size 0 for a member
            that there is not.
    """

    blocks: bytes
    spans: dict[str, tuple[int, int]]


def pack(key: str, clip: Clip, source: Source) -> Packed:
    """Encodes a clip of a source and wraps it in tar members. The same clip gives the same bytes."""
    meta = _meta_bytes(clip, source)
    if not clip.has_video:
        return pack_members(key, {"audio": encode_sound(clip.audio), "meta": meta})
    mp4, flac = encode_clip(clip.video, clip.audio)
    return pack_members(key, {"video": mp4, "audio": flac, "meta": meta})


def pack_members(key: str, contents: dict[str, bytes]) -> Packed:
    """Wraps the contents of the members in tar headers that hold no time, no owner and no machine."""
    blocks = bytearray()
    spans = {}
    for member in MEMBERS:
        if member not in contents:
            spans[member] = (len(blocks) + BLOCK, 0)  # where the next one's contents begin
            continue
        info = tarfile.TarInfo(f"{key}.{SUFFIXES[member]}")
        info.size = len(contents[member])
        blocks += info.tobuf(tarfile.USTAR_FORMAT)
        spans[member] = (len(blocks), info.size)
        blocks += contents[member]
        blocks += bytes(-info.size % BLOCK)
    return Packed(bytes(blocks), spans)


def unpack(mp4: bytes, flac: bytes, meta: bytes) -> Clip:
    """Decodes the contents of a clip's three members; of one of sound alone, ``mp4`` is empty.

    Raises:
        MediaError, ValueError, KeyError: the bytes are damaged.
    """
    told = json.loads(meta)
    frames: int = told.pop("frames")
    told.pop("fps")
    landmarks = told.pop("landmarks", None)
    if "spans" in told:
        told["spans"] = {kind: [Span(*span) for span in spans] for kind, spans in told["spans"].items()}
    if landmarks is None:
        return Clip.from_audio(decode_sound(flac), told)
    video, audio = decode_clip(mp4, flac)
    return Clip(video, np.array(landmarks, dtype=np.float32).reshape(frames, 5, 2), audio, told)


def _meta_bytes(clip: Clip, source: Source) -> bytes:
    """KEY.json: where the clip came from, labels, spans on the clip's clock, landmarks to 0.01 px."""
    start_s = round(float(clip.meta["start_s"]), 4)
    told: dict[str, Any] = {
        "source": source.name,
        "start_s": start_s,
        "track": int(clip.meta["track"]),
        "frames": clip.frames,
        "fps": FPS,
    }
    if source.labels:
        told["labels"] = source.labels
    if source.spans:
        told["spans"] = spans_within(source.spans, start_s, clip.seconds)
    if clip.has_video:
        told["landmarks"] = list(_rounded(clip.landmarks))
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def _rounded(landmarks: NDArray[np.float32]) -> Iterator[list[float]]:
    """Ten numbers a frame: x and y of the five points in turn."""
    for frame in np.round(landmarks.astype(np.float64), 2).reshape(len(landmarks), 10):
        yield frame.tolist()


OLDER = "yunet-opencv"
"""What seehear 0.1 called the published network; for another file, its SHA-256 came behind."""


def recorded_detector(options: Mapping[str, Any]) -> str | None:
    """The name of the detector in the options of a corpus, as it is called today.

    Args:
        options: ``made.options`` of corpus.json.

    Returns:
        Such as ``yunet-2023mar``; None where no faces were looked for: whole frames, or sound alone.
    """
    name, _, digest = str(options.get("detector") or "").partition(" ")
    if name == OLDER:
        return f"{YUNET.kind}-{digest[:8]}" if digest else YUNET.name
    return name or None


@dataclass(frozen=True)
class DetectorProvenance:
    """Which detector has cut the faces that a model was measured on, and those that it learned from.

    Attributes:
        cut: of what it was measured on; none for whole frames.
        learned: of what it learned from; none where that is not known.
    """

    cut: tuple[str, ...] = ()
    learned: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: Mapping[str, Any], cut: Sequence[str]) -> DetectorProvenance:
        """For a model of this config.json, and corpora of these detectors."""
        return cls(tuple(cut), tuple((config.get("trained") or {}).get("detectors", ())))

    def setting(self) -> dict[str, str]:
        """What decides the numbers, for a result's setting."""
        return {"faces found by": " and ".join(self.cut)} if self.cut else {}

    def remarks(self) -> list[str]:
        """A caution where the detectors are not the same, as far as they are known."""
        if not self.learned or set(self.cut) <= set(self.learned):
            return []
        return [
            f"The model learned from faces found by {' and '.join(self.learned)}, these were found by "
            f"{' and '.join(self.cut)}: the figures may differ for that alone."
        ]

    def lines(self) -> list[str]:
        """Both, for a result that prints as lines."""
        return [f"{name} {value}" for name, value in self.setting().items()] + self.remarks()


FaceKind = Literal["drawn", "filmed", "drawn and filmed"]


AVATAR_LABELS = ("crf", "level_db", "reverberation_s", "clip_db")
"""What `seehear avatars` tells of each of its films, how it was encoded and recorded; no data set of real ones does."""


def face_kind(manifest: pa.Table) -> FaceKind | None:
    """What faces the clips of a manifest show; None where none has pictures.

    A clip is drawn if it has all of `AVATAR_LABELS`, which survive `prepare` and `curate`. Avatars that were prepared
    without their labels.csv are taken to be filmed.
    """
    seen = manifest["video_size"].to_numpy() > 0
    if not seen.any():
        return None
    drawn = np.ones(manifest.num_rows, bool)
    for label in AVATAR_LABELS:
        column = LABEL_PREFIX + label
        known = manifest[column].is_valid().to_numpy() if column in manifest.column_names else False
        drawn &= known
    drawn = drawn[seen]
    return "drawn" if drawn.all() else "drawn and filmed" if drawn.any() else "filmed"


def combine_face_kinds(one: FaceKind | None, other: FaceKind | None) -> FaceKind | None:
    """What faces a model has met that first learned from one and then from other clips."""
    if one is None or one == other:
        return other
    return one if other is None else "drawn and filmed"
