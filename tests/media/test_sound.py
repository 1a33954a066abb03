"""Sound on the clock of the pictures: clicks are heard where they are meant to be."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from films import speech, write_film
from seehear.errors import MediaError, SeehearError
from seehear.media import sound_decode
from seehear.media.audio_streams import AudioStreamChoice
from seehear.media.decode import open_media
from seehear.media.sound import read_all_sounds, read_sound, sound_parts
from seehear.media.sound_decode import SampleReader, as_float

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


def test_channels_of_opposite_polarity_do_not_cancel(tmp_path: Path) -> None:
    voice, hum = speech(), (0.3 * np.sin(2 * np.pi * 50 * np.arange(16_000) / 16_000)).astype(np.float32)
    for left, right in ((voice, -voice), (voice, -0.3 * voice), (hum + voice, hum - voice)):
        sound = read_sound(write_wav(tmp_path / "a.wav", np.stack([left, right])))
        heard = sound.between(0, 1)
        assert abs(np.corrcoef(heard, voice)[0, 1]) > 0.95
        assert np.abs(heard).max() > 0.3
        (caution,) = sound.cautions
        assert "left and right are of opposite polarity: right was inverted" in caution


def test_the_polarity_is_that_of_the_whole_recording(tmp_path: Path) -> None:
    """A second of equal noise, then four of opposite voices, in blocks that are mixed one by one."""
    noise, voice = speech(1, 1) / 10, speech(4, 2)
    both = np.stack([np.concatenate([noise, voice]), np.concatenate([noise, -voice])])
    heard = read_sound(write_wav(tmp_path / "a.wav", both)).between(0, 5)
    assert np.abs(heard[:15_900]).max() < 1e-3  # the price: what is alike cancels now
    assert np.corrcoef(heard[16_000:], voice)[0, 1] > 0.999


def test_one_sided_sound_is_half_and_equal_sound_is_whole(tmp_path: Path) -> None:
    voice = speech()
    for right, peak in ((0 * voice, 0.25), (voice, 0.5)):
        sound = read_sound(write_wav(tmp_path / "a.wav", np.stack([voice, right])))
        assert np.abs(sound.between(0, 1)).max() == pytest.approx(peak, abs=0.001)
        assert sound.cautions == ()


def test_sides_that_hold_different_voices_are_told_and_offered_each(tmp_path: Path) -> None:
    left, right = speech(seed=1), speech(seed=2)
    path = write_wav(tmp_path / "a.wav", np.stack([left, right]))
    mean = read_sound(path)
    np.testing.assert_allclose(mean.between(0, 1), (left + right) / 2, atol=1e-3)
    assert "left and right hold different sound" in mean.cautions[0]
    assert "--audio-stream N:left" in mean.cautions[0]
    every = read_all_sounds(path)
    assert [sound.part.channel for sound in every] == [None, "left", "right"]
    for sound, wanted in zip(every, ((left + right) / 2, left, right), strict=True):
        np.testing.assert_allclose(sound.between(0, 1), wanted, atol=1e-3)
    for asked, wanted in (("left", left), ("FR", right), ("2", right)):
        chosen = read_sound(path, wanted=AudioStreamChoice(1, asked))
        np.testing.assert_allclose(chosen.between(0, 1), wanted, atol=1e-3)
        assert chosen.cautions == ()
    with pytest.raises(
        MediaError, match=r"a\.wav, sound stream 1 of 1: there is no channel centre; the channels are left"
    ):
        read_sound(path, wanted=AudioStreamChoice(1, "centre"))


@pytest.mark.parametrize("leak", [1.0, 0.02])
def test_the_centre_of_a_surround_film_is_its_dialogue_unless_it_is_empty(leak: float, tmp_path: Path) -> None:
    music, dialogue = speech(seed=1), leak * speech(seed=2)
    path = write_wav(tmp_path / "a.wav", np.stack([music, music, dialogue, 0 * music, music, music]))
    heard = read_sound(path).between(0, 1)
    alike = [abs(np.corrcoef(heard, one)[0, 1]) for one in (music, dialogue)]
    assert np.argmax(alike) == (1 if leak == 1 else 0)
    assert len(read_all_sounds(path)) == (1 if leak == 1 else 3)


@pytest.mark.parametrize("name", ["a.mkv", "a.mxf"])
def test_of_several_streams_any_can_be_read(name: str, tmp_path: Path) -> None:
    voices = [0 * speech(2), speech(2, 1), speech(2, 2)]
    path = write_film(tmp_path / name, voices)
    usual = read_sound(path)
    assert usual.part.stream == 2
    assert usual.cautions == (f"sound stream 1 is silent: {usual.part} was used",)
    assert [part.stream for part in usual.others] == [1, 3]
    every = read_all_sounds(path)
    assert [sound.part.stream for sound in every] == [2, 3]
    for sound in [*every, usual, read_sound(path, wanted=AudioStreamChoice(3))]:
        heard = sound.between(0.1, 1.9)
        alike = [np.corrcoef(heard, voice[1600:30_400])[0, 1] for voice in voices[1:]]
        assert alike[sound.part.stream - 2] > 0.98
    assert read_sound(path, wanted=AudioStreamChoice(1)).silent
    with pytest.raises(MediaError, match=f"{name} has no audio stream 4; give --audio-stream one of 1"):
        read_sound(path, wanted=AudioStreamChoice(4))


def test_languages_and_titles_of_streams_are_told(tmp_path: Path) -> None:
    path = write_film(tmp_path / "a.mkv", [speech(seed=1), speech(seed=2)], tags=[("eng", "Mix"), ("ita", "")])
    assert [str(part) for part in sound_parts(path)] == ["sound stream 1 of 2 (eng, Mix)", "sound stream 2 of 2 (ita)"]
    assert sound_parts(path)[1].to_json() == {"stream": 2, "of": 2, "channel": None, "language": "ita", "title": None}


@pytest.mark.parametrize("text", ["0", "-1", "left", "1:", "one", ""])
def test_what_is_no_audio_stream_is_a_sentence(text: str) -> None:
    with pytest.raises(SeehearError, match="--audio-stream must be the number"):
        AudioStreamChoice.parse(text)


def test_an_audio_stream_is_a_number_and_perhaps_a_channel() -> None:
    assert (AudioStreamChoice.parse(None), AudioStreamChoice.parse("2"), AudioStreamChoice.parse("2:left")) == (
        None,
        AudioStreamChoice(2),
        AudioStreamChoice(2, "left"),
    )


def write_wav(path: Path, samples: np.ndarray, rate: int = 16_000) -> Path:
    with av.open(str(path), "w") as out:
        layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(samples)]
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
        stored = sound.to_memmap(file, 40_000)
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

    monkeypatch.setattr(sound_decode.tempfile, "TemporaryFile", lambda **_: Full())
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
    assert np.allclose(as_float(SampleReader().samples(frame)), [[-1, 0, 0.5]] * 2)


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


@pytest.mark.parametrize("apart", ["forward", "backward"])
def test_joined_captures_whose_clocks_differ_take_what_is_there(apart: str, movie: Any, tmp_path: Path) -> None:
    track = movie.sound(clicks=[0.5, 1.52], codec="mp2", rate=48_000)
    stamps = [Fraction(k, 25) for k in range(50)]
    parts = []
    for begin in (5000, 9000) if apart == "forward" else (9000, 5000):
        later = movie.sound(clicks=[0.5 + begin, 1.52 + begin], start=begin, codec="mp2", rate=48_000)
        file = movie(f"{begin}.ts", stamps=[begin + s for s in stamps], sounds=[later], options={"bf": "0"})
        parts.append(file.read_bytes())
    src = tmp_path / "joined.ts"
    src.write_bytes(b"".join(parts))
    with open_media(src) as media:
        assert [movie.numbers([picture])[0] for picture in media.pictures()] == list(range(50)) * 2
        sound = read_sound(src, media.zero)
    assert sound.duration_s == pytest.approx(4, abs=0.1)
    assert "jumps once" in sound.cautions[0]
    track.clicks = [0.5, 1.52, 2.5, 3.52]
    assert movie.late_ms(sound, track, high=5) == pytest.approx(0, abs=2)
