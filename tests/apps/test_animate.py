"""`animate` from a picture and a recording to a video, and what it says to those that cannot be used."""

import json
import wave
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch

from films import speech as speech_like
from films import write_film
from seehear.apps import talking_face
from seehear.apps.animate import animate
from seehear.apps.talking_face import FaceCompositor, blend_mask, drawing_matrix
from seehear.cli import main
from seehear.errors import MediaError, ModelError, SeehearError
from seehear.media.crops import TEMPLATE
from seehear.media.encode import write_video
from seehear.media.face_detector import Face
from seehear.media.sound import read_sound
from seehear.media.still import read_still
from seehear.models.animate import AnimateModel, AnimateOptions
from seehear.models.store import load_animate_model, save

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
        monkeypatch.setattr(talking_face, "load_detector", lambda kind, path=None: Blind())
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


def test_a_video_that_browsers_play(faces, run, picture, speech, tmp_path):
    out = tmp_path / "out.mp4"
    made = animate(picture, speech, out=out, model=run)
    assert (made.ok, made.path, made.seconds, made.size) == (True, out, 1.0, (162, 122))
    assert (made.faces, made.detector, made.cautions) == (1, "blind", ())
    pictures, video, sound = streams(out)
    assert video == ("h264", "yuv420p", 25.0)
    assert sound == "aac"
    assert len(pictures) == 25
    assert pictures[0].shape == (122, 162, 3)  # even
    assert "1.00 s, 162 x 122 pixels" in str(made)


def test_the_command_line_writes_the_video_and_prints_the_result(faces, run, picture, speech, tmp_path, capsys):
    out = tmp_path / "out.mp4"
    words = ["animate", str(picture), str(speech), "-o", str(out), "--model", str(run)]
    assert main([*words, "--json"]) == 0
    entry = json.loads(capsys.readouterr().out)
    assert entry == {
        "file": str(out), "seconds": 1.0, "width": 162, "height": 122, "fps": 25, "faces": 1, "detector": "blind",
        "cautions": [],
    }  # fmt: skip
    assert main(words) == 0
    assert "1.00 s, 162 x 122 pixels" in capsys.readouterr().out


def test_a_picture_and_samples_in_memory_give_what_their_files_give(faces, run, picture, speech, tmp_path):
    with wave.open(str(speech)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    rgb = read_still(picture).rgb
    from_files, from_arrays = tmp_path / "files.mp4", tmp_path / "arrays.mp4"
    animate(picture, speech, out=from_files, model=run)
    made = animate(rgb, samples, out=str(from_arrays), model=load_animate_model(run))
    assert (made.path, made.seconds, made.size) == (from_arrays, 1.0, (162, 122))
    expected, video, sound = streams(from_files)
    found, same_video, same_sound = streams(from_arrays)
    assert (same_video, same_sound) == (video, sound)
    np.testing.assert_allclose(np.stack(found).astype(int), np.stack(expected).astype(int), atol=4)
    assert np.corrcoef(*(read_sound(path).between(0.1, 0.9) for path in (from_files, from_arrays)))[0, 1] > 0.999


def test_samples_of_any_rate_and_any_number_of_channels(faces, run, picture, tmp_path):
    tone = 0.2 * np.sin(2 * np.pi * 220 * np.arange(24000) / 48000)
    shares: list[float] = []
    made = animate(
        picture, np.stack([tone, tone], axis=1), sample_rate=48000, out=tmp_path / "out.mp4", model=run,
        progress=lambda share, _: shares.append(share),
    )  # fmt: skip
    assert made.seconds == pytest.approx(0.52)  # whole frames
    assert len(streams(made.path)[0]) == 13
    assert shares == sorted(shares)
    assert shares[-1] == 1


@pytest.mark.parametrize(
    ("face", "samples", "said"),
    [
        (np.zeros((8, 8, 4), np.uint8), np.ones(16000, np.float32), "a picture in memory is uint8"),
        (np.zeros((8, 8, 3), np.float32), np.ones(16000, np.float32), "a picture in memory is uint8"),
        (np.zeros((0, 8, 3), np.uint8), np.ones(16000, np.float32), "a picture in memory is uint8"),
        (np.zeros((80, 80, 3), np.uint8), np.zeros((2, 2, 2), np.float32), "audio in memory is"),
        (np.zeros((80, 80, 3), np.uint8), np.full(16000, np.nan, np.float32), "not finite"),
    ],
)
def test_arrays_of_another_form_are_refused(faces, run, tmp_path, face, samples, said):
    with pytest.raises(MediaError, match=said):
        animate(face, samples, out=tmp_path / "out.mp4", model=run)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("samples", [np.zeros(0, np.float32), np.zeros(16000, np.float32)])
def test_samples_without_sound_are_refused_as_a_file_is(faces, run, picture, tmp_path, samples):
    with pytest.raises(MediaError, match="give a recording"):
        animate(picture, samples, out=tmp_path / "out.mp4", model=run)
    assert list(tmp_path.iterdir()) == []


def test_the_face_moves_and_the_rest_stands_still(faces, run, picture, speech, tmp_path):
    out = tmp_path / "out.mp4"
    animate(picture, speech, out=out, model=run)
    film = np.stack(streams(out)[0]).astype(float)
    still = read_still(picture).rgb.astype(float)
    moved = np.abs(film[:, :121, :161] - still).mean((0, 3))
    assert moved[40:80, 50:90].mean() > 8
    assert moved[:, 125:].mean() < 3  # what the codec alone does
    assert moved[105:].mean() < 3


def test_strength_is_how_far_it_moves(faces, run, picture, speech, tmp_path):
    out, still, moved = tmp_path / "out.mp4", read_still(picture).rgb.astype(float), []
    for strength in (0, 0.3, 1):
        animate(picture, speech, out=out, model=run, strength=strength)
        moved.append(np.abs(np.stack(streams(out)[0])[:, :121, :161] - still).mean())
    assert moved[0] < moved[1] < moved[2]
    with pytest.raises(SeehearError, match="strength must be from 0 to 5"):
        animate(picture, speech, out=out, model=run, strength=-1)


def test_the_crop_alone(faces, run, picture, speech, tmp_path):
    out = tmp_path / "out.mp4"
    assert animate(picture, speech, out=out, model=run, face_only=True).size == (256, 256)
    assert streams(out)[0][0].shape == (256, 256, 3)


def test_the_sound_is_heard_as_it_was(faces, run, picture, tmp_path):
    speech = write_speech(tmp_path / "speech.wav", 1.01)  # ends within a video frame
    out = tmp_path / "out.mp4"
    animate(picture, speech, out=out, model=run)
    assert len(streams(out)[0]) == 26
    with av.open(str(out)) as container:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    spectrum = np.abs(np.fft.rfft(heard[2000:14000]))
    assert np.argmax(spectrum) * 16000 / 12000 == pytest.approx(220, abs=2)


def test_the_first_picture_of_a_video_and_the_sound_of_a_video(faces, run, tmp_path):
    grey = (np.full((120, 160, 3), 100 + 10 * i, np.uint8) for i in range(5))
    write_video(tmp_path / "face.mp4", grey, audio=0.1 * np.ones(3200, np.float32))
    out = tmp_path / "out.mp4"
    animate(tmp_path / "face.mp4", tmp_path / "face.mp4", out=out, model=run)
    pictures = streams(out)[0]
    assert len(pictures) == 7  # AAC is decoded to whole packets of 64 ms
    assert pictures[-1][5, 150] == pytest.approx(100, abs=4)


def test_of_several_faces_the_largest_speaks(faces, run, picture, speech, tmp_path):
    faces(face_at(5.0, 5.0, 20.0), face_at(30.0, 20.0))
    made = animate(picture, speech, out=tmp_path / "out.mp4", model=run)
    assert made.faces == 2
    (caution,) = made.cautions
    assert "2 faces; the largest speaks" in caution
    assert "Caution: " in str(made)


def test_a_picture_without_a_face_is_refused(faces, run, picture, speech, tmp_path):
    faces()
    out = tmp_path / "out.mp4"
    for face, name in ((picture, r"face\.png"), (read_still(picture).rgb, "the picture")):
        with pytest.raises(MediaError, match=f"{name} shows no detectable face"):
            animate(face, speech, out=out, model=run)
    assert not out.exists()


def test_sound_that_cannot_be_used_is_refused(faces, run, picture, tmp_path):
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
        ("empty.wav", "has no audio samples"),
        ("mute.mp4", "has no audio"),
        ("nan.wav", "1 samples"),
        ("text.wav", "not a video or sound file"),
        ("absent.wav", "does not exist"),
        ("silent.wav", "1.00 s of silence"),
    ):
        out = tmp_path / "out.mp4"
        with pytest.raises(MediaError, match=says) as refusal:
            animate(picture, tmp_path / name, out=out, model=run)
        assert name in str(refusal.value)
        assert not out.exists()


def test_channels_that_cancel_are_heard_and_told(faces, run, picture, tmp_path):
    voice, out = speech_like(1.0), tmp_path / "out.mp4"
    write_film(tmp_path / "talk.mov", [np.stack([voice, -voice])])
    made = animate(picture, tmp_path / "talk.mov", out=out, model=run)
    assert any("right was inverted" in caution for caution in made.cautions)
    with av.open(str(out)) as container:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    assert np.abs(heard).max() > 0.3


def test_the_stream_of_sound_that_is_asked_for_is_heard(faces, run, picture, tmp_path):
    voices, out = [speech_like(1.0, seed) for seed in (1, 2)], tmp_path / "out.mp4"
    write_film(tmp_path / "talk.mov", voices)
    asked = partial(animate, picture, tmp_path / "talk.mov", out=out, model=run)
    for number, voice in enumerate(voices, 1):
        asked(audio_stream=str(number))
        heard = read_sound(out).between(0.1, 0.9)
        assert np.corrcoef(heard, voice[1600:14400])[0, 1] > 0.9
    with pytest.raises(SeehearError, match="has no audio stream 3; give --audio-stream one of 1, 2"):
        asked(audio_stream="3")


@pytest.mark.parametrize(
    ("out", "says"),
    [("out.avi", "ends in .mp4"), ("absent/out.mp4", "does not exist"), (".", ".mp4"), ("folder.mp4", "is a folder")],
)
def test_a_video_that_cannot_be_written_is_refused_first(faces, picture, speech, tmp_path, out, says):
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(SeehearError, match=says):
        animate(picture, speech, out=tmp_path / out, model="absent")


def test_the_originals_are_not_written_over(faces, run, tmp_path):
    write_video(tmp_path / "face.mp4", [np.zeros((64, 64, 3), np.uint8)] * 5, audio=np.zeros(3200, np.float32))
    path = tmp_path / "face.mp4"
    for sources in ((path, path), (path, np.ones(3200)), (np.zeros((64, 64, 3), np.uint8), path)):
        with pytest.raises(MediaError, match="give --out another name"):
            animate(*sources, out=path, model=run)


def test_a_model_that_cannot_draw_is_refused(faces, picture, speech, tmp_path):
    with pytest.raises(ModelError, match="sync-small") as refusal:
        animate(picture, speech, out=tmp_path / "out.mp4", model="sync-small")
    assert refusal.value.code == "cannot-draw"


def test_without_a_packaged_model_the_way_out_is_told(faces, picture, speech, tmp_path, monkeypatch):
    monkeypatch.setattr(talking_face, "packaged_models", list)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match="pretrain CORPUS -o RUN --preset animate-small"):
        animate(picture, speech, out=tmp_path / "out.mp4")


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
    animate(clip, clip, out=out, model=run, detector=detector)
    film = np.stack(streams(out)[0]).astype(float)
    assert film.shape == (75, 288, 360, 3)
    moved = np.abs(film - film[0]).mean((0, 3))
    _, xs = np.nonzero(moved > 0.5 * moved.max())
    assert 120 < xs.mean() < 240  # the middle of the picture, where the speaker sits
    assert moved[:, :40].mean() < 1
