"""Sound on the clock of the pictures: clicks are heard where they are meant to be."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from seehear.errors import MediaError
from seehear.media import sound as module
from seehear.media.decode import open_media
from seehear.media.samples import Reader, as_float
from seehear.media.sound import read_sound

OLD = {"codec": "mpeg1video", "time_base": Fraction(1, 25)}


@pytest.mark.parametrize("start", [0.0, 0.032])
@pytest.mark.parametrize(
    ("name", "codec", "rate", "within_ms"),
    [
        ("a.mp4", "aac", 44_100, 1),
        ("a.mp4", "aac", 48_000, 1),
        ("a.mp4", "libmp3lame", 44_100, 1),
        ("a.mp4", "libopus", 48_000, 1),
        ("a.mp4", "flac", 44_100, 0.1),
        ("a.mov", "pcm_s16le", 44_100, 0.1),
        ("a.mov", "pcm_s24le", 96_000, 0.1),
        ("a.mkv", "aac", 44_100, 1),
        ("a.mkv", "libopus", 48_000, 1),
        ("a.mkv", "libmp3lame", 44_100, 1),
        ("a.mkv", "flac", 16_000, 1),
        ("a.mkv", "pcm_f32le", 22_050, 1),
        ("a.mkv", "ac3", 48_000, 1),
        ("a.ts", "aac", 44_100, 1),
        ("a.ts", "mp2", 48_000, 1),
        ("a.mpg", "mp2", 44_100, 1),
        ("a.flv", "aac", 44_100, 1),
        ("a.flv", "libmp3lame", 44_100, 1),
    ],
)
def test_clicks_are_heard_in_step_with_the_pictures(
    name: str, codec: str, rate: int, within_ms: float, start: float, movie: Any
) -> None:
    track = movie.sound(codec=codec, rate=rate, start=start, clicks=[0.6, 1.0, 1.52])
    path = movie(name, sounds=[track], **(OLD if name == "a.mpg" else {}))
    assert movie.late_ms(read_sound(path), track) == pytest.approx(0, abs=within_ms)


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("a.wav", "pcm_s16le", 8000),
        ("a.flac", "flac", 44_100),
        ("a.mp3", "libmp3lame", 44_100),
        ("a.ogg", "libopus", 48_000),
        ("a.m4a", "aac", 44_100),
        ("a.m4a", "alac", 44_100),
        ("a.wav", "pcm_f64le", 48_000),
        ("a.wav", "pcm_u8", 16_000),
    ],
)
def test_without_pictures_the_clock_begins_with_the_sound(name: str, codec: str, rate: int, movie: Any) -> None:
    track = movie.sound(codec=codec, rate=rate)
    sound = read_sound(movie(name, codec=None, sounds=[track]))
    assert movie.late_ms(sound, track) == pytest.approx(0, abs=1)
    assert sound.duration_s == pytest.approx(2, abs=0.06)
    assert np.abs(sound.between(0, 2)).max() == pytest.approx(0.7, rel=0.15)


@pytest.mark.parametrize("codec", ["pcm_s16le", "flac", "wavpack"])
@pytest.mark.parametrize("layout", ["mono", "stereo", "5.1", "7.1"])
def test_channels_are_averaged(layout: str, codec: str, movie: Any) -> None:
    track = movie.sound(codec=codec, layout=layout, rate=16_000)
    sound = read_sound(movie("a.mkv", sounds=[track]))
    wanted = movie.click_track(track.clicks, 2, 16_000)
    assert np.abs(sound.between(0, 2) - wanted).max() < 5e-3


def test_opposite_channels_cancel_and_one_sided_sound_is_half(tmp_path: Path) -> None:
    time = np.arange(16_000) / 16_000
    tone = (0.5 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    for right, peak in ((-tone, 0), (0 * tone, 0.25), (tone, 0.5)):
        path = write_wav(tmp_path / "a.wav", np.stack([tone, right]))
        assert np.abs(read_sound(path).between(0, 1)).max() == pytest.approx(peak, abs=0.001)


def write_wav(path: Path, samples: np.ndarray, rate: int = 16_000) -> Path:
    with av.open(str(path), "w") as out:
        layout = {1: "mono", 2: "stereo"}[len(samples)]
        stream = out.add_stream("pcm_f32le", rate=rate, layout=layout)
        packed = np.ascontiguousarray(samples.T.reshape(1, -1), np.float32)
        frame = av.AudioFrame.from_ndarray(packed, "flt", layout)
        frame.sample_rate = rate
        out.mux([*stream.encode(frame), *stream.encode(None)])
    return path


def test_numbers_that_are_none_become_silence_and_are_counted(tmp_path: Path) -> None:
    samples = np.full((1, 16_000), 0.25, np.float32)
    samples[0, 100:110] = np.nan
    samples[0, 5000:5003] = np.inf
    sound = read_sound(write_wav(tmp_path / "a.wav", samples))
    assert sound.repaired == 13
    heard = sound.between(0, 1)
    assert np.isfinite(heard).all()
    assert np.allclose(heard[101:109], 0)
    assert np.allclose(heard[200:4000], 0.25, atol=1e-4)


def test_too_loud_sound_is_clipped(tmp_path: Path) -> None:
    sound = read_sound(write_wav(tmp_path / "a.wav", np.full((1, 16_000), 3.0, np.float32)))
    assert sound.between(0, 1).max() == 1


def test_between_is_silent_outside(movie: Any) -> None:
    sound = read_sound(movie())
    assert sound.between(-2, -1).shape == (16_000,)
    assert not sound.between(-2, -1).any()
    assert not sound.between(50, 51).any()
    assert sound.between(1, 1).shape == sound.between(2, 1).shape == (0,)
    whole = sound.between(-1, 3)
    assert whole.dtype == np.float32
    assert np.array_equal(whole[24_000:32_000], sound.between(0.5, 1.0))


def test_sound_in_a_file_is_the_same_sound(movie: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = read_sound(movie())
    monkeypatch.setattr("seehear.media.sound.STORED_AT_ONCE", 1000)
    with (tmp_path / "samples").open("w+b") as file:
        stored = sound.stored(file, 40_000)
    np.testing.assert_array_equal(stored, sound.between(0, 2.5))


def test_holes_are_silent_and_what_follows_keeps_its_time(movie: Any) -> None:
    track = movie.sound(codec="pcm_s16le", holes=[(0.6, 0.95)], clicks=[0.3, 0.7, 1.2, 1.7], rate=48_000)
    sound = read_sound(movie("a.mkv", sounds=[track]))
    assert not sound.between(0.65, 0.94).any()
    track.clicks = [0.3, 1.2, 1.7]
    assert movie.late_ms(sound, track) == pytest.approx(0, abs=1)


@pytest.mark.parametrize("name", ["a.mp4", "a.ts", "a.mkv"])
def test_the_clock_may_be_given(name: str, movie: Any) -> None:
    path = movie(name, stamps=[0.4 + k / 25 for k in range(20)], options={"bf": "2", "preset": "fast"})
    with open_media(path) as media:
        given, found = read_sound(path, media.zero), read_sound(path)
    assert np.array_equal(given.between(-1, 3), found.between(-1, 3))


def test_without_sound_it_is_silent(movie: Any) -> None:
    sound = read_sound(movie(sounds=[]))
    assert sound.duration_s == 0
    assert not sound.between(0, 1).any()


def test_of_several_streams_the_default_is_read(movie: Any) -> None:
    tracks = [movie.sound(clicks=[0.4]), movie.sound(clicks=[1.4])]
    sound = read_sound(movie("a.mkv", sounds=tracks))
    assert movie.late_ms(sound, tracks[0]) == pytest.approx(0, abs=1)


@pytest.mark.parametrize("seconds", [0.5, 4.0])
def test_shorter_and_longer_than_the_pictures(seconds: float, movie: Any) -> None:
    track = movie.sound(seconds=seconds, clicks=[0.3])
    sound = read_sound(movie(sounds=[track]))
    assert sound.duration_s == pytest.approx(seconds, abs=0.05)
    assert movie.late_ms(sound, track) == pytest.approx(0, abs=1)


def test_a_rate_that_changes_in_the_middle(movie: Any, tmp_path: Path) -> None:
    first = movie("one.ts", codec=None, sounds=[movie.sound(codec="mp2", rate=48_000, clicks=[0.5])]).read_bytes()
    second = movie("two.ts", codec=None, sounds=[movie.sound(codec="mp2", rate=32_000, clicks=[0.5])]).read_bytes()
    path = tmp_path / "both.ts"
    path.write_bytes(first + second)
    sound = read_sound(path)
    late = movie.late_ms(sound, movie.sound(clicks=[0.5, 2.5]), high=5)
    assert sound.duration_s == pytest.approx(4, abs=0.1)
    assert late == pytest.approx(0, abs=20)  # the encoder's run-up is not signalled in this container


def test_a_full_disk_is_a_sentence(movie: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def __enter__(self) -> Full:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def write(self, _: bytes) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.tempfile, "TemporaryFile", lambda **_: Full())
    with pytest.raises(MediaError, match="No space left"):
        read_sound(movie())


@pytest.mark.parametrize("form", ["u8", "s16", "s32", "flt", "dbl", "u8p", "s16p", "s32p", "fltp", "dblp"])
def test_samples_of_any_format_to_float(form: str) -> None:
    values = {"u": [0, 128, 192], "s": [-1, 0, 0.5], "f": [-1, 0, 0.5], "d": [-1, 0, 0.5]}[form[0]]
    kind = {"u8": np.uint8, "s1": np.int16, "s3": np.int32, "fl": np.float32, "db": np.float64}[form[:2]]
    full = 1 if form[0] in "ufd" else 2.0 ** (8 * np.dtype(kind).itemsize - 1)
    mono = (np.array(values) * full).astype(kind)
    samples = np.stack([mono, mono]) if form.endswith("p") else np.repeat(mono, 2)[None]
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), form, "stereo")
    assert np.allclose(as_float(Reader().samples(frame)), [[-1, 0, 0.5]] * 2)


def test_real_recordings(shared: Path) -> None:
    for path in [
        *sorted((shared / "data/grid_s1/video").glob("*.mp4"))[:2],
        *(shared / "data/grid_s1/original_mpg").glob("*.mpg"),
        *(shared / "data/cremad_sample").glob("*.*"),
    ]:
        if path.suffix in (".mp4", ".mpg", ".flv", ".mp3"):
            sound = read_sound(path)
            assert 1 < sound.duration_s < 5
            assert np.abs(sound.between(0, 5)).max() > 0.02
            assert sound.damaged == sound.repaired == 0
