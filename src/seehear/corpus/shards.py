"""Clips as members of plain tar files, named as WebDataset names them: KEY.mp4, KEY.flac, KEY.json.

A clip of sound alone has no KEY.mp4.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seehear.clip import FPS, Clip
from seehear.corpus.formats.source import Source, Span, spans_within
from seehear.media.clipbytes import decode_clip, decode_sound, encode_clip, encode_sound

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
    if not clip.seen:
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
        return Clip.of_sound(decode_sound(flac), told)
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
    if clip.seen:
        told["landmarks"] = list(_rounded(clip.landmarks))
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def _rounded(landmarks: NDArray[np.float32]) -> Iterator[list[float]]:
    """Ten numbers a frame: x and y of the five points in turn."""
    for frame in np.round(landmarks.astype(np.float64), 2).reshape(len(landmarks), 10):
        yield frame.tolist()
