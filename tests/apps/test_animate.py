"""`seehear animate` from a picture and a recording to a video, and what it says to those that cannot be used."""

import wave
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch

from films import speech as speech_like
from films import write_film
from seehear.apps.animate import FaceCompositor, blend_mask, drawing_matrix
from seehear.cli import main
from seehear.media.crops import TEMPLATE
from seehear.media.encode import write_video
from seehear.media.face_detector import Face
from seehear.media.sound import read_sound
from seehear.media.still import read_still
from seehear.models.animate import AnimateModel, AnimateOptions
from seehear.models.store import save

SIDE = 80
"""Of the faces that the detector below finds, px."""


def face_at(x: float, y: float, side: float = SIDE) -> Face:
    landmarks = (TEMPLATE * side + (x, y)).astype(np.float32)
    return Face(np.array([x, y, side, side], np.float32), landmarks, 0.9)


class Blind:
    """Finds no face anywhere: what is upright is not looked for."""

    name = "blind"

    def __call__(self, image):
        return []


@pytest.fixture
def faces(monkeypatch):
    """Say which faces there are in whatever picture is read."""

    def there_are(*there: Face) -> None:
        monkeypatch.setattr("seehear.media.face_detector.load_detector", lambda kind, path=None: Blind())
        ordered = sorted(there, key=lambda face: -face.box[2])
        monkeypatch.setattr("seehear.media.still.StillImage.faces", lambda self, detector: ordered)

    there_are(face_at(30.0, 20.0))
    return there_are


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A model that draws something that depends on the sound."""
    torch.manual_seed(0)
    sound = {"channels": [8, 8, 8, 8], "width": 16, "dim": 12, "gru": 1, "bands": 40}
    model = AnimateModel(AnimateOptions(sound=sound, size=32, widths=(8, 8)))
    torch.nn.init.normal_(model.generator.decoder.last.larger.weight, std=0.5)
    folder = tmp_path_factory.mktemp("run")
    save(model, folder)
    return folder


@pytest.fixture(scope="module")
def picture(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("picture") / "face.png"
    rng = np.random.default_rng(0)
    cv2.imwrite(str(path), cv2.resize(rng.integers(0, 256, (12, 16), dtype=np.uint8), (161, 121)))
    return path


def write_speech(path: Path, seconds: float = 1.0, rate: int = 16000) -> Path:
    samples = (8000 * np.sin(2 * np.pi * 220 * np.arange(round(seconds * rate)) / rate)).astype(np.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return path


@pytest.fixture
def speech(tmp_path) -> Path:
    return write_speech(tmp_path / "speech.wav")


def streams(path: Path):
    with av.open(str(path)) as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video)]
        context = video.codec_context
        return pictures, (context.name, context.pix_fmt, float(video.average_rate)), sound.codec_context.name


def test_a_video_that_browsers_play(faces, run, picture, speech, tmp_path, capsys):
    out = tmp_path / "out.mp4"
    assert main(["animate", str(picture), str(speech), "--out", str(out), "--model", str(run)]) == 0
    pictures, video, sound = streams(out)
    assert video == ("h264", "yuv420p", 25.0)
    assert sound == "aac"
    assert len(pictures) == 25
    assert pictures[0].shape == (122, 162, 3)  # even
    assert "1.00 s, 162 x 122 pixels" in capsys.readouterr().out


def test_the_face_moves_and_the_rest_stands_still(faces, run, picture, speech, tmp_path):
    out = tmp_path / "out.mp4"
    assert main(["animate", str(picture), str(speech), "--out", str(out), "--model", str(run)]) == 0
    film = np.stack(streams(out)[0]).astype(float)
    still = read_still(picture).rgb.astype(float)
    moved = np.abs(film[:, :121, :161] - still).mean((0, 3))
    assert moved[40:80, 50:90].mean() > 8
    assert moved[:, 125:].mean() < 3  # what the codec alone does
    assert moved[105:].mean() < 3


def test_strength_is_how_far_it_moves(faces, run, picture, speech, tmp_path, capsys):
    out, still, moved = tmp_path / "out.mp4", read_still(picture).rgb.astype(float), []
    asked = ["animate", str(picture), str(speech), "--out", str(out), "--model", str(run), "--strength"]
    for strength in ("0", "0.3", "1"):
        assert main([*asked, strength]) == 0
        moved.append(np.abs(np.stack(streams(out)[0])[:, :121, :161] - still).mean())
    assert moved[0] < moved[1] < moved[2]
    assert main([*asked, "-1"]) == 2
    assert "--strength must be from 0 to 5" in capsys.readouterr().err


def test_the_crop_alone(faces, run, picture, speech, tmp_path):
    out = tmp_path / "out.mp4"
    assert main(["animate", str(picture), str(speech), "--out", str(out), "--model", str(run), "--crop"]) == 0
    assert streams(out)[0][0].shape == (256, 256, 3)


def test_the_sound_is_heard_as_it_was(faces, run, picture, tmp_path):
    speech = write_speech(tmp_path / "speech.wav", 1.01)  # ends within a video frame
    out = tmp_path / "out.mp4"
    assert main(["animate", str(picture), str(speech), "--out", str(out), "--model", str(run)]) == 0
    assert len(streams(out)[0]) == 26
    with av.open(str(out)) as container:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    spectrum = np.abs(np.fft.rfft(heard[2000:14000]))
    assert np.argmax(spectrum) * 16000 / 12000 == pytest.approx(220, abs=2)


def test_the_first_picture_of_a_video_and_the_sound_of_a_video(faces, run, tmp_path):
    grey = (np.full((120, 160, 3), 100 + 10 * i, np.uint8) for i in range(5))
    write_video(tmp_path / "face.mp4", grey, audio=0.1 * np.ones(3200, np.float32))
    out = tmp_path / "out.mp4"
    words = [str(tmp_path / "face.mp4")] * 2
    assert main(["animate", *words, "--out", str(out), "--model", str(run)]) == 0
    pictures = streams(out)[0]
    assert len(pictures) == 7  # AAC is decoded to whole packets of 64 ms
    assert pictures[-1][5, 150] == pytest.approx(100, abs=4)


def test_of_several_faces_the_largest_speaks(faces, run, picture, speech, tmp_path, capsys):
    faces(face_at(5.0, 5.0, 20.0), face_at(30.0, 20.0))
    out = tmp_path / "out.mp4"
    assert main(["animate", str(picture), str(speech), "--out", str(out), "--model", str(run)]) == 0
    assert "2 faces; the largest speaks" in capsys.readouterr().err


def test_a_picture_without_a_face_is_refused(faces, run, picture, speech, tmp_path, capsys):
    faces()
    out = tmp_path / "out.mp4"
    assert main(["animate", str(picture), str(speech), "--out", str(out), "--model", str(run)]) == 2
    assert "face.png shows no face" in capsys.readouterr().err
    assert not out.exists()


def test_sound_that_cannot_be_used_is_refused(faces, run, picture, tmp_path, capsys):
    write_speech(tmp_path / "empty.wav", 0.0)
    with wave.open(str(tmp_path / "empty.wav")) as file:
        assert file.getnframes() == 0
    write_video(tmp_path / "mute.mp4", [np.zeros((64, 64, 3), np.uint8)] * 5)
    from scipy.io import wavfile

    broken = np.zeros(16000, np.float32)
    broken[100] = np.nan
    wavfile.write(tmp_path / "nan.wav", 16000, broken)
    (tmp_path / "text.wav").write_text("no sound")
    wavfile.write(tmp_path / "silent.wav", 16000, np.zeros(16000, np.int16))
    for name, says in (
        ("empty.wav", "0 samples"),
        ("mute.mp4", "has no sound"),
        ("nan.wav", "1 samples that are no numbers"),
        ("text.wav", "not a video or sound file"),
        ("absent.wav", "does not exist"),
        ("silent.wav", "1.00 s of silence"),
    ):
        out = tmp_path / "out.mp4"
        assert main(["animate", str(picture), str(tmp_path / name), "--out", str(out), "--model", str(run)]) == 2
        said = capsys.readouterr().err
        assert name in said
        assert says in said
        assert not out.exists()


def test_channels_that_cancel_are_heard_and_told(faces, run, picture, tmp_path, capsys):
    voice, out = speech_like(1.0), tmp_path / "out.mp4"
    write_film(tmp_path / "talk.mov", [np.stack([voice, -voice])])
    assert main(["animate", str(picture), str(tmp_path / "talk.mov"), "--out", str(out), "--model", str(run)]) == 0
    assert "right was inverted" in capsys.readouterr().err
    with av.open(str(out)) as container:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    assert np.abs(heard).max() > 0.3


def test_the_stream_of_sound_that_is_asked_for_is_heard(faces, run, picture, tmp_path, capsys):
    voices, out = [speech_like(1.0, seed) for seed in (1, 2)], tmp_path / "out.mp4"
    write_film(tmp_path / "talk.mov", voices)
    words = ["animate", str(picture), str(tmp_path / "talk.mov"), "--out", str(out), "--model", str(run)]
    for number, voice in enumerate(voices, 1):
        assert main([*words, "--audio-stream", str(number)]) == 0
        heard = read_sound(out).between(0.1, 0.9)
        assert np.corrcoef(heard, voice[1600:14400])[0, 1] > 0.9
    assert main([*words, "--audio-stream", "3"]) == 2
    assert "has no sound stream 3; give --audio-stream one of 1, 2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("out", "says"),
    [("out.avi", "ends in .mp4"), ("absent/out.mp4", "does not exist"), (".", ".mp4"), ("folder.mp4", "is a folder")],
)
def test_a_video_that_cannot_be_written_is_refused_first(faces, picture, speech, tmp_path, capsys, out, says):
    (tmp_path / "folder.mp4").mkdir()
    assert main(["animate", str(picture), str(speech), "--out", str(tmp_path / out), "--model", "absent"]) == 2
    assert says in capsys.readouterr().err


def test_the_originals_are_not_written_over(faces, run, tmp_path, capsys):
    write_video(tmp_path / "face.mp4", [np.zeros((64, 64, 3), np.uint8)] * 5, audio=np.zeros(3200, np.float32))
    path = str(tmp_path / "face.mp4")
    assert main(["animate", path, path, "--out", path, "--model", str(run)]) == 2
    assert "give --out another name" in capsys.readouterr().err


def test_a_model_that_cannot_draw_is_refused(faces, picture, speech, tmp_path, capsys):
    out = str(tmp_path / "out.mp4")
    assert main(["animate", str(picture), str(speech), "--out", out, "--model", "sync-small"]) == 2
    assert "sync-small is a sync model and cannot draw" in capsys.readouterr().err


def test_without_a_packaged_model_the_way_out_is_told(faces, picture, speech, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("seehear.models.store.packaged_models", list)
    monkeypatch.chdir(tmp_path)
    assert main(["animate", str(picture), str(speech), "--out", str(tmp_path / "out.mp4")]) == 2
    assert "pretrain CORPUS RUN --preset animate-small" in capsys.readouterr().err


def test_pictures_are_read_as_they_are_shown(tmp_path):
    colours = np.zeros((40, 60, 3), np.uint8)
    colours[:20, :30] = (250, 10, 10)
    cv2.imwrite(str(tmp_path / "a.png"), colours[..., ::-1])
    still = read_still(tmp_path / "a.png")
    np.testing.assert_array_equal(still.rgb, colours)
    shown = still.picture.crop(np.eye(2, 3), (40, 60))
    assert np.abs(shown[2:17, 2:27].astype(int) - colours[2:17, 2:27]).max() <= 4
    odd = np.full((41, 61, 3), 77, np.uint8)
    cv2.imwrite(str(tmp_path / "odd.png"), odd)
    assert read_still(tmp_path / "odd.png").picture.crop(np.eye(2, 3), (41, 61)).mean() == pytest.approx(77, abs=1)
    cv2.imwrite(str(tmp_path / "large.jpg"), np.zeros((300, 4000, 3), np.uint8))
    assert read_still(tmp_path / "large.jpg").rgb.shape == (144, 1920, 3)


def test_an_unchanged_face_leaves_the_picture_untouched():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (90, 120, 3), dtype=np.uint8)
    still = rng.random((32, 32, 3), dtype=np.float32)
    paste = FaceCompositor(
        picture, drawing_matrix(face_at(80, 40).landmarks, "face", 32), still
    )  # reaches over the edge
    np.testing.assert_array_equal(paste(still), picture)


@pytest.mark.parametrize("region", ["face", "mouth"])
@pytest.mark.parametrize("planes", [1, 3])
def test_a_change_lands_where_the_crop_was_cut(region, planes):
    """The change is pasted upright, of the right size, around the place in the picture that the crop shows."""
    picture = np.full((200, 300, 3), 100, np.uint8)
    matrix = drawing_matrix(face_at(120, 50, 96).landmarks, region, 32)
    still = np.full((32, 32, planes), 100 / 255, np.float32)
    drawn = still.copy()
    drawn[20:24, 8:12] += 50 / 255  # below the middle, to the left
    out = FaceCompositor(picture, matrix, still)(drawn)
    ys, xs = np.nonzero(out[..., 0] > 125)
    centre = matrix[:, :2] @ [xs.mean(), ys.mean()] + matrix[:, 2]
    assert centre == pytest.approx([9.5, 21.5], abs=0.3)
    assert len(xs) == pytest.approx(16 / np.linalg.det(matrix[:, :2]), rel=0.25)
    assert out.max() <= 152 + 10


def test_the_window_is_full_in_the_middle_and_nothing_at_the_edges():
    mask = blend_mask(64)
    assert mask[32, 32] == 1
    assert mask[0].max() < 0.02
    assert np.all(np.diff(mask[32, :32]) >= 0)
    np.testing.assert_allclose(mask, mask[::-1, ::-1], atol=1e-6)


def test_a_real_face_is_found_and_moves(shared, run, tmp_path):
    clip = shared / "data/grid_s1/video/bbaf2n.mp4"
    detector = shared / "models/yunet_n_640_640.onnx"
    out = tmp_path / "out.mp4"
    words = ["animate", str(clip), str(clip), "--out", str(out), "--model", str(run), "--detector", str(detector)]
    assert main(words) == 0
    film = np.stack(streams(out)[0]).astype(float)
    assert film.shape == (75, 288, 360, 3)
    moved = np.abs(film - film[0]).mean((0, 3))
    _, xs = np.nonzero(moved > 0.5 * moved.max())
    assert 120 < xs.mean() < 240  # the middle of the picture, where the speaker sits
    assert moved[:, :40].mean() < 1
