"""Arrays to files and to the bytes of a clip, and back."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from seehear.errors import MediaError
from seehear.media.decode import open_media
from seehear.media.encode import (
    decode_clip,
    decode_pictures,
    decode_sound,
    encode_clip,
    encode_pictures,
    encode_sound,
    write_video,
)
from seehear.media.sound import read_sound


def soft(count: int, height: int, width: int) -> NDArray[np.uint8]:
    """Moving soft colours, RGB (count, height, width, 3)."""
    time, rows, columns = np.mgrid[:count, :height, :width].astype(float)
    waves = [np.sin(columns / 17 + time / 9 + phase) * np.cos(rows / 13 - phase) for phase in (0, 1, 2)]
    return np.clip(128 + 110 * np.stack(waves, -1), 0, 255).astype(np.uint8)


def clicks(movie: Any, seconds: float = 2, rate: int = 16_000) -> NDArray[np.float32]:
    wave: NDArray[np.float32] = movie.click_track([0.3, 0.9, 1.5], seconds, rate)
    return wave


@pytest.mark.parametrize("fps", [25, 30, Fraction(30_000, 1001), 29.97, 12.5])
def test_a_video_comes_back_in_step(fps: float | Fraction, movie: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    count = round(2 * float(fps))
    write_video(path, (movie.numbered(k, (64, 96)) for k in range(count)), fps, clicks(movie))
    with open_media(path) as media:
        assert media.video is not None
        assert media.video.fps == pytest.approx(float(fps), rel=1e-4)
        numbers = movie.numbers(media.pictures())
    assert numbers == [min(count - 1, round(k * float(fps) / 25 - 1e-6)) for k in range(len(numbers))]
    assert movie.late_ms(read_sound(path), movie.sound(clicks=[0.3, 0.9, 1.5])) == pytest.approx(0, abs=0.5)


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
@pytest.mark.parametrize("seconds", [0.0, 0.5, 4.0])
def test_sound_of_any_length(rate: int, seconds: float, movie: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_video(path, soft(25, 32, 32), 25, clicks(movie, seconds, rate), sample_rate=rate)
    if seconds:
        assert read_sound(path).duration_s == pytest.approx(seconds, abs=0.1)
        within = movie.sound(clicks=[click for click in (0.3, 0.9, 1.5) if click < seconds])
        assert movie.late_ms(read_sound(path), within) == pytest.approx(0, abs=0.5)


def test_without_sound_and_with_odd_sizes(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    video = soft(5, 33, 47)
    write_video(path, video, crf=10)
    with open_media(path) as media:
        assert not media.has_sound
        pictures = [picture.crop(np.eye(2, 3), (33, 47)) for picture in media.pictures()]
    assert np.abs(np.stack(pictures).astype(float) - video).mean() < 3


def test_colours_are_right_for_any_reader(tmp_path: Path) -> None:
    """FFmpeg's own conversion, which goes by the tags, agrees with ours."""
    path = tmp_path / "a.mp4"
    video = soft(3, 64, 96)
    write_video(path, video, crf=5)
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24", src_colorspace="ITU601") for frame in container.decode(video=0)]
        context = container.streams.video[0].codec_context
        assert (context.colorspace, context.color_range) == (6, 1)
    assert np.abs(np.stack(frames).astype(float) - video).mean() < 3


def test_what_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    video = soft(3, 32, 32)
    (tmp_path / "d.mp4").mkdir()
    for path, words in ((tmp_path / "no" / "a.mp4", "no folder"), (tmp_path / "d.mp4", "is a folder")):
        with pytest.raises(MediaError, match=words):
            write_video(path, video)
    with pytest.raises(ValueError, match="at least one"):
        write_video(tmp_path / "a.mp4", [])
    with pytest.raises(ValueError, match="picture 1"):
        write_video(tmp_path / "a.mp4", [video[0], video[1, :16]])
    assert [path.name for path in tmp_path.iterdir()] == ["d.mp4"]


def test_a_clip_survives_its_bytes(movie: Any) -> None:
    video, audio = soft(75, 128, 128), clicks(movie, 3)
    pictures, sound = encode_clip(video, audio)
    again, heard = decode_clip(pictures, sound)
    assert again.shape == video.shape
    assert again.dtype == np.uint8
    difference = np.abs(again.astype(float) - video)
    assert difference.mean() < 2
    assert np.abs(difference.mean(axis=(0, 1, 2))).max() < 2.5
    assert abs((again.astype(float) - video).mean()) < 1
    assert heard.dtype == np.float32
    assert np.abs(heard - audio).max() <= 0.5 / 32767 + 1e-7
    assert len(pictures) < 60_000


@pytest.mark.parametrize("shape", [(1, 2, 2), (2, 34, 50), (3, 128, 128), (7, 64, 32), (300, 16, 16)])
def test_clips_of_any_even_size(shape: tuple[int, int, int]) -> None:
    video = soft(*shape)
    again = decode_pictures(encode_pictures(video, crf=5))
    assert again.shape == video.shape
    assert np.abs(again.astype(float) - video).mean() < 4


def test_frames_do_not_bleed_into_each_other() -> None:
    video = np.zeros((6, 32, 32, 3), np.uint8)
    video[::2] = (255, 0, 0)
    video[1::2] = (0, 0, 255)
    again = decode_pictures(encode_pictures(video, crf=1)).astype(float)
    assert np.abs(again - video).max() < 12


@pytest.mark.parametrize("size", [(32, 32), (64, 64), (80, 96), (128, 128)])
def test_the_same_clip_gives_the_same_bytes(size: tuple[int, int], movie: Any) -> None:
    video, audio = soft(30, *size), clicks(movie)
    first = encode_clip(video, audio)
    assert all(encode_clip(video.copy(), audio.copy()) == first for _ in range(5))


def test_the_same_video_gives_the_same_file(movie: Any, tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, soft(30, 64, 96), 25, clicks(movie))
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_sound_bytes_at_the_limits() -> None:
    for wave in (np.zeros(0), np.zeros(1), np.ones(5), -np.ones(40_000), 3 * np.ones(100), np.linspace(-1, 1, 12_345)):
        again = decode_sound(encode_sound(wave.astype(np.float32)))
        assert np.abs(again - np.clip(wave, -1, 1)).max(initial=0) <= 0.5 / 32767 + 1e-7
        assert len(again) == len(wave)


def test_sound_bytes_that_look_like_a_frame_within_a_frame(shared: Path) -> None:
    """The silence that fills the last picture of this word is written as bytes that FFmpeg takes for a header."""
    sound = read_sound(shared / "data" / "fsdd" / "3_yweweler_0.wav")
    wave = sound.between(0, 0.4)
    np.testing.assert_allclose(decode_sound(encode_sound(wave)), wave, atol=1e-4)


def test_other_frame_rates_are_kept() -> None:
    data = encode_pictures(soft(4, 32, 32), fps=30)
    with av.open(io.BytesIO(data)) as container:
        assert container.streams.video[0].average_rate == 30


def test_damaged_bytes_are_a_sentence(movie: Any) -> None:
    pictures, sound = encode_clip(soft(20, 64, 64), clicks(movie))
    for data in (b"", b"junk" * 50, pictures[: len(pictures) // 2], sound):
        with pytest.raises(MediaError, match="prepare the corpus again"):
            decode_pictures(data)
    for data in (b"", b"junk" * 50, pictures, sound[: len(sound) // 2]):
        with pytest.raises(MediaError, match="prepare the corpus again"):
            decode_sound(data)


def test_a_codec_that_no_decoder_knows(movie: Any) -> None:
    pictures, _ = encode_clip(soft(20, 64, 64), clicks(movie))
    for known in (b"avc1", b"hev1", b"mp4v"):
        pictures = pictures.replace(known, b"zzzz")
    with pytest.raises(MediaError, match="prepare the corpus again"):
        decode_pictures(pictures)
