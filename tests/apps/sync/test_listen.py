"""What is told of sound without a model."""

import numpy as np
import pytest

from seehear.apps.sync.measure_file import STEADY_DB
from seehear.apps.sync.offset import loudness_db, modulation_db
from seehear.media.sound import read_sound

TIMES = np.arange(48_000) / 16_000


def noise(seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, len(TIMES)).astype(np.float32)


@pytest.mark.parametrize(
    "sound",
    [noise(), np.sin(2 * np.pi * 440 * TIMES), np.r_[noise(), np.zeros(9000)], np.zeros(48_000), np.zeros(100)],
    ids=["noise", "tone", "noise, then nothing", "silence", "too little"],
)
def test_steady_sound_is_no_speech(sound):
    assert modulation_db(sound.astype(np.float32)) < 1 < STEADY_DB


@pytest.mark.parametrize("noisy", [False, True])
def test_speech_is_not_steady_even_in_noise_as_loud_as_itself(shared, noisy):
    for path in sorted((shared / "data" / "grid_s1" / "video").glob("*.mp4"))[:4]:
        sound = read_sound(path)
        speech = sound.between(0, sound.duration_s)
        if noisy:
            speech = speech + np.resize(noise(), len(speech)) * 10 * np.sqrt(np.square(speech).mean())
        assert modulation_db(speech) > STEADY_DB


def test_loudness_is_of_the_loudest_frame():
    assert loudness_db(np.r_[np.zeros(6400), np.full(640, 0.1)].astype(np.float32)) == pytest.approx(-20, abs=1e-3)
    assert loudness_db(np.zeros(6400, np.float32)) == loudness_db(np.zeros(3, np.float32)) == -np.inf
