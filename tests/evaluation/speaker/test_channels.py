"""Each piece somewhere else: repeatable, different, of the same length, and still the same speech."""

import numpy as np
import pytest

from seehear.clip import SAMPLE_RATE
from seehear.evaluation.recordings import CachedSound, Recording
from seehear.evaluation.speaker.verification import CODECS, simulate_channels, through_codec


def speech(seed: int = 0) -> np.ndarray:
    """Noise below 3 kHz, loud and soft by turns."""
    rng = np.random.default_rng(seed)
    noise = np.convolve(rng.normal(size=2 * SAMPLE_RATE), np.hanning(11), "same")
    noise *= 0.1 + np.repeat(rng.random(40), SAMPLE_RATE // 20)
    return (0.3 * noise / np.abs(noise).max()).astype(np.float32)


def loudness(sound: np.ndarray) -> np.ndarray:
    return np.log(np.square(sound).reshape(-1, SAMPLE_RATE // 20).mean(1) + 1e-8)


def recording(name: str, sound: np.ndarray) -> Recording:
    return Recording(name, "source", {"speaker": "anna"}, CachedSound(lambda: sound))


@pytest.mark.parametrize("codec", [codec for codec in CODECS if codec], ids=lambda codec: codec.name)
def test_a_codec_keeps_the_speech_and_its_length(codec: object) -> None:
    sound = speech()
    heard = through_codec(sound, codec)  # type: ignore[arg-type]
    assert heard.shape == sound.shape
    assert np.corrcoef(loudness(heard), loudness(sound))[0, 1] > 0.8
    assert not np.allclose(heard, sound, atol=1e-3)


def test_a_place_depends_on_the_seed_and_the_name_alone() -> None:
    one, same, other = (simulate_channels([recording(name, speech())])[0].audio() for name in ("a", "a", "b"))
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, other, atol=1e-3)
    assert not np.allclose(one, simulate_channels([recording("a", speech())], seed=1)[0].audio(), atol=1e-3)


def test_what_is_known_of_a_recording_stays() -> None:
    (moved,) = simulate_channels([recording("a", speech())])
    assert (moved.name, moved.source, moved.speaker, moved.samples) == ("a", "source", "anna", 2 * SAMPLE_RATE)
    assert np.abs(moved.audio()).max() <= 1.1
    assert moved.audio().dtype == np.float32
