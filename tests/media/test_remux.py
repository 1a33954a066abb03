"""What a fixed file keeps beside its pixels, and which container takes which pictures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from seehear.errors import MediaError
from seehear.media import shift
from seehear.media.decode import open_media
from seehear.media.remux import suffix_for
from seehear.media.shift import shift_sound
from seehear.media.sound import read_sound

OLD = {"codec": "mpeg1video", "time_base": Fraction(1, 25)}


def first_video(path: Path) -> Any:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        said = {key.lower(): value for key, value in (container.metadata | stream.metadata).items()}
        return stream.codec_context.codec_tag, stream.sample_aspect_ratio, said.get("timecode")


def copied(src: Path, dst: Path, change: Any) -> Path:
    """The same streams in another file, after ``change(source stream, target stream)``."""
    with av.open(str(src)) as source, av.open(str(dst), "w") as out:
        targets = {}
        for stream in source.streams:
            targets[stream.index] = out.add_stream_from_template(stream, opaque=True)
            if stream.type == "video":
                targets[stream.index].codec_context.framerate = stream.average_rate
            change(stream, targets[stream.index])
        for packet in source.demux():
            if packet.size:
                packet.stream = targets[packet.stream.index]
                out.mux(packet)
    return dst


@pytest.mark.parametrize(
    ("tag", "suffix", "wanted"), [("hvc1", ".mp4", "hvc1"), ("hvc1", ".mov", "hvc1"), ("hev1", ".mp4", "hev1")]
)
def test_hevc_keeps_its_tag(tag: str, suffix: str, wanted: str, movie: Any, tmp_path: Path) -> None:
    def change(stream: Any, target: Any) -> None:
        if stream.type == "video":
            target.codec_context.codec_tag = tag

    plain = movie("plain.mp4", codec="libx265", options={"x265-params": "log-level=none", "preset": "ultrafast"})
    src = copied(plain, tmp_path / "s.mp4", change)
    assert first_video(src)[0] == tag
    shift_sound(src, tmp_path / f"t{suffix}", 0.1)
    assert first_video(tmp_path / f"t{suffix}")[0] == wanted


def test_hevc_from_elsewhere_gets_the_tag_that_every_player_takes(movie: Any, tmp_path: Path) -> None:
    src = movie("s.mkv", codec="libx265", options={"x265-params": "log-level=none", "preset": "ultrafast"})
    shift_sound(src, tmp_path / "t.mp4", 0.1)
    assert first_video(tmp_path / "t.mp4")[0] == "hvc1"


@pytest.mark.parametrize("profile", ["0", "3"])
def test_a_flavour_of_prores_stays(profile: str, movie: Any, tmp_path: Path) -> None:
    track = movie.sound(codec="pcm_s16le", rate=48_000)
    stamps = [Fraction(k, 25) for k in range(5)]
    src = movie(
        "s.mov", codec="prores_ks", pix_fmt="yuv422p10le", options={"profile": profile}, sounds=[track], stamps=stamps
    )
    for name in ("t.mov", "t.mkv"):
        shift_sound(src, tmp_path / name, 0.1)
    assert first_video(tmp_path / "t.mov")[0] == first_video(src)[0] == {"0": "apco", "3": "apch"}[profile]


@pytest.mark.parametrize("name", ["t.mp4", "t.mov", "t.mkv"])
def test_an_aspect_of_the_container_is_kept_or_told(name: str, movie: Any, tmp_path: Path) -> None:
    def change(stream: Any, target: Any) -> None:
        if stream.type == "video":
            target.codec_context.sample_aspect_ratio = Fraction(4, 3)

    src = copied(movie("plain.mp4"), tmp_path / "s.mp4", change)
    assert first_video(src)[1] == Fraction(4, 3)
    written = shift_sound(src, tmp_path / name, 0.1)
    kept = first_video(tmp_path / name)[1] == Fraction(4, 3)
    assert kept == (name != "t.mkv")
    assert written.left_out == (() if kept else ("the display aspect of 2:1",))


@pytest.mark.parametrize("name", ["t.mp4", "t.mov", "t.mkv", "t.ts"])
def test_a_start_timecode_is_kept_or_told(name: str, movie: Any, tmp_path: Path) -> None:
    def change(stream: Any, target: Any) -> None:
        if stream.type == "video":
            target.metadata["timecode"] = "01:02:03:04"

    src = copied(movie("plain.mp4"), tmp_path / "s.mov", change)
    with av.open(str(src)) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio", "data"]
    written = shift_sound(src, tmp_path / name, 0.1)
    if name == "t.ts":
        assert written.left_out == ("the start timecode (01:02:03:04)",)
    else:
        assert first_video(tmp_path / name)[2] == "01:02:03:04"


def with_subtitles(plain: Path, dst: Path) -> Path:
    with av.open(str(plain)) as source, av.open(str(dst), "w") as out:
        targets = {s.index: out.add_stream_from_template(s, opaque=True) for s in source.streams}
        words = out.add_mux_stream("subrip", time_base=Fraction(1, 1000))
        words.metadata["language"] = "fra"
        out.start_encoding()
        for packet in source.demux():
            if packet.size:
                packet.stream = targets[packet.stream.index]
                out.mux(packet)
        line = av.Packet("ça va".encode())
        line.pts = line.dts = 500
        line.duration, line.time_base, line.stream = 400, Fraction(1, 1000), words
        out.mux(line)
    return dst


@pytest.mark.parametrize("name", ["t.mp4", "t.mov", "t.mkv", "t.ts"])
def test_text_subtitles_are_written_as_the_container_wants_them_or_told(name: str, movie: Any, tmp_path: Path) -> None:
    src = with_subtitles(movie("plain.mkv"), tmp_path / "s.mkv")
    written = shift_sound(src, tmp_path / name, 0.1)
    if name == "t.ts":
        assert written.left_out == ("subtitles (subrip, fra)",)
        return
    assert written.left_out == ()
    with av.open(str(tmp_path / name)) as container:
        (stream,) = container.streams.subtitles
        assert stream.language == "fra"
        lines = [(packet.pts * packet.time_base, packet.decode()) for packet in container.demux(stream) if packet.size]
    ((time, (line,)),) = [(time, line) for time, line in lines if line]
    assert time == Fraction(1, 2)
    assert line.dialogue.decode() == "ça va"


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("s.wmv", {"codec": "wmv2", "sounds": "wmav2"}),
        ("s.avi", {"codec": "msmpeg4", "sounds": "libmp3lame"}),
        ("s.avi", {"codec": "huffyuv", "pix_fmt": "yuv422p", "sounds": "pcm_s16le"}),
        ("s.avi", {"codec": "dvvideo", "size": (576, 720), "sounds": "pcm_s16le"}),
        ("s.avi", {"codec": "mjpeg", "pix_fmt": "yuvj420p", "sounds": "pcm_s16le"}),
        ("s.3gp", {"codec": "h263", "size": (288, 352), "sounds": "aac"}),
        ("s.flv", {"codec": "flv", "sounds": "libmp3lame"}),
        ("s.mkv", {"codec": "ffv1", "sounds": "flac"}),
    ],
)
def test_every_kind_of_file_has_a_container_that_it_can_be_fixed_in(
    name: str, settings: dict[str, Any], movie: Any, tmp_path: Path
) -> None:
    rate = 44_100 if settings["codec"] == "flv" else 48_000
    track = movie.sound(codec=settings["sounds"], rate=rate, clicks=[0.6, 1.0, 1.52], layout="stereo")
    src = movie(name, **settings | {"time_base": Fraction(1, 25), "sounds": [track]})
    suffix = suffix_for(src)
    assert suffix is not None
    dst = tmp_path / f"fixed{suffix}"
    before = movie.late_ms(read_sound(src), track)
    with open_media(src) as media:
        numbers = movie.numbers(media.pictures())
    shift_sound(src, dst, 0.2)
    assert movie.late_ms(read_sound(dst), track) - before == pytest.approx(-200, abs=2)
    with open_media(dst) as media:
        assert movie.numbers(media.pictures()) == numbers


def test_a_container_that_does_not_take_the_pictures_names_one_that_does(movie: Any, tmp_path: Path) -> None:
    src = movie("s.wmv", codec="wmv2", time_base=Fraction(1, 25), sounds=[movie.sound(codec="wmav2", rate=48_000)])
    with pytest.raises(MediaError, match=r"use \.wmv"):
        shift_sound(src, tmp_path / "t.mkv", 0.1)
    assert not (tmp_path / "t.mkv").exists()


def test_a_file_that_does_not_show_what_the_source_does_is_not_written(
    movie: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    src = movie()
    real = shift.needs_packet
    seen = iter(range(1000))
    monkeypatch.setattr(shift, "needs_packet", lambda cuts, packet: real(cuts, packet) and next(seen) < 40)
    with pytest.raises(MediaError, match=r"shows \d+ frames instead of 50"):
        shift_sound(src, tmp_path / "t.mp4", 0.1)
    assert [path.name for path in tmp_path.iterdir()] == [src.name]
