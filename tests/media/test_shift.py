"""Sound moved in time: the pictures stay what they are, the clicks move by what was asked."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from seehear.errors import MediaError
from seehear.media import encode
from seehear.media.decode import open_media
from seehear.media.shift import shift_sound
from seehear.media.sound import read_sound

OLD = {"codec": "mpeg1video", "time_base": Fraction(1, 25)}


def packets(path: Path) -> list[tuple[bytes, Fraction, bool]]:
    """Picture packets: content, time after the first one, key frame or not."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        found = [packet for packet in container.demux(stream) if packet.size]
        begin = min(packet.pts for packet in found if packet.pts is not None)
        return [(bytes(packet), (packet.pts - begin) * stream.time_base, packet.is_keyframe) for packet in found]


def starts(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [float(s.start_time * s.time_base) for s in container.streams if s.start_time is not None]


@pytest.mark.parametrize("earlier_s", [0.1, -0.2503])
@pytest.mark.parametrize(
    ("source", "codec", "rate"),
    [
        ("s.mp4", "aac", 44_100),
        ("s.mkv", "libmp3lame", 44_100),
        ("s.mkv", "libopus", 48_000),
        ("s.mov", "pcm_s16le", 48_000),
        ("s.mkv", "flac", 44_100),
    ],
)
@pytest.mark.parametrize("target", ["t.mp4", "t.mkv", "t.mov", "t.ts", "t.flv"])
def test_sound_moves_and_pictures_stay(
    source: str, codec: str, rate: int, target: str, earlier_s: float, movie: Any, tmp_path: Path
) -> None:
    track = movie.sound(codec=codec, rate=rate, start=0.032, clicks=[0.6, 1.0, 1.52])
    src, dst = movie(source, sounds=[track], options={"bf": "2", "preset": "fast"}), tmp_path / target
    before = read_sound(src)
    was = movie.late_ms(before, track)
    shift_sound(src, dst, earlier_s)
    assert movie.late_ms(read_sound(dst), track) - was == pytest.approx(-1000 * earlier_s, abs=1)
    with open_media(dst) as media:
        assert movie.numbers(media.pictures()) == list(range(50))
    if target.endswith(".ts"):  # packets are the same, in other wrapping
        assert [packet[1:] for packet in packets(src)] == [packet[1:] for packet in packets(dst)]
    else:
        assert [packet[0] for packet in packets(src)] == [packet[0] for packet in packets(dst)]
        times = zip(packets(src), packets(dst), strict=True)
        assert all(abs(one[1] - two[1]) <= Fraction(1, 1000) for one, two in times)
    assert max(starts(dst)) - min(starts(dst)) < 0.001


def test_sound_of_every_kind_begins_and_ends_right(movie: Any, tmp_path: Path) -> None:
    track = movie.sound(codec="flac", rate=48_000, clicks=np.arange(0.01, 1.99, 0.05).tolist())
    src = movie("s.mkv", sounds=[track])
    for earlier_s in (0.25, -0.25):
        dst = tmp_path / "t.mkv"
        shift_sound(src, dst, earlier_s)
        moved = read_sound(dst).between(0, 3)
        wanted = read_sound(src).between(earlier_s, 3 + earlier_s)
        if earlier_s < 0:
            assert not moved[:3900].any()
        assert np.abs(moved - wanted).max() < 0.01


def test_lossless_sound_stays_lossless(movie: Any, tmp_path: Path) -> None:
    for source, codec, target in (
        ("s.mkv", "flac", "t.mkv"),
        ("s.mov", "pcm_s24le", "t.mkv"),
        ("s.mkv", "flac", "t.mov"),
    ):
        src, dst = movie(source, sounds=[movie.sound(codec=codec, rate=48_000)]), tmp_path / target
        shift_sound(src, dst, 0.125)
        assert np.array_equal(native(dst), native(src)[:, 6000:])


def native(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
        kind = {2: 15, 4: 31}[frames[0].to_ndarray().itemsize]
        return np.concatenate([frame.to_ndarray().reshape(1, -1) for frame in frames], axis=1) / 2.0**kind


def test_all_streams_and_what_is_said_about_them_are_kept(movie: Any, tmp_path: Path) -> None:
    tracks = [
        movie.sound(clicks=[0.5], layout="stereo", rate=48_000),
        movie.sound(clicks=[1.0], codec="ac3", layout="5.1(side)", rate=48_000, bit_rate=640_000),
    ]
    src = movie("s.mkv", sounds=tracks, metadata={"title": "a talk"}, turn=90, tags=(1, 1))
    dst = tmp_path / "t.mp4"
    shift_sound(src, dst, 0.2)
    with av.open(str(dst)) as container:
        assert container.metadata["title"] == "a talk"
        first, second = container.streams.audio
        assert (first.codec_context.name, first.layout.name, first.rate) == ("aac", "stereo", 48_000)
        assert (second.codec_context.name, second.layout.name) == ("ac3", "5.1(side)")
        assert second.codec_context.bit_rate == 640_000
        heard = {0: [], 1: []}
        for number in heard:
            container.seek(0)
            parts = [frame.to_ndarray() for frame in container.decode(container.streams.audio[number])]
            heard[number] = np.abs(np.concatenate(parts, axis=1)).max(axis=0)
    for number, click in ((0, 0.3), (1, 0.8)):
        loud = np.flatnonzero(heard[number] > 0.2)
        assert loud.mean() / 48_000 == pytest.approx(click + 0.002, abs=0.002)
    with open_media(dst) as media:
        assert next(media.pictures()).shape == (96, 64)


def test_subtitles_and_chapters_go_along(movie: Any, tmp_path: Path) -> None:
    src = tmp_path / "s.mkv"
    plain = movie("plain.mkv")
    with av.open(str(plain)) as source, av.open(str(src), "w") as out:
        targets = {s.index: out.add_stream_from_template(s, opaque=True) for s in source.streams}
        words = out.add_mux_stream("subrip", time_base=Fraction(1, 1000))
        out.set_chapters(
            [{"id": 1, "start": 0, "end": 1000, "time_base": Fraction(1, 1000), "metadata": {"title": "one"}}]
        )
        out.start_encoding()
        for packet in source.demux():
            if packet.size:
                packet.stream = targets[packet.stream.index]
                out.mux(packet)
        line = av.Packet(b"hello")
        line.pts = line.dts = 500
        line.duration = 400
        line.time_base = Fraction(1, 1000)
        line.stream = words
        out.mux(line)
    for name in ("t.mkv", "t.mp4"):
        dst = tmp_path / name
        shift_sound(src, dst, 0.1)
        with av.open(str(dst)) as container:
            assert [chapter["metadata"]["title"] for chapter in container.chapters()] == ["one"]
            if name == "t.mkv":
                (line,) = [packet for packet in container.demux(subtitles=0) if packet.size]
                assert bytes(line) == b"hello"
                assert line.pts * line.time_base == Fraction(1, 2)


def test_old_material(movie: Any, tmp_path: Path) -> None:
    track = movie.sound(codec="mp2", clicks=[0.6, 1.5])
    src = movie("s.mpg", sounds=[track], **OLD)
    for name in ("t.mpg", "t.mkv", "t.mp4", "t.mov", "t.ts"):
        dst = tmp_path / name
        shift_sound(src, dst, 0.2)
        assert movie.late_ms(read_sound(dst), track) == pytest.approx(-200, abs=1)
        with open_media(dst) as media:
            assert movie.numbers(media.pictures()) == list(range(50))


def test_joined_recordings(movie: Any, tmp_path: Path) -> None:
    track = movie.sound(clicks=[0.5, 1.52], codec="mp2", rate=48_000)
    part = movie("part.ts", sounds=[track], options={"bf": "0"}).read_bytes()
    src, dst = tmp_path / "joined.ts", tmp_path / "t.mp4"
    src.write_bytes(part * 2)
    shift_sound(src, dst, -0.1)
    with open_media(dst) as media:
        assert movie.numbers(media.pictures()) == list(range(50)) * 2
    track.clicks = [0.5, 1.52, 2.5, 3.52]
    assert movie.late_ms(read_sound(dst), track, high=5) == pytest.approx(100, abs=2)


@pytest.mark.parametrize(("rate", "layout"), [(48_000, "stereo"), (32_000, "mono")])
def test_sound_that_changes_its_kind_in_the_middle(rate: int, layout: str, movie: Any, tmp_path: Path) -> None:
    first = movie("one.ts", sounds=[movie.sound(clicks=[0.5, 1.52], codec="mp2", rate=48_000)], options={"bf": "0"})
    track = movie.sound(clicks=[0.5, 1.52], codec="mp2", rate=rate, layout=layout)
    second = movie("two.ts", sounds=[track], options={"bf": "0"})
    src, dst = tmp_path / "joined.ts", tmp_path / "t.mkv"
    src.write_bytes(first.read_bytes() + second.read_bytes())
    shift_sound(src, dst, 0.1)
    track.clicks = [0.5, 1.52, 2.5, 3.52]
    late = movie.late_ms(read_sound(src), track, high=5)
    assert movie.late_ms(read_sound(dst), track, high=5) - late == pytest.approx(-100, abs=2)


@pytest.mark.parametrize("name", ["t.mkv", "t.mp4", "t.ts"])
def test_a_gap_without_picture_and_sound_is_closed(name: str, movie: Any, tmp_path: Path) -> None:
    stamps = [Fraction(k, 25) for k in range(25)] + [200 + Fraction(k, 25) for k in range(25)]
    track = movie.sound(clicks=[0.5, 200.5], seconds=201, holes=[(1, 200)], rate=16_000, codec="mp2")
    src, dst = movie("s.mkv", stamps=stamps, sounds=[track]), tmp_path / name
    shift_sound(src, dst, 0.1)
    track.clicks = [0.5, 1.5]
    assert movie.late_ms(read_sound(dst), track) == pytest.approx(-100, abs=2)
    with open_media(dst) as media:
        assert movie.numbers(media.pictures()) == list(range(50))
        assert media.duration_s < 3


@pytest.mark.parametrize("name", ["t.mkv", "t.mp4", "t.ts"])
def test_a_hole_in_the_sound_alone_becomes_silence(name: str, movie: Any, tmp_path: Path) -> None:
    stamps = [Fraction(k) for k in range(60)]
    track = movie.sound(clicks=[0.5, 50.5], seconds=60, holes=[(1, 50)], rate=16_000, codec="mp2")
    src, dst = movie("s.mkv", stamps=stamps, sounds=[track]), tmp_path / name
    shift_sound(src, dst, 0.1)
    sound = read_sound(dst)
    for low in (0.0, 50.0):
        near = movie.sound(clicks=[low + 0.5])
        assert movie.late_ms(sound, near, low=low, high=low + 1.5) == pytest.approx(-100, abs=2)


def test_real_recordings(shared: Path, movie: Any, tmp_path: Path) -> None:
    data = shared / "data"
    for src, name in (
        (sorted((data / "grid_s1/video").glob("*.mp4"))[0], "t.mp4"),
        (sorted((data / "grid_s1/original_mpg").glob("*.mpg"))[0], "t.mkv"),
        (sorted((data / "grid_s1/original_mpg").glob("*.mpg"))[0], "t.mp4"),
        (sorted((data / "cremad_sample").glob("*.flv"))[0], "t.flv"),
    ):
        dst = tmp_path / name
        shift_sound(src, dst, 0.15)
        before, after = read_sound(src).between(0.15, 2), read_sound(dst).between(0, 1.85)
        assert np.corrcoef(before, after)[0, 1] > 0.95
        assert [packet[0] for packet in packets(src)] == [packet[0] for packet in packets(dst)]


def test_what_cannot_be_done_is_a_sentence_and_leaves_nothing(movie: Any, tmp_path: Path) -> None:
    src = movie()
    folder = tmp_path / "out"
    folder.mkdir()
    cases = [
        (src, src, "source itself"),
        (src, folder / "t.xyz", "suffix"),
        (src, folder / "t", "suffix"),
        (src, folder / "t.webm", "use .mp4"),
        (src, folder / "t.mpg", "use .mp4"),
        (src, tmp_path / "no" / "t.mp4", "no folder"),
        (tmp_path / "no.mp4", folder / "t.mp4", "does not exist"),
        (movie("silent.mp4", sounds=[]), folder / "t.mp4", "no audio"),
        (movie("blind.m4a", codec=None), folder / "t.mp4", "no video stream"),
    ]
    (folder / "d.mp4").mkdir()
    cases.append((src, folder / "d.mp4", "folder"))
    before = src.read_bytes()
    for source, target, words in cases:
        with pytest.raises(MediaError, match=words) as error:
            shift_sound(source, target, 0.1)
        assert str(error.value).endswith(".")
    assert [path.name for path in folder.iterdir()] == ["d.mp4"]
    assert src.read_bytes() == before


def test_a_link_to_the_source_is_the_source(movie: Any, tmp_path: Path) -> None:
    src = movie()
    (tmp_path / "link.mp4").symlink_to(src)
    with pytest.raises(MediaError, match="source itself"):
        shift_sound(src, tmp_path / "link.mp4", 0.1)


@pytest.mark.parametrize("room", [0, 2000, 6000])
def test_a_full_disk_is_a_sentence_and_leaves_nothing(
    room: int, movie: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    src = movie()
    folder = tmp_path / "out"
    folder.mkdir()
    real = Path.open

    def small(path: Path, mode: str = "r", *rest: Any, **named: Any) -> Any:
        file = real(path, mode, *rest, **named)
        return Small(file, room) if "x" in mode else file

    monkeypatch.setattr(encode.Path, "open", small)
    with pytest.raises(MediaError, match="No space left"):
        shift_sound(src, folder / "t.mp4", 0.1)
    assert not list(folder.iterdir())


class Small:
    """A file on a disk that is nearly full."""

    def __init__(self, file: Any, room: int) -> None:
        self.file, self.room = file, room
        self.read, self.seek, self.tell, self.truncate = file.read, file.seek, file.tell, file.truncate

    def write(self, data: bytes) -> int:
        if self.file.tell() + len(data) > self.room:
            raise OSError(28, "No space left on device")
        return int(self.file.write(data))

    def __enter__(self) -> Small:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()


def test_a_target_that_exists_is_replaced_only_when_whole(movie: Any, tmp_path: Path) -> None:
    dst = tmp_path / "t.mp4"
    dst.write_bytes(b"old")
    with pytest.raises(MediaError):
        shift_sound(movie("silent.mp4", sounds=[]), dst, 0.1)
    assert dst.read_bytes() == b"old"
    shift_sound(movie(), dst, 0.1)
    assert len(dst.read_bytes()) > 1000
