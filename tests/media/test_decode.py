"""Pictures at 25 a second: which source picture comes when, upright, from any kind of stream."""

from __future__ import annotations

import gc
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from seehear.errors import MediaError
from seehear.media.decode import open_media
from seehear.media.sound import read_sound

STEADY = {"time_base": Fraction(1, 25)}  # what encoders of old codecs insist on


def even(rate: Fraction | int, count: int, start: Fraction | float = 0) -> list[Fraction]:
    return [Fraction(start) + k / Fraction(rate) for k in range(count)]


def nearest(stamps: list[Fraction], ticks: int) -> list[int]:
    """The oracle: for each tick, the picture that is nearest in time."""
    times = [stamp - stamps[0] for stamp in stamps]
    return [min(range(len(times)), key=lambda k: abs(times[k] - Fraction(tick, 25))) for tick in range(ticks)]


@pytest.mark.parametrize(
    "rate", [1, 5, Fraction(25, 2), 24, Fraction(24_000, 1001), 25, Fraction(30_000, 1001), 30, 50, 60, 120]
)
def test_any_rate_becomes_25_by_the_nearest_timestamp(rate: Fraction | int, movie: Any) -> None:
    stamps = even(rate, max(3, int(2 * rate)))
    with open_media(movie(stamps=stamps, sounds=[])) as media:
        pictures = list(media.pictures())
        assert media.video is not None
        assert media.video.fps == pytest.approx(float(rate), rel=0.02)
    assert [picture.index for picture in pictures] == list(range(len(pictures)))
    assert len(pictures) == pytest.approx(len(stamps) / rate * 25, abs=1)
    assert movie.numbers(pictures) == nearest(stamps, len(pictures))
    assert abs(len(pictures) - media.video.frames_estimate) <= 2


def test_a_rate_that_varies(movie: Any) -> None:
    gaps = np.random.default_rng(0).choice([1, 1, 1, 2, 3, 9], 60) * Fraction(1, 100)
    stamps = [sum(gaps[:k], Fraction(0)) for k in range(60)]
    with open_media(movie(stamps=stamps, sounds=[])) as media:
        pictures = list(media.pictures())
    assert movie.numbers(pictures)[:-1] == nearest(stamps, len(pictures))[:-1]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.mov", "a.flv"])
@pytest.mark.parametrize("start", [0, 0.48, 5])
def test_the_clock_begins_with_the_first_picture_wherever_that_is(name: str, start: float, movie: Any) -> None:
    track = movie.sound(start=start + 0.1, clicks=[start + 0.5, start + 1.4])
    path = movie(name, stamps=even(25, 50, start), sounds=[track], options={"bf": "2", "preset": "fast"})
    with open_media(path) as media:
        assert movie.numbers(media.pictures()) == list(range(50))
    track.clicks = [click - start for click in track.clicks]
    assert movie.late_ms(read_sound(path), track) == pytest.approx(0, abs=1)


@pytest.mark.parametrize("turn", [0, 90, 180, -90])
def test_rotation_flags_are_undone(turn: int, movie: Any) -> None:
    def draw(number: int, size: tuple[int, int]) -> np.ndarray:
        upright = np.full((96, 64, 3) if turn % 180 else (64, 96, 3), 40, np.uint8)
        upright[:16, :16] = 220  # top left when upright
        upright[:16, 32:] = 120
        return np.rot90(upright, turn // -90)

    with open_media(movie(turn=turn, draw=draw, sounds=[])) as media:
        first = next(media.pictures())
        assert media.video is not None
        assert first.shape == ((96, 64) if turn % 180 else (64, 96)) == (media.video.height, media.video.width)
    for image in (first.luma(), first.small_bgr(96)[0][..., 1], first.crop(np.eye(2, 3), first.shape)[..., 1]):
        assert image[:14, :14].mean() > 190
        assert 90 < image[:14, 36:60].mean() < 150
        assert image[20:].mean() < 70


@pytest.mark.parametrize("aspect", [Fraction(16, 11), Fraction(8, 9)])
def test_pixels_become_square(aspect: Fraction, movie: Any) -> None:
    def disc(number: int, size: tuple[int, int]) -> np.ndarray:
        rows, columns = np.mgrid[: size[0], : size[1]] + 0.5
        inside = np.hypot((columns - size[1] / 2) * float(aspect), rows - size[0] / 2) < 24
        return np.repeat(np.where(inside, 220, 30).astype(np.uint8)[..., None], 3, axis=2)

    with open_media(movie(aspect=aspect, draw=disc, size=(96, 128), sounds=[])) as media:
        picture = next(media.pictures())
    height, width = picture.shape
    assert width / height == pytest.approx(float(aspect * 128 / 96), rel=0.02)
    for image in (picture.luma(), picture.crop(np.eye(2, 3), picture.shape)[..., 1], picture.small_bgr(999)[0][..., 1]):
        inside = np.argwhere(image > 125)
        across, down = np.ptp(inside[:, 1]), np.ptp(inside[:, 0])
        assert across == pytest.approx(down, abs=2)


@pytest.mark.parametrize("size", [(16, 16), (18, 34), (50, 66), (2, 2), (1080, 1920)])
def test_sizes(size: tuple[int, int], movie: Any) -> None:
    def grey(number: int, size: tuple[int, int]) -> np.ndarray:
        return np.full((*size, 3), 60 * number + 60, np.uint8)

    with open_media(movie(size=size, draw=grey, stamps=even(25, 3), sounds=[])) as media:
        pictures = list(media.pictures())
    assert [picture.shape for picture in pictures] == [size] * 3
    means = [picture.luma().mean() for picture in pictures]
    assert means == pytest.approx([16 + 219 / 255 * level for level in (60, 120, 180)], abs=2)


@pytest.mark.parametrize("size", [(17, 35), (33, 18)])
def test_odd_sizes(size: tuple[int, int], movie: Any) -> None:
    path = movie("a.mkv", codec="ffv1", size=size, stamps=even(25, 3), sounds=[])
    with open_media(path) as media:
        picture = next(media.pictures())
    assert picture.shape == picture.luma().shape == picture.crop(np.eye(2, 3), size).shape[:2] == size


def test_8k_is_shrunk_at_once(movie: Any) -> None:
    path = movie(size=(4320, 7680), stamps=even(25, 1), sounds=[])
    with open_media(path, threads=1) as media:
        pictures = list(media.pictures())
        assert media.video is not None
        assert (media.video.height, media.video.width) == pictures[0].shape == (1080, 1920)
    assert movie.numbers(pictures) == [0]


@pytest.mark.parametrize(
    ("name", "codec", "settings"),
    [
        ("a.avi", "mpeg4", {"options": {"bf": "2"}, **STEADY}),
        ("a.avi", "mjpeg", {"pix_fmt": "yuvj420p", **STEADY}),
        ("a.mpg", "mpeg1video", STEADY),
        ("a.ts", "mpeg2video", STEADY),
        ("a.webm", "libvpx-vp9", {"options": {"deadline": "realtime", "cpu-used": "8"}}),
        ("a.h264", "libx264", STEADY),
        ("a.m4v", "mpeg4", STEADY),
        ("a.gif", "gif", {"pix_fmt": "rgb8", "time_base": Fraction(1, 100)}),
        ("a.mkv", "libx264", {"options": {"g": "12", "bf": "3", "preset": "medium"}}),
    ],
)
def test_containers_and_codecs(name: str, codec: str, settings: dict[str, Any], movie: Any) -> None:
    if codec not in av.codecs_available:
        pytest.skip(f"this build of PyAV has no {codec}")
    path = movie(name, codec=codec, sounds=[], **settings)
    with open_media(path) as media:
        assert movie.numbers(media.pictures()) == list(range(50))
        assert media.damaged == 0


def test_cover_art_is_not_a_picture(movie: Any, tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    with av.open(str(path), "w") as out:
        sound = out.add_stream("libmp3lame", rate=44_100, layout="mono")
        cover = out.add_stream("png", rate=1)
        cover.width = cover.height = 32
        cover.pix_fmt = "rgb24"
        cover.disposition = av.stream.Disposition.attached_pic
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 44_100), np.float32), "fltp", "mono")
        frame.sample_rate = 44_100
        out.mux(cover.encode(av.VideoFrame(32, 32, "rgb24")))
        out.mux(cover.encode(None))
        out.mux([*sound.encode(frame), *sound.encode(None)])
    with open_media(path) as media:
        assert media.video is None
        assert media.has_sound
        assert list(media.pictures()) == []


def test_without_sound_without_pictures(movie: Any) -> None:
    with open_media(movie("silent.mp4", sounds=[])) as media:
        assert not media.has_sound
        assert media.duration_s == pytest.approx(2)
    with open_media(movie("blind.m4a", codec=None)) as media:
        assert media.video is None
        assert media.duration_s == pytest.approx(2, abs=0.05)


def test_three_frames_and_one(movie: Any) -> None:
    for count in (1, 3):
        with open_media(movie(stamps=even(25, count), sounds=[])) as media:
            assert movie.numbers(media.pictures()) == list(range(count))


def test_a_still_of_hours_is_not_filled_and_a_gap_of_hours_is_closed(movie: Any) -> None:
    stamps = even(25, 25) + even(25, 25, 600)
    still = movie("still.mkv", stamps=stamps, sounds=[movie.sound(seconds=601, rate=16_000, codec="mp2")])
    with open_media(still) as media:
        indexes = [picture.index for picture in media.pictures()]
        assert media.clock.caution() is None
    assert len(indexes) < 400
    assert indexes[-1] == 25 * 600 + 24
    with open_media(movie("gap.mkv", stamps=stamps, sounds=[])) as media:
        assert [picture.index for picture in media.pictures()] == list(range(50))
        assert media.duration_s == pytest.approx(2, abs=0.05)
        assert "599 s without video and audio" in str(media.clock.caution())


@pytest.mark.parametrize("extra", ["", "open-gop=1", "intra-refresh=1"])
def test_a_recording_that_begins_in_the_middle(extra: str, movie: Any, tmp_path: Path) -> None:
    """Pictures that need what was cut away are not shown; sound and pictures agree on where the clock begins."""
    track = movie.sound(clicks=[0.6, 1.0, 1.52])
    options = {"g": "12", "bf": "2", "preset": "fast"} | ({"x264-params": extra} if extra else {})
    whole = movie("a.ts", options=options, sounds=[track]).read_bytes()
    path = tmp_path / "cut.ts"
    for part in (0.2, 0.5):
        path.write_bytes(whole[: 3 * 188] + whole[int(len(whole) * part) // 188 * 188 :])
        with open_media(path) as media:
            numbers = movie.numbers(media.pictures())
        assert numbers == list(range(numbers[0], 50))
        assert 10 < numbers[0] < 48
        late = movie.late_ms(read_sound(path), movie.sound(clicks=[click - numbers[0] / 25 for click in track.clicks]))
        assert late == pytest.approx(0, abs=1)


def test_joined_recordings_go_on_with_picture_and_sound_in_step(movie: Any, tmp_path: Path) -> None:
    track = movie.sound(clicks=[0.5, 1.52], codec="mp2", rate=48_000)
    part = movie("part.ts", sounds=[track], options={"bf": "0"}).read_bytes()
    path = tmp_path / "joined.ts"
    path.write_bytes(part * 3)
    with open_media(path) as media:
        numbers = movie.numbers(media.pictures())
    assert numbers == list(range(50)) * 3
    track.clicks = [start + click for start in (0, 2, 4) for click in (0.5, 1.52)]
    assert movie.late_ms(read_sound(path), track, high=7) == pytest.approx(0, abs=2)


def test_damaged_pictures_are_skipped_and_counted(movie: Any, tmp_path: Path) -> None:
    whole = bytearray(movie("a.mov", codec="png", pix_fmt="rgb24", sounds=[], **STEADY).read_bytes())
    starts = [k for k in range(len(whole)) if whole[k : k + 4] == b"\x89PNG"]
    for start in starts[20:23]:
        whole[start : start + 20] = b"\0" * 20
    path = tmp_path / "bad.mov"
    path.write_bytes(whole)
    with open_media(path) as media:
        numbers = movie.numbers(media.pictures())
        assert media.damaged == 3
    assert len(numbers) == 50
    assert numbers[:20] == list(range(20))
    assert numbers[23:] == list(range(23, 50))


def test_noise_in_the_middle_is_survived(movie: Any, tmp_path: Path) -> None:
    whole = bytearray(movie("a.ts").read_bytes())
    rng = np.random.default_rng(0)
    for start in rng.integers(2000, len(whole) - 2000, 40).tolist():
        whole[start : start + 50] = rng.bytes(50)
    path = tmp_path / "noisy.ts"
    path.write_bytes(whole)
    with open_media(path) as media:
        assert 25 <= sum(1 for _ in media.pictures()) <= 60
    read_sound(path)


def test_files_are_closed_when_the_stream_is_left(movie: Any) -> None:
    path = movie()
    with open_media(path) as media:
        stream = media.pictures()
        next(stream)
        assert handles(path) == 1
    assert handles(path) == 0
    with open_media(path) as media:
        list(media.pictures())
        assert len(list(media.pictures())) == 50  # once more, from the beginning
    gc.collect()
    assert handles(path) == 0


def handles(path: Path) -> int:
    links = list(Path("/proc/self/fd").iterdir())
    return sum(link.exists() and link.resolve() == path.resolve() for link in links)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_change_nothing(threads: int, movie: Any) -> None:
    path = movie(options={"preset": "fast"})
    with open_media(path, threads=threads) as media, open_media(path) as other:
        for one, two in zip(media.pictures(), other.pictures(), strict=True):
            assert np.array_equal(one.luma(), two.luma())


def test_a_stream_that_cannot_be_decoded_at_all(movie: Any, tmp_path: Path) -> None:
    whole = bytearray(
        movie("a.mkv", codec="mjpeg", pix_fmt="yuvj420p", sounds=[], stamps=even(25, 2), **STEADY).read_bytes()
    )
    for start in [k for k in range(len(whole)) if whole[k : k + 3] == b"\xff\xd8\xff"]:
        whole[start : start + 200] = b"\0" * 200
    path = tmp_path / "bad.mkv"
    path.write_bytes(whole)
    with pytest.raises(MediaError, match="No frame"):
        open_media(path)


def test_real_recordings(shared: Path, movie: Any) -> None:
    data = shared / "data"
    for path, count in (
        (sorted((data / "grid_s1/video").glob("*.mp4"))[0], 75),
        (sorted((data / "grid_s1/original_mpg").glob("*.mpg"))[0], 75),
    ):
        with open_media(path) as media:
            assert sum(1 for _ in media.pictures()) == count
            assert media.video is not None
            assert (media.video.width, media.video.height) == (360, 288)
            assert media.has_sound
    for path in (data / "cremad_sample").glob("*.flv"):
        with open_media(path) as media:
            assert media.video is not None
            assert media.video.fps == pytest.approx(29.97, abs=0.01)
            pictures = sum(1 for _ in media.pictures())
            assert pictures == pytest.approx(media.duration_s * 25, abs=2)
