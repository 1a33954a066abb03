"""The mouth does what the phonemes ask, when they sound."""

import numpy as np
import pytest

from seehear.avatars.lips import lip_outline, mouth_shapes
from seehear.avatars.person import sample_person
from seehear.avatars.script import LANGUAGES, write_script
from seehear.avatars.visemes import PARTS, Articulation, mouth_movement
from seehear.avatars.voice import TimedLabel, synthesize_speech
from seehear.clip import FPS, SAMPLE_RATE


def spell(*sounds: str, each_s: float = 0.12) -> list[TimedLabel]:
    return [TimedLabel(sound, i * each_s, (i + 1) * each_s) for i, sound in enumerate(sounds)]


def part(movement: np.ndarray, name: str) -> np.ndarray:
    return movement[:, PARTS.index(name)]


def at(seconds: float) -> int:
    return round(seconds * FPS)


def test_lips_close_for_bilabials_and_only_then() -> None:
    press = part(mouth_movement(spell("ɑ", "m", "ɑ", "d", "ɑ"), Articulation(), start_s=0, frames=15), "press")
    assert press[at(0.18)] > 0.95
    assert press[at(0.06)] < 0.2
    assert press[at(0.42)] < 0.1


def test_lower_lip_meets_teeth_for_labiodentals() -> None:
    tuck = part(mouth_movement(spell("ɑ", "f", "ɑ"), Articulation(), start_s=0, frames=9), "tuck")
    assert tuck[at(0.18)] > 0.95


def test_rounding_is_anticipated_and_openings_differ() -> None:
    articulation = Articulation()
    before_u = mouth_movement(spell("s", "uː", each_s=0.2), articulation, start_s=0, frames=10)
    before_i = mouth_movement(spell("s", "iː", each_s=0.2), articulation, start_s=0, frames=10)
    assert part(before_u, "round")[at(0.16)] > part(before_i, "round")[at(0.16)] + 0.1
    a, i = (mouth_movement(spell("d", v, "d", each_s=0.2), articulation, start_s=0, frames=15) for v in ("ɑː", "iː"))
    assert part(a, "jaw")[at(0.3)] > 3 * part(i, "jaw")[at(0.3)]
    assert part(i, "wide")[at(0.3)] > 0.4


def test_silence_is_rest_and_start_s_moves_the_movement() -> None:
    word = spell("b", "ɑ", "b")
    silent = mouth_movement([], Articulation(), start_s=0, frames=25)
    assert np.abs(part(silent, "jaw")).max() < 1e-3
    early = mouth_movement(word, Articulation(), start_s=0.0, frames=12)
    late = mouth_movement(word, Articulation(), start_s=-0.4, frames=22)
    np.testing.assert_allclose(late[10:], early, atol=0.02)


def test_effort_scales_the_jaw() -> None:
    mumbled, clear = (
        mouth_movement(spell("d", "a", "d"), Articulation(effort=effort), start_s=0, frames=9) for effort in (0.5, 1.0)
    )
    np.testing.assert_allclose(part(mumbled, "jaw") * 2, part(clear, "jaw"), rtol=1e-5)


def test_opening_follows_the_energy_of_the_sound_at_lag_zero() -> None:
    """Of the drawn outline, 100 a second, over many voices and languages: the peak lies within 20 ms of 0."""
    pytest.importorskip("espeakng_loader")
    lags = np.arange(-10, 11)
    total = np.zeros(len(lags))
    for number in range(16):
        person = sample_person(5, number)
        rng = np.random.default_rng(number)
        utterance = synthesize_speech(person.voice, write_script(rng, person.voice.language, seconds=3))
        opening = _opening(person, utterance.phonemes, len(utterance.samples) / SAMPLE_RATE)
        energy = _energy(utterance.samples, len(opening))
        total += [np.corrcoef(opening[20:-20], energy[20 - lag : len(energy) - 20 - lag])[0, 1] for lag in lags]
    assert abs(lags[np.argmax(total)]) * 10 <= 20
    assert total.max() / 16 > 0.4


def _opening(person, phonemes, seconds: float) -> np.ndarray:
    """Gap of the lips from 0.5 s before the utterance to 0.5 s after it, 100 a second."""
    columns = []
    for k in range(4):
        movement = mouth_movement(
            phonemes, person.manner.articulation, start_s=-0.5 + k / 100, frames=int((seconds + 1) * FPS)
        )
        lines = [
            lip_outline(person.face, person.manner, shape, np.zeros(1, np.float32))
            for shape in mouth_shapes(movement, np.zeros(len(movement), np.float32))
        ]
        columns.append([line.up + line.down for line in lines])
    return np.array(columns).T.ravel()


def _energy(samples: np.ndarray, count: int) -> np.ndarray:
    padded = np.concatenate((np.zeros(8000), samples, np.zeros(16000)))
    power = np.convolve(padded**2, np.hanning(400), "same")[np.arange(count) * 160]
    return np.log(power + 1e-3 * power.max())


def test_every_language_has_sounds_that_the_mouth_knows() -> None:
    pytest.importorskip("espeakng_loader")
    rng = np.random.default_rng(0)
    for language in LANGUAGES:
        person = sample_person(0, 0)
        voice = type(person.voice)(language, "m3")
        utterance = synthesize_speech(voice, write_script(rng, language, seconds=1.5))
        movement = mouth_movement(utterance.phonemes, Articulation(), start_s=0, frames=30)
        assert np.isfinite(movement).all(), language
        assert part(movement, "jaw").max() > 0.15, language
