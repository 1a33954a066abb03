"""Files of a corpus: corpus.json, manifest.parquet and tar shards; the detector and the kind of its faces.

An audio-only clip has no KEY.mp4.
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
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from seehear.atomic_io import atomic_write, write_text
from seehear.clip import FPS, Clip
from seehear.data.datasets import Source, Span, spans_within
from seehear.errors import LFS_MARK, CorpusError, LfsPointerError, check_not_lfs_pointer, parse_json
from seehear.media.encode import decode_clip, decode_sound, encode_clip, encode_sound
from seehear.media.weights import YUNET

FORMAT_VERSION = 1


CORPUS_FILE = "corpus.json"


MANIFEST_FILE = "manifest.parquet"


LABEL_PREFIX = "label_"  # of label columns, so that they differ from all others


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
    """Return the file name of a shard."""
    return f"shard-{number:06d}.tar"


def to_table(rows: Sequence[Row]) -> pa.Table:
    """Convert rows to a table: the columns of `SCHEMA`, then a text column for each label, sorted by name."""
    labels = sorted({column for row in rows for column in row if column.startswith(LABEL_PREFIX)})
    schema = pa.schema([*SCHEMA, *((column, pa.string()) for column in labels)])
    return pa.Table.from_pylist(list(rows), schema=schema)


def label_columns(table: pa.Table) -> list[str]:
    """Return the names of the labels of a manifest."""
    return [name.removeprefix(LABEL_PREFIX) for name in table.column_names if name.startswith(LABEL_PREFIX)]


def write_manifest(folder: Path, rows: Sequence[Row]) -> str:
    """Write the manifest and return its SHA-256, which identifies the corpus for views and runs."""
    path = folder / MANIFEST_FILE
    with atomic_write(path) as temporary, temporary.open("wb") as file:  # pyarrow refuses names that are not UTF-8
        pq.write_table(to_table(rows), file, compression="zstd")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_corpus_file(folder: Path, content: dict[str, Any]) -> None:
    """Write ``corpus.json``, the last file of a preparation: if it exists, the corpus is complete."""
    content = {"format_version": FORMAT_VERSION, **content}
    write_text(folder / CORPUS_FILE, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def read_corpus_file(fs: fsspec.AbstractFileSystem, root: str) -> dict[str, Any]:
    """Read and check ``corpus.json``.

    Raises:
        CorpusError: no corpus, or it is unfinished, damaged, or of another version
    """
    try:
        text = fs.cat_file(f"{root}/{CORPUS_FILE}")
        check_not_lfs_pointer(Path(f"{root}/{CORPUS_FILE}"), text)
        content: dict[str, Any] = parse_json(text)
        version = content["format_version"]
        if version == FORMAT_VERSION:
            _check_content(content)
    except LfsPointerError:
        raise
    except (FileNotFoundError, NotADirectoryError):
        raise CorpusError(_why_no_corpus(fs, root)) from None
    except (ValueError, KeyError, TypeError) as error:
        raise CorpusError(f"{root}/{CORPUS_FILE} is damaged ({error}); prepare the corpus again") from error
    if version != FORMAT_VERSION:
        raise CorpusError(
            f"{root} has corpus format {version}, but this version of seehear reads format {FORMAT_VERSION}; "
            f"prepare it again, or use the seehear {content.get('seehear', 'version')} that made it"
        )
    return content


def read_manifest(fs: fsspec.AbstractFileSystem, root: str) -> pa.Table:
    """Read the manifest of a corpus, after its ``corpus.json`` was checked.

    Raises:
        CorpusError: missing, damaged, or a column is missing
    """
    try:
        with fs.open(f"{root}/{MANIFEST_FILE}", "rb") as file:
            check_not_lfs_pointer(Path(f"{root}/{MANIFEST_FILE}"), file.read(len(LFS_MARK)))
            file.seek(0)
            # not read_table: its threads keep the file open a little longer, and a process that ends then is aborted
            table = pq.ParquetFile(file).read(use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise CorpusError(
            f"{root}/{MANIFEST_FILE} cannot be read ({' '.join(str(error).split())}); prepare the corpus again"
        ) from error
    if problem := _manifest_problem(table):
        raise CorpusError(f"{root}/{MANIFEST_FILE} {problem}; prepare the corpus again")
    return table


def _check_content(content: dict[str, Any]) -> None:
    """Check the keys that are used everywhere.

    Raises:
        ValueError, TypeError, KeyError: one is missing, or of another type
    """
    options = content["made"]["options"]
    if not isinstance(options, dict):
        raise TypeError("its options are not a mapping")
    for name, value, kind in (
        ("size", options.get("size", 0), int),  # readers of plugins may have none
        ("shards", content["shards"], int),
        ("format", options["format"], str),
        ("manifest_sha256", content["manifest_sha256"], str),
        ("seehear", content["seehear"], str),
    ):
        if not isinstance(value, kind):
            raise TypeError(f"{name} is {str(value)[:80]!r}")


def _manifest_problem(table: pa.Table) -> str | None:
    """What is wrong with the columns of a manifest: a stranger may have written it."""
    for field in SCHEMA:
        count = table.column_names.count(field.name)
        if count != 1:
            return f"has no column {field.name}" if not count else f"has the column {field.name} {count} times"
        column = table[field.name]
        if column.type != field.type or column.null_count:
            return f"has other values than {field.type} in its column {field.name}"
        if pa.types.is_integer(field.type) and field.name != "track" and (pc.min(column).as_py() or 0) < 0:
            return f"has negative numbers in its column {field.name}"
    for name in table.column_names:
        if not name.startswith(LABEL_PREFIX):
            continue
        if table.column_names.count(name) > 1 or table[name].type not in (pa.string(), pa.null()):
            return f"has a column {name} that is not text"
    return None


def _why_no_corpus(fs: fsspec.AbstractFileSystem, root: str) -> str:
    if not fs.exists(root):
        return f"{root} does not exist; name a folder that seehear prepare has made"
    if not fs.isdir(root):
        return f"{root} is not a corpus; name a folder that seehear prepare has made"
    if fs.exists(f"{root}/.staging"):
        return f"{root} is unfinished; run the same seehear prepare again, which resumes it"
    return f"{root} is not a corpus (it has no {CORPUS_FILE}); name a folder that seehear prepare has made"


BLOCK = tarfile.BLOCKSIZE  # 512: members are padded to whole blocks


END_OF_TAR = bytes(2 * BLOCK)


MEMBERS = ("video", "audio", "meta")


SUFFIXES = {"video": "mp4", "audio": "flac", "meta": "json"}


@dataclass(frozen=True)
class Packed:
    """A clip as bytes of a tar file.

    Attributes:
        blocks: headers and contents of its members, padded to whole blocks
        spans: name in `MEMBERS` -> offset of the contents in ``blocks``, and their size; 0 for a missing member
    """

    blocks: bytes
    spans: dict[str, tuple[int, int]]


def pack(key: str, clip: Clip, source: Source) -> Packed:
    """Encode a clip of a source as tar members; the same clip gives the same bytes."""
    meta = _meta_bytes(clip, source)
    if not clip.has_video:
        return pack_members(key, {"audio": encode_sound(clip.audio), "meta": meta})
    mp4, flac = encode_clip(clip.video, clip.audio)
    return pack_members(key, {"video": mp4, "audio": flac, "meta": meta})


def pack_members(key: str, contents: dict[str, bytes]) -> Packed:
    """Add tar headers without time and owner to the contents of the members."""
    blocks = bytearray()
    spans = {}
    for member in MEMBERS:
        if member not in contents:
            spans[member] = (len(blocks) + BLOCK, 0)  # where the contents of the next one begin
            continue
        info = tarfile.TarInfo(f"{key}.{SUFFIXES[member]}")
        info.size = len(contents[member])
        blocks += info.tobuf(tarfile.USTAR_FORMAT)
        spans[member] = (len(blocks), info.size)
        blocks += contents[member]
        blocks += bytes(-info.size % BLOCK)
    return Packed(bytes(blocks), spans)


def unpack(mp4: bytes, flac: bytes, meta: bytes) -> Clip:
    """Decode the three members of a clip; ``mp4`` is empty if it is audio only.

    Raises:
        MediaError, ValueError, KeyError: the bytes are damaged
    """
    content = parse_json(meta)
    frames: int = content.pop("frames")
    content.pop("fps")
    landmarks = content.pop("landmarks", None)
    if "spans" in content:
        content["spans"] = {kind: [Span(*span) for span in spans] for kind, spans in content["spans"].items()}
    if landmarks is None:
        return Clip.from_audio(decode_sound(flac), content)
    video, audio = decode_clip(mp4, flac)
    return Clip(video, np.array(landmarks, dtype=np.float32).reshape(frames, 5, 2), audio, content)


def _meta_bytes(clip: Clip, source: Source) -> bytes:
    """Return KEY.json: origin of the clip, labels, spans on its time line, landmarks to 0.01 px."""
    start_s = round(float(clip.meta["start_s"]), 4)
    content: dict[str, Any] = {
        "source": source.name,
        "start_s": start_s,
        "track": int(clip.meta["track"]),
        "frames": clip.frames,
        "fps": FPS,
    }
    if source.labels:
        content["labels"] = source.labels
    if source.spans:
        content["spans"] = spans_within(source.spans, start_s, clip.seconds)
    if clip.has_video:
        content["landmarks"] = list(_rounded(clip.landmarks))
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def _rounded(landmarks: NDArray[np.float32]) -> Iterator[list[float]]:
    """Yield ten numbers for each frame: x and y of the five points."""
    for frame in np.round(landmarks.astype(np.float64), 2).reshape(len(landmarks), 10):
        yield frame.tolist()


_OLD_NAME = "yunet-opencv"
"""Name of the published network in seehear 0.1; for other files it was followed by their SHA-256."""


def recorded_detector(options: Mapping[str, Any]) -> str | None:
    """Return the current name of the face detector of a corpus.

    Args:
        options: ``made.options`` of corpus.json

    Returns:
        Such as ``yunet-2023mar``; None for whole frames and audio only.
    """
    name, _, digest = str(options.get("detector") or "").partition(" ")
    if name == _OLD_NAME:
        return f"{YUNET.kind}-{digest[:8]}" if digest else YUNET.name
    return name or None


@dataclass(frozen=True)
class DetectorProvenance:
    """Face detectors of the data that a model is evaluated on, and of its training data.

    Attributes:
        cut: of the evaluation data; empty for whole frames
        learned: of the training data; empty if unknown
    """

    cut: tuple[str, ...] = ()
    learned: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: Mapping[str, Any], cut: Sequence[str]) -> DetectorProvenance:
        """Create from the config.json of a model and the detectors of corpora."""
        return cls(tuple(cut), tuple((config.get("trained") or {}).get("detectors", ())))

    def setting(self) -> dict[str, str]:
        """Return the entry for the settings of a result."""
        return {"faces found by": " and ".join(self.cut)} if self.cut else {}

    def remarks(self) -> list[str]:
        """Return a caution if the detectors are known and differ."""
        if not self.learned or set(self.cut) <= set(self.learned):
            return []
        return [
            f"The model was trained on faces found by {' and '.join(self.learned)}, these were found by "
            f"{' and '.join(self.cut)}: the figures may differ for that alone."
        ]

    def lines(self) -> list[str]:
        """Return settings and remarks as lines."""
        return [f"{name} {value}" for name, value in self.setting().items()] + self.remarks()


FaceKind = Literal["drawn", "filmed", "drawn and filmed"]


AVATAR_LABELS = ("crf", "level_db", "reverberation_s", "clip_db")
"""Labels of encoding and recording that only `seehear avatars` gives to its videos."""


def face_kind(manifest: pa.Table) -> FaceKind | None:
    """Return the kind of faces in the clips of a manifest; None if all are audio only.

    A clip is drawn if it has all of `AVATAR_LABELS`, which `prepare` and `curate` keep. Avatars prepared without their
    labels.csv count as filmed.
    """
    has_video = manifest["video_size"].to_numpy() > 0
    if not has_video.any():
        return None
    drawn = np.ones(manifest.num_rows, bool)
    for label in AVATAR_LABELS:
        column = LABEL_PREFIX + label
        known = manifest[column].is_valid().to_numpy() if column in manifest.column_names else False
        drawn &= known
    drawn = drawn[has_video]
    return "drawn" if drawn.all() else "drawn and filmed" if drawn.any() else "filmed"


def combine_face_kinds(one: FaceKind | None, other: FaceKind | None) -> FaceKind | None:
    """Combine the kinds of faces of two trainings of a model."""
    if one is None or one == other:
        return other
    return one if other is None else "drawn and filmed"
