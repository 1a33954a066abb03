"""Video and audio in memory are read as files with the same content are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seehear
from seehear.clip import FPS, SAMPLE_RATE
from seehear.errors import MediaError, SeehearError
from seehear.media.arrays import ArrayMedia, resample_array, sound_of_array
from seehear.media.decode import open_media
from seehear.media.encode import write_video
from seehear.media.sound import read_sound

TALKER = "data/grid_s1/video/bbaf2n.mp4"


def numbered(frames: int) -> np.ndarray:
    """Frames of one grey each."""
    return np.broadcast_to(np.arange(frames, dtype=np.uint8)[:, None, None, None] * 2 + 20, (frames, 32, 48, 3))


def tone(seconds: float, rate: int, pitch: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * pitch * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@pytest.mark.parametrize("fps", [10.0, 25.0, 30.0, 29.97, 60.0])
def test_pictures_are_those_of_a_file_with_the_same_frames(fps: float, tmp_path: Path) -> None:
    frames = numbered(50)
    write_video(tmp_path / "video.mp4", frames, fps, None)
    media = ArrayMedia(frames, fps)
    with open_media(tmp_path / "video.mp4") as file:
        expected = [(picture.index, picture.small_bgr(48)[0].mean()) for picture in file.pictures()]
        assert file.video
        assert media.video
        assert media.video.fps == pytest.approx(file.video.fps, abs=0.01)
        assert (media.video.width, media.video.height) == (file.video.width, file.video.height)
        assert media.duration_s == pytest.approx(file.duration_s, abs=0.05)
    found = [(picture.index, picture.small_bgr(48)[0].mean()) for picture in media.pictures()]
    assert [tick for tick, _ in found] == [tick for tick, _ in expected]
    np.testing.assert_allclose([grey for _, grey in found], [grey for _, grey in expected], atol=2)


@pytest.mark.parametrize(
    ("video", "fps"),
    [
        (np.zeros((5, 32, 32, 3), np.float32), 25),
        (np.zeros((5, 32, 32), np.uint8), 25),
        (np.zeros((5, 32, 32, 4), np.uint8), 25),
        (np.zeros((0, 32, 32, 3), np.uint8), 25),
        (np.zeros((5, 32, 32, 3), np.uint8), 0),
        (np.zeros((5, 32, 32, 3), np.uint8), float("nan")),
    ],
)
def test_what_is_no_video_is_refused(video: Any, fps: float) -> None:
    with pytest.raises(MediaError):
        ArrayMedia(video, fps)


def test_audio_at_16_khz_is_kept_to_the_sample() -> None:
    audio = tone(0.5, SAMPLE_RATE)
    np.testing.assert_array_equal(resample_array(audio), audio)
    sound = sound_of_array(audio)
    assert sound.duration_s == pytest.approx(0.5)
    np.testing.assert_allclose(sound.between(0, 0.5), audio, atol=1 / 32767)
    assert not sound.between(0.5, 0.6).any()


@pytest.mark.parametrize("dtype", [np.int16, np.int32])
def test_integers_are_at_the_full_scale_of_their_type(dtype: type[np.signedinteger[Any]]) -> None:
    audio = tone(0.2, SAMPLE_RATE)
    scaled = (audio.astype(np.float64) * np.iinfo(dtype).max).astype(dtype)
    np.testing.assert_allclose(resample_array(scaled), audio, atol=1e-4)


def test_channels_are_averaged() -> None:
    audio = tone(0.2, SAMPLE_RATE)
    np.testing.assert_allclose(resample_array(np.stack([audio, np.zeros_like(audio)], axis=1)), audio / 2, atol=1e-6)


@pytest.mark.parametrize("rate", [8000, 44_100, 48_000])
def test_other_rates_are_resampled_in_place(rate: int) -> None:
    found = resample_array(tone(1.0, rate), rate)
    assert len(found) == pytest.approx(SAMPLE_RATE, abs=32)
    inner = slice(1600, 14_400)  # away from the ends, where the filter fades
    np.testing.assert_allclose(found[inner], tone(1.0, SAMPLE_RATE)[inner], atol=0.02)


def test_no_audio_is_silence() -> None:
    assert sound_of_array(np.zeros(0, np.float32)).silent
    assert len(resample_array(np.zeros(0, np.float32), 44_100)) == 0


@pytest.mark.parametrize(
    ("audio", "rate"),
    [
        (np.zeros((2, 2, 2), np.float32), SAMPLE_RATE),
        (np.zeros(100, np.uint8), SAMPLE_RATE),
        (np.array([0.0, np.nan]), SAMPLE_RATE),
        (np.zeros(100, np.float32), 10),
    ],
)
def test_what_is_no_recording_is_refused(audio: Any, rate: int) -> None:
    with pytest.raises(MediaError):
        sound_of_array(audio, rate)


def test_sync_of_arrays_is_that_of_the_file(shared: Path) -> None:
    path, detector = shared / TALKER, shared / "models/yunet_n_640_640.onnx"
    with open_media(path) as media:
        assert media.video
        long_side = max(media.video.width, media.video.height)
        frames = np.stack([picture.small_bgr(long_side)[0][..., ::-1] for picture in media.pictures()])
    audio = read_sound(path).between(0, len(frames) / FPS)
    of_file = seehear.measure_sync(path, detector=detector)
    shares: list[float] = []
    found = seehear.measure_sync(
        video=frames, audio=audio, detector=detector, progress=lambda share, what: shares.append(share)
    )
    assert found.delay_ms is not None
    assert found.delay_ms == pytest.approx(of_file.delay_ms, abs=5)
    assert found.confidence == pytest.approx(of_file.confidence, abs=0.1)
    assert (found.verdict, str(found.path)) == (of_file.verdict, "array")
    assert shares[-1] == 1.0
    late = np.concatenate([np.zeros(SAMPLE_RATE // 5, np.float32), audio])  # 200 ms
    moved = seehear.measure_sync(video=frames, audio=late, detector=detector)
    assert moved.delay_ms == pytest.approx(found.delay_ms + 200, abs=5)


@pytest.mark.parametrize("given", [{}, {"files": "a.mp4", "video": 0, "audio": 0}, {"video": 0}, {"audio": 0}])
def test_files_or_arrays_are_given(given: dict[str, Any]) -> None:
    arrays = {name: numbered(5) if name == "video" else tone(0.2, SAMPLE_RATE) for name in given if name != "files"}
    with pytest.raises(SeehearError, match="files, or video and audio"):
        seehear.measure_sync(**given | arrays)
