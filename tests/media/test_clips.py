"""Videos to clips, from end to end, with real faces."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from seehear.clip import FPS, SAMPLES_PER_FRAME, Clip
from seehear.errors import MediaError, SeehearError
from seehear.media import clips as clips_module
from seehear.media.clips import ClipOptions, ClipReader, ClipStats
from seehear.media.crops import TrackCropper, template_in
from seehear.media.decode import open_media
from seehear.media.encode import write_video
from seehear.media.sound import read_sound

Video = NDArray[np.uint8]
Write = Callable[..., Path]
GRID = "data/grid_s1/video/bbaf2n.mp4"


@pytest.fixture(scope="module")
def detector(shared: Path) -> Path:
    return shared / "models/yunet_n_640_640.onnx"


def pictures_of(path: Path, long_side: int = 360) -> Video:
    with open_media(path) as media:
        return np.stack([picture.small_bgr(long_side)[0][..., ::-1] for picture in media.pictures()])


@pytest.fixture(scope="module")
def talker(shared: Path) -> Video:
    """A real talking head, RGB (75, 288, 360, 3)."""
    return pictures_of(shared / GRID)


@pytest.fixture(scope="module")
def other_talker(shared: Path) -> Video:
    """Another one, RGB (T, 270, 360, 3)."""
    return pictures_of(shared / "data/cremad_sample/1001_DFA_ANG_XX.flv")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(video: Video, fps: float = FPS, sound: NDArray[np.float32] | None = None) -> Path:
        path = tmp_path / "video.mp4"
        write_video(path, video, fps, sound, crf=23)
        return path

    return write


def read(path: Path, detector: Path, **options: Any) -> tuple[list[Clip], ClipStats]:
    with ClipReader(path, ClipOptions(detector=detector, **options), threads=1) as reader:
        return list(reader), reader.stats


def noise(frames: int, height: int = 96, width: int = 128) -> Video:
    return np.random.default_rng(0).integers(0, 255, (frames, height, width, 3)).astype(np.uint8)


def spans(clips: list[Clip]) -> list[tuple[int, int, int]]:
    """Track, first picture and number after the last one of each clip."""
    starts = [round(clip.meta["start_s"] * FPS) for clip in clips]
    return [(clip.meta["track"], start, start + clip.frames) for clip, start in zip(clips, starts, strict=True)]


def covered(video: Video, left: int, right: int, first: int, stop: int) -> Video:
    """A grey curtain is drawn over columns left..right from picture ``first``, within 8, and away from ``stop``."""
    video = video.copy()
    for t in range(max(0, first), stop + 8):
        shut = min(1.0, (t - first + 1) / 8, (stop + 8 - t) / 8)
        video[t : t + 1, :, left : left + round(shut * (right - left))] = 110
    return video


def greenness(clip: Clip) -> float:
    """Of the left border."""
    return float(clip.video[:, :40, :8, 1].mean() - clip.video[:, :40, :8, 2].mean())


# ---- what comes out of real recordings


def test_a_talking_head_is_one_clip(shared: Path) -> None:
    path = shared / GRID
    with ClipReader(path) as reader:
        (clip,) = reader
        assert reader.detector_name == "yunet-2023mar"
    assert clip.video.shape == (75, 128, 128, 3)
    assert clip.meta == {"source": str(path), "start_s": 0.0, "track": 0}
    np.testing.assert_array_equal(clip.audio, read_sound(path).between(0, 3))
    assert np.abs(clip.landmarks - template_in(128)).mean() < 4
    assert np.abs(np.diff(clip.landmarks.mean(1), axis=0)).max() < 0.5  # px a picture: nothing shakes
    assert reader.stats == ClipStats(75, 16, 16, 1, 1, 1)
    assert reader.stats.empty_reason() is None


def test_every_hundredth_grid_clip_is_one_clip(shared: Path, detector: Path) -> None:
    for path in sorted((shared / "data/grid_s1/video").glob("*.mp4"))[::100]:
        clips, stats = read(path, detector)
        assert spans(clips) == [(0, 0, stats.pictures)]
        assert stats.pictures in (74, 75)


def test_every_cremad_clip_is_one_clip(shared: Path, detector: Path) -> None:
    for path in sorted((shared / "data/cremad_sample").glob("*.flv")):
        clips, stats = read(path, detector)
        assert spans(clips) == [(0, 0, stats.pictures)]


def test_lips_move_and_the_forehead_does_not(shared: Path, detector: Path) -> None:
    (clip,), _ = read(shared / GRID, detector)
    change = np.abs(np.diff(clip.video.astype(np.float32).mean(-1), axis=0)).mean(0)
    assert change[84:108, 48:80].mean() > 3 * change[8:32, 36:92].mean()


def test_the_same_clips_come_out_again(shared: Path, detector: Path) -> None:
    with ClipReader(shared / GRID, ClipOptions(detector=detector)) as reader:
        (one,), (other,) = list(reader), list(reader)
    np.testing.assert_array_equal(one.video, other.video)
    assert reader.stats.clips == 1


# ---- several faces, several shots


def test_two_people_side_by_side(talker: Video, other_talker: Video, write: Write, detector: Path) -> None:
    frames = len(other_talker)
    both = np.concatenate([talker[:frames, :270], other_talker], axis=2)
    clips, stats = read(write(both), detector)
    assert sorted(spans(clips)) == [(0, 0, frames), (1, 0, frames)]
    assert (stats.tracks, stats.shots) == (2, 1)
    blue, green = sorted(clips, key=lambda clip: greenness(clip))
    assert greenness(blue) < 0 < greenness(green)  # their backgrounds


def test_sightings_say_where_and_in_which_shot(
    talker: Video, other_talker: Video, write: Write, detector: Path
) -> None:
    both = np.concatenate([talker[:20, :270], other_talker[:20]])
    with ClipReader(write(both), ClipOptions(detector=detector)) as reader:
        first, second = reader.tracked_clips()
    assert (first.shot, second.shot) == (0, 1)
    height, width = both.shape[1:3]
    for sighting in (first, second):
        assert sighting.boxes.shape == (sighting.clip.frames, 4)
        middle = sighting.boxes[:, :2] + sighting.boxes[:, 2:] / 2
        assert (middle > 0).all()
        assert (middle < [width, height]).all()


def test_joined_shots_are_cut(talker: Video, other_talker: Video, write: Write, detector: Path) -> None:
    joined = np.concatenate([talker[:33, :270], other_talker[:31], talker[40:70, :270]])
    clips, stats = read(write(joined), detector)
    assert spans(clips) == [(0, 0, 33), (1, 33, 64), (2, 64, 94)]
    assert stats.shots == 3


def test_pieces_of_long_tracks_are_contiguous_and_in_order(
    talker: Video, other_talker: Video, write: Write, detector: Path
) -> None:
    frames = len(other_talker)
    both = np.concatenate([talker[:frames, :270], other_talker], axis=2)
    both = covered(np.concatenate([both[:12:-1], both], axis=0), 360, 720, -8, 25)  # the second person comes later
    frames = len(both)
    clips, stats = read(write(both), detector, max_seconds=1.0)
    starts = [clip.meta["start_s"] for clip in clips]
    assert starts == sorted(starts)
    first, second = ([span[1:] for span in spans(clips) if span[0] == track] for track in (0, 1))
    assert first[0][0] == 0
    assert 25 <= second[0][0] <= 50  # newcomers are noticed within two seconds
    for pieces in (first, second):
        assert pieces[-1][1] == frames
        assert all(before[1] == after[0] for before, after in pairwise(pieces))
        assert all(10 <= stop - start <= 25 for start, stop in pieces)
    assert (stats.tracks, stats.clips) == (2, len(clips))


def test_pieces_join_to_the_whole(shared: Path, detector: Path) -> None:
    (whole,), _ = read(shared / GRID, detector)
    pieces, _ = read(shared / GRID, detector, max_seconds=0.8)
    for part in ("video", "landmarks", "audio"):
        np.testing.assert_array_equal(np.concatenate([getattr(piece, part) for piece in pieces]), getattr(whole, part))


def test_a_face_hidden_for_half_a_second_is_one_track(talker: Video, write: Write, detector: Path) -> None:
    clips, _ = read(write(covered(talker, 0, 360, 30, 40)), detector)
    assert spans(clips) == [(0, 0, 75)]


def test_someone_leaves_for_good(talker: Video, write: Write, detector: Path) -> None:
    twins = covered(np.concatenate([talker, talker], axis=2), 360, 720, 20, 75)
    clips, stats = read(write(twins), detector)
    stops = sorted(stop for _, _, stop in spans(clips))
    assert 20 <= stops[0] <= 28
    assert stops[1:] == [75]
    assert stats.shots == 1


def test_a_tilted_face_comes_out_upright(talker: Video, write: Write, detector: Path) -> None:
    turn = cv2.getRotationMatrix2D((180, 150), 25, 1.0)
    tilted = np.stack([cv2.warpAffine(p, turn, (360, 288), borderMode=cv2.BORDER_REPLICATE) for p in talker[:30]])
    (clip,), _ = read(write(tilted), detector)
    eyes = clip.landmarks[:, 1] - clip.landmarks[:, 0]
    assert np.abs(np.degrees(np.arctan2(eyes[:, 1], eyes[:, 0]))).max() < 5


def test_a_face_at_the_border_repeats_it(talker: Video, write: Write, detector: Path) -> None:
    (clip,), _ = read(write(talker[:30, :, 130:]), detector)
    assert (clip.video[:, :, 0].astype(int) - clip.video[:, :, 1]).std() < 1


def test_few_pictures_are_held_whatever_the_length(
    talker: Video, write: Write, detector: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = []
    cut = TrackCropper.cut

    def counting(strip: TrackCropper, pictures: Mapping[int, Any]) -> None:
        held.append(len(pictures))
        cut(strip, pictures)

    monkeypatch.setattr(TrackCropper, "cut", counting)
    video = np.concatenate([talker, talker[::-1]])
    video = covered(video, 0, 360, 40, 55)  # a gap, during which they must be held
    read(write(video), detector)
    assert max(held) <= 42
    assert np.median(held) <= 15


# ---- sound


def test_sound_is_cut_with_the_pictures(talker: Video, other_talker: Video, write: Write, detector: Path) -> None:
    joined = np.concatenate([talker[:33, :270], other_talker[:31]])
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, 64 * SAMPLES_PER_FRAME).astype(np.float32)
    path = write(joined, sound=sound)
    _, second = read(path, detector)[0]
    assert second.audio.shape == (31 * SAMPLES_PER_FRAME,)
    np.testing.assert_array_equal(second.audio, read_sound(path).between(33 / FPS, 64 / FPS))
    assert np.corrcoef(second.audio, sound[33 * SAMPLES_PER_FRAME :])[0, 1] > 0.5


@pytest.mark.parametrize("seconds", [0.4, 3.0])
def test_sound_shorter_or_longer_than_the_pictures(seconds: float, talker: Video, write: Write, detector: Path) -> None:
    sound = np.full(round(seconds * 16_000), 0.25, np.float32)
    (clip,), _ = read(write(talker[:30], sound=sound), detector)
    assert clip.audio.shape == (30 * SAMPLES_PER_FRAME,)
    silent = clip.audio[-1600:]
    assert (np.abs(silent).max() == 0) == (seconds < 1)


def test_no_sound_is_silence(talker: Video, write: Write, detector: Path) -> None:
    path = write(talker[:30])
    (clip,), _ = read(path, detector)
    assert clip.audio.shape == (30 * SAMPLES_PER_FRAME,)
    assert not clip.audio.any()


# ---- whole frames


def test_whole_frames_need_no_detector(talker: Video, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clips_module, "load_detector", lambda *_: pytest.fail("a detector was loaded"))
    with ClipReader(write(talker[:30]), ClipOptions(faces="whole-frame", size=64)) as reader:
        (clip,) = reader
    assert clip.video.shape == (30, 64, 64, 3)
    np.testing.assert_allclose(clip.landmarks, np.broadcast_to(template_in(64), (30, 5, 2)), atol=1e-4)
    expected = cv2.resize(talker[10], (64, 64), interpolation=cv2.INTER_AREA)
    assert np.abs(clip.video[10].astype(int) - expected).mean() < 4


def test_whole_frames_that_are_too_few(write: Write) -> None:
    with ClipReader(write(noise(3)), ClipOptions(faces="whole-frame")) as reader:
        assert list(reader) == []
    assert reader.stats.empty_reason() == "the longest face track is 0.12 s, shorter than 0.4 s"


# ---- videos that are hardly any


def test_no_face(write: Write, detector: Path) -> None:
    clips, stats = read(write(noise(50)), detector)
    assert clips == []
    assert stats.empty_reason() == "no face found in 50 frames"


def test_a_face_in_one_picture_only(talker: Video, write: Write, detector: Path) -> None:
    video = np.repeat(talker[:1, :, :60].mean((1, 2), keepdims=True).astype(np.uint8), 60, 0)
    video = np.broadcast_to(video, talker[:60].shape).copy()
    video[20] = talker[20]
    clips, stats = read(write(video), detector)
    assert clips == []
    assert stats.empty_reason() == "a face was detected in only 1 of 60 frames"


def test_three_pictures(talker: Video, write: Write, detector: Path) -> None:
    path = write(talker[:3])
    clips, stats = read(path, detector)
    assert clips == []
    assert stats.empty_reason() == "the longest face track is 0.12 s, shorter than 0.4 s"
    (clip,), _ = read(path, detector, min_seconds=0.1)
    assert clip.frames == 3


def test_one_picture_a_second(talker: Video, write: Write, detector: Path) -> None:
    clips, _ = read(write(talker[:60:20], fps=1), detector)
    assert spans(clips) == [(0, 0, 75)]


def test_many_pictures_a_second(talker: Video, write: Write, detector: Path) -> None:
    (clip,), _ = read(write(np.repeat(talker[:15], 5, 0), fps=120), detector)
    assert clip.frames in (15, 16)


def test_8k(talker: Video, write: Write, detector: Path) -> None:
    large = cv2.resize(talker[0], (5400, 4320))
    large = np.pad(large, ((0, 0), (1140, 1140), (0, 0)), mode="edge")
    (clip,), _ = read(write(large[None], fps=2), detector)
    assert clip.frames in (12, 13)
    assert np.abs(clip.landmarks - template_in(128)).mean() < 5


def test_sixteen_pixels(write: Write, detector: Path) -> None:
    clips, stats = read(write(noise(20, 16, 16)), detector)
    assert clips == []
    assert stats.empty_reason() == "no face found in 20 frames"


def test_only_sound(shared: Path, detector: Path) -> None:
    clips, stats = read(shared / "data/fsdd/0_george_0.wav", detector)
    assert clips == []
    assert stats.empty_reason() == "there is no video"


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"gone\.mp4"), ClipReader(tmp_path / "gone.mp4"):
        pass


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"faces": "haar"}, "faces must be 'yunet' or 'whole-frame', not 'haar'"),
        ({"size": 127}, "size must be an even number of pixels from 32 to 1024, not 127"),
        ({"size": 16}, "size must be"),
        ({"detect_every": 0}, "detect_every must be 1 to 25 frames, not 0"),
        ({"min_seconds": 0.0}, "min_seconds must be at least one frame"),
        ({"min_seconds": float("nan")}, "min_seconds must be"),
        ({"max_seconds": 0.5}, "max_seconds must be from twice min_seconds"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SeehearError, match=sentence):
        ClipOptions(**options)
