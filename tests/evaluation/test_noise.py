"""Noise is at the ratio that was asked for, of strangers, and the same for every encoder."""

from __future__ import annotations

import numpy as np
import pytest

from seehear.errors import CorpusError
from seehear.evaluation.features import TestNoise
from seehear.evaluation.recordings import Recordings
from seehear.evaluation.task import NoiseName
from tones import recording, tone, tones


@pytest.mark.parametrize("noise", ["babble", "white", "pink"])
@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 20.0])
def test_ratio_is_as_asked(noise: NoiseName, snr_db: float) -> None:
    recordings = tones(seconds=0.5)
    sound = recordings[3].audio()
    mixed = TestNoise(recordings, noise).mixed(3, snr_db)
    scale = float(mixed @ sound / (sound @ sound))  # of the whole, where it would have clipped
    added = mixed / scale - sound
    measured = 10 * np.log10(np.square(sound).mean() / np.square(added).mean())
    assert measured == pytest.approx(snr_db, abs=1.0)
    assert mixed.shape == sound.shape
    assert np.abs(mixed).max() <= 1


def test_noise_is_the_same_at_every_ratio_and_for_everybody() -> None:
    recordings = tones()
    one, other = TestNoise(recordings, "babble"), TestNoise(recordings, "babble")
    sound = recordings[0].audio()
    quiet, loud = one.mixed(0, 30.0) - sound, one.mixed(0, 10.0) - sound
    assert np.allclose(quiet * 10, loud, atol=1e-4)
    assert np.array_equal(one.mixed(0, 0.0), other.mixed(0, 0.0))
    assert not np.array_equal(one.mixed(0, 0.0), TestNoise(recordings, "babble", seed=1).mixed(0, 0.0))


def test_babble_is_of_other_speakers() -> None:
    mine = [recording(f"mine{i}", tone(5000, 0.3), {"speaker": "me"}) for i in range(20)]
    others = [recording(f"other{i}", tone(200, 0.3), {"speaker": "you"}) for i in range(3)]
    data = Recordings([*mine, *others], "data")
    spectrum = np.abs(np.fft.rfft(TestNoise(data, "babble").mixed(0, -60.0)))
    heard = np.argmax(spectrum) * 16000 / (2 * (len(spectrum) - 1))
    assert heard == pytest.approx(200, abs=10)


def test_without_speakers_babble_is_of_other_sources() -> None:
    pieces = [recording(f"a{i}", tone(300, 0.2), source="a") for i in range(3)]
    with pytest.raises(CorpusError, match="no other speakers for babble"):
        TestNoise(Recordings(pieces, "data"), "babble").mixed(0, 0.0)
    assert len(TestNoise(Recordings(pieces, "data"), "pink").mixed(0, 0.0)) == 3200


def test_noise_for_sound_longer_than_the_bank() -> None:
    long = Recordings([recording("a", tone(300, 17.0))], "data")
    assert len(TestNoise(long, "white").mixed(0, 0.0)) == 17 * 16000
