"""Shards: plain tar files by WebDataset's rules, clips in them as they were."""

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from fake_reader import make_clip
from seehear.data.corpus import Corpus
from seehear.data.datasets import Source, Span
from seehear.data.manifest import BLOCK, pack, pack_members, unpack


def test_any_tar_reader_reads_them(corpus_folder: Path) -> None:
    corpus = Corpus(corpus_folder)
    names = []
    for path in sorted(corpus_folder.glob("shard-*.tar")):
        with tarfile.open(path, "r:") as shard:
            names += shard.getnames()
            assert all(member.isreg() and member.mtime == 0 and member.uid == 0 for member in shard)
    keys = corpus.manifest["key"].to_pylist()
    assert names == [
        f"{key}.{suffix}" for key in keys for suffix in ("mp4", "flac", "json")
    ]  # a key's members together
    assert len(set(keys)) == len(keys)
    assert not any("." in key for key in keys)


def test_manifest_points_at_the_members(corpus_folder: Path) -> None:
    for row in Corpus(corpus_folder).manifest.to_pylist()[::7]:
        path = corpus_folder / f"shard-{row['shard']:06d}.tar"
        with tarfile.open(path) as shard:
            for member, suffix in (("video", "mp4"), ("audio", "flac"), ("meta", "json")):
                info = shard.getmember(f"{row['key']}.{suffix}")
                assert (info.offset_data, info.size) == (row[f"{member}_offset"], row[f"{member}_size"])
            meta = json.load(shard.extractfile(f"{row['key']}.json"))  # type: ignore[arg-type]
        assert (meta["frames"], meta["source"], meta["track"]) == (row["frames"], row["source"], row["track"])


def test_shards_hold_four_and_the_rest(corpus_folder: Path) -> None:
    assert np.bincount(Corpus(corpus_folder).manifest["shard"].to_numpy()).tolist() == [4] * 6 + [1]


def test_blocks_are_whole() -> None:
    packed = pack_members("k", {"video": b"x" * 513, "audio": b"", "meta": b"y" * 512})
    assert len(packed.blocks) == BLOCK * (1 + 2 + 1 + 0 + 1 + 1)
    start, size = packed.spans["meta"]
    assert packed.blocks[start : start + size] == b"y" * 512


def test_same_clip_same_bytes() -> None:
    source = Source(Path("x"), "x")
    assert pack("k", make_clip("x", 0, 20), source).blocks == pack("k", make_clip("x", 0, 20), source).blocks


def test_clip_comes_back() -> None:
    clip = make_clip("x", 1, 30)
    spans = {"words": [Span("before", 0.0, 1.0), Span("here", 2.5, 3.0)]}
    packed = pack("k", clip, Source(Path("/somewhere/x.mp4"), "x.mp4", {"speaker": "Zoë"}, spans))
    parts = [packed.blocks[start : start + size] for start, size in packed.spans.values()]
    back = unpack(*parts)
    assert back.meta == {
        "source": "x.mp4",
        "start_s": 2.0,
        "track": 1,
        "labels": {"speaker": "Zoë"},
        "spans": {"words": [Span("here", 0.5, 1.0)]},
    }
    assert back.video.shape == clip.video.shape
    assert abs(back.video.astype(float) - clip.video).mean() < 8
    np.testing.assert_allclose(back.landmarks, clip.landmarks, atol=0.0051)
    np.testing.assert_allclose(back.audio, clip.audio, atol=1 / 32767)
    assert b"somewhere" not in packed.blocks


def test_landmarks_must_fit_the_frames() -> None:
    packed = pack("k", make_clip("x", 0, 10), Source(Path("x"), "x"))
    mp4, flac, meta = (packed.blocks[start : start + size] for start, size in packed.spans.values())
    told = json.loads(meta)
    told["frames"] = 9
    with pytest.raises(ValueError, match="reshape"):
        unpack(mp4, flac, json.dumps(told).encode())
