"""Emotions live in time and are heard: measured on curves and on sound that the avatars make."""

import numpy as np
import pytest

from seehear.audio.recording import sample_recording_conditions
from seehear.avatars.emotion import (
    EMOTIONS,
    Emotion,
    Motion,
    emotional_recording,
    emotional_timbre,
    emotional_voice,
    sample_intensity,
    sample_motion,
)
from seehear.avatars.performance import plan_performance
from seehear.avatars.person import sample_person
from seehear.avatars.script import write_script
from seehear.avatars.voice import synthesize_speech
from seehear.clip import FPS, SAMPLE_RATE

PEOPLE = [sample_person(9, number) for number in range(6)]
SPEAKING = np.ones(75, np.float32)
LOUDNESS = np.tile(np.repeat((0.9, 0.3, 0.6, 0.1, 0.6), 3), 5).astype(np.float32)


def test_intensity_begins_near_rest_and_rises_with_the_voice() -> None:
    curves = np.stack([sample_intensity(np.random.default_rng(i), LOUDNESS, SPEAKING) for i in range(50)])
    assert curves[:, 0].max() <= 0.4
    assert curves[:, 25:].mean(axis=1).min() > curves[:, 0].max()
    assert 0.9 < curves.max() <= 1.25
    assert np.abs(np.diff(curves)).max() < 0.25  # no face jumps from one picture to the next


def test_intensity_waits_for_the_voice_and_sinks_in_a_pause() -> None:
    speaking, loudness = SPEAKING.copy(), LOUDNESS.copy()
    for silent in (slice(0, 15), slice(45, 75)):
        speaking[silent], loudness[silent] = 0, 0
    for seed in range(20):
        curve = sample_intensity(np.random.default_rng(seed), loudness, speaking)
        np.testing.assert_allclose(curve[:13], curve[0], atol=0.05)
        assert curve[60:].max() < curve[25:40].mean() - 0.2


def test_intensity_swells_where_the_voice_is_loud() -> None:
    loudness = (0.5 + 0.5 * np.sin(2 * np.pi * np.arange(75) / 25)).astype(np.float32)  # one stress a second
    curve = sample_intensity(np.random.default_rng(0), loudness, SPEAKING)
    assert np.corrcoef(curve[25:], loudness[25:])[0, 1] > 0.9


def test_brows_lips_and_smile_follow_what_is_felt() -> None:
    felt, quiet = np.linspace(0, 1, 75, dtype=np.float32), np.zeros(75, np.float32)

    def moved(feeling: Emotion, felt: np.ndarray) -> Motion:
        return sample_motion(np.random.default_rng(3), PEOPLE[0].manner, feeling, felt, quiet, quiet)

    for name, feeling in EMOTIONS.items():
        rest, shown = moved(feeling, quiet), moved(feeling, felt)
        assert np.ptp(rest.brow_inner) < 0.3
        np.testing.assert_allclose(
            shown.brow_inner - rest.brow_inner, feeling.brow_inner * felt, atol=1e-5, err_msg=name
        )
        np.testing.assert_allclose(shown.part, feeling.part * felt, atol=1e-5, err_msg=name)
        np.testing.assert_allclose(shown.smile - rest.smile, feeling.smile * felt, atol=0.6 * abs(feeling.smile) + 1e-5)


def test_voices_rise_hurry_and_slow_as_feelings_make_them() -> None:
    pytest.importorskip("espeakng_loader")
    pitch, seconds = {}, {}
    for name in ("neutral", "angry", "sad", "fear"):
        spoken = [_say(number, name, timbre=False) for number in range(len(PEOPLE))]
        pitch[name] = float(np.median([_pitch(samples) for samples in spoken]))
        seconds[name] = float(np.sum([len(samples) for samples in spoken]))
    assert 1.3 < pitch["angry"] / pitch["neutral"] < 1.7
    assert 0.7 < pitch["sad"] / pitch["neutral"] < 0.95
    assert seconds["fear"] < 0.87 * seconds["neutral"]
    assert seconds["sad"] > 1.15 * seconds["neutral"]


def test_anger_is_bright_and_sadness_dull() -> None:
    pytest.importorskip("espeakng_loader")
    for number in range(len(PEOPLE)):
        neutral, angry, sad = (_brightness_db(_say(number, name)) for name in ("neutral", "angry", "sad"))
        assert angry > neutral + 3
        assert sad < neutral - 3


def test_half_a_feeling_is_heard_half() -> None:
    pytest.importorskip("espeakng_loader")
    plain, half, full = (_brightness_db(_say(1, "sad", strength)) for strength in (0.0, 0.5, 1.0))
    assert plain - 1 > half > full + 1


def test_fear_trembles_and_anger_is_rough() -> None:
    steady = np.sin(2 * np.pi * 220 * np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32)
    spectra = {}
    for name in ("neutral", "fear", "angry"):
        envelope = np.abs(emotional_timbre(np.random.default_rng(0), steady, EMOTIONS[name], 1.0))
        envelope = np.convolve(envelope, np.hanning(146) / 73, "same")[2000:-2000]
        spectra[name] = np.abs(np.fft.rfft(envelope / envelope.mean() - 1)) / len(envelope)
    hertz = np.fft.rfftfreq(len(envelope), 1 / SAMPLE_RATE)
    tremor, rough = (hertz > 3) & (hertz < 8), (hertz > 30) & (hertz < 75)
    power = {name: (np.sum(s[tremor] ** 2), np.sum(s[rough] ** 2)) for name, s in spectra.items()}
    assert power["fear"][0] > 20 * max(power["neutral"][0], power["angry"][0])
    assert power["angry"][1] > 20 * max(power["neutral"][1], power["fear"][1])


def test_timbre_moves_nothing_in_time_and_leaves_a_neutral_voice_alone() -> None:
    rng = np.random.default_rng(5)
    clicks = np.zeros(3 * SAMPLE_RATE, np.float32)
    at = np.arange(2000, len(clicks), 4000)
    clicks[at] = 1.0
    assert emotional_timbre(rng, clicks, EMOTIONS["neutral"], 0.0) is clicks
    for name, feeling in EMOTIONS.items():
        heard = np.abs(emotional_timbre(rng, clicks, feeling, 1.0))
        found = np.array([np.argmax(heard[place - 800 : place + 800]) - 800 for place in at])
        assert np.abs(found).max() <= 0.003 * SAMPLE_RATE, name


def test_a_loud_voice_stands_out_of_the_noise() -> None:
    room = sample_recording_conditions(np.random.default_rng(0))
    loud = emotional_recording(room, EMOTIONS["angry"], 1.0)
    assert loud.snr_db == pytest.approx(room.snr_db + EMOTIONS["angry"].loud)
    assert loud.noise == room.noise


def test_the_share_of_neutral_clips_is_the_one_asked_for() -> None:
    pytest.importorskip("espeakng_loader")
    feelings = [plan_performance(1, number, 3, 0.4, neutral=1 / 7) for number in range(60)]
    assert {take.emotion for take in feelings} == set(EMOTIONS)
    assert all(0.4 <= take.strength <= 1 for take in feelings if take.emotion != "neutral")
    assert {plan_performance(1, number, 3, 0.4, neutral=1.0).emotion for number in range(8)} == {"neutral"}
    assert "neutral" not in {plan_performance(1, number, 3, 0.4, neutral=0.0).emotion for number in range(8)}


def test_a_still_of_the_first_picture_tells_little_and_the_clip_much() -> None:
    """Brows of angry and surprised clips: at the first picture close to neutral, later far apart."""
    pytest.importorskip("espeakng_loader")
    first, later = [], []
    for number in range(40):
        take = plan_performance(3, number, 40, 2.0, neutral=0.0)
        if take.emotion in ("angry", "surprise") and any(m.text and m.start_s < 0.3 for m in take.phonemes):
            first.append(abs(float(take.motion.brow_inner[0])))
            later.append(float(np.abs(take.motion.brow_inner[FPS:]).max()))
    assert len(first) > 5
    assert np.mean(later) > 2.5 * np.mean(first)


def _say(number: int, name: str, strength: float = 1.0, *, timbre: bool = True) -> np.ndarray:
    voice, feeling = PEOPLE[number].voice, EMOTIONS[name]
    text = write_script(np.random.default_rng(number), voice.language, seconds=2.0)
    samples = synthesize_speech(emotional_voice(voice, feeling, strength), text).samples
    return emotional_timbre(np.random.default_rng(number), samples, feeling, strength) if timbre else samples


def _brightness_db(samples: np.ndarray) -> float:
    """Energy of 1 to 5 kHz over that of 100 Hz to 1 kHz."""
    power, hertz = np.abs(np.fft.rfft(samples)) ** 2, np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)
    high, low = power[(hertz > 1000) & (hertz < 5000)].sum(), power[(hertz > 100) & (hertz < 1000)].sum()
    return float(10 * np.log10(high / low))


def _pitch(samples: np.ndarray) -> float:
    """Median over frames of the lag of the strongest self-similarity, from 70 to 500 Hz."""
    found, loud = [], 0.1 * np.quantile(np.abs(samples), 0.99)
    for start in range(0, len(samples) - 1200, 800):
        frame = samples[start : start + 1200]
        similar = np.correlate(frame, frame, "full")[1199:] / np.arange(1200, 0, -1)
        lag = int(np.argmax(similar[32:230])) + 32
        if similar[0] > loud**2 and similar[lag] > 0.6 * similar[0]:
            found.append(SAMPLE_RATE / lag)
    return float(np.median(found))
