"""Avatars with recorded voices: the phonemes that are found in them, and what cannot be used."""

import wave
from pathlib import Path

import numpy as np
import pytest

from seehear.apps.sync.measure_file import measure_file
from seehear.avatars.make import synthesize_avatars
from seehear.avatars.performance import plan_performance
from seehear.avatars.script import IPA, MARGIN_S, align, find_recordings, recorded_speech
from seehear.avatars.visemes import Articulation, mouth_movement
from seehear.avatars.voice import SyntheticVoice, TimedLabel, Utterance, synthesize_speech
from seehear.clip import SAMPLE_RATE
from seehear.errors import SeehearError
from seehear.media.sound import read_sound
from seehear.models.store import load_sync_model

pytest.importorskip("espeakng_loader")
pytest.importorskip("pocketsphinx")

TEXT = "the people of my village were fishing by the old bridge when the boat came home"


@pytest.fixture(scope="module")
def spoken() -> Utterance:
    return synthesize_speech(SyntheticVoice("en-us", "m3", words_per_minute=150), TEXT)


def test_lips_and_recorded_voice_are_in_sync(shared: Path, tmp_path: Path) -> None:
    """Judged by a model that has never seen avatars with such voices."""
    speech = shared / "data" / "librispeech_251"
    files = synthesize_avatars(tmp_path / "out", clips=2, speakers=2, seed=7, recordings=speech)
    delays = [measure_file(file, load_sync_model("sync-small")) for file in files]
    assert [found.confidence > 0.5 and abs(found.delay_ms) < 60 for found in delays] == [True, True]


def test_the_same_samples_give_the_same_marks_whatever_was_heard_before(spoken: Utterance) -> None:
    first = align(spoken.samples)
    align(0.1 * spoken.samples[::-1].copy())
    again = align(spoken.samples)
    assert first.phonemes == again.phonemes
    assert first.words == again.words


def test_silence_has_no_phonemes() -> None:
    assert not [mark for mark in align(np.zeros(SAMPLE_RATE, np.float32)).phonemes if mark.text]


def test_every_phoneme_has_a_mouth() -> None:
    def moved(*marks: TimedLabel) -> np.ndarray:
        return mouth_movement(marks, Articulation(), start_s=0.0, frames=12)

    assert [ipa for ipa in IPA.values() if np.allclose(moved(TimedLabel(ipa, 0.1, 0.3)), moved())] == []


def test_an_avatar_says_what_a_recording_holds(shared: Path) -> None:
    recordings = find_recordings(shared / "data" / "librispeech_251", 1.2)[:2]
    take = plan_performance(5, 1, 4, 1.2, recordings=recordings)
    assert take.recording == recordings[1].name
    assert len(take.sound) == 1.2 * SAMPLE_RATE
    assert [mark for mark in take.phonemes if mark.text]
    apart = np.array([mouth.jaw for mouth in take.mouths])
    assert np.ptp(apart) > 0.02


def test_the_excerpt_is_of_the_recording(shared: Path) -> None:
    path = find_recordings(shared / "data" / "librispeech_251", 1.2)[0]
    utterance, start_s = recorded_speech(path, np.random.default_rng(0), 1.2)
    assert start_s == MARGIN_S
    sound = read_sound(path)
    whole = sound.between(0, sound.duration_s)
    lag = int(np.correlate(whole, utterance.samples, "valid").argmax())
    np.testing.assert_allclose(whole[lag : lag + len(utterance.samples)], utterance.samples)


def test_a_recording_without_speech_gives_way_to_the_next(tmp_path: Path, spoken: Utterance) -> None:
    for name, samples in (("a.wav", np.zeros_like(spoken.samples)), ("b.wav", spoken.samples)):
        write_wav(tmp_path / name, samples)
    take = plan_performance(5, 0, 2, 1.2, recordings=find_recordings(tmp_path, 1.2))
    assert take.recording == "b.wav"
    (tmp_path / "b.wav").unlink()
    with pytest.raises(SeehearError, match=r"a\.wav"):
        plan_performance(5, 0, 2, 1.2, recordings=find_recordings(tmp_path, 1.2))


def write_wav(path: Path, samples: np.ndarray) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.rint(32767 * samples).astype("<i2").tobytes())


def test_recordings_that_cannot_be_used_are_refused(tmp_path: Path, shared: Path) -> None:
    with pytest.raises(SeehearError, match="librispeech_251"):
        synthesize_avatars(
            tmp_path / "out", clips=1, speakers=1, seconds=200, recordings=shared / "data" / "librispeech_251"
        )
    with pytest.raises(SeehearError, match="--people-per-video"):
        synthesize_avatars(
            tmp_path / "out", clips=1, speakers=2, people_per_video=2, recordings=shared / "data" / "librispeech_251"
        )
    assert not (tmp_path / "out").exists()
