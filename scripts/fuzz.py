"""Feed damaged and hostile files to everything in seehear that reads one, and count what goes wrong.

    python scripts/fuzz.py WORK --files 5000              # goes on where the last call with this WORK ended
    python scripts/fuzz.py WORK --only manifest yaml-plan --files 1000
    python scripts/fuzz.py WORK --again manifest:1234     # one file, in this process, with its traceback

WORK holds the seeds (small files that our own writers made), ``state.json`` (how many files of each kind were tried
and what they gave) and ``findings/KIND/NUMBER*`` (the inputs that failed). File number N of a kind is always the same
bytes: its mutations are drawn from the kind and N.

A worker process reads one file after another. The parent watches it from outside. What counts as a fault:

- ``traceback``: any exception but `SeehearError`;
- ``hang``: more than SECONDS; ``memory``: more than MEMORY_MB above what the process had before the file;
- ``died``: the process crashed;
- ``touched``: a file was opened, written or removed, a socket connected or a program started that the call does not
  name. Python's own calls are seen by an audit hook; what FFmpeg opens by itself is seen by inotify, in a folder of
  decoys that the mutated files point to.
"""

from __future__ import annotations

import argparse
import ctypes
import io
import json
import os
import random
import re
import shutil
import signal
import struct
import sys
import tarfile
import tempfile
import time
import traceback
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

SECONDS = 20.0
MEMORY_MB = 1024
DECOYS = "decoys"

Reader = Callable[[Path], None]
"""Reads the file, or the folder, as the public function for it does."""


# Mutations -----------------------------------------------------------------------------------------------------------

INTEGERS = (
    0,
    1,
    2,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    1 << 62,
    (1 << 64) - 1,
)

BOXES = re.compile(
    rb"moov|mdat|trak|mdia|minf|stbl|stsd|stts|stsz|stco|co64|elst|edts|tkhd|mvhd|mdhd|ctts|stsc|stss|ftyp|free|hdlr"
    rb"|RIFF|fmt |data|LIST|idx1|strl|strh|strf|avih|fLaC|IHDR|IDAT|\x1a\x45\xdf\xa3|\x16\x54\xae\x6b|\x1f\x43\xb6\x75"
)

WORDS = (
    "nan", "-nan", "inf", "-inf", "1e999", "-1", "0", "1e308", "99999999999999999999999999", "null", "true", "[]", "{}",
    "''", '"', "\x00", "\ufeff", "\u202e", "é" * 9, "../" * 8 + "etc/passwd", "/etc/passwd", "C:\\x", "a" * 300,
    "[" * 3000, "{" * 3000, "!!python/object/apply:os.system ['touch decoy']", "!!python/name:os.system", "!!binary x",
    "!!timestamp 9999-99-99", "!!int x", "!!float .", "2001-99-99", "&a [*a]", "*nope", "<<: *a", "? [a]: b", "0x",
    "1_000", "0b2", "1:99:99", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "x" * 200_000, "\n" * 5000,
)  # fmt: skip


def _flip(data: bytearray, rng: random.Random, _: list[bytes]) -> bytearray:
    for _n in range(rng.choice((1, 1, 2, 5, 20, 100))):
        if data:
            data[_place(data, rng)] ^= 1 << rng.randrange(8)
    return data


def _place(data: bytearray, rng: random.Random) -> int:
    """Headers matter more than contents: half of all places are in the first 512 or the last 512 bytes, or at a box."""
    kind = rng.randrange(4)
    if kind == 0:
        return rng.randrange(min(512, len(data)))
    if kind == 1:
        return len(data) - 1 - rng.randrange(min(512, len(data)))
    if kind == 2 and (boxes := [match.start() for match in BOXES.finditer(data)]):
        return min(len(data) - 1, max(0, rng.choice(boxes) + rng.randrange(-4, 48)))
    return rng.randrange(len(data))


def _cut(data: bytearray, rng: random.Random, _: list[bytes]) -> bytearray:
    return data[: _place(data, rng) if data else 0]


def _remove(data: bytearray, rng: random.Random, _: list[bytes]) -> bytearray:
    start = _place(data, rng) if data else 0
    return data[:start] + data[start + rng.choice((1, 3, 8, 100, 5000)) :]


def _double(data: bytearray, rng: random.Random, _: list[bytes]) -> bytearray:
    start = _place(data, rng) if data else 0
    piece = data[start : start + rng.choice((1, 8, 64, 512, 5000))]
    return data[:start] + piece * rng.choice((2, 2, 3, 50)) + data[start + len(piece) :]


def _splice(data: bytearray, rng: random.Random, others: list[bytes]) -> bytearray:
    other = rng.choice(others)
    start, place = (_place(data, rng) if data else 0), (rng.randrange(len(other)) if other else 0)
    return data[:start] + other[place : place + rng.choice((16, 256, 4096, len(other)))] + data[start:]


def _integer(data: bytearray, rng: random.Random, _: list[bytes]) -> bytearray:
    for _n in range(rng.choice((1, 1, 3))):
        width, order = rng.choice((1, 2, 4, 4, 4, 8)), rng.choice("<>")
        if len(data) > width:
            place = min(_place(data, rng), len(data) - width)
            value = rng.choice(INTEGERS) & ((1 << (8 * width)) - 1)
            data[place : place + width] = value.to_bytes(width, "little" if order == "<" else "big")
    return data


def _box(data: bytearray, rng: random.Random, _: list[bytes]) -> bytearray:
    """Damage a box: its size, its name, itself twice, or not at all there."""
    boxes = [match.start() for match in BOXES.finditer(data)]
    if not boxes:
        return _integer(data, rng, [])
    at = rng.choice(boxes)
    kind = rng.randrange(4)
    if kind == 0 and at >= 4:
        data[at - 4 : at] = struct.pack(">I", rng.choice(INTEGERS) & 0xFFFFFFFF)
    elif kind == 1:
        data[at + 4 : at + 8] = struct.pack("<I", rng.choice(INTEGERS) & 0xFFFFFFFF)
    elif kind == 2:
        data[at : at + 4] = data[(other := rng.choice(boxes)) : other + 4]
    else:
        size = int.from_bytes(data[max(0, at - 4) : at], "big") % 5000 + 8
        piece = data[max(0, at - 4) : at - 4 + size]
        data[max(0, at - 4) : max(0, at - 4) + (0 if rng.random() < 0.5 else size)] = piece * rng.choice((0, 2, 3))
    return data


def _word(data: bytearray, rng: random.Random, _: list[bytes]) -> bytearray:
    """Put a hostile word in the place of a value of a text."""
    text = data.decode("utf-8", "replace")
    values = list(re.finditer(r"[\w.+/-]+", text))
    word = rng.choice(WORDS)
    if not values or rng.random() < 0.2:
        place = rng.randrange(len(text) + 1)
        text = text[:place] + word + text[place:]
    else:
        hit = rng.choice(values)
        text = text[: hit.start()] + word + text[hit.end() :]
    return bytearray(text.encode("utf-8", "replace"))


def _line(data: bytearray, rng: random.Random, _: list[bytes]) -> bytearray:
    """Move, double, drop, or deepen a line."""
    lines = data.split(b"\n")
    place, kind = rng.randrange(len(lines)), rng.randrange(5)
    if kind == 0:
        lines.insert(rng.randrange(len(lines)), lines[place])
    elif kind == 1:
        del lines[place]
    elif kind == 2:
        lines[place] = b"  " * rng.randrange(1, 5) + lines[place]
    elif kind == 3:
        lines[place] = lines[place].lstrip()
    else:
        lines[place] = lines[place] * rng.choice((2, 100))
    return bytearray(b"\n".join(lines))


def _encoding(data: bytearray, rng: random.Random, _: list[bytes]) -> bytearray:
    text = data.decode("utf-8", "replace")
    return bytearray(text.encode(rng.choice(("utf-16", "utf-32", "utf-16-be", "cp037", "utf-7")), "replace"))


BINARY = (_flip, _flip, _cut, _remove, _double, _splice, _integer, _integer, _box)
TEXT = (_word, _word, _word, _word, _line, _line, _flip, _cut, _splice, _double, _encoding)


def mutate(seed: bytes, rng: random.Random, others: list[bytes], ways: tuple[Any, ...]) -> bytes:
    """One to four mutations of a file's bytes."""
    data = bytearray(seed)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
        data = rng.choice(ways)(data, rng, others)
    return bytes(data[: 8 << 20])


def mutate_value(value: Any, rng: random.Random) -> Any:
    """Change one place in JSON values: another type, an extreme number, a missing or strange key."""
    odd = [
        None,
        True,
        -1,
        0,
        1 << 70,
        float("nan"),
        float("inf"),
        1e308,
        "",
        "x" * 5000,
        "../../etc",
        [],
        {},
        [[[]]],
        {"a": 1},
    ]
    odd += [1 << 30, 10**9, -(1 << 31), [1] * 1000, "sync", "\ud800"]
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(sorted(value))
        kind = rng.random()
        if kind < 0.12:
            return {name: part for name, part in value.items() if name != key}
        if kind < 0.2:
            return value | {str(rng.choice(odd))[:50]: rng.choice(odd)}
        return value | {key: mutate_value(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.8:
        place = rng.randrange(min(len(value), 50))
        return [*value[:place], mutate_value(value[place], rng), *value[place + 1 :]]
    return rng.choice(odd)


def as_json(value: Any) -> bytes:
    """With what JSON does not know, as Python writes it."""
    return json.dumps(value).encode()


# Seeds ---------------------------------------------------------------------------------------------------------------


def make_seeds(folder: Path) -> None:
    """Write one small good file of each kind with our own writers, once."""
    import av
    import numpy as np

    from seehear import prepare
    from seehear.config import resource_folder

    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    sound = (rng.normal(size=16_000) * 3000).astype(np.int16)
    pictures = rng.integers(0, 255, (12, 64, 64, 3), dtype=np.uint8)
    containers = {
        "mp4": ("libx264", "aac"),
        "mkv": ("libx264", "pcm_s16le"),
        "avi": ("mpeg4", "mp3"),
        "mov": ("mjpeg", "pcm_s16le"),
    }
    containers |= {
        "webm": ("libvpx", "libopus"),
        "ts": ("mpeg2video", "mp2"),
        "mxf": ("mpeg2video", "pcm_s16le"),
        "flv": ("flv1", "aac"),
    }
    containers |= {
        "wav": (None, "pcm_s16le"),
        "flac": (None, "flac"),
        "ogg": (None, "libopus"),
        "mp3": (None, "mp3"),
        "m4a": (None, "aac"),
    }
    for suffix, (video, audio) in containers.items():
        target = folder / f"media.{suffix}"
        try:
            with av.open(str(target), "w") as out:
                streams = []
                if video:
                    seen = out.add_stream(
                        video, rate=25, width=64, height=64, pix_fmt="yuvj420p" if video == "mjpeg" else "yuv420p"
                    )
                    streams.append(seen)
                heard = out.add_stream(
                    audio, rate=48_000 if "opus" in audio or suffix == "mxf" else 16_000, layout="mono"
                )
                for number, picture in enumerate(pictures if video else ()):
                    frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format=seen.pix_fmt)
                    frame.pts = number
                    out.mux(seen.encode(frame))
                frame = av.AudioFrame.from_ndarray(sound[None], "s16", "mono")
                frame.sample_rate, frame.pts = 16_000, 0
                for part in av.AudioResampler(heard.format.name, "mono", heard.rate).resample(frame):
                    for piece in _pieces(part, heard):
                        out.mux(heard.encode(piece))
                for stream in (*streams, heard):
                    out.mux(stream.encode(None))
        except (av.FFmpegError, ValueError) as error:
            print(f"no seed {target.name}: {error}")
            target.unlink(missing_ok=True)
    import cv2

    for suffix in ("png", "jpg", "webp", "tiff", "bmp"):
        cv2.imwrite(str(folder / f"still.{suffix}"), pictures[0])
    films = folder / "films"
    films.mkdir(exist_ok=True)
    shutil.copy(folder / "media.mp4", films / "one.mp4")
    shutil.copy(folder / "media.mkv", films / "two.mkv")
    prepare([films], folder / "corpus", faces="whole-frame", workers=1, min_seconds=0.2)
    for kind, place in (("plan", ("benchmark", "plans")), ("recipe", ("recipes",)), ("preset", ("presets",))):
        for entry in resource_folder(place).iterdir():
            if entry.name.endswith(".yaml"):
                (folder / f"{kind}-{entry.name}").write_bytes(entry.read_bytes())
    shutil.copytree(Path(str(resource_folder(("weights",)))) / "sync-small", folder / "model", dirs_exist_ok=True)


def _pieces(frame: Any, stream: Any) -> Iterator[Any]:
    """The encoder may want frames of one size."""
    import av

    size = stream.codec_context.frame_size or frame.samples
    fifo = av.AudioFifo()
    fifo.write(frame)
    yield from fifo.read_many(size)


# Kinds: what is mutated, and what reads it ---------------------------------------------------------------------------


class Kinds:
    """The kinds of files: each makes file number N in a folder, and reads it."""

    def __init__(self, work: Path) -> None:
        """With the seeds in ``work``."""
        self.seeds, self.decoys = work / "seeds", work / DECOYS
        self.media = [path.read_bytes() for path in sorted(self.seeds.glob("media.*"))]
        self.names = sorted(
            name.removeprefix("make_").replace("_", "-") for name in dir(self) if name.startswith("make_")
        )

    def make(self, kind: str, number: int, folder: Path) -> tuple[Path, Reader]:
        """Write file ``number`` of a kind, the same bytes every time, and return it with what reads it."""
        rng = random.Random(f"{kind}:{number}")
        return getattr(self, "make_" + kind.replace("-", "_"))(rng, folder)

    def make_media(self, rng: random.Random, folder: Path) -> tuple[Path, Reader]:
        """Containers and streams."""
        seed = rng.choice(sorted(self.seeds.glob("media.*")))
        path = folder / f"file{seed.suffix}"
        path.write_bytes(mutate(seed.read_bytes(), rng, self.media, BINARY))
        return path, read_media

    def make_still(self, rng: random.Random, folder: Path) -> tuple[Path, Reader]:
        """Pictures, some of which claim to be gigantic or are."""
        seed = rng.choice(sorted(self.seeds.glob("still.*")))
        path = folder / f"file{seed.suffix}"
        if rng.random() < 0.1:
            width, height = rng.choice((1, 9000, 30_000, 65_535, 1 << 30)), rng.choice((1, 9000, 30_000, 65_535))
            path = folder / "file.png"
            path.write_bytes(png_bomb(width, height, rng.choice((1, 8, 16)), rng.choice((0, 2, 6))))
        else:
            path.write_bytes(mutate(seed.read_bytes(), rng, self.media, BINARY))
        return path, read_picture

    def make_playlist(self, rng: random.Random, folder: Path) -> tuple[Path, Reader]:
        """Texts that make FFmpeg open other files, whatever their name ends in."""
        target = rng.choice(
            (
                str(self.decoys / "media.wav"),
                f"file:{self.decoys}/media.mp4",
                "http://127.0.0.1:9/x",
                "../decoys/media.wav",
            )
        )
        texts = (
            f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{target}\n#EXT-X-ENDLIST\n",
            f"ffconcat version 1.0\nfile '{target}'\nduration 3\n",
            f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\na={target}\n",
            f'<?xml version="1.0"?><MPD type="static"><Period><AdaptationSet><Representation id="1"><BaseURL>{target}'
            "</BaseURL></Representation></AdaptationSet></Period></MPD>",
            f"<asx version='3.0'><entry><ref href='{target}'/></entry></asx>",
            f"[playlist]\nFile1={target}\nNumberOfEntries=1\n",
            f"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY x SYSTEM '{target}'>]><a>&x;</a>",
            f"movie={target}",
        )
        path = (
            folder / f"file.{rng.choice(('m3u8', 'mp4', 'wav', 'mkv', 'txt', 'ffconcat', 'sdp', 'mpd', 'xml', 'avi'))}"
        )
        data = bytearray(rng.choice(texts).encode())
        if rng.random() < 0.5:
            data = bytearray(mutate(bytes(data), rng, self.media, TEXT))
        path.write_bytes(data)
        return path, read_media

    def make_reference(self, rng: random.Random, folder: Path) -> tuple[Path, Reader]:
        """MP4 and MOV whose data reference names another file."""
        seed = (self.seeds / rng.choice(("media.mp4", "media.mov", "media.m4a"))).read_bytes()
        target = str(self.decoys / "media.mov").encode()
        entry = struct.pack(">I4sI", 12 + len(target) + 1, b"url ", 0) + target + b"\0"
        alias = bytes(150) + struct.pack(">HH", 2, len(target)) + target + bytes(8)
        if rng.random() < 0.5:
            entry = struct.pack(">I4sI", 12 + len(alias), b"alis", 0) + alias
        at = seed.find(b"dref")
        data = bytearray(seed[: at + 12] + entry + seed[at + 12 :])
        path = folder / "file.mov"
        path.write_bytes(mutate(bytes(data), rng, self.media, BINARY) if rng.random() < 0.6 else data)
        return path, read_media

    def _corpus(self, folder: Path) -> Path:
        return Path(shutil.copytree(self.seeds / "corpus", folder / "corpus"))

    def make_shard(self, rng: random.Random, folder: Path) -> tuple[Path, Reader]:
        """The tar files of a corpus."""
        corpus = self._corpus(folder)
        shard = sorted(corpus.glob("*.tar"))[0]
        shard.write_bytes(mutate(shard.read_bytes(), rng, self.media, BINARY))
        return corpus, read_corpus

    def make_manifest(self, rng: random.Random, folder: Path) -> tuple[Path, Reader]:
        """The manifest's bytes, with a digest that fits; or its values and columns."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        corpus = self._corpus(folder)
        file = corpus / "manifest.parquet"
        if rng.random() < 0.4:
            file.write_bytes(mutate(file.read_bytes(), rng, self.media, BINARY))
        else:
            table = pq.ParquetFile(file).read()
            rows = table.to_pylist()
            name = rng.choice(table.column_names)
            odd = rng.choice(
                (
                    -1,
                    0,
                    1 << 31,
                    (1 << 63) - 1,
                    None,
                    float("nan"),
                    "../../../etc/passwd",
                    "/etc/passwd",
                    "x" * 100_000,
                    [1],
                    b"\xff",
                )
            )
            kind = rng.randrange(5)
            column = [odd for row in rows]
            try:
                if kind == 0:
                    table = table.drop_columns([name])
                elif kind == 1:
                    table = table.append_column(name, table[name])
                elif kind == 2:
                    table = table.slice(0, rng.choice((0, 1)))
                elif kind == 3:
                    table = table.set_column(table.column_names.index(name), name, pa.array(column))
                else:
                    table = table.set_column(
                        table.column_names.index(name), name, pa.array(column).cast(table[name].type)
                    )
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OverflowError, TypeError):
                table = table.slice(0, 0)
            pq.write_table(table, file)
        if rng.random() < 0.9:
            import hashlib

            told = json.loads((corpus / "corpus.json").read_text())
            told["manifest_sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
            (corpus / "corpus.json").write_text(json.dumps(told))
        return corpus, read_corpus

    def make_corpus_json(self, rng: random.Random, folder: Path) -> tuple[Path, Reader]:
        """corpus.json, as values and as bytes; report.csv."""
        corpus = self._corpus(folder)
        file = corpus / "corpus.json"
        if rng.random() < 0.15:
            report = corpus / "report.csv"
            report.write_bytes(mutate(report.read_bytes(), rng, self.media, TEXT))
        elif rng.random() < 0.6:
            file.write_bytes(as_json(mutate_value(json.loads(file.read_text()), rng)))
        else:
            file.write_bytes(mutate(file.read_bytes(), rng, self.media, TEXT))
        return corpus, read_corpus

    def make_model(self, rng: random.Random, folder: Path) -> tuple[Path, Reader]:
        """The weights and the config.json of a run."""
        model = Path(shutil.copytree(self.seeds / "model", folder / "model"))
        config, weights = model / "config.json", model / "model.safetensors"
        kind = rng.random()
        if kind < 0.45:
            config.write_bytes(as_json(mutate_value(json.loads(config.read_text()), rng)))
        elif kind < 0.6:
            config.write_bytes(mutate(config.read_bytes(), rng, self.media, TEXT))
        elif kind < 0.7:
            weights.write_bytes(pickled(rng, folder))
        else:
            data = weights.read_bytes()
            size = 8 + int.from_bytes(data[:8], "little")
            head = json.loads(data[8:size])
            if rng.random() < 0.5:
                changed = as_json(mutate_value(head, rng))
                weights.write_bytes(len(changed).to_bytes(8, "little") + changed + data[size:])
            else:
                weights.write_bytes(mutate(data, rng, self.media, BINARY))
        return model, read_model

    def make_checkpoint(self, rng: random.Random, folder: Path) -> tuple[Path, Reader]:
        """Files of torch.save, with and without programs in the pickle."""
        import torch

        path = folder / "weights.pt"
        if rng.random() < 0.4:
            path.write_bytes(pickled(rng, folder))
        else:
            stored = io.BytesIO()
            torch.save(
                {"netcnnaud.0.weight": torch.zeros(3, 3)}, stored, _use_new_zipfile_serialization=rng.random() < 0.5
            )
            path.write_bytes(mutate(stored.getvalue(), rng, self.media, BINARY))
        return path, read_checkpoint

    def make_training_checkpoint(self, rng: random.Random, folder: Path) -> tuple[Path, Reader]:
        """The checkpoints that training resumes from."""
        import torch

        path = folder / "last.ckpt"
        if rng.random() < 0.4:
            path.write_bytes(pickled(rng, folder))
        else:
            stored = io.BytesIO()
            torch.save({"state_dict": {"a": torch.zeros(3)}, "epoch": 1}, stored)
            path.write_bytes(mutate(stored.getvalue(), rng, self.media, BINARY))
        return path, read_training_checkpoint

    def make_calibration(self, rng: random.Random, folder: Path) -> tuple[Path, Reader]:
        """The JSON of a calibration of scores."""
        path = folder / "calibration.json"
        source = sorted(Path(str(self.seeds)).parent.glob("seeds/model/*.json"))
        values: dict[str, Any] = {"slope": 3.0, "offset": -1.0, "eer": 0.1, "eer_threshold": 0.2, "prior": 0.5}
        values |= {"seconds": 2.0, "data": "x", "threshold": 0.3, "trials": 100, "kind": "scores", "format": 1}
        if source and rng.random() < 0.3:
            values = json.loads(rng.choice(source).read_text())
        path.write_bytes(
            as_json(mutate_value(values, rng)) if rng.random() < 0.6 else mutate(as_json(values), rng, [], TEXT[:6])
        )
        return path, read_calibration

    def _yaml(self, kind: str, rng: random.Random, folder: Path) -> Path:
        seed = rng.choice(sorted(self.seeds.glob(f"{kind}-*.yaml")))
        others = [path.read_bytes() for path in sorted(self.seeds.glob("*.yaml"))]
        path = folder / "file.yaml"
        if rng.random() < 0.04:
            path.write_bytes(yaml_bomb(rng))
        elif rng.random() < 0.4:
            import yaml

            path.write_text(yaml.safe_dump(mutate_value(yaml.safe_load(seed.read_bytes()), rng)), "utf-8", "replace")
        else:
            path.write_bytes(mutate(seed.read_bytes(), rng, others, TEXT))
        return path

    def make_yaml_plan(self, rng: random.Random, folder: Path) -> tuple[Path, Reader]:
        """Plans of benchmarks."""
        return self._yaml("plan", rng, folder), read_plan_file

    def make_yaml_preset(self, rng: random.Random, folder: Path) -> tuple[Path, Reader]:
        """Presets of training."""
        return self._yaml("preset", rng, folder), read_preset_file

    def make_yaml_recipe(self, rng: random.Random, folder: Path) -> tuple[Path, Reader]:
        """Recipes."""
        return self._yaml("recipe", rng, folder), read_recipe_file

    def make_csv(self, rng: random.Random, folder: Path) -> tuple[Path, Reader]:
        """labels.csv beside its films."""
        films = Path(shutil.copytree(self.seeds / "films", folder / "films"))
        text = 'file,speaker,words\none.mp4,ann,"[[""hello"", 0.1, 0.4], [""you"", 0.4, 0.6]]"\ntwo.mkv,bob,[]\n'
        if rng.random() < 0.2:
            text = text.replace(",", ";").replace('""hello"";', '""hello"",')
        (films / "labels.csv").write_bytes(mutate(text.encode(), rng, [text.encode(), b"\x00\xff\xfe"], TEXT))
        return films, read_labelled_folder

    def make_delays(self, rng: random.Random, folder: Path) -> tuple[Path, Reader]:
        """Known delays for prepare."""
        films = Path(shutil.copytree(self.seeds / "films", folder / "films"))
        text = b"file,delay_ms,verdict\none.mp4,120,late\ntwo.mkv,-40.5,early\n"
        (films / "delays.csv").write_bytes(mutate(text, rng, [text], TEXT))
        return films, read_delays

    def make_pairs(self, rng: random.Random, folder: Path) -> tuple[Path, Reader]:
        """Lists of pairs of recordings."""
        path = folder / "pairs.txt"
        text = b"1 one.wav two.wav\n0 one.wav three.wav\none.wav four.wav\n"
        path.write_bytes(mutate(text, rng, [text], TEXT))
        return path, read_pairs_file

    def make_zip(self, rng: random.Random, folder: Path) -> tuple[Path, Reader]:
        """Downloaded zip files: unsafe paths, links, bombs, damage."""
        path = folder / "download.zip"
        stored = io.BytesIO()
        with zipfile.ZipFile(
            stored, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
        ) as out:
            for _ in range(rng.randrange(1, 5)):
                info = zipfile.ZipInfo(self._member(rng))
                info.external_attr = rng.choice((0o644, 0o120777, 0o020666, 0o040755, 0o104755)) << 16
                info.compress_type = out.compression
                out.writestr(info, rng.choice((b"x", b"/etc/passwd", bytes(3_000_000), os.fsencode(self.decoys))))
        path.write_bytes(
            mutate(stored.getvalue(), rng, self.media, BINARY) if rng.random() < 0.6 else stored.getvalue()
        )
        return path, read_archive

    def make_tar(self, rng: random.Random, folder: Path) -> tuple[Path, Reader]:
        """Downloaded tar files, compressed or not: `..`, absolute paths, links, devices, sparse files, damage."""
        mode = rng.choice(("", "gz"))
        path = folder / f"download.tar{'.gz' if mode else ''}"
        stored = io.BytesIO()
        with tarfile.open(
            fileobj=stored,
            mode=f"w:{mode}",
            format=rng.choice((tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)),
        ) as out:
            for _ in range(rng.randrange(1, 5)):
                info = tarfile.TarInfo(self._member(rng)[:90])
                info.type = rng.choice(
                    (tarfile.REGTYPE,) * 5
                    + (
                        tarfile.SYMTYPE,
                        tarfile.LNKTYPE,
                        tarfile.CHRTYPE,
                        tarfile.FIFOTYPE,
                        tarfile.DIRTYPE,
                        tarfile.GNUTYPE_SPARSE,
                    )
                )
                info.linkname, info.mode = (
                    rng.choice((str(self.decoys), "../" * 6 + "etc", "one")),
                    rng.choice((0o644, 0o7777)),
                )
                data = rng.choice((b"x", bytes(2_000_000)))
                info.size = len(data) if info.isreg() else 0
                with_data = io.BytesIO(data) if info.isreg() else None
                out.addfile(info, with_data)
        data = stored.getvalue()
        if rng.random() < 0.5:
            import gzip

            raw = gzip.decompress(data) if mode else data
            raw = mutate(raw, rng, self.media, BINARY)
            data = gzip.compress(raw, 1) if mode and rng.random() < 0.7 else raw
        path.write_bytes(data)
        return path, read_archive

    def _member(self, rng: random.Random) -> str:
        return rng.choice(
            ("one", "two", "a/b", "../up", "a/../../up", str(self.decoys / "planted"), "/etc/planted", "C:\\planted", "..\\up", "one/two", "n" * 300)
            + ("a\x00b", "é", ".unpacking/x", "con", "", "./", "a//b", "a/.", "one ")
        )  # fmt: skip

    def make_listing(self, rng: random.Random, folder: Path) -> tuple[Path, Reader]:
        """What download servers answer: JSON of Zenodo, CSV of a repository."""
        path = folder / "answer"
        record = {
            "files": [{"key": "a.zip", "size": 3, "checksum": "md5:" + "0" * 32, "links": {"self": "https://x/a"}}]
        }
        path.write_bytes(
            as_json(mutate_value(record, rng))
            if rng.random() < 0.5
            else mutate(as_json(record) + b"\nfile,x\na.wav,1\n", rng, [b"a,b\n"], TEXT)
        )
        return path, read_listing


def png_bomb(width: int, height: int, depth: int, colour: int) -> bytes:
    """A picture of zeros that packs to nothing, or only claims its size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    samples = {0: 1, 2: 3, 6: 4}[colour]
    line = (width * samples * depth + 7) // 8 + 1
    packer = zlib.compressobj(1)
    data = b"".join(
        packer.compress(bytes(min(line, 1 << 20)))
        for _ in range(min(height, 2000, max(1, (64 << 20) // min(line, 1 << 20))))
    )
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data + packer.flush()) + chunk(b"IEND", b"")


def yaml_bomb(rng: random.Random) -> bytes:
    """Aliases of aliases, deep nests, and long keys."""
    levels = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9))
    merges = "\n".join(f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 9)}]}}" for n in range(1, 9))
    return rng.choice(
        (
            f"a0: &a0 [x]\n{levels}\ntasks: *a8\nmodel: *a8\n",
            f"m0: &m0 {{k: v}}\n{merges}\nmodel: *m8\n",
            "model: " + "[" * 20_000,
            "model: " + "{a: " * 5000,
            "model: &x {pretext: *x}\n",
            "tasks: &x {a: *x}\n",
            "? " * 3000 + "a",
            "model: " + "- " * 3000,
            "model: {pretext: " + "9" * 100_000 + "}",
            "data: {seconds: " + "1" * 5000 + "}",
            f"{'k' * 2000}: 1\n" * 500,
        )
    ).encode()


class _Program:
    """Pickles to a call of a program."""

    def __init__(self, call: Any, words: tuple[Any, ...]) -> None:
        self.call, self.words = call, words

    def __reduce__(self) -> Any:
        return self.call, self.words


def pickled(rng: random.Random, folder: Path) -> bytes:
    """Pickles that write a file when read, alone or within what torch saves."""
    import pickle

    import torch

    call = rng.choice(
        (
            (os.system, (f"touch {folder}/ran",)),
            (os.mkdir, (f"{folder}/ran",)),
            (eval, (f"open({str(folder / 'ran')!r}, 'w')",)),
        )
    )
    program = _Program(*call)
    stored = io.BytesIO()
    if rng.random() < 0.5:
        torch.save(
            {"state_dict": program, "weight": torch.zeros(1)}, stored, _use_new_zipfile_serialization=rng.random() < 0.5
        )
        return stored.getvalue()
    return pickle.dumps(program, protocol=rng.choice((0, 2, 5)))


# Readers -------------------------------------------------------------------------------------------------------------


def read_media(path: Path) -> None:
    """Decode pictures and all sounds, as every verb does."""
    from seehear.errors import SeehearError
    from seehear.media.decode import open_media
    from seehear.media.sound import read_all_sounds

    problem: SeehearError | None = None
    try:
        with open_media(path, threads=1) as media:
            for _ in zip(media.pictures(), range(3000)):  # noqa: B905
                pass
    except SeehearError as error:
        problem = error
    for sound in read_all_sounds(path):
        sound.between(0.0, 1.0)
    if problem:
        raise problem


def read_picture(path: Path) -> None:
    """As match reads a face."""
    from seehear.media.still import read_still

    read_still(path)


def read_corpus(path: Path) -> None:
    """Open, take every clip, split, and describe."""
    from seehear import open_corpus
    from seehear.data.report import corpus_info
    from seehear.errors import SeehearError

    problem: SeehearError | None = None
    try:
        print(corpus_info(path).to_dict(), file=io.StringIO())
    except SeehearError as error:
        problem = error
    corpus = open_corpus(path)
    for step in (
        lambda: list(corpus),
        lambda: corpus.split("dev"),
        lambda: corpus.with_sound(),
        lambda: corpus.detectors,
    ):
        try:
            step()
        except SeehearError as error:
            problem = error
    if problem:
        raise problem


def read_model(path: Path) -> None:
    """As every verb loads its model."""
    from seehear import load

    load(path)


def read_checkpoint(path: Path) -> None:
    """As `seehear import` does."""
    from seehear.apps.import_syncnet import import_syncnet

    import_syncnet(path, path.parent / "imported")


def read_training_checkpoint(path: Path) -> None:
    """As resuming does."""
    from lightning_fabric import Fabric

    from seehear.training.checkpoint import load_checkpoint

    load_checkpoint(Fabric(accelerator="cpu", devices=1), path, {})


def read_calibration(path: Path) -> None:
    """Of scores."""
    from seehear.metrics.calibration import ScoreCalibration

    ScoreCalibration.read(path).probability(0.5)


def read_plan_file(path: Path) -> None:
    """Of a benchmark."""
    from seehear.benchmark.reading import read_plan

    read_plan(path)


def read_preset_file(path: Path) -> None:
    """As pretrain does, for the flags and for the settings."""
    from seehear.training.settings import pretext_on_command_line, read_settings

    words = ["--preset", str(path)]
    pretext_on_command_line(words)
    pretext_on_command_line(["--config", str(path)])
    read_settings(str(path))


def read_recipe_file(path: Path) -> None:
    """As `seehear recipe` does."""
    from seehear.recipes.recipe import read_recipe

    read_recipe(str(path))


def read_labelled_folder(path: Path) -> None:
    """As prepare finds files and their labels."""
    from seehear.data.datasets.folder import find_folder

    find_folder([path])


def read_delays(path: Path) -> None:
    """As prepare --delays does."""
    from seehear.data.datasets.folder import find_folder
    from seehear.data.preparation import undo_known_delays

    undo_known_delays(find_folder([path]), path / "delays.csv")


def read_pairs_file(path: Path) -> None:
    """As verify does."""
    from seehear.apps.verify import read_pairs

    read_pairs(path, path.parent)


def read_archive(path: Path) -> None:
    """As a download is unpacked."""
    from seehear.data.transfer import extract_archive

    out = path.parent / "out"
    out.mkdir()
    extract_archive(path, out)


def read_listing(path: Path) -> None:
    """As the answer of a server is read."""
    from seehear.data.hosts import parse_record, parse_recordings
    from seehear.errors import SeehearError

    data, problem = path.read_bytes(), None
    for parse in (parse_record, parse_recordings):
        try:
            parse(data, "https://example.org/x")
        except SeehearError as error:
            problem = error
    if problem:
        raise problem


# The worker: reads files and is watched ------------------------------------------------------------------------------


class Watch:
    """Notes what Python code touches beside the case's folder."""

    def __init__(self) -> None:
        """Hooks cannot be removed: it is told when to look."""
        self.folder: Path | None = None
        self.touched: list[str] = []
        trusted = {
            sys.prefix,
            sys.base_prefix,
            "/usr/lib",
            "/usr/share",
            "/proc",
            "/sys",
            "/dev",
            str(Path(__file__).parents[1] / "src"),
        }
        self.trusted = tuple(os.path.realpath(place) for place in trusted)
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.folder is None:
            return
        if event in ("socket.connect", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork"):
            self.touched.append(f"{event} {arguments[1:2]}")
        elif event == "open" and isinstance(arguments[0], (str, bytes, os.PathLike)):
            writes = (
                bool(arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)) if isinstance(arguments[2], int) else False
            )
            if writes or os.path.isabs(os.fsdecode(arguments[0])):  # rmtree opens names relative to a folder's number
                self._look(event, arguments[0], writes)
        elif event in (
            "os.remove",
            "os.rmdir",
            "os.mkdir",
            "os.rename",
            "os.link",
            "os.symlink",
            "os.truncate",
            "os.chmod",
        ):
            two = event in ("os.rename", "os.link", "os.symlink")
            number = arguments[-1] if event != "os.truncate" and isinstance(arguments[-1], int) else -1
            base = os.readlink(f"/proc/self/fd/{number}") if number >= 0 else ""
            for place in arguments[:2] if two else arguments[:1]:
                if isinstance(place, (str, bytes, os.PathLike)):
                    self._look(event, os.path.join(base, os.fsdecode(place)), True)

    def _look(self, event: str, place: Any, writes: bool) -> None:
        folder, self.folder = self.folder, None  # looking may open
        try:
            real = os.path.realpath(os.fsdecode(place))
            fine = Path(real).is_relative_to(str(folder)) or real == "/dev/null"
            fine = fine or (not writes and real.startswith(self.trusted)) or real.startswith(tempfile.gettempdir())
            if not fine:
                self.touched.append(f"{event} {real}{' (write)' if writes else ''}")
        except ValueError:
            pass
        finally:
            self.folder = folder


class Decoys:
    """Tells by inotify whether anything in a folder was opened or made, by whatever code."""

    def __init__(self, folder: Path) -> None:
        """Watch a folder."""
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._file = self._libc.inotify_init1(os.O_NONBLOCK)
        self._libc.inotify_add_watch(self._file, os.fsencode(folder), 0x20 | 0x100 | 0x200)  # opened, made, removed

    def touched(self) -> bool:
        """Whether there was an event since the last question."""
        try:
            return bool(os.read(self._file, 65536))
        except BlockingIOError:
            return False


def worker(connection: Any, work: Path) -> None:
    """Read what the parent names: (kind, number, folder) -> (outcome, text)."""
    import resource

    os.environ["TMPDIR"] = tempfile.tempdir = tempfile.mkdtemp(prefix="seehear-fuzz-tmp")
    import cv2
    import torch
    import yaml  # noqa: F401

    import seehear.benchmark.reading
    import seehear.data.report
    import seehear.media.still  # noqa: F401

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    kinds, watch, decoys = Kinds(work), Watch(), Decoys(work / DECOYS)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    connection.send(("ready", ""))
    while (task := connection.recv()) is not None:
        kind, number, folder = task
        path, read = kinds.make(kind, number, folder)
        decoys.touched()
        watch.touched.clear()
        connection.send(("reading", ""))
        watch.folder = folder
        try:
            outcome, text = attempt(read, path)
        finally:
            watch.folder = None
        if decoys.touched():
            watch.touched.append("a decoy was opened")
        if (folder / "ran").exists():
            watch.touched.append("a pickle's program was run")
        if watch.touched:
            outcome, text = "touched", "\n".join(watch.touched[:5])
        connection.send((outcome, text))


def attempt(read: Reader, path: Path) -> tuple[str, str]:
    """Read a file: ``read``, ``refused``, or ``traceback`` and its text."""
    from seehear.errors import SeehearError

    try:
        read(path)
    except SeehearError as error:
        if "\n" in str(error).strip() or not str(error):
            return "traceback", f"not one sentence: {error!r}"[:3000]
        return "refused", error.code
    except BaseException:
        return "traceback", traceback.format_exc(limit=-12)[-4000:]
    return "read", ""


# The parent ----------------------------------------------------------------------------------------------------------


def resident_mb(process_id: int) -> float:
    """Memory of a process in MB; 0 if it has ended."""
    try:
        return int(Path(f"/proc/{process_id}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except (OSError, IndexError):
        return 0.0


class Fuzzer:
    """Gives files to one worker, watches it, and keeps count."""

    def __init__(self, work: Path) -> None:
        """Go on with what is in ``work``."""
        self.work = work
        self.state_file = work / "state.json"
        self.state: dict[str, Any] = {"next": {}, "counts": {}, "slowest_s": {}, "largest_mb": {}}
        if self.state_file.is_file():
            self.state |= json.loads(self.state_file.read_text())
        self.process: Any = None

    def start(self) -> None:
        """Start the worker."""
        context = get_context("spawn")
        self.connection, other = context.Pipe()
        self.process = context.Process(target=worker, args=(other, self.work), daemon=True)
        self.process.start()
        other.close()
        self.connection.recv()

    def run(self, kinds: list[str], files: int) -> None:
        """Try ``files`` more, of each kind in turn."""
        for done in range(files):
            kind = kinds[done % len(kinds)]
            number = self.state["next"].get(kind, 0)
            outcome, text, seconds, megabytes = self.one(kind, number)
            self.state["next"][kind] = number + 1
            counts = self.state["counts"].setdefault(kind, {})
            counts[outcome] = counts.get(outcome, 0) + 1
            for name, value in (("slowest_s", seconds), ("largest_mb", megabytes)):
                self.state[name][kind] = round(max(value, self.state[name].get(kind, 0.0)), 2)
            if outcome not in ("read", "refused"):
                place = self.work / "findings" / kind / str(number)
                shutil.copytree(self.work / "case", place, dirs_exist_ok=True, symlinks=True)
                (place / "WHY").write_text(
                    f"{outcome} after {seconds:.1f} s, {megabytes:.0f} MB\n{text}\n", "utf-8", "replace"
                )
                last = text.strip().splitlines()[-1:] or [""]
                print(f"{kind}:{number} {outcome} {last[0][:150]}", flush=True)
            if done % 200 == 199 or done == files - 1:
                self.state_file.write_text(json.dumps(self.state, indent=1))
        if self.process:
            self.process.kill()

    def one(self, kind: str, number: int) -> tuple[str, str, float, float]:
        """Have one file read: outcome, text, seconds, MB."""
        folder = self.work / "case"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        if self.process is None or not self.process.is_alive():
            self.start()
        self.connection.send((kind, number, folder))
        begin, before, most = time.monotonic(), resident_mb(self.process.pid), 0.0
        reading = False
        try:
            while True:
                if self.connection.poll(0.02):
                    outcome, text = self.connection.recv()
                    if outcome != "reading":
                        return outcome, text, time.monotonic() - begin, most
                    begin, before, reading = time.monotonic(), resident_mb(self.process.pid), True
                most = max(most, resident_mb(self.process.pid) - before)
                seconds = time.monotonic() - begin
                if reading and (seconds > SECONDS or most > MEMORY_MB):
                    self.process.kill()
                    self.process.join()
                    return ("hang" if seconds > SECONDS else "memory"), "", seconds, most
        except (EOFError, OSError):
            self.process.join()
            return "died", f"exit code {self.process.exitcode}", time.monotonic() - begin, most

    def summary(self) -> str:
        """A line a kind, and the sum."""
        lines, total = [], Counter[str]()
        for kind, counts in sorted(self.state["counts"].items()):
            total.update(counts)
            figures = f"{self.state['slowest_s'][kind]:6.1f} s {self.state['largest_mb'][kind]:6.0f} MB"
            lines.append(f"{kind:22} {figures}  {counts}")
        return "\n".join([*lines, f"{sum(total.values())} files: {dict(total)}"])


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--only", nargs="*", help="kinds of files")
    parser.add_argument("--again", metavar="KIND:NUMBER", help="read one file in this process")
    options = parser.parse_args()
    work = options.work.absolute()
    if not (work / "seeds" / "complete").exists():
        make_seeds(work / "seeds")
        (work / DECOYS).mkdir(exist_ok=True)
        for seed in (work / "seeds").glob("media.*"):
            shutil.copy(seed, work / DECOYS)
        (work / "seeds" / "complete").touch()
    if options.again:
        kind, _, number = options.again.partition(":")
        folder = work / "again"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        path, read = Kinds(work).make(kind, int(number), folder)
        print(path, attempt(read, path)[1])
        return
    fuzzer = Fuzzer(work)
    fuzzer.run(options.only or Kinds(work).names, options.files)
    print(fuzzer.summary())


if __name__ == "__main__":
    main()
