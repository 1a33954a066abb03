"""The kinds of files: how each is damaged, and what reads it."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

from mutations import BINARY, TEXT, as_json, mutate, mutate_value
from readers import (
    Reader,
    read_archive,
    read_calibration,
    read_checkpoint,
    read_corpus,
    read_delays,
    read_labelled_folder,
    read_listing,
    read_media,
    read_model,
    read_pairs_file,
    read_picture,
    read_plan_file,
    read_preset_file,
    read_recipe_file,
    read_training_checkpoint,
)
from seeds import DECOYS


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
        return rng.choice((
            "one", "two", "a/b", "../up", "a/../../up", str(self.decoys / "planted"), "/etc/planted", "C:\\planted",
            "..\\up", "one/two", "n" * 300, "a\x00b", "é", ".unpacking/x", "con", "", "./", "a//b", "a/.", "one ",
        ))  # fmt: skip

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
