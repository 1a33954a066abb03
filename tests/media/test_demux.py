"""Only the file that was given is read; whatever cannot be read gets one sentence."""

from __future__ import annotations

import os
import struct
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from seehear.errors import MediaError
from seehear.media.decode import open_media
from seehear.media.sound import read_sound

opened: list[str] = []


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and isinstance(arguments[0], str | bytes):
        opened.append(os.fsdecode(arguments[0]))


sys.addaudithook(_note)  # sees what Python opens; what FFmpeg opens by itself shows in the access time


def refused(path: Path | str) -> str:
    """The sentence, after making sure that both ways in say it."""
    with pytest.raises(MediaError) as first:
        open_media(path)
    with pytest.raises(MediaError):
        read_sound(path)
    sentence = str(first.value)
    assert sentence.count("\n") == 0
    assert sentence.endswith(".")
    return sentence


POINTERS = {
    "list.m3u8": "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXTINF:2.0,\n{good}\n#EXT-X-ENDLIST\n",
    "list.mp4": "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXTINF:2.0,\nfile://{good}\n#EXT-X-ENDLIST\n",
    "parts.ffconcat": "ffconcat version 1.0\nfile '{good}'\n",
    "parts.mp4": "ffconcat version 1.0\nfile 'file:{good}'\n",
    "call.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
    "a=rtpmap:96 H264/90000\n",
    "stream.mpd": '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles='
    '"urn:mpeg:dash:profile:isoff-on-demand:2011" type="static" mediaPresentationDuration="PT2S"><Period>'
    '<AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1000"><BaseURL>{good}</BaseURL>'
    "</Representation></AdaptationSet></Period></MPD>",
    "tags.txt": ";FFMETADATA1\ntitle=none\n",
    "words.srt": "1\n00:00:01,000 --> 00:00:02,000\nhello\n\n",
}


@pytest.mark.parametrize("name", POINTERS)
def test_files_that_point_to_others_are_refused_and_the_others_never_opened(
    name: str, movie: Any, tmp_path: Path
) -> None:
    good = movie("good.mp4")
    trap = tmp_path / name
    trap.write_text(POINTERS[name].format(good=good))
    never_read(good)
    refused(trap)
    assert was_left_alone(good)


def never_read(path: Path) -> None:
    """Take a file's access time back, so that the next access will show."""
    os.utime(path, ns=(1, path.stat().st_mtime_ns))
    opened.clear()


def was_left_alone(path: Path) -> bool:
    """Whether neither Python nor FFmpeg opened a file since `never_read`."""
    return str(path) not in opened and path.stat().st_atime_ns == 1


def notes_access(folder: Path) -> bool:
    """Whether this file system notes accesses at all."""
    probe = folder / "probe"
    probe.write_text("x")
    never_read(probe)
    probe.read_text()
    return probe.stat().st_atime_ns != 1


@pytest.mark.parametrize("name", ["list.m3u8", "parts.ffconcat", "call.sdp", "stream.mpd"])
def test_the_sentence_says_what_a_pointing_file_is(name: str, tmp_path: Path) -> None:
    trap = tmp_path / name
    trap.write_text(POINTERS[name].format(good="good.mp4"))
    assert "points to other files" in refused(trap)


def test_names_are_only_names(movie: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    good = movie("good.mp4")
    for name in ("concat:a.mp4|b.mp4", "img%03d.png.mp4", "subfile,,start,0,end,9,,:x.mp4", "pipe:0", "-"):
        Path(name).write_bytes(good.read_bytes())
        assert open_media(name).video is not None
    (tmp_path / "img001.png").write_bytes(good.read_bytes())
    for name in (
        "concat:good.mp4",
        "subfile,,start,0,end,0,,:good.mp4",
        "img%03d.png",
        "file:good.mp4",
        "cache:good.mp4",
    ):
        assert "does not exist" in refused(name)
    for name in ("http://localhost:1/a.mp4", "rtsp://localhost:1/a"):
        assert "download" in refused(name)


def test_stills_are_not_videos(tmp_path: Path) -> None:
    import cv2
    import numpy as np

    path = tmp_path / "img001.png"
    path.write_bytes(cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes())
    refused(path)


def test_a_movie_whose_data_lies_elsewhere_is_not_followed(movie: Any, tmp_path: Path) -> None:
    """A QuickTime file can say that its samples are in another file (an alias in `dref`)."""
    other = movie("other.mov", sounds=[])
    trap = tmp_path / "trap.mov"
    trap.write_bytes(with_alias(other.read_bytes(), b"other.mov", str(other).encode()))
    with av.open(str(trap), options={"enable_drefs": "1", "use_absolute_path": "1"}) as container:
        assert len(list(container.decode(video=0))) == 50  # the trap works on who follows it
    never_read(other)
    opened.clear()
    with pytest.raises(MediaError, match="No frame"):
        open_media(trap)
    assert was_left_alone(other)


def test_the_traps_work_on_who_follows_them(movie: Any, tmp_path: Path) -> None:
    good = movie("good.mp4")
    for name, options in (("list.m3u8", {"extension_picky": "0"}), ("parts.ffconcat", {"safe": "0"})):
        trap = tmp_path / name
        trap.write_text(POINTERS[name].format(good=good))
        never_read(good)
        with av.open(str(trap), options=options) as container:
            assert len(list(container.decode(video=0))) == 50
        assert not was_left_alone(good) or not notes_access(tmp_path)


def with_alias(movie: bytes, name: bytes, path: bytes) -> bytes:
    """Replace the data reference of a one-track QuickTime movie by an alias to another file."""
    body = bytearray(150)
    struct.pack_into(">H", body, 0, 0)
    body[10 : 10 + 28] = (bytes([4]) + b"disk").ljust(28, b"\0")
    body[50 : 50 + 64] = (bytes([len(name)]) + name).ljust(64, b"\0")
    struct.pack_into(">hh", body, 130, 1, 1)  # one folder up, one down: FFmpeg wants both
    for kind, text in ((2, b"disk:" + path.replace(b"/", b":")), (18, path)):
        body += struct.pack(">hh", kind, len(text)) + text.ljust(len(text) + len(text) % 2, b"\0")
    body += struct.pack(">hh", -1, 0)
    entry = struct.pack(">I", 12 + len(body)) + b"alis" + struct.pack(">I", 0) + bytes(body)
    box = struct.pack(">I", 16 + len(entry)) + b"dref" + struct.pack(">II", 0, 1) + entry
    place = movie.index(b"dref") - 4
    old = struct.unpack(">I", movie[place : place + 4])[0]
    out = bytearray(movie[:place] + box + movie[place + old :])
    for parent in (b"dinf", b"minf", b"mdia", b"trak", b"moov"):  # all end behind it, so all grow
        start = bytes(out).rindex(parent, 0, place) - 4
        struct.pack_into(">I", out, start, struct.unpack_from(">I", out, start)[0] + len(box) - old)
    return bytes(out)


def test_what_is_not_there_or_not_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "does not exist" in refused(tmp_path / "no.mp4")
    assert "does not exist" in refused(tmp_path / "no" / "no.mp4")
    assert "folder" in refused(tmp_path)
    pipe = tmp_path / "pipe.mp4"
    os.mkfifo(pipe)
    assert "pipe" in refused(pipe)
    assert "cannot be read" in refused("a\0b.mp4")
    locked = tmp_path / "locked.mp4"
    locked.write_bytes(b"x")

    def deny(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", deny)  # root may read everything, so pretend
    assert "permissions" in refused(locked)


@pytest.mark.parametrize(
    "content", [b"", b"hello\n" * 99, os.urandom(4000), b"\0" * 4000, b"RIFF", b"\x1aE\xdf\xa3" * 50]
)
def test_what_is_no_media_file(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    refused(path)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.mpg"])
def test_cut_off_anywhere_it_decodes_the_rest_or_says_a_sentence(name: str, movie: Any, tmp_path: Path) -> None:
    mpeg: dict[str, Any] = {}
    if name == "a.mpg":
        mpeg = {"codec": "mpeg1video", "time_base": Fraction(1, 25), "sounds": [movie.sound(codec="mp2")]}
    whole = movie(name, stamps=[k / 25 for k in range(20)], **mpeg).read_bytes()
    for tenth in range(10):
        path = tmp_path / f"cut{tenth}{Path(name).suffix}"
        path.write_bytes(whole[: len(whole) * tenth // 10])
        try:
            with open_media(path) as media:
                pictures = sum(1 for _ in media.pictures())
            assert media.video is None or 0 < pictures <= 21
            read_sound(path)
        except MediaError:
            continue


def test_cut_off_fragments_and_index_first_files_still_play(movie: Any, tmp_path: Path) -> None:
    whole = movie("a.mp4", container={"movflags": "frag_keyframe+empty_moov"}, options={"g": "5"}).read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole[: len(whole) // 2])
    with open_media(path) as media:
        assert 5 < sum(1 for _ in media.pictures()) < 50
