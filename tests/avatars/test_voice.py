"""Voices: repeatable, timed, and adjustable."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from seehear.avatars.voice import SyntheticVoice, require_espeak, synthesize_speech
from seehear.clip import SAMPLE_RATE
from seehear.errors import SeehearError

pytest.importorskip("espeakng_loader")

TEXT = "Bob put a big paper map up by my boat. A cup of tea, please."
VOICE = SyntheticVoice("en-us", "m3")


def test_the_same_arguments_give_the_same_samples_whatever_was_said_before() -> None:
    first = synthesize_speech(VOICE, TEXT)
    synthesize_speech(SyntheticVoice("fr", "f2", pitch=70), "Bonjour tout le monde.")
    again = synthesize_speech(VOICE, TEXT)
    assert np.array_equal(first.samples, again.samples)
    assert first.phonemes == again.phonemes


def test_phonemes_follow_one_another_to_the_end() -> None:
    utterance = synthesize_speech(VOICE, TEXT)
    for mark, following in zip(utterance.phonemes, utterance.phonemes[1:], strict=False):
        assert mark.start_s < mark.stop_s == pytest.approx(following.start_s)
    assert utterance.phonemes[-1].stop_s == pytest.approx(len(utterance.samples) / SAMPLE_RATE)


def test_words_are_those_of_the_text() -> None:
    words = [word.text for word in synthesize_speech(VOICE, TEXT).words]
    assert " ".join(words) == "Bob put a big paper map up by my boat A cup of tea please"


def test_voiceless_closures_are_silent_and_vowels_are_loud() -> None:
    for variant in ("m3", "f2", "klatt4"):
        utterance = synthesize_speech(replace(VOICE, variant=variant), TEXT)
        energy = np.convolve(utterance.samples**2, np.ones(160) / 160, "same")

        def at(seconds: float, energy: np.ndarray = energy) -> float:
            return float(energy[round(seconds * SAMPLE_RATE)])

        closures = [at(m.start_s + 0.03) for m in utterance.phonemes if m.text in ("p", "t", "k")]
        vowels = [at((m.start_s + m.stop_s) / 2) for m in utterance.phonemes if m.text[-1:] in ("ː", "æ", "ʌ", "ɪ")]
        assert np.median(closures) < 0.01 * np.median(vowels)


@pytest.mark.parametrize("tract", [0.9, 1.2])
def test_a_shorter_tract_raises_formants_but_not_pitch_or_pace(tract: float) -> None:
    plain, other = synthesize_speech(VOICE, TEXT), synthesize_speech(replace(VOICE, tract=tract), TEXT)
    assert len(other.samples) == pytest.approx(len(plain.samples), rel=0.12)
    assert _pitch(other.samples) == pytest.approx(_pitch(plain.samples), rel=0.12)
    assert (_centroid(other.samples) > _centroid(plain.samples)) == (tract > 1)


def test_without_the_library_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SeehearError, match=r"pip install 'seehear\[avatars\]'"):
        require_espeak()


def test_an_unknown_voice_is_named() -> None:
    with pytest.raises(SeehearError, match="nobody"):
        synthesize_speech(SyntheticVoice("nobody", "m1"), "hello")


def _centroid(samples: np.ndarray) -> float:
    power = np.abs(np.fft.rfft(samples)) ** 2
    return float((np.arange(len(power)) * power).sum() / power.sum() / len(samples))


def _pitch(samples: np.ndarray) -> float:
    """Median over frames of the lag of the strongest self-similarity."""
    found = []
    for start in range(0, len(samples) - 1200, 800):
        frame = samples[start : start + 1200]
        similar = np.correlate(frame, frame, "full")[1199:]
        lag = int(np.argmax(similar[60:260])) + 60
        if similar[0] > 1.0 and similar[lag] > 0.5 * similar[0]:
            found.append(SAMPLE_RATE / lag)
    return float(np.median(found))
