"""Where there is speech: sounds whose truth is known by making, and a real sentence."""

from importlib.resources import files

import numpy as np
import pytest

from seehear.audio.voice_activity import (
    BANDS,
    MAX_HZ,
    MIN_HZ,
    band_levels,
    build_network,
    voice_activity,
    voice_activity_from_levels,
)
from seehear.clip import SAMPLE_RATE, SAMPLES_PER_FRAME
from seehear.media.sound import read_sound


def test_the_model_card_is_about_this_network():
    card = (files("seehear") / "weights" / "voice-activity.md").read_text(encoding="utf-8")
    assert f"{sum(weights.numel() for weights in build_network().parameters()):,}\nweights" in card
    assert f"{BANDS} mel bands from {MIN_HZ:.0f} to {MAX_HZ:,.0f} Hz" in card


def babble(seconds, rng):
    """Something like speech: a buzz under syllables, with its formants moving."""
    times = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    buzz = sum(np.sin(2 * np.pi * 120 * k * times) / k for k in range(1, 40))
    syllables = np.clip(np.sin(2 * np.pi * 3.5 * times) + 0.3, 0, None)
    hiss = np.diff(rng.standard_normal(len(times) + 1)) * np.clip(np.sin(2 * np.pi * 3.5 * times + 3), 0, None)
    return (0.1 * buzz * syllables + 0.05 * hiss).astype(np.float32)


def pieces(rng, noise=0.001):
    """Two seconds of speech between silences of 3 s, in noise, and where it is."""
    sound = np.zeros(8 * SAMPLE_RATE, np.float32)
    sound[3 * SAMPLE_RATE : 5 * SAMPLE_RATE] = babble(2, rng)
    truth = np.zeros(200, bool)
    truth[75:125] = True
    return sound + noise * rng.standard_normal(len(sound)).astype(np.float32), truth


@pytest.mark.parametrize("noise", [0.0, 0.001, 0.01])
def test_speech_is_found_between_silences_whatever_the_noise(noise):
    sound, truth = pieces(np.random.default_rng(0), noise)
    found = voice_activity(sound) > 0
    assert found.shape == truth.shape
    assert (found == truth).mean() > 0.9
    assert not found[:70].any()
    assert not found[131:].any()


@pytest.mark.parametrize("gain", [0.01, 1.0])
def test_loudness_does_not_matter_far_above_the_rounding(gain):
    sound, _ = pieces(np.random.default_rng(1), 0.003)
    found = voice_activity(sound) > 0
    assert (found == (voice_activity(gain * sound) > 0)).mean() > 0.97


@pytest.mark.parametrize("kind", ["silence", "noise", "hum"])
def test_there_is_none_in_steady_sound(kind):
    rng, times = np.random.default_rng(2), np.arange(8 * SAMPLE_RATE) / SAMPLE_RATE
    hiss = rng.standard_normal(len(times))
    sounds = {"silence": 0 * times, "noise": 0.05 * hiss, "hum": 0.3 * np.sin(628 * times) + 0.001 * hiss}
    assert (voice_activity(sounds[kind]) > 0).mean() < 0.05


def test_levels_in_pieces_are_those_of_the_whole():
    sound, _ = pieces(np.random.default_rng(3))
    whole = band_levels(sound)
    assert whole.shape == (200, BANDS)
    part = band_levels(sound[50 * SAMPLES_PER_FRAME : 80 * SAMPLES_PER_FRAME])
    np.testing.assert_allclose(part[1:-1], whole[51:79], atol=1e-3)
    np.testing.assert_array_equal(voice_activity_from_levels(whole), voice_activity(sound))


@pytest.mark.parametrize("samples", [0, 1, 639, 640, 700])
def test_sound_of_any_length(samples):
    assert voice_activity(np.zeros(samples, np.float32)).shape == (samples // SAMPLES_PER_FRAME,)


def test_a_real_sentence(shared):
    stem = "bbbf9a"
    sound = read_sound(shared / "data" / "grid_s1" / "video" / f"{stem}.mp4").between(0, 3.0)
    truth = np.zeros(75, bool)
    for line in (shared / "data" / "grid_s1" / "align" / f"{stem}.align").read_text().splitlines():
        start, stop, word = line.split()
        if word != "sil":
            truth[int(start) // 1000 : int(stop) // 1000] = True
    assert ((voice_activity(sound) > 0) == truth).mean() > 0.9
