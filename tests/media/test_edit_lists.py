"""Edit lists: what was cut away stays cut away in a file whose sound is moved, and the pictures stay in step."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from seehear.errors import MediaError
from seehear.media.decode import open_media
from seehear.media.edit_lists import read_edit_list
from seehear.media.shift import shift_sound
from seehear.media.sound import read_sound


def boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        found.append((kind, data[at + 8 : at + size]))
        at += size
    return found


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, kind) + body


def inside(data: bytes, *kinds: bytes) -> bytes:
    for kind in kinds:
        data = next(body for found, body in boxes(data) if found == kind)
    return data


def with_edits(src: Path, dst: Path, edits: list[tuple[float, float | None]]) -> Path:
    """The same file with every track cut as an editor does: (seconds shown, from where on; None: nothing)."""
    data = src.read_bytes()
    scale = struct.unpack_from(">I", inside(data, b"moov", b"mvhd"), 12)[0]
    tracks = b""
    for kind, body in boxes(inside(data, b"moov")):
        if kind == b"trak":
            media_scale = struct.unpack_from(">I", inside(body, b"mdia", b"mdhd"), 12)[0]
            old = inside(body, b"edts", b"elst")
            begin = max(
                struct.unpack_from(">i", old, 12 + 12 * k)[0] for k in range(struct.unpack_from(">I", old, 4)[0])
            )
            entries = b"".join(
                struct.pack(
                    ">IiI",
                    round(length * scale),
                    -1 if start is None else begin + round(start * media_scale),
                    1 << 16,
                )
                for length, start in edits
            )
            elst = box(b"edts", box(b"elst", struct.pack(">II", 0, len(edits)) + entries))
            parts = [(k, b) for k, b in boxes(body) if k != b"edts"]
            body = b"".join(box(k, b) + (elst if k == b"tkhd" else b"") for k, b in parts)
        tracks += box(kind, body)
    top = [(kind, body) for kind, body in boxes(data) if kind != b"moov"]
    dst.write_bytes(b"".join(box(kind, body) for kind, body in top) + box(b"moov", tracks))
    return dst


def shown(path: Path, movie: Any) -> list[int]:
    with open_media(path) as media:
        return list(movie.numbers(media.pictures()))


def film(movie: Any) -> Path:
    """Four seconds that click at irregular times; only every fiftieth picture stands alone."""
    clicks = [0.3, 0.75, 1.1, 1.42, 1.9, 2.23, 2.6, 3.1, 3.35, 3.7]
    track = movie.sound(clicks=clicks, seconds=4, rate=48_000)
    options = {"g": "50", "bf": "2", "preset": "fast", "sc_threshold": "0"}
    return Path(movie("film.mp4", stamps=[Fraction(k, 25) for k in range(100)], sounds=[track], options=options))


CUTS = {
    "head and tail": [(2.0, 0.68)],
    "middle": [(0.8, 0.2), (1.0, 2.48)],
    "three parts": [(0.52, 2.4), (0.48, 0.32), (0.8, 3.0)],
    "shown late": [(0.4, None), (2.0, 0.68)],
    "between two pictures": [(0.81, 0.21), (1.0, 2.49)],
}


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize("edits", CUTS.values(), ids=CUTS)
def test_a_fixed_file_shows_and_plays_what_the_edits_say(
    edits: list[tuple[float, float | None]], suffix: str, movie: Any, tmp_path: Path
) -> None:
    src, dst = with_edits(film(movie), tmp_path / "cut.mp4", edits), tmp_path / f"fixed{suffix}"
    numbers = shown(src, movie)
    length = sum(length for length, start in edits if start is not None)
    assert len(numbers) == pytest.approx(length * 25, abs=2)
    assert read_edit_list(src) is not None
    shift_sound(src, dst, 0.1)
    assert shown(dst, movie) == numbers
    with open_media(dst) as media:
        assert media.duration_s == pytest.approx(length, abs=0.15)
    before, after = read_sound(src).between(0.1, length), read_sound(dst).between(0, length - 0.1)
    assert np.corrcoef(before, after)[0, 1] > 0.9
    assert read_sound(dst).duration_s == pytest.approx(read_sound(src).duration_s - 0.1, abs=0.05)


def test_a_second_fix_keeps_the_cuts(movie: Any, tmp_path: Path) -> None:
    src = with_edits(film(movie), tmp_path / "cut.mp4", CUTS["middle"])
    shift_sound(src, tmp_path / "one.mp4", 0.1)
    shift_sound(tmp_path / "one.mp4", tmp_path / "two.mov", -0.1)
    assert shown(tmp_path / "two.mov", movie) == shown(src, movie)


def test_what_was_cut_away_and_is_not_needed_is_not_in_the_file(movie: Any, tmp_path: Path) -> None:
    src = with_edits(film(movie), tmp_path / "cut.mp4", [(0.6, 2.4)])
    shift_sound(src, tmp_path / "fixed.mp4", 0.1)
    with av.open(str(tmp_path / "fixed.mp4"), container_options={"ignore_editlist": "1"}) as container:
        stored = sum(packet.size > 0 for packet in container.demux(video=0))
    assert stored == pytest.approx(25, abs=3)  # from the picture at 2 s, which stands alone, to that at 3 s


@pytest.mark.parametrize("name", ["fixed.mkv", "fixed.ts"])
def test_a_container_without_edit_lists_is_refused(name: str, movie: Any, tmp_path: Path) -> None:
    src = with_edits(film(movie), tmp_path / "cut.mp4", CUTS["head and tail"])
    with pytest.raises(MediaError, match=r"edit list.*\.mp4"):
        shift_sound(src, tmp_path / name, 0.1)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("name", ["fixed.mkv", "fixed.mp4", "fixed.ts"])
def test_a_cut_between_pictures_that_stand_alone_needs_no_list(name: str, movie: Any, tmp_path: Path) -> None:
    src = with_edits(film(movie), tmp_path / "cut.mp4", [(1.0, 2.0)])
    numbers = shown(src, movie)
    assert numbers == list(range(50, 75))
    assert read_edit_list(src) is None
    shift_sound(src, tmp_path / name, 0.1)
    assert shown(tmp_path / name, movie) == numbers
