"""Recordings of folders and corpora; what is bad about one is said and costs that one alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.io import wavfile

from seehear.data.datasets import Span
from seehear.errors import CorpusError, MediaError
from seehear.evaluation.recordings import CachedSound, Recordings, read_whole_sound
from seehear.evaluation.words import isolated_words
from seehear.media.sound import read_sound
from tones import recording, tone, tones


def write(path: Path, samples: NDArray[np.generic], rate: int = 16000) -> Path:
    wavfile.write(path, rate, samples)
    return path


def as_int16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    return np.rint(samples * 32767).astype(np.int16)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
def test_wav_by_the_short_way_is_what_ffmpeg_reads(tmp_path: Path, rate: int) -> None:
    time = np.arange(rate) / rate
    sound = (0.4 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    path = write(tmp_path / "a.wav", as_int16(sound), rate)
    ours, theirs = read_whole_sound(path), read_sound(path)
    slow = theirs.between(0, theirs.duration_s)
    assert abs(len(ours) - len(slow)) <= 1
    middle = slice(1000, 15000)  # filters differ at the ends
    assert np.abs(ours[middle] - slow[middle]).max() < 0.01


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int32, np.float32])
def test_every_kind_of_sample_and_two_channels(tmp_path: Path, kind: type) -> None:
    sound = tone(440, 0.2)
    full = {np.uint8: 127, np.int16: 32767, np.int32: 2**31 - 1, np.float32: 1}[kind]
    samples = np.rint(sound * full + 128) if kind is np.uint8 else sound.astype(np.float64) * full
    both = np.stack([samples, samples], axis=1).astype(kind)
    assert np.abs(read_whole_sound(write(tmp_path / "a.wav", both)) - sound).max() < 0.01


def test_what_scipy_does_not_understand_is_left_to_ffmpeg(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF" + bytes(60))
    with pytest.raises(MediaError):
        read_whole_sound(tmp_path / "a.wav")


def test_sound_is_read_once_and_cut_without_a_copy() -> None:
    reads = []

    def read() -> NDArray[np.float32]:
        reads.append(1)
        return tone(300, 1.0)

    whole = recording("whole", tone(300, 1.0), {"speaker": "a"})
    whole._sound = CachedSound(read)
    piece = whole.cut("piece", 0.25, 0.5, {"word": "x"})
    further = piece.cut("further", 0.125, 9.0, {})
    assert piece.samples == 4000
    assert further.samples == 16000 - 6000  # its source's end, which is not its own
    assert np.array_equal(piece.audio(), whole.audio()[4000:8000])
    assert piece.labels == {"speaker": "a", "word": "x"}
    assert len(reads) == 1


def test_bad_recordings_are_left_out_and_named(tmp_path: Path) -> None:
    write(tmp_path / "good.wav", as_int16(tone(300, 0.3)))
    write(tmp_path / "empty.wav", np.zeros(0, np.int16))
    write(tmp_path / "nan.wav", np.array([0.1, np.nan, 0.2], np.float32))
    (tmp_path / "broken.wav").write_bytes(b"RIFF" + bytes(60))
    found = Recordings.of(tmp_path).with_readable_sound()
    assert [r.name for r in found] == ["good.wav"]
    assert found.left_out.keys() == {"empty.wav", "nan.wav", "broken.wav"}
    assert found.left_out["empty.wav"] == "it has no audio"
    assert "not a number" in found.left_out["nan.wav"]


def test_nothing_but_bad_recordings_is_a_sentence(tmp_path: Path) -> None:
    write(tmp_path / "empty.wav", np.zeros(0, np.int16))
    with pytest.raises(CorpusError, match=r"none of the recordings of .* empty\.wav: it has no audio"):
        Recordings.of(tmp_path).with_readable_sound()


def test_labels_that_name_missing_files_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", as_int16(tone(300, 0.3)))
    (tmp_path / "labels.csv").write_text("file,word\na.wav,yes\nb.wav,no\n")
    with pytest.raises(CorpusError, match=r"b\.wav"):
        Recordings.of(tmp_path)


def test_labels_of_a_folder(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write(tmp_path / f"{name}.wav", as_int16(tone(300, 0.3)))
    (tmp_path / "labels.csv").write_text("file,word,speaker\na.wav,yes,s1\nb.wav,no,\n")
    labelled = Recordings.of(tmp_path).labelled("word")
    assert labelled.labels("word") == ["yes", "no"]
    assert labelled.labels("speaker") == ["s1", None]
    assert labelled.left_out == {"c.wav": "it has no label 'word'"}
    with pytest.raises(CorpusError, match=r"has no label 'emotion' \(it has speaker, word\)"):
        labelled.labelled("emotion")


def test_only_some() -> None:
    recordings = tones(speakers=3, takes=1)
    assert {r.speaker for r in recordings.where(["speaker=s0|s2", "word=low"])} == {"s0", "s2"}
    with pytest.raises(CorpusError, match="no recording with speaker=nobody"):
        recordings.where(["speaker=nobody"])
    with pytest.raises(CorpusError, match="is not label=value"):
        recordings.where(["speaker"])


def test_nothing_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="does not exist"):
        Recordings.of(tmp_path / "nothing")


def test_words_are_cut_where_their_times_are() -> None:
    words = [Span("Yes", 1.06, 1.14), Span("no", 0.4, 0.45), Span("no", 0.5, 0.9), Span("late", -0.1, 0.3)]
    sentence = recording("a", tone(300, 1.2), {"speaker": "s", "text": "yes no"}, {"words": words})
    cut = isolated_words(Recordings([sentence], "data"), min_count=1)
    assert [(w.labels["word"], w.samples, w.source) for w in cut] == [("yes", 1280, "a"), ("no", 6400, "a")]
    assert len({w.name for w in cut}) == 2
    assert cut.with_readable_sound().left_out == {
        "a@0.400": "the word 'no' lasts 50 ms, less than two video frames",
        "a@-0.100": "the word 'late' begins before its recording does",
    }


def test_a_vocabulary_is_of_the_most_frequent_words() -> None:
    made = [
        recording(f"{w}{i}", tone(300, 0.1), {"word": w}) for w, n in (("a", 5), ("b", 3), ("c", 4)) for i in range(n)
    ]
    data = Recordings(made, "data")
    assert set(isolated_words(data, vocabulary=2, min_count=1).labels("word")) == {"a", "c"}
    assert set(isolated_words(data, min_count=4).labels("word")) == {"a", "c"}
    with pytest.raises(CorpusError, match="has 1 words with 5 examples"):
        isolated_words(data, min_count=5)


def test_words_of_too_few_speakers_are_left_out() -> None:
    made = [
        recording(f"{w}{s}", tone(300, 0.1), {"word": w, "speaker": s})
        for w, who in (("a", "xy"), ("b", "xy"), ("c", "x"))
        for s in who
    ]
    assert set(isolated_words(Recordings(made, "d"), min_count=1, min_speakers=2).labels("word")) == {"a", "b"}


def test_no_words_at_all() -> None:
    with pytest.raises(CorpusError, match="neither a label 'word' nor times of words"):
        isolated_words(Recordings([recording("a", tone(300, 0.1))], "data"))
