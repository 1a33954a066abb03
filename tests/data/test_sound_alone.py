"""Corpora of sound alone: whole recordings in pieces, no picture stored, black ones shown."""

import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import wavfile

from seehear import load
from seehear.cli import main
from seehear.clip import Clip
from seehear.data.corpus import Corpus
from seehear.data.prepare import prepare
from seehear.data.report import PrepareResult, corpus_info
from seehear.data.views import ClipViews
from seehear.errors import CorpusError, SeehearError
from seehear.media.encode import write_video
from seehear.media.sound import split_lengths

LONG = 2.61  # s: 66 frames, the last of them in part


def write_wav(path: Path, seconds: float, rate: int = 16_000) -> np.ndarray:
    """A tone that rises, so that every stretch differs; float32 (N,)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    times = np.arange(round(seconds * rate)) / rate
    wave = (0.4 * np.sin(2 * np.pi * (200 * times + 40 * times**2))).astype(np.float32)
    wavfile.write(path, rate, np.rint(wave * 32767).astype(np.int16))
    return wave


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recordings of two speakers, one of them too short, and a film."""
    folder = tmp_path_factory.mktemp("recordings")
    write_wav(folder / "long.wav", LONG)
    write_wav(folder / "other.wav", 1.0, rate=44_100)
    write_wav(folder / "click.wav", 0.1)
    film = np.zeros((50, 64, 64, 3), dtype=np.uint8)
    tone = 0.2 * np.sin(np.arange(50 * 640) * 0.05)
    write_video(folder / "film.mp4", film, audio=tone.astype(np.float32))
    words = '"[[""up"", 0.2, 0.5], [""down"", 2.0, 2.5]]"'
    (folder / "labels.csv").write_text(
        f"file,speaker,words\nlong.wav,anna,{words}\nother.wav,ben,\nfilm.mp4,ben,\nclick.wav,ben,\n"
    )
    return folder


def prepared(sources: Path, out: Path) -> PrepareResult:
    return prepare([sources], out, faces="none", max_seconds=2.5, workers=1)


@pytest.fixture(scope="module")
def heard(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("heard") / "corpus"
    report = prepared(recordings, out)
    assert (report.sources, report.done, report.empty, report.clips) == (4, 3, 1, 4)
    return out


def test_whole_recordings_in_pieces(recordings: Path, heard: Path) -> None:
    corpus = Corpus(heard)
    assert corpus.manifest["source"].to_pylist() == ["film.mp4", "long.wav", "long.wav", "other.wav"]
    assert corpus.frames.tolist() == [
        corpus.frames[0],
        33,
        33,
        25,
    ]  # the long one is too long for one piece of 62 and too short for two
    assert 50 <= corpus.frames[0] <= 52  # AAC ends with a whole packet
    first, second = corpus[1], corpus[2]
    assert second.meta["start_s"] == pytest.approx(33 / 25)
    _, stored = wavfile.read(recordings / "long.wav")
    sound = np.concatenate([first.audio, second.audio])
    assert len(sound) == 66 * 640
    np.testing.assert_allclose(sound[: len(stored)], stored / 32767, atol=1e-4)
    assert not sound[len(stored) :].any()
    for clip in (first, second):
        assert clip.video.shape == (clip.frames, 0, 0, 3)
        assert not clip.has_video
        assert np.isnan(clip.landmarks).all()


def test_labels_and_spans_are_kept(heard: Path) -> None:
    corpus = Corpus(heard)
    assert corpus.labels("speaker") == ["ben", "anna", "anna", "ben"]
    up, down = (corpus[index].meta["spans"]["words"] for index in (1, 2))
    assert [tuple(span) for span in up] == [("up", 0.2, 0.5)]
    assert [tuple(span) for span in down] == [("down", 0.68, 1.18)]


def test_no_picture_is_stored_and_the_corpus_says_so(heard: Path) -> None:
    corpus = Corpus(heard)
    assert not corpus.has_video.any()
    assert set(corpus.manifest["video_size"].to_pylist()) == {0}
    with tarfile.open(heard / "shard-000000.tar") as shard:
        names = shard.getnames()
    keys = corpus.manifest["key"].to_pylist()
    assert names == [f"{key}.{suffix}" for key in keys for suffix in ("flac", "json")]
    assert corpus_info(heard).size == 0


def test_too_short_says_why(heard: Path) -> None:
    assert corpus_info(heard).empty == {"click.wav": "the audio is 0.10 s long, shorter than 0.4 s"}


def test_the_same_again_does_nothing(recordings: Path, heard: Path) -> None:
    assert prepared(recordings, heard).elapsed_s == 0
    with pytest.raises(CorpusError, match="is already a corpus"):
        prepare([recordings], heard, faces="none", max_seconds=4, workers=1)


def test_a_film_without_sound_gives_nothing(tmp_path: Path) -> None:
    write_video(tmp_path / "mute.mp4", np.zeros((25, 64, 64, 3), dtype=np.uint8))
    with pytest.raises(CorpusError, match=r"mute\.mp4: there is no sound"):
        prepare([tmp_path], tmp_path / "out", faces="none", workers=1)


def test_silent_recordings_are_left_out_and_soft_ones_are_not(tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    sources.mkdir()
    rounding = np.random.default_rng(0).integers(-1, 2, 16_000).astype(np.int16)
    wavfile.write(sources / "silent.wav", 16_000, rounding)
    soft = np.zeros(16_000, np.int16)
    soft[9_000:9_100] = 30  # -61 dB, and only for a moment
    wavfile.write(sources / "soft.wav", 16_000, soft)
    report = prepared(sources, tmp_path / "corpus")
    assert (report.done, report.empty, report.clips) == (1, 1, 1)
    assert corpus_info(tmp_path / "corpus").empty == {"silent.wav": "the audio is 1.00 s of silence"}


def test_lengths_that_contradict_each_other(recordings: Path, tmp_path: Path) -> None:
    for wrong in ({"min_seconds": 0.01}, {"min_seconds": 3, "max_seconds": 4}):
        with pytest.raises(SeehearError, match="must be"):
            prepare([recordings], tmp_path / "out", faces="none", workers=1, **wrong)


def test_views_of_sound_alone_are_black_and_nothing_is_stored_of_them(heard: Path, tmp_path: Path) -> None:
    views = ClipViews(Corpus(heard), "mouth-luma", tmp_path, workers=1)
    pictures, sound = views.window(1, 3, 10)
    assert pictures.shape == (10, 64, 64)
    assert not pictures.any()
    assert pictures.strides[0] == 0  # one black picture, looked at ten times
    np.testing.assert_allclose(sound / 32767, Corpus(heard)[1].audio[3 * 640 : 13 * 640], atol=1e-4)
    (kept,) = tmp_path.glob("sound-1-*")
    assert (kept / "video.u8").stat().st_size == 0
    again = ClipViews(Corpus(heard), "face-32", tmp_path, workers=1)
    assert again.shape == (32, 32, 3)
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == [kept]  # whatever is to be seen of others


def test_joined_with_faces(heard: Path, corpus_folder: Path, tmp_path: Path) -> None:
    joined = Corpus(heard, corpus_folder)
    views = ClipViews(joined, "mouth-32", tmp_path, workers=1)
    assert views.shape == (32, 32, 3)
    assert views.seen.tolist() == [False] * 4 + [True] * 25
    assert not views[1][0].any()
    alone = ClipViews(Corpus(corpus_folder), "mouth-32", tmp_path, workers=1)
    np.testing.assert_array_equal(views[9][0], alone[5][0])
    np.testing.assert_array_equal(views[9][1], alone[5][1])


def test_those_with_faces(heard: Path, corpus_folder: Path, tmp_path: Path) -> None:
    faces = Corpus(heard, corpus_folder).with_faces()
    assert len(faces) == 25
    assert ClipViews(faces, "mouth-32", tmp_path, workers=1).seen.all()
    assert not list(tmp_path.glob("sound-*"))  # a corpus none of whose clips is wanted is not read
    with pytest.raises(CorpusError, match=r"--faces none"):
        Corpus(heard).with_faces()


def test_a_clip_of_sound_alone() -> None:
    clip = Clip.from_audio(np.zeros(3 * 640, np.float32), {"source": "a.wav", "start_s": 0.0, "track": 0})
    assert (clip.frames, clip.seconds, clip.has_video) == (3, 0.12, False)
    with pytest.raises(ValueError, match="audio of shape"):
        Clip.from_audio(np.zeros(1000, np.float32), {})


@given(st.integers(0, 5000), st.integers(1, 100), st.integers(0, 400))
def test_pieces_cover_all_and_none_is_too_short_or_too_long(frames: int, shortest: int, more: int) -> None:
    longest = 2 * shortest + more
    lengths = split_lengths(frames, shortest, longest)
    assert sum(lengths) == (frames if frames >= shortest else 0)
    assert all(shortest <= length <= longest for length in lengths)


def test_what_needs_lips_refuses_it(heard: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["evaluate", "sync", "sync-small"], ["evaluate", "animate", "animate-small"]):
        assert main([*words, str(heard)]) == 2
        assert f"{heard} " in capsys.readouterr().err


@pytest.mark.trains
def test_apc_learns_from_it_and_sync_does_not(recordings: Path, tmp_path: Path) -> None:
    """From recordings to a run, by the command line."""
    sources, corpus, run = tmp_path / "sources", tmp_path / "corpus", tmp_path / "run"
    for number in range(4):
        write_wav(sources / f"{number}.wav", 1.5)
    assert main(["prepare", str(sources), "-o", str(corpus), "--faces", "none", "--workers", "1"]) == 0
    quick = ["--data.batch", "2", "--data.frames", "20", "--data.min-frames", "20", "--optim.steps", "2"]
    small = ["--model.sound", '{"bands": 8, "hidden": 6, "depth": 2}', "--engine.accelerator", "cpu"]
    assert main(["pretrain", str(corpus), "-o", str(run), "--preset", "apc-small", *quick, *small]) == 0
    assert load(run).embed_audio(np.zeros(16_000), 16_000).shape == (25, 6)
    assert main(["pretrain", str(corpus), "-o", str(tmp_path / "sync"), *quick]) == 2
    assert not (tmp_path / "sync" / "config.yaml").exists()
